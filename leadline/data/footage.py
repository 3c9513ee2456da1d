"""How footage of one's own is read: what the camera is, which frames count, and where decoded frames are kept."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from leadline.types import UserError


@dataclass(frozen=True)
class FootageOptions:
    """What a video or a folder of frames does not say itself. Raises UserError for what cannot be."""

    fov_x_deg: float | None = None
    """Horizontal field of view of the camera [degrees], where nothing better is known."""
    K: tuple[float, float, float, float] | None = None
    """fx fy cx cy [px] at the size of the frames, the first pixel's centre at (0.5, 0.5)."""
    stride: int = 1
    """Take every n-th frame: for cameras that move little from one frame to the next."""
    min_motion: float = 0.0
    """Leave out frames that have moved less than this share of the image width since the last one kept; 0 keeps all."""
    cache: Path | None = None
    """Folder for decoded frames of video files, which may be deleted at any time; by default $LEADLINE_CACHE or ~/.cache/leadline."""

    def __post_init__(self) -> None:
        """Check what no type says."""
        if self.fov_x_deg is not None and self.K is not None:
            raise UserError("--fov-x-deg", "is given beside K", "give one of them")
        if self.fov_x_deg is not None and not 0 < self.fov_x_deg < 180:
            raise UserError("--fov-x-deg", f"{self.fov_x_deg:g} degrees is no field of view", "give an angle between 0 and 180")
        if self.stride < 1:
            raise UserError("--stride", f"{self.stride} is too small", "give 1 for every frame, 2 for every second one, ...")
        if not 0 <= self.min_motion < 1:
            raise UserError("--min-motion", f"{self.min_motion:g} is no share of the width", "give a small number such as 0.001, or 0")

    def cache_of(self, source: Path, facts: Iterable[object]) -> Path:
        """The folder for what is computed from `source`; other `facts` (sizes, times of change) give another folder."""
        base = self.cache or Path(os.environ.get("LEADLINE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "leadline")
        key = hashlib.sha256("\n".join([str(source.resolve()), *map(str, facts)]).encode()).hexdigest()[:12]
        return base.expanduser() / "footage" / f"{source.resolve().name}-{key}"


AS_IT_IS = FootageOptions()
"""Every frame, and the camera as the files say."""
