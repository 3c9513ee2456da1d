"""Self-supervised depth: a picture is explained by its neighbours, moved through depth and the motion of the camera.

Godard et al., "Digging into self-supervised monocular depth estimation" (monodepth2), ICCV 2019, arXiv 1806.01260: inverse depth
is a sigmoid between 1 / max and 1 / min; the loss is in loss.py. On a rig the cameras beside a camera are sources too (as
in FSM, Guizilini et al. 2022, arXiv 2104.00152); a stereo pair is a rig of two.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from leadline.data.sample import Needs, Sample
from leadline.geometry.pose import invert
from leadline.losses.reprojection import Neighbours
from leadline.methods.base import Loss, Method
from leadline.methods.neighbours import find_neighbours
from leadline.methods.network import build_network, inverse_depths, settled
from leadline.methods.selfsup.config import SelfsupConfig
from leadline.methods.selfsup.loss import selfsup_loss
from leadline.models.pose import PoseNetwork
from leadline.types import DepthKind, UserError

NAME = "method selfsup"


@final
class Selfsup(Method):
    """A depth network and, where poses are not known, a pose network."""

    def __init__(self, config: SelfsupConfig) -> None:
        super().__init__()
        _check(config)
        self.config = config = settled(config, subject=NAME)
        self.network = build_network(config)
        learns_poses = config.poses == "learned" and len(config.frames) > 1
        self.pose = PoseNetwork(config.pose_encoder, config.pretrained) if learns_poses else None

    @property
    def kind(self) -> DepthKind:
        """Metres where something has a known length: the steps of the camera, or the distance between two cameras."""
        return DepthKind.METRIC if self.config.poses == "known" or self.config.rig else DepthKind.SCALE_INVARIANT

    @property
    def needs(self) -> Needs:
        """Neighbours in time, all cameras of a rig, and the poses that are known. No depth."""
        poses = "cam_from_rig" if self.config.rig else None
        if self.config.poses == "known":
            poses = "cam_from_world"
        return Needs(layers=frozenset({"usable"} | ({poses} if poses else set())), frames=self.config.frames, rig=self.config.rig)

    @property
    def size_multiple(self) -> int:
        """Of the network."""
        return self.network.size_multiple

    @property
    def joint_views(self) -> bool:
        """Never: the depth of a picture comes from that picture alone."""
        return False

    @property
    def needs_camera(self) -> bool:
        """Whether depth follows the focal length."""
        return self.config.canonical_focal is not None

    def forward(self, image: Float[Tensor, "b v 3 h w"], K: Float[Tensor, "b v 3 3"]) -> Float[Tensor, "b v h w"]:
        """Depth of `kind`, from the finest scale."""
        finest = inverse_depths(self.network(image.flatten(0, 1)), K.flatten(0, 1), self.config)[0]
        return (1 / finest).unflatten(0, image.shape[:2])

    def loss(self, sample: Sample) -> Loss:
        """Photometric error and smoothness. Raises UserError for a rig of one camera that should have given the scale."""
        image, K = sample.image[:, 0].flatten(0, 1), sample.K[:, 0].flatten(0, 1)
        near = self.neighbours(sample)
        inverse = inverse_depths(self.network(image), K, self.config)
        # Coordinates need all their digits: half precision ends with the networks.
        with torch.autocast(image.device.type, enabled=False):
            outcome = selfsup_loss(inverse, near, self.config)
        counts, moving = outcome.found.counts[:, 0].float(), outcome.found.moving[:, 0].float()
        return Loss(
            terms={"photometric": outcome.photometric, "smoothness": outcome.smoothness},
            logs={"explained_share": counts.mean(), "moving_share": moving.mean()},
            panels={
                "image": image,
                "warped": outcome.found.seen.image[0, :, 0].detach(),
                "values": 1 / inverse[0].detach()[:, None],
            },
        )

    def neighbours(self, sample: Sample) -> Neighbours:
        """The pictures beside their sources, exact. Raises UserError for a rig of one camera that should have given the scale."""
        motion = None
        if self.config.poses == "learned":
            if self.config.rig and sample.image.shape[2] == 1:
                raise UserError(sample.name[0], "has one camera, so nothing has a known length", "train on a rig, or without --method.rig")
            motion = self._motion(sample)
        with torch.autocast(sample.image.device.type, enabled=False):
            return find_neighbours(sample, rig=self.config.rig, motion=motion)

    def _motion(self, sample: Sample) -> Tensor:
        """`source_from_ref` (f n 4 4) of the other frames; the network sees each pair in the order of time."""
        image = sample.image[:, 0].flatten(0, 1)
        if self.pose is None:
            return image.new_zeros(0, len(image), 4, 4)
        offsets = self.config.frames[1:]
        others = [sample.image[:, i + 1].flatten(0, 1) for i in range(len(offsets))]
        pairs = [(image, other) if offset > 0 else (other, image) for offset, other in zip(offsets, others, strict=True)]
        later_from_earlier = self.pose(*(torch.cat(pictures) for pictures in zip(*pairs, strict=True))).chunk(len(offsets))
        return torch.stack([pose if offset > 0 else invert(pose) for offset, pose in zip(offsets, later_from_earlier, strict=True)])


def _check(config: SelfsupConfig) -> None:
    """Raise UserError for options that cannot be met."""
    if not config.frames or config.frames[0] != 0 or len(set(config.frames)) != len(config.frames):
        raise UserError(NAME, f"frames {config.frames}", "give 0 and then the offsets of its neighbours, for example 0 -1 1")
    if len(config.frames) == 1 and not config.rig:
        raise UserError(NAME, "one picture explains nothing", "give neighbours in time (frames), or --method.rig")
