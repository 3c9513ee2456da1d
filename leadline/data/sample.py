"""What one training sample holds, and what a method may ask for.

Shapes: `t v c h w` in a single sample, `b t v c h w` in a batch; t = v = 1 is common. Index 0 along t is the reference
frame, the others are its neighbours in the order asked for; v runs in ring order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor


@dataclass(frozen=True)
class Needs:
    """What a method asks of every sample.

    `layers` are names of optional Sample fields; `frames` are offsets in time, the first is the reference (0);
    `rig` asks for all cameras of a time in one sample instead of one camera each.
    """

    layers: frozenset[str] = frozenset({"depth"})
    frames: tuple[int, ...] = (0,)
    rig: bool = False
    optional: frozenset[str] = frozenset()
    """Layers that are read where every data set has them, and missing otherwise."""
    apart: bool = False
    """Whether the samples of a batch should come from different sequences, as far as the data allow (`BatchOrder`)."""
    taught_by: tuple[tuple[str, float | None], ...] = ()
    """With the layer `taught`: options, and what they must have been in the teacher whose answers were kept."""
    made_by: tuple[tuple[str, str], ...] = ()
    """Layers that frozen encoders have written to files (features.py), each with the fingerprint that its encoder must have."""


REFERENCE_ONLY = frozenset({"misleading", "stereo", "closed", "taught", "semantic", "tokens"})
"""Layers that nobody asks for beside the reference: made slowly of several frames or by encoders, or said of one picture."""


@dataclass(frozen=True)
class Sample:
    """One sample, or a batch of them with a leading axis b. Layers that nobody asked for are None."""

    image: Float[Tensor, "*b t v 3 h w"]
    """RGB in [0, 1]."""
    K: Float[Tensor, "*b t v 3 3"]
    """Intrinsics of this resolution [px], the first pixel's centre at (0.5, 0.5)."""
    depth: Float[Tensor, "*b t v h w"] | None = None
    """Depth along the optical axis [m], 0 where unknown."""
    inverse_depth: Float[Tensor, "*b t v h w"] | None = None
    """Relative inverse depth, for data sets that have no metres; 0 where unknown."""
    cam_from_world: Float[Tensor, "*b t v 4 4"] | None = None
    cam_from_rig: Float[Tensor, "*b t v 4 4"] | None = None
    time_s: Float[Tensor, "*b t v"] | None = None
    usable: Bool[Tensor, "*b t v h w"] | None = None
    """False where the own vehicle or the border of the sensor hides the scene."""
    material: UInt8[Tensor, "*b t v h w"] | None = None
    instance: Int[Tensor, "*b t v h w"] | None = None
    """Number of the thing that a pixel shows, the same for all of its pixels; rendered worlds alone know it."""
    misleading: Bool[Tensor, "*b 1 v h w"] | None = None
    """Where a comparison with true poses and no network finds a wrong depth (data/misleading.py); of the reference frame alone."""
    stereo: Float[Tensor, "*b 1 v h w"] | None = None
    """Depth [m] that neighbouring frames give without a network, 0 where nothing moved (data/stereo.py); of the reference alone."""
    closed: Float[Tensor, "*b 1 v h w"] | None = None
    """Depth [m] of surfaces that neighbouring frames look through, as at mirrors, 0 elsewhere (data/stereo.py); of the reference alone."""
    diffuse: Float[Tensor, "*b t v 3 h w"] | None = None
    """The image with specular lobes removed, RGB in [0, 1]."""
    taught: dict[str, Float[Tensor, "*b 1 v _c _y _x"]] | None = None
    """What a teacher has said of each view, by name, at sizes of its own (data/taught.py); of the reference frame alone."""
    semantic: Float[Tensor, "*b 1 v c _y _x"] | None = None
    """Map of a segmentation encoder, read from files; of the reference frame alone."""
    tokens: Float[Tensor, "*b 1 v k n d"] | None = None
    """The k token maps of a depth encoder, read from files; of the reference frame alone."""
    name: tuple[str, ...] = ()
    """Where each element of the batch comes from, for error messages and panels."""
    sequence: tuple[str, ...] = ()
    """The recording each element belongs to; empty where nobody knows."""

    @property
    def valid(self) -> Bool[Tensor, "*b t v h w"]:
        """Pixels with a known depth that belong to the scene."""
        if self.depth is None:
            raise ValueError("this sample has no depth: the method must ask for the layer 'depth'")
        known = self.depth > 0
        return known if self.usable is None else known & self.usable

    def to(self, device: torch.device | str) -> "Sample":
        """The same sample on another device."""
        moved = {k: v.to(device, non_blocking=True) for k, v in _tensors(self).items()}
        taught = None if self.taught is None else {k: v.to(device, non_blocking=True) for k, v in self.taught.items()}
        return replace(self, **moved, taught=taught)


def collate(samples: Sequence[Sample]) -> Sample:
    """Stack samples of one shape into a batch with a leading axis b."""
    stacked = {name: torch.stack([getattr(s, name) for s in samples]) for name in _tensors(samples[0])}
    kept = [s.taught for s in samples if s.taught is not None]
    taught = {name: torch.stack([answer[name] for answer in kept]) for name in kept[0]} if kept else None
    labels = {field: tuple(label for s in samples for label in getattr(s, field)) for field in ("name", "sequence")}
    return replace(samples[0], **stacked, **labels, taught=taught)


def _tensors(sample: Sample) -> dict[str, Tensor]:
    values = {f.name: getattr(sample, f.name) for f in fields(sample)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}
