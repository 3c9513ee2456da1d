"""A frozen depth model whose features a head of bins reads, in place of an encoder and decoder of one's own.

The paper's teacher is Depth Anything with bins (third-party summaries of arXiv 2512.08700); which layers feed the head it does not
say, and ZoeDepth's choice is ours. The model is no part of the network that holds the head: its weights stay where they lie.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from leadline.methods.base import Method
from leadline.methods.loading import load
from leadline.methods.predictor import DepthModel
from leadline.methods.teachers import who
from leadline.models.features import PATCH_SIZE, DecoderFeatures, FusedFeatures
from leadline.models.networks import DepthNetwork
from leadline.models.pretrained import PlainReader, ZoeDepthReader
from leadline.types import UserError


class FrozenTrunk:
    """Features of a model that learns nothing: in evaluation mode, without gradient, in full precision, where the pictures are.

    No module, so that whoever holds it as an attribute has none of its weights among its own.
    """

    def __init__(self, features: FusedFeatures | DecoderFeatures, about: dict[str, str]) -> None:
        self.who = about
        """Name, fingerprint and licence of the model."""
        self.channels, self.size_multiple = features.channels, features.size_multiple
        self.features = features.eval().requires_grad_(False)

    @torch.no_grad()
    def __call__(self, image: Float[Tensor, "b v 3 h w"]) -> list[Float[Tensor, "n _c _h _w"]]:
        """Maps of RGB in [0, 1] of all n = b v pictures, fine to coarse, the last one the bottleneck."""
        if next(self.features.parameters()).device != image.device:
            self.features.to(image.device)
        with torch.autocast(image.device.type, enabled=False):
            return self.features(image.flatten(0, 1).float())


def open_trunk(place: str) -> FrozenTrunk:
    """The features of the model at `place`, whatever `load` finds there. Raises UserError like `load`, and for one that has none."""
    model = load(place)
    features = _features_of(model)
    if features is None:
        remedy = f"give one of {', '.join(PATCH_SIZE)}, or a model of leadline with an encoder and a decoder"
        raise UserError(place, f"is a {_kind(model)}, which has no maps for a head to read", remedy)
    return FrozenTrunk(features, who(model))


def _features_of(model: DepthModel) -> FusedFeatures | DecoderFeatures | None:
    """One line for each kind of model that has features; None for the others."""
    network, reader = model.network, model.reader
    if isinstance(network, Method):
        inside = next((part for part in network.modules() if isinstance(part, DepthNetwork)), None)
        return None if inside is None else DecoderFeatures(inside)
    if isinstance(reader, PlainReader | ZoeDepthReader) and _kind(model) in PATCH_SIZE:
        return FusedFeatures(network, reader.processor)
    return None


def _kind(model: DepthModel) -> str:
    network: Any = model.network
    return f"{type(network).__name__.lower()} model" if isinstance(network, Method) else network.config.model_type
