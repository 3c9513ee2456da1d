"""Things side by side on a table or on the ground: what is taken is kept as discs, so that things may stand at any angle.

Convention: poses put a thing's own origin, the middle of its footprint, on the plane z = `z`.
"""

from dataclasses import dataclass, field

import numpy as np

from leadline.scenes import shapes

Area = tuple[float, float, float, float]
"""x0, y0, x1, y1 [m]."""
_TRIES = 40


@dataclass
class Spread:
    """A level plane at height `z` [m] that fills up. `taken` holds discs (x, y, radius)."""

    z: float = 0.0
    taken: list[tuple[float, float, float]] = field(default_factory=list)

    def find(
        self,
        rng: np.random.Generator,
        size: tuple[float, float],
        area: Area,
        *,
        gap: float,
        yaw: tuple[float, float] = (-np.pi, np.pi),
        inside: bool = True,
    ) -> np.ndarray | None:
        """A free pose (4, 4) for a footprint of `size` (x, y) [m] and take it; None after some tries.

        With `inside` the whole footprint lies in `area`, otherwise its middle does; `yaw` [rad] is drawn from that range.
        """
        for _ in range(_TRIES):
            pose = shapes.pose(rng.uniform(area[0], area[2]), rng.uniform(area[1], area[3]), self.z, yaw=float(rng.uniform(*yaw)))
            if self.take(pose, size, gap=gap, area=area if inside else None):
                return pose
        return None

    def take(self, pose: np.ndarray, size: tuple[float, float], *, gap: float = 0.0, area: Area | None = None) -> bool:
        """Take the footprint of `size` (x, y) [m] at `pose` if it is free, `gap` [m] beside others and within `area`."""
        found = discs(pose, size)
        if area is not None:
            half = np.abs(pose[:2, :2]) @ np.asarray(size) / 2
            low, high = pose[:2, 3] - half, pose[:2, 3] + half
            if low[0] < area[0] or low[1] < area[1] or high[0] > area[2] or high[1] > area[3]:
                return False
        if not self.is_free(found, gap):
            return False
        self.occupy(pose, size)
        return True

    def occupy(self, pose: np.ndarray, size: tuple[float, float]) -> None:
        """Take the footprint of `size` (x, y) [m] at `pose`, free or not."""
        self.taken += [(float(x), float(y), float(r)) for x, y, r in discs(pose, size)]

    def is_free(self, found: np.ndarray, gap: float) -> bool:
        """Whether discs (n, 3) keep `gap` [m] from all that is taken."""
        if not self.taken:
            return True
        taken = np.array(self.taken)
        apart = np.linalg.norm(found[:, None, :2] - taken[None, :, :2], axis=2)
        return bool((apart > found[:, None, 2] + taken[None, :, 2] + gap).all())

    def pushed_out(self, path: np.ndarray, margin: float, *, rounds: int = 60) -> np.ndarray:
        """A path (n, 2) that gives way to what is taken by `margin` [m], smooth as far as that allows; its ends stay."""
        path = path.copy()
        if not self.taken:
            return path
        taken = np.array(self.taken)
        for _ in range(rounds):
            path[1:-1] += 0.25 * (path[:-2] - 2 * path[1:-1] + path[2:])
            away = path[1:-1, None] - taken[None, :, :2]
            apart = np.maximum(np.linalg.norm(away, axis=2), 1e-6)
            push = np.maximum(taken[None, :, 2] + margin - apart, 0.0)
            path[1:-1] += (away / apart[..., None] * push[..., None]).sum(axis=1) * 0.7
        return path


def discs(pose: np.ndarray, size: tuple[float, float]) -> np.ndarray:
    """Discs (n, 3) of x, y, radius [m] that cover a rectangle of `size` (x, y) at `pose` but for its very corners.

    One row of them, and several for what is wider than a metre, whose corners would be left out too far.
    """
    short = max(min(size), 1e-3) / np.ceil(max(min(size), 1e-3))
    across, along = (max(1, round(max(extent, 1e-3) / short)) for extent in size)
    x, y = (((np.arange(num) + 0.5) / num - 0.5) * extent for num, extent in zip((across, along), size, strict=True))
    middle = np.stack([*(part.ravel() for part in np.meshgrid(x, y)), np.zeros(across * along), np.ones(across * along)], axis=1)
    cell = (size[0] / across, size[1] / along)
    radius = 0.5 * max(cell) * (1.1 if across * along > 1 else 1.0)
    return np.column_stack([(middle @ pose.T)[:, :2], np.full(across * along, radius)])
