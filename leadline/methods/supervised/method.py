"""Supervised depth: one encoder, one decoder, trained on dense or sparse depth, metric or relative.

The metric network answers for a canonical camera whose focal length is `canonical_focal` image widths: metric depth is
the answer times fx / (canonical_focal * width), after the canonical camera transformation of Yin et al., "Metric3D",
ICCV 2023, arXiv 2307.10984 (they measure the focal length in pixels; in widths it does not change when an image is
resized). A sigmoid runs through the logarithm of the range: relative steps cost the same at every depth, and from random
weights the middle learns faster than a linear output does (docs/LOG.md).
"""

import math
from dataclasses import replace
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from leadline.data.sample import Needs, Sample
from leadline.losses.gradient import gradient_matching_loss
from leadline.losses.pixel import l1_loss, log_l1_loss, relative_l1_loss
from leadline.losses.scale_shift import standardised
from leadline.losses.silog import silog_loss
from leadline.methods.base import Loss, Method
from leadline.methods.supervised.config import SupervisedConfig
from leadline.models.known import published_parts
from leadline.models.networks import DepthNetwork, build_encoder_decoder
from leadline.types import DepthKind, UserError

POSITIVE = (DepthKind.METRIC, DepthKind.SCALE_INVARIANT)


@final
class Supervised(Method):
    """Encoder, decoder and one head; the configuration says what its output is."""

    def __init__(self, config: SupervisedConfig) -> None:
        super().__init__()
        if config.kind is DepthKind.METRIC and config.target == "inverse_depth":
            raise UserError(
                "method supervised", "a metric network cannot learn from relative inverse depth", "use kind affine_invariant_inverse"
            )
        if not 0 < config.min_depth_m < config.max_depth_m:
            raise UserError(
                "method supervised", f"depth range {config.min_depth_m} to {config.max_depth_m} m", "give 0 < min_depth_m < max_depth_m"
            )
        self.config = _settled(config)
        self.network = _build_network(self.config)

    @property
    def kind(self) -> DepthKind:
        """What `forward` returns."""
        return self.config.kind

    @property
    def needs(self) -> Needs:
        """One image and its depth."""
        return Needs(layers=frozenset({self.config.target}))

    @property
    def size_multiple(self) -> int:
        """Of the encoder."""
        return self.network.size_multiple

    @property
    def needs_camera(self) -> bool:
        """True for metres from a canonical camera."""
        return self.kind is DepthKind.METRIC and self.config.canonical_focal is not None

    def forward(self, image: Float[Tensor, "b v 3 h w"], K: Float[Tensor, "b v 3 3"]) -> Float[Tensor, "b v h w"]:
        """Values of `kind`; metric depth is kept inside the configured range [m]."""
        values = self._values(image.flatten(0, 1), K.flatten(0, 1))
        if self.kind is DepthKind.METRIC:
            values = values.clamp(self.config.min_depth_m, self.config.max_depth_m)
        return values.unflatten(0, image.shape[:2])

    def loss(self, sample: Sample) -> Loss:
        """Named terms of the configured kind, over all images of the batch."""
        image = sample.image.flatten(0, 2)
        K = sample.K.flatten(0, 2)
        values = self._values(image, K)
        target, valid = self._target(sample)
        terms = self._positive_terms(values, target, valid) if self.kind in POSITIVE else self._affine_terms(values, target, valid)
        logs = {"valid_share": valid.float().mean()}
        return Loss(
            terms=terms, logs=logs, panels={"image": image, "values": values.detach()[:, None], "target": (target * valid)[:, None]}
        )

    def _values(self, image: Tensor, K: Tensor) -> Tensor:
        raw = self.network(image)[0]
        if raw.shape[-2:] != image.shape[-2:]:
            raw = functional.interpolate(raw, size=image.shape[-2:], mode="bilinear", align_corners=False)
        raw = raw.squeeze(1)
        if self.kind not in POSITIVE:
            return raw
        low, high = math.log(self.config.min_depth_m), math.log(self.config.max_depth_m)
        depth = torch.exp(low + (high - low) * torch.sigmoid(raw))
        if self.kind is DepthKind.METRIC and self.config.canonical_focal is not None:
            depth = depth * (K[:, 0, 0] / (self.config.canonical_focal * image.shape[-1]))[:, None, None]
        return depth

    def _target(self, sample: Sample) -> tuple[Tensor, Tensor]:
        """What the values should be, and where that is known."""
        config = self.config
        if config.target == "inverse_depth":
            assert sample.inverse_depth is not None
            given = sample.inverse_depth.flatten(0, 2)
            valid = given > 0
            if sample.usable is not None:
                valid = valid & sample.usable.flatten(0, 2)
            in_depth = self.kind is not DepthKind.AFFINE_INVARIANT_INVERSE
            return torch.where(valid, 1 / given.clamp(min=1e-6), 0) if in_depth else given, valid
        assert sample.depth is not None
        depth = sample.depth.flatten(0, 2)
        valid = sample.valid.flatten(0, 2) & (depth >= config.min_depth_m) & (depth <= config.max_depth_m)
        if self.kind is DepthKind.AFFINE_INVARIANT_INVERSE:
            return torch.where(valid, 1 / depth.clamp(min=config.min_depth_m), 0), valid
        return depth, valid

    def _positive_terms(self, values: Tensor, target: Tensor, valid: Tensor) -> dict[str, Tensor]:
        config = self.config
        metric = self.kind is DepthKind.METRIC
        terms = {}
        if config.silog_weight > 0:
            # Variance focus 1 forgives a wrong scale altogether, which is all that "scale-invariant" promises.
            focus = 0.85 if metric else 1.0
            terms["silog"] = config.silog_weight * silog_loss(pred=values, target=target, valid=valid, variance_focus=focus)
        if config.log_l1_weight > 0 and metric:
            terms["log_l1"] = config.log_l1_weight * log_l1_loss(pred=values, target=target, valid=valid)
        if config.relative_l1_weight > 0 and metric:
            terms["relative_l1"] = config.relative_l1_weight * relative_l1_loss(pred=values, target=target, valid=valid)
        if config.gradient_weight > 0:
            safe = torch.where(valid, target, 1)
            terms["gradient"] = config.gradient_weight * gradient_matching_loss(pred=values.log(), target=safe.log(), valid=valid)
        return terms

    def _affine_terms(self, values: Tensor, target: Tensor, valid: Tensor) -> dict[str, Tensor]:
        config = self.config
        terms = {}
        values, target = standardised(values, valid), standardised(target, valid)
        if config.scale_shift_weight > 0:
            terms["scale_shift"] = config.scale_shift_weight * l1_loss(pred=values, target=target, valid=valid)
        if config.gradient_weight > 0:
            terms["gradient"] = config.gradient_weight * gradient_matching_loss(pred=values, target=target, valid=valid)
        return terms


def _settled(config: SupervisedConfig) -> SupervisedConfig:
    """`config` with the parts of the published network that it names, so that it says what was built."""
    parts = published_parts(config.network)
    return replace(config, **parts, output_stride=1) if parts else config


def _build_network(config: SupervisedConfig) -> DepthNetwork:
    return build_encoder_decoder(
        config.encoder,
        config.decoder,
        pretrained=config.pretrained,
        width=config.decoder_width,
        norm=config.decoder_norm,
        finest=config.output_stride,
        scales=(0,),
    )
