"""Configuration of the method `supervised`. Imports no tensors, so that recipes and the command line read it cheaply."""

from dataclasses import dataclass
from typing import Literal

from leadline.types import DepthKind


@dataclass(frozen=True)
class SupervisedConfig:
    """One network, one output, trained on dense or sparse depth."""

    network: Literal["none", "monodepth2", "hrdepth", "monovit"] = "none"
    """A published network as it is: it decides encoder, decoder, decoder_width, decoder_norm and output_stride. none leaves them to you."""
    encoder: str = "resnet18"
    """Name of an encoder (models/encoders.py)."""
    pretrained: str = "none"
    """Where its weights start: none, hub, a hub id or a folder."""
    decoder: Literal["unet", "dpt", "hrdepth", "monovit"] = "unet"
    """unet for encoders with a pyramid of maps, dpt for every encoder, hrdepth and monovit for ResNets and MPViT."""
    decoder_width: float = 1.0
    """Factor on the channels of the decoder."""
    decoder_norm: Literal["none", "batch"] = "none"
    """batch learns faster from random weights; none is monodepth2's (unet only)."""
    output_stride: Literal[1, 2, 4] = 1
    """Pixels of the image for one of the map that the head answers on; its answer is interpolated. Coarser is faster (unet only)."""
    kind: DepthKind = DepthKind.METRIC
    """What the output is; it decides how the output is read and which losses are possible."""
    target: Literal["depth", "inverse_depth"] = "depth"
    """Layer of the sample that supervises; inverse_depth is for data sets without metres and relative kinds only."""
    min_depth_m: float = 0.1
    """Nearest depth [m] a metric or scale-invariant network can say; supervision nearer than this is ignored."""
    max_depth_m: float = 100.0
    """Farthest depth [m] a metric or scale-invariant network can say; supervision farther than this is ignored."""
    canonical_focal: float | None = 0.8
    """Focal length, in image widths, of the camera the network imagines; None ignores the camera. Metric kind only."""
    silog_weight: float = 1.0
    """Scale-invariant logarithmic error (metric and scale-invariant kinds)."""
    log_l1_weight: float = 1.0
    """Mean absolute difference of log depth (metric kind)."""
    relative_l1_weight: float = 0.0
    """Mean absolute difference of depth over the true depth (metric kind)."""
    scale_shift_weight: float = 1.0
    """Scale-and-shift-invariant absolute error (affine-invariant kinds)."""
    gradient_weight: float = 0.5
    """Gradient matching over several scales, in log depth or in the aligned relative values."""
