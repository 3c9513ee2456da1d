"""Configuration of the method `briges`. Imports no tensors, so that recipes and the command line read it cheaply."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class BrigesConfig:
    """A frozen depth model and a frozen segmentation encoder, joined by four trained gates."""

    depth: str | None = None
    """The depth model: a name of `leadline models`, a hub id or a folder; Depth Anything, or a leadline model of dinov2-* and dpt."""
    semantic: str | None = None
    """The segmentation encoder: a hub id or a folder of SAM, SAM-HQ, SAM 2, or of a plain DINOv2-style transformer."""
    depth_version: Literal["any", "v1", "v2"] = "any"
    """The Depth Anything that `depth` must be: they tap other blocks, and weights of one are refused as the other."""
    fit: Literal["stretch", "pad"] = "stretch"
    """How a picture becomes SAM's square: stretch is the authors', pad what SAM was trained on."""
    projection: bool = False
    """A trained linear layer from the width of `semantic` to that of `depth`; needed where they differ."""
    heads: int = 16
    """Heads of each attention of the gates."""
    zero_init: bool = False
    """Start as the plain depth model, by zeros in the last layer of every branch; not the authors'."""
    positions: bool = False
    """Tell the cross attention where tokens are, and let it begin by looking at its own place; not the authors'."""
    temperature: float = 1.0
    """tau of both attentions in prediction, above 1 flattens them; training is always at 1."""
    trained: Literal["gates", "decoder", "all"] = "gates"
    """decoder fine-tunes the depth decoder without any gate, all moves gates, decoder and both encoders: for comparison."""
    semantics: Literal["encoder", "shuffled", "zeros", "noise", "depth"] = "encoder"
    """What gates read: the encoder's map; for comparison another picture's, zeros, noise, or depth tokens (self-attention)."""
    cached: Literal["nothing", "semantic", "both"] = "nothing"
    """Which features training reads from files (--data.features) instead of running their encoders."""
    target: Literal["depth", "inverse_depth"] = "depth"
    """Layer of the sample that supervises; inverse_depth where some data set has no metres."""
    ssi_weight: float = 0.85
    """Absolute error in disparity after least squares of scale and shift."""
    gradient: Literal["zoedepth", "matching"] = "zoedepth"
    """Size and direction of gradients as the authors' first version, or gradient matching over scales as in Depth Anything V2."""
    gradient_weight: float = 1e-3
    """Weight of that term; 0 leaves it out."""
    gradient_on: tuple[str, ...] = ()
    """Data sets whose labels are sharp enough for the gradient term, such as tartanair; without any, all are."""
