"""Self-supervised depth that leaves out what reflects: selfsup, a second branch that splits pictures, and the mask it gives.

Choi et al., "Intrinsic Image Decomposition for Robust Self-supervised Monocular Depth Estimation on Reflective Surfaces", AAAI
2025, arXiv 2503.22209. The losses are in loss.py, the masks, the paper's and ours, in mask.py.
"""

from dataclasses import replace
from typing import final, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.data.sample import Needs, Sample
from leadline.losses.intrinsic import closing_loss
from leadline.losses.reprojection import Neighbours
from leadline.methods.base import Loss, Method
from leadline.methods.intrinsic.config import IntrinsicConfig, Rule
from leadline.methods.intrinsic.loss import apart_in, intrinsic_terms
from leadline.methods.intrinsic.mask import ReflectiveMask, mask_logs, reflective_mask, stereo_mask
from leadline.methods.intrinsic.network import IntrinsicNetwork, Parts
from leadline.methods.network import inverse_depths
from leadline.methods.selfsup.loss import Explanation, explain, smoothness
from leadline.methods.selfsup.method import Selfsup
from leadline.types import DepthKind, Material, UserError

NAME = "method intrinsic"
MISLEADS = (Material.MIRROR, Material.METAL, Material.GLASS)
"""Materials that mislead a comparison of colours; glossy plastic hardly does (docs of the method)."""


@final
class Intrinsic(Method):
    """A depth network, which is all that prediction runs, and the intrinsic branch beside it."""

    steps_seen: Tensor

    def __init__(self, config: IntrinsicConfig) -> None:
        super().__init__()
        _check(config)
        self.depth = Selfsup(config)
        assert isinstance(self.depth.config, IntrinsicConfig)
        self.config = config = self.depth.config  # the parts of its network may have been settled there
        self.intrinsic = IntrinsicNetwork(config) if config.decompose else None
        self.register_buffer("steps_seen", torch.zeros((), dtype=torch.int64))

    @property
    def kind(self) -> DepthKind:
        """Of the depth network."""
        return self.depth.kind

    @property
    def needs(self) -> Needs:
        """As selfsup, what the mask is made of, and the truth about reflections, for the oracle or to score a mask where there is any.

        A batch from different sequences, for (6): also where its weight is 0, so that an ablation changes nothing else.
        """
        config, base = self.config, self.depth.needs
        truth, layers = frozenset({config.truth}), base.layers
        if config.mask == "true" or config.truth == "misleading":
            layers |= truth
        if "stereo" in (config.mask, config.trimmed_like if config.mask == "trimmed" else None):
            layers |= {"closed"}
        return replace(base, layers=layers, optional=truth, apart=config.decompose)

    @property
    def size_multiple(self) -> int:
        """Of the depth network."""
        return self.depth.size_multiple

    @property
    def joint_views(self) -> bool:
        """Never: the depth of a picture comes from that picture alone."""
        return False

    @property
    def needs_camera(self) -> bool:
        """Whether depth follows the focal length."""
        return self.depth.needs_camera

    def forward(self, image: Float[Tensor, "b v 3 h w"], K: Float[Tensor, "b v 3 3"]) -> Float[Tensor, "b v h w"]:
        """Depth of `kind`, of the depth network alone."""
        return self.depth(image, K)

    def loss(self, sample: Sample) -> Loss:
        """Photometric error under the mask, smoothness, and the intrinsic losses. Raises UserError like selfsup."""
        config = self.config
        near = self.depth.neighbours(sample)
        inverse, scales = self._answers(near)
        parts = scales[0] if scales else None
        truth, closed = misleading(sample), _closed(sample)
        # Coordinates need all their digits: half precision ends with the networks.
        with torch.autocast(near.image.device.type, enabled=False):
            found = explain(inverse, near, config)
            mask = self._mask(found, near, parts, truth, closed)
            terms = {
                "photometric": found.photometric(mask.keep, over_kept=config.normalise == "kept"),
                "smoothness": config.smoothness_weight * smoothness(inverse, near),
            }
            if scales:
                apart = apart_in(sample.sequence, near.usable, num=len(near.image))
                terms |= intrinsic_terms(scales, near, found.seen, apart, config)
            if config.closing_weight > 0:
                assert closed is not None
                terms["closing"] = config.closing_weight * closing_loss(depth=found.depth, closed=closed, counts=found.counts[:, 0])
        if self.training:
            self.steps_seen += 1
        return Loss(terms=terms, logs=_logs(found, mask, parts, truth), panels=_panels(found, near, mask, parts))

    @property
    def judging_needs(self) -> Needs:
        """What `judge` reads from a sample."""
        base = self.depth.needs
        return replace(base, layers=base.layers | {"closed"}) if self.config.mask == "stereo" else base

    @torch.no_grad()
    def judge(self, sample: Sample) -> tuple[Float[Tensor, "n h w"], ReflectiveMask]:
        """Depth of the reference pictures of a batch and the mask that they give: no random number, no warm-up.

        Raises UserError for a mask that is not made of what the pictures show: true, trimmed, none.
        """
        if self.config.mask not in get_args(Rule):
            wrong = f"the mask {self.config.mask} is not made of what the pictures show"
            raise UserError(NAME, wrong, f"train with --method.mask {', '.join(get_args(Rule))}")
        if self.config.mask == "stereo":
            closed = _closed(sample)
            assert closed is not None
            image, K = sample.image[:, 0].flatten(0, 1), sample.K[:, 0].flatten(0, 1)
            return 1 / inverse_depths(self.depth.network(image), K, self.config)[0], stereo_mask(closed)
        near = self.depth.neighbours(sample)
        inverse, scales = self._answers(near)
        found = explain(inverse[:1], near, self.config, tie_break=0)
        return found.depth[:, 0], reflective_mask(found, near, scales[0], self.config)

    def _answers(self, near: Neighbours) -> tuple[list[Tensor], list[Parts]]:
        """Inverse depth and, where there is a second branch, the parts of the pictures, at their scales."""
        network = self.depth.network
        features = network.encoder(near.image)
        inverse = inverse_depths(network.head(network.decoder(features)), near.K, self.config)
        if self.intrinsic is None:
            return inverse, []
        return inverse, self.intrinsic.decompose(near.image, near.sources, encoder=network.encoder, features=features)

    def _mask(
        self, found: Explanation, near: Neighbours, parts: Parts | None, truth: Tensor | None, closed: Tensor | None
    ) -> ReflectiveMask:
        steps = int(self.steps_seen)
        if steps < self.config.mask_warmup:
            return ReflectiveMask(torch.ones_like(found.counts[:, 0]))
        if self.config.mask == "true" and truth is None:
            raise UserError(NAME, f"the mask true needs the layer {self.config.truth}", "train on rendered data, or use another mask")
        return reflective_mask(found, near, parts, self.config, truth=truth, closed=closed, seed=steps)


