"""Configuration of the method `selfsup`. Imports no tensors, so that recipes and the command line read it cheaply."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class SelfsupConfig:
    """Depth from pictures of a moving camera or a rig, without any truth. The defaults are monodepth2's."""

    encoder: str = "resnet18"
    """Name of an encoder (models/encoders.py)."""
    pretrained: str = "none"
    """Where its weights, and those of the pose network, start: none, hub, a hub id or a folder."""
    decoder_width: float = 1.0
    """Factor on the channels of the decoder."""
    decoder_norm: Literal["none", "batch"] = "none"
    """batch learns faster from random weights; none is monodepth2's."""
    num_scales: Literal[1, 2, 3, 4] = 4
    """Maps that the network answers with, each half as large as the one before; all of them are supervised at full size."""
    frames: tuple[int, ...] = (0, -1, 1)
    """The picture whose depth is learnt, always 0, and the offsets of its neighbours in time."""
    rig: bool = False
    """Let the cameras beside a camera be its sources too: stereo pairs and rigs."""
    poses: Literal["known", "learned"] = "known"
    """Motion between frames: the data set's, in metres, or that of a pose network."""
    pose_encoder: str = "resnet18"
    """Encoder of the pose network, a ResNet."""
    min_depth_m: float = 0.1
    """Nearest depth [m] the network can say; with learned poses and one camera the unit is its own."""
    max_depth_m: float = 100.0
    """Farthest depth [m] the network can say."""
    initial_depth_m: float | None = None
    """Depth [m] that a fresh network says everywhere, by the bias of its head; None leaves the bias at random."""
    canonical_focal: float | None = None
    """Focal length, in image widths, of the camera the network imagines, for cameras of unequal focal length; None ignores the camera."""
    ssim_share: float = 0.85
    """Share of SSIM in the photometric error; the rest is the absolute difference."""
    smoothness_weight: float = 1e-3
    """Edge-aware smoothness of inverse depth, halved with every scale."""
    automask: bool = True
    """Leave out pixels that look more alike when nothing is warped."""
