"""Depth as colours for people: near is warm, far is cold, no answer is dark grey. A picture, never data."""

import numpy as np

INVALID_RGB = (48, 48, 48)

# Turbo (A. Mikhailov, Google, 2019, Apache-2.0) as its polynomial of degree 5, constant term first; red, green, blue.
# Lightness rises and falls smoothly, so equal steps of inverse depth look about equal.
_TURBO = np.array(
    [
        [0.13572138, 4.61539260, -42.66032258, 132.13108234, -152.94239396, 59.28637943],
        [0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604],
        [0.10667330, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973],
    ]
)

# The darkest end is left out: it would look like INVALID_RGB.
_POSITION = np.linspace(0.07, 1.0, 256)
COLORS = np.rint(255 * np.clip(_TURBO @ np.vander(_POSITION, 6, increasing=True).T, 0, 1)).astype(np.uint8).T
"""The table (256, 3) uint8 RGB from far to near, for legends."""


def colorize(
    values: np.ndarray,
    *,
    valid: np.ndarray | None = None,
    inverse: bool,
    low: float | None = None,
    high: float | None = None,
) -> np.ndarray:
    """Colours uint8 (h, w, 3) of a depth map (h, w), or of inverse depth where `inverse` is True.

    Colours follow inverse depth, as the eye does with distance. `low` and `high` bound the range in the unit of `values`,
    so that pictures can share it; where they are None, the 2nd and 98th percentiles of the picture do. Depth that is not
    positive everywhere (an affine-invariant kind) cannot be inverted and is coloured linearly.
    """
    usable = np.isfinite(values) if valid is None else valid & np.isfinite(values)
    picture = np.full((*values.shape, 3), INVALID_RGB, dtype=np.uint8)
    inside = values[usable].astype(np.float64)
    if not inside.size:
        return picture
    bounds = [bound for bound in (low, high) if bound is not None]
    if inverse:
        nearness = _stretched(inside, low, high)
    elif min(inside.min(), *bounds, np.inf) > 0:
        nearness = _stretched(1 / inside, _inverted(high), _inverted(low))
    else:
        nearness = _stretched(-inside, _negated(high), _negated(low))
    picture[usable] = COLORS[np.rint(255 * nearness).astype(np.uint8)]
    return picture


def _stretched(nearness: np.ndarray, far: float | None, near: float | None) -> np.ndarray:
    far = float(np.percentile(nearness, 2)) if far is None else far
    near = float(np.percentile(nearness, 98)) if near is None else near
    if not near > far:  # one distance only
        return np.full_like(nearness, 0.5)
    return np.clip((nearness - far) / (near - far), 0.0, 1.0)


def _inverted(bound: float | None) -> float | None:
    return None if bound is None else 1 / bound


def _negated(bound: float | None) -> float | None:
    return None if bound is None else -bound
