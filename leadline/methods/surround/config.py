"""Configuration of the method `surround`. Imports no tensors, so that recipes and the command line read it cheaply."""

from dataclasses import dataclass
from typing import Literal

Relation = Literal["cosine", "softmax", "probabilities", "overlap", "pooled"]
ResponseKind = Literal["log_l1", "l1", "scale_shift"]


@dataclass(frozen=True)
class SurroundConfig:
    """Metric depth from bins for every camera of a rig. With a teacher and weights for what is learnt from it, a student."""

    network: Literal["none", "surround-r34", "surround-r18", "surround-tiny", "surround-r34-xview"] = "surround-r34"
    """A student as it is: it decides encoder, decoder_width and cross_view. none leaves them to you."""
    encoder: str = "resnet34"
    """Name of an encoder (models/encoders.py)."""
    pretrained: str = "none"
    """Where its weights start: none, hub, a hub id or a folder."""
    base: str | None = None
    """In place of encoder and decoder a frozen model whose features the head reads: folder, hub id or name of any depth model."""
    decoder_width: float = 1.0
    """Factor on the channels of the decoder."""
    decoder_norm: Literal["none", "batch"] = "none"
    """batch learns faster from random weights; none is monodepth2's."""
    output_stride: Literal[1, 2, 4] = 4
    """Pixels of the image for one of the map that the head answers on; its depth is interpolated."""
    rigs: bool = True
    """Learn from whole rigs; single pictures do where nothing compares cameras, and any mixture of data sets can then be learnt from."""
    cross_view: bool = False
    """Let the cameras of a rig look at each other's features, in the manner of SurroundDepth."""
    bins: Literal["metric", "adabins", "localbins", "uniform", "log-uniform"] = "metric"
    """Kind of the head (models/bins/head.py)."""
    centres: Literal["normed", "softplus"] = "normed"
    """Of metric bins: normed ones are sorted and inside the range, which every comparison by index needs."""
    num_bins: int = 64
    embedding: int = 128
    """Channels of what the head reads probabilities and centres from."""
    min_depth_m: float = 0.1
    """Nearest depth [m] of the imagined camera; supervision nearer than this is ignored."""
    max_depth_m: float = 200.0
    """Farthest depth [m] of the imagined camera; supervision farther than this is ignored."""
    canonical_focal: float | None = 0.8
    """Focal length, in image widths, of the camera the network imagines; None ignores the camera. Rigs mix focal lengths."""
    silog_weight: float = 1.0
    """Scale-invariant logarithmic error against the depth of the sample, 10 sqrt(Var + 0.15 mean^2) as ZoeDepth has it."""
    chamfer_weight: float = 0.0
    """Distance of the centres to the depths of the picture, as AdaBins (0.1) and LocalBins (0.02) have it."""
    teacher: str | None = None
    """Model folder, run folder or hub id of a frozen model of this method; without one the layer `taught` says what a teacher said."""
    share_bins: Literal["none", "prob_head", "all_after_projector"] = "none"
    """Parts of the head that are the teacher's own, frozen; the others are learnt. Both heads must be alike there."""
    probabilities_weight: float = 0.0
    """L_p of CKD: divergence of the student's probabilities from the teacher's, on every pixel."""
    cross_weight: float = 0.0
    """L_x of CKD: depth from the teacher's probabilities and the student's centres, against the depth of the sample."""
    opposite_weight: float = 0.0
    """The opposite pair, for comparison: the student's probabilities and the teacher's centres."""
    relations_weight: float = 0.0
    """L_v, VRKD: likenesses between neighbouring cameras, as the teacher sees them."""
    relation: Relation = "cosine"
    """What VRKD compares: cosines of embeddings; softmax of them by KL; cosines of probabilities; cosines of the outer columns
    alone; distances and angles of one vector per camera."""
    temperature: float = 1.0
    """Of the probabilities in L_p."""
    response_weight: float = 0.0
    """Difference to the teacher's depth."""
    response: ResponseKind = "log_l1"
    """Of what kind."""
    kd_weight: float = 0.0
    """Hinton's distillation of the probabilities, at kd_temperature."""
    kd_temperature: float = 4.0
    dkd_weight: float = 0.0
    """Decoupled distillation: the bin of the true depth against the rest, and the rest among itself."""
    dist_weight: float = 0.0
    """DIST: correlations between and within bins."""
    rkd_weight: float = 0.0
    """Relational distillation: distances and angles of the embeddings of a batch."""
    fitnets_weight: float = 0.0
    """Difference of one inner map, behind an adapter that is dropped afterwards; needs the teacher itself."""
    attention_weight: float = 0.0
    """Attention transfer: difference of the normalised energy of the inner maps; needs the teacher itself."""
    similarity_weight: float = 0.0
    """Similarity preserving: difference of the likenesses of the pictures of a batch."""
    exclude_reflective: str | None = None
    """A model of method intrinsic: what its mask drops is left out of distillation."""
