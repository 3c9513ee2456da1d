"""Teachers whose depth is fused over a whole recording: where they disagree, the surface that all frames agree on stands in.

After 3D Distillation (Shi et al., ICCV 2023), known to us from what others say about it: several networks, a mesh of their depth under
known poses, and the mesh where the networks are uncertain. The rule is in losses/intrinsic.py, fusing and rendering in geometry/tsdf.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from leadline.data.sample import Needs, Sample
from leadline.geometry.tsdf import TRUNCATION_M, VOXEL_M, fuse, render
from leadline.losses.intrinsic import UNCERTAIN, mesh_where_uncertain
from leadline.methods.predictor import DepthModel
from leadline.methods.teachers import load_metric, method_of, who
from leadline.types import UserError

FRAMES = 100
"""Of one camera that are fused together at most; a longer recording is cut into even parts. Memory grows with it, and nothing else."""
_AT_ONCE = 8
"""Pictures that a network sees together; fixed, so that depth does not depend on how labels are written."""


@dataclass(frozen=True, eq=False)
class MeshTeachers:
    """Two or more metric models. `load_mesh_teachers` makes them and refuses what does not go together."""

    models: tuple[DepthModel, ...]
    voxel_m: float = VOXEL_M
    threshold: float = UNCERTAIN
    together: int = FRAMES

    @property
    def name(self) -> str:
        """The names of all."""
        return f"mesh of {', '.join(model.name for model in self.models)}"

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the first one's training."""
        return self.models[0].info.height, self.models[0].info.width

    @property
    def needs(self) -> Needs:
        """Pictures with known poses."""
        return Needs(layers=frozenset({"usable", "cam_from_world"}))

    @property
    def size_multiple(self) -> int:
        """Height and width of the pictures must be multiples of this."""
        return max(method_of(model).size_multiple for model in self.models)

    @property
    def provenance(self) -> dict[str, Any]:
        """Who they are and how they are put together."""
        teachers = {str(index): who(model) for index, model in enumerate(self.models)}
        return {"rule": "mesh", "voxel_m": self.voxel_m, "threshold": self.threshold, "frames": self.together, "teachers": teachers}

    @torch.no_grad()
    def depths(self, batch: Sample) -> Float[Tensor, "n h w"]:
        """Depth [m] of n frames of one camera, all fused together."""
        assert batch.cam_from_world is not None
        depths = torch.stack([_depth_of(model, batch) for model in self.models])
        # Nothing is fused that belongs to the car or to the border of the sensor.
        seen = depths.log().mean(dim=0).exp() * (1 if batch.usable is None else batch.usable[:, 0].flatten(0, 1))
        K, poses = batch.K[:, 0].flatten(0, 1), batch.cam_from_world[:, 0].flatten(0, 1)
        return mesh_where_uncertain(depths, self._seen_again(seen, K, poses), self.threshold)

    def _seen_again(self, depth: Tensor, K: Tensor, poses: Tensor) -> Tensor:
        """Depth maps (n, h, w) of what the n maps look like as one surface; 0 where it is not."""
        if not (depth > 0).any():
            return depth
        height, width = depth.shape[-2:]
        volume = fuse(depth, K, poses, voxel_m=self.voxel_m, truncation_m=TRUNCATION_M / VOXEL_M * self.voxel_m)
        return torch.stack([render(volume, *camera, height=height, width=width) for camera in zip(K, poses, strict=True)])


def load_mesh_teachers(
    models: Sequence[str], *, voxel_m: float = VOXEL_M, threshold: float = UNCERTAIN, frames: int = FRAMES, device: str = "cpu"
) -> MeshTeachers:
    """The `models`, as `load` finds them.

    Raises UserError like `load`, for fewer than two, for models that are no methods of leadline, not metric or twice the same, and for
    numbers that mean nothing.
    """
    if len(models) < 2:
        raise UserError("--mesh", f"{len(models)} model cannot disagree with itself", "give at least two, for example of different seeds")
    for name, value in (("voxel-m", voxel_m), ("threshold", threshold), ("frames", frames)):
        if value <= 0:
            raise UserError(f"--{name}", f"is {value}", "give a number above 0")
    loaded = tuple(load_metric(name, device) for name in models)
    for index, (name, model) in enumerate(zip(models, loaded, strict=True)):
        if model.fingerprint in (other.fingerprint for other in loaded[:index]):
            raise UserError(name, "is the same model as one before it, with which it cannot disagree", "leave it out, or give another")
    return MeshTeachers(loaded, voxel_m, threshold, frames)


def _depth_of(model: DepthModel, batch: Sample) -> Tensor:
    """Depth [m] (n, h, w), in full precision."""
    method = method_of(model).to(batch.image.device)
    with torch.autocast(batch.image.device.type, enabled=False):
        parts = zip(batch.image[:, 0].split(_AT_ONCE), batch.K[:, 0].split(_AT_ONCE), strict=True)
        return torch.cat([method(image, K).float().flatten(0, 1) for image, K in parts])
