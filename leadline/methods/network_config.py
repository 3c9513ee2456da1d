"""Options of the network that `selfsup`, `intrinsic` and `distil` have in common. Imports no tensors (see network.py)."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class NetworkConfig:
    """A network that answers with inverse depth at several scales. The defaults are monodepth2's."""

    network: Literal["none", "monodepth2", "hrdepth", "monovit"] = "none"
    """A published network as it is: it decides encoder, decoder, decoder_width and decoder_norm. none leaves them to you."""
    encoder: str = "resnet18"
    """Name of an encoder (models/encoders.py)."""
    pretrained: str = "none"
    """Where its weights, and those of a pose network, start: none, hub, a hub id or a folder."""
    decoder: Literal["unet", "dpt", "hrdepth", "monovit"] = "unet"
    """unet is monodepth2's; dpt is for every encoder and answers at one scale."""
    decoder_width: float = 1.0
    """Factor on the channels of the decoder."""
    decoder_norm: Literal["none", "batch"] = "none"
    """batch learns faster from random weights; none is monodepth2's."""
    num_scales: Literal[1, 2, 3, 4] = 4
    """Maps that the network answers with, each half as large as the one before; all of them are supervised at full size."""
    min_depth_m: float = 0.1
    """Nearest depth [m] the network can say; where nothing has a known length the unit is its own."""
    max_depth_m: float = 100.0
    """Farthest depth [m] the network can say."""
    initial_depth_m: float | None = None
    """Depth [m] that a fresh network says everywhere, by the bias of its head; None leaves the bias at random."""
    canonical_focal: float | None = None
    """Focal length, in image widths, of the camera the network imagines, for cameras of unequal focal length; None ignores the camera."""
