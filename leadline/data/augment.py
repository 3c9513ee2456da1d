"""How much training samples vary. Apart from `transforms`, which does it, so that configurations import no tensors."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Augment:
    """One draw holds for all frames and views of a sample."""

    flip: float = 0.5
    """Share of samples mirrored left to right."""
    smallest_crop: float = 1.0
    """Sides of a crop are between this share of the image and all of it; the aspect is kept."""
    brightness: float = 0.0
    """Factors are drawn between 1 - this and 1 + this; the same for contrast and saturation."""
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    """Largest turn of the hue as a share of the whole circle."""


USUAL = Augment(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.02)
"""What training does unless told otherwise: mirrored half of the time, mild changes of colour, no crops."""
