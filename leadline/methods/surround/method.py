"""Metric depth of all cameras of a rig, read from bins of depth; alone, or distilled in the spirit of CKD and VRKD.

After Hwang et al., "Scale-invariant and View-relational Representation Learning for Full Surround Monocular Depth", RA-L 2026,
arXiv 2512.08700, of which we know the abstract: formulas, network and numbers are ours, and this is no reproduction (README.md).

The bins are those of an imagined camera whose focal length is `canonical_focal` image widths; depth and centres of a real one are
theirs times fx / (canonical_focal * width). Rigs mix focal lengths, and one set of bins serves them all.
"""

from dataclasses import replace
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from leadline.data.sample import Needs, Sample
from leadline.losses.bins import chamfer_loss
from leadline.losses.silog import silog_loss
from leadline.methods.base import Loss, Method
from leadline.methods.loading import absolute
from leadline.methods.surround.config import SurroundConfig
from leadline.methods.surround.distillation import Distillation
from leadline.methods.surround.lesson import SILOG_SCALE
from leadline.methods.surround.network import SurroundNetwork, focal_scale, metres, settled
from leadline.models.bins.share import share
from leadline.types import DepthKind

NAME = "method surround"


@final
class Surround(Method):
    """One network for every camera, one head of bins, and what it learns from a teacher."""

    def __init__(self, config: SurroundConfig) -> None:
        super().__init__()
        config = settled(config, subject=NAME)
        self.network = SurroundNetwork(config)
        self.distillation = Distillation(config, self.network)
        if config.share_bins != "none" and config.teacher is not None:
            share(self.network.head, self.distillation.network.head, config.share_bins, subject=config.teacher)
        # The model folder keeps the configuration, and where teachers lay is nobody's business; the trunk must be found again.
        self.config = replace(config, teacher=None, exclude_reflective=None, base=absolute(config.base))

    @property
    def kind(self) -> DepthKind:
        """Metres."""
        return DepthKind.METRIC

    @property
    def needs(self) -> Needs:
        """Pictures with depth, of whole rigs as a rule, and what a teacher reads.

        Raises UserError for teachers that cannot be opened or are missing.
        """
        return self.distillation.needs(Needs(layers=frozenset({"depth", "usable"}), rig=self.config.rigs))

    @property
    def joint_views(self) -> bool:
        """Whether cameras look at each other's features; without that each is answered for alone."""
        return self.config.cross_view

    @property
    def needs_camera(self) -> bool:
        """Whether depth follows the focal length."""
        return self.config.canonical_focal is not None

    @property
    def size_multiple(self) -> int:
        """Of the trunk."""
        return self.network.size_multiple

    @property
    def frozen(self) -> dict[str, dict[str, str]]:
        """The frozen trunk, if it has one."""
        return {} if self.network.base is None else {"base": self.network.base.who}

    @property
    def frozen_parts(self) -> tuple[nn.Module, ...]:
        """The trunk, if it is frozen."""
        return () if self.network.base is None else (self.network.base.features,)

    @property
    def details(self) -> dict[str, Any]:
        """The teachers, if it has any: names, weights and licences."""
        return self.distillation.provenance

    @property
    def loss_only(self) -> tuple[str, ...]:
        """Adapters of FitNets."""
        return ("distillation.",)

    def forward(self, image: Float[Tensor, "b v 3 h w"], K: Float[Tensor, "b v 3 3"]) -> Float[Tensor, "b v h w"]:
        """Depth [m], kept inside the configured range."""
        depth = self._metres(self.network(image).bins.depth, image, K)
        return depth.clamp(self.config.min_depth_m, self.config.max_depth_m).unflatten(0, image.shape[:2])

    def loss(self, sample: Sample) -> Loss:
        """SILog against the depth of the sample, and every term of distillation that has a weight."""
        config = self.config
        image, K = sample.image[:, 0], sample.K[:, 0]
        seen = self.network(image)
        assert sample.depth is not None
        target = sample.depth[:, 0].flatten(0, 1)
        valid = sample.valid[:, 0].flatten(0, 1) & (target >= config.min_depth_m) & (target <= config.max_depth_m)
        with torch.autocast(image.device.type, enabled=False):
            depth = self._metres(seen.bins.depth, image, K)
            terms: dict[str, Tensor] = {}
            if config.silog_weight > 0:
                terms["silog"] = config.silog_weight * SILOG_SCALE * silog_loss(pred=depth, target=target, valid=valid)
            if config.chamfer_weight > 0:
                scale = focal_scale(K.flatten(0, 1), width=image.shape[-1], canonical_focal=config.canonical_focal)
                terms["chamfer"] = config.chamfer_weight * chamfer_loss(centres=seen.bins.centres, target=target / scale, valid=valid)
            taught, logs = self.distillation.terms(seen, sample, target=target, valid=valid)
        logs["valid_share"] = valid.float().mean()
        panels = {"image": image.flatten(0, 1), "values": depth.detach()[:, None], "target": (target * valid)[:, None]}
        return Loss(terms=terms | taught, logs=logs, panels=panels)

    def _metres(self, depth: Float[Tensor, "n y x"], image: Float[Tensor, "b v 3 h w"], K: Float[Tensor, "b v 3 3"]) -> Tensor:
        height, width = image.shape[-2:]
        return metres(depth, K.flatten(0, 1), height=height, width=width, canonical_focal=self.config.canonical_focal)
