"""Configuration of the method `selfsup`. Imports no tensors, so that recipes and the command line read it cheaply."""

from dataclasses import dataclass
from typing import Literal

from leadline.methods.network_config import NetworkConfig


@dataclass(frozen=True)
class SelfsupConfig(NetworkConfig):
    """Depth from pictures of a moving camera or a rig, without any truth. The defaults are monodepth2's; with learned poses and one
    camera the unit of depth is the network's own."""

    frames: tuple[int, ...] = (0, -1, 1)
    """The picture whose depth is learnt, always 0, and the offsets of its neighbours in time."""
    rig: bool = False
    """Let the cameras beside a camera be its sources too: stereo pairs and rigs."""
    poses: Literal["known", "learned"] = "known"
    """Motion between frames: the data set's, in metres, or that of a pose network."""
    pose_encoder: str = "resnet18"
    """Encoder of the pose network, a ResNet."""
    ssim_share: float = 0.85
    """Share of SSIM in the photometric error; the rest is the absolute difference."""
    smoothness_weight: float = 1e-3
    """Edge-aware smoothness of inverse depth, halved with every scale."""
    automask: bool = True
    """Leave out pixels that look more alike when nothing is warped."""
