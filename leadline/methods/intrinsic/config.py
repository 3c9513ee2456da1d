"""Configuration of the method `intrinsic`. Imports no tensors, so that recipes and the command line read it cheaply.

The comments name the unknowns U1 to U10: what the paper (arXiv 2503.22209) leaves open. Defaults are our reading of it.
"""

from dataclasses import dataclass
from typing import Literal

from leadline.methods.selfsup.config import SelfsupConfig

Rule = Literal["literal", "literal-above-mean", "stereo"]
Mask = Literal["literal", "literal-above-mean", "stereo", "true", "trimmed", "none"]


@dataclass(frozen=True)
class IntrinsicConfig(SelfsupConfig):
    """Self-supervised depth that leaves out what reflects, found by splitting pictures into a diffuse and a residual image.

    All options of selfsup, and those of the second branch, its losses and the mask.
    """

    max_depth_m: float = 10.0
    """Farthest depth [m] the network can say."""

    mask: Mask = "literal"
    """Which pixels depth does not learn from: literal is the paper's equation 10; literal-above-mean (not the paper's) also asks
    for an error above the mean; stereo (ours) drops what neighbouring frames see through a surface; true is an oracle; trimmed a control
    that drops as many pixels at random as `trimmed_like` would."""
    trimmed_like: Rule = "stereo"
    """The rule whose share the mask trimmed drops, among pixels with an error above the mean."""
    truth: Literal["material", "misleading"] = "material"
    """What the mask true drops, and what masks are scored against: mirrors, metals and glass, or the layer misleading."""
    mask_warmup: int = 0
    """Steps before the mask acts (U10)."""
    mask_least_pixels: int = 100
    """Pixels below which a picture has no statistics and the literal masks drop nothing."""
    normalise: Literal["all", "kept"] = "all"
    """Pixels that the photometric error is averaged over: all that count, or those that the mask keeps (U9)."""
    closing_weight: float = 0.0
    """Pull of dropped pixels onto the surface in front of them, in log depth; for the mask stereo (ours)."""

    decompose: bool = True
    """Have a second branch; without it the method is selfsup under a mask that needs none (ours)."""

    error_channels: Literal[1, 3] = 1
    """Error in equation 10: its mean over the colours, or one for each with their covariance (U3)."""
    statistics: Literal["image", "batch"] = "image"
    """Whose mean and covariance of errors (U3)."""
    statistics_pixels: Literal["moving", "all"] = "moving"
    """The pixels they are taken over: those that the auto-mask leaves, or all, its zeros included (U3)."""
    diffuse_sources: Literal["shared", "own"] = "shared"
    """Diffuse errors are those of the source that explains the picture best, or the smallest of their own (U4)."""
    diffuse_automask: Literal["shared", "own"] = "shared"
    """The auto-mask of the diffuse errors: the pictures', or their own (U4)."""
    diffuse_image: Literal["pseudo", "predicted"] = "pseudo"
    """What diffuse errors compare: pictures divided by their residual (equation 9), or the predicted diffuse images."""
    diffuse_clamp: bool = True
    """Cut pseudo-diffuse pictures to [0, 1] (U2)."""
    log_floor: float = 1e-3
    """Smallest value in a logarithm, and smallest residual to divide by (U2)."""

    reconstruction_weight: float = 1.0
    cross_weight: float = 1.0
    contrastive_weight: float = 0.01
    contrastive_margin: float = 5.0
    """The paper's delta."""
    reduction: Literal["mean", "sum"] = "mean"
    """Of reconstruction and cross-view errors over pixels (U7)."""
    reconstruct_sources: bool = False
    """Reconstruct the sources too, not the reference alone (U8)."""
    cross_sources: Literal["mean", "smallest"] = "mean"
    """Cross-view errors of several sources: their mean, or the smallest at each pixel (U7)."""
    cross_pixels: Literal["inside", "all"] = "inside"
    """Cross-view errors count where the source sees the pixel, or with the repeated border too (U7)."""
    cross_trains_depth: bool = False
    """Let the cross-view error move depth through the warp (U5)."""
    contrastive_norm: Literal["image", "value"] = "image"
    """L2 norm of the whole image, or root of the mean square (U7)."""
    contrastive_pairs: Literal["sum", "mean"] = "sum"
    """Over the pairs of a batch (U7)."""

    intrinsic_encoder: Literal["shared", "separate"] = "shared"
    """The second branch reads the features of the depth network, or has an encoder of its own (U1)."""
    intrinsic_trains_encoder: bool = True
    """Let the losses of the second branch train a shared encoder (U6)."""
    intrinsic_scales: Literal[1, 2, 3, 4] = 1
    """Scales at which the second branch answers, all of them supervised at full size (U1)."""
    intrinsic_activation: Literal["sigmoid", "exponential"] = "sigmoid"
    """From raw maps to images: sigmoid keeps them below 1, exponential lets them exceed it (U1)."""
    residual_channels: Literal[1, 3] = 3
    """Colours of the residual image (U1)."""