def _closed(sample: Sample) -> Float[Tensor, "n h w"] | None:
    return None if sample.closed is None else sample.closed[:, 0].flatten(0, 1)


def misleading(sample: Sample) -> Bool[Tensor, "n h w"] | None:
    """Pixels of the reference pictures that mislead, as far as the sample tells: the layer `misleading`, else the material."""
    if sample.misleading is not None:
        return sample.misleading[:, 0].flatten(0, 1)
    if sample.material is None:
        return None
    material = sample.material[:, 0].flatten(0, 1)
    return torch.stack([material == int(one) for one in MISLEADS]).any(dim=0)


def _logs(found: Explanation, mask: ReflectiveMask, parts: Parts | None, truth: Tensor | None) -> dict[str, Tensor]:
    counts, learns = found.counts[:, 0], found.moving[:, 0]
    logs = {"explained_share": counts.float().mean(), "moving_share": learns.float().mean(), **mask_logs(mask.keep, learns, truth)}
    if parts is None:
        return logs
    return logs | {"diffuse_mean": parts.diffuse.detach().mean(), "residual_mean": parts.residual.detach().mean()}


def _panels(found: Explanation, near: Neighbours, mask: ReflectiveMask, parts: Parts | None) -> dict[str, Tensor]:
    panels = {
        "image": near.image,
        "warped": found.seen.image[0, :, 0].detach(),
        "values": found.depth[:, :1].detach(),
        "kept": near.image * mask.keep[:, None],
    }
    if parts is None:
        return panels
    return panels | {"diffuse": parts.diffuse.detach(), "residual": parts.residual.detach().expand(-1, 3, -1, -1)}


def _check(config: IntrinsicConfig) -> None:
    """Raise UserError for options that do not go together; those of selfsup are checked there."""
    if config.closing_weight > 0 and config.mask != "stereo":
        raise UserError(NAME, f"closing_weight {config.closing_weight} with the mask {config.mask}", "use --method.closing-weight 0")
    if config.closing_weight > 0 and config.poses == "learned":
        raise UserError(NAME, "closing_weight with learned poses, which have no metres", "use --method.poses known, or no closing_weight")
    rule = config.trimmed_like if config.mask == "trimmed" else config.mask
    if rule.startswith("literal") and not config.decompose:
        raise UserError(NAME, f"the mask {config.mask} compares diffuse pictures", "leave decompose on, or use --method.mask stereo")
    if config.intrinsic_encoder == "separate" and not config.intrinsic_trains_encoder:
        raise UserError(NAME, "a separate encoder that nothing trains", "leave intrinsic_trains_encoder on, or share the encoder")
    if not 0 < config.log_floor < 1:
        raise UserError(NAME, f"log_floor {config.log_floor}", "give a number between 0 and 1")
