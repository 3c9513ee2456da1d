"""Dense depth of one picture from others of the same scene whose poses are known, without a network.

It believes what it sees, as `planesweep` does, and fills in what has no texture: behind a mirror it draws the room that the mirror
shows, whole and with straight borders, which is what openings.py looks for. Costs and constants are our defaults, chosen on
training rooms (docs/LOG.md).

Convention: depth is z [m] of the reference view; source_from_ref maps its points into each source camera.
"""

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import median_filter
from torch import Tensor
from torch.nn import functional

from leadline.geometry.semiglobal import semi_global
from leadline.geometry.warp import in_view, sample_at, warp_grid

BEST_SHARE = 0.5
"""Of the sources, the ones that agree best with a pixel, which need not look past what hides it."""
LARGEST = 0.15
"""Differences of colours in [0, 1] count no more than this; what no source sees costs nearly as much."""
UNSEEN = 0.12
STEP, JUMP = 0.01, 0.08
_SLOPE_SHARE = 0.4
"""Of the cost that compares horizontal differences instead of colours: exposure and gloss change those less."""
_MEDIAN_PX = 5


@torch.no_grad()
def multi_view_depth(
    image: Float[Tensor, "3 h w"],
    sources: Float[Tensor, "s 3 h w"],
    K: Float[Tensor, "3 3"],
    K_src: Float[Tensor, "s 3 3"],
    source_from_ref: Float[Tensor, "s 4 4"],
    depths: Float[Tensor, " n"],
) -> Float[np.ndarray, "h w"]:
    """Depth [m] between the smallest and largest of `depths`, which are evenly spaced in their logarithm.

    Colours are in [0, 1], all pictures of one size. Half a second of one core for 96x160 pixels, 6 sources, 64 depths.
    """
    cost = _cost(image, sources, K, K_src, source_from_ref, depths)
    index = semi_global(cost.permute(1, 2, 0).numpy(), image.permute(1, 2, 0).numpy(), step=STEP, jump=JUMP)
    log_depth = np.interp(index, np.arange(len(depths)), depths.log().numpy())
    return np.exp(median_filter(log_depth, _MEDIAN_PX)).astype(np.float32)


def _cost(image: Tensor, sources: Tensor, K: Tensor, K_src: Tensor, source_from_ref: Tensor, depths: Tensor) -> Tensor:
    """(n, h, w) how little a pixel looks like the better half of the sources at each depth, in differences of colours, over 3x3 pixels."""
    planes = depths[:, None, None].expand(-1, *image.shape[-2:])
    errors = torch.stack([_error(image, *source, planes, K) for source in zip(sources, K_src, source_from_ref, strict=True)])
    best = errors.sort(dim=0).values[: max(1, round(BEST_SHARE * len(sources)))].mean(dim=0)
    return functional.avg_pool2d(best[None], 3, stride=1, padding=1, count_include_pad=False)[0]


def _error(image: Tensor, source: Tensor, K_src: Tensor, source_from_ref: Tensor, planes: Tensor, K: Tensor) -> Tensor:
    num, height, width = planes.shape
    grid, depth_src = warp_grid(planes, K, K_src, source_from_ref, height=height, width=width)
    seen = sample_at(source[None], grid.reshape(1, num * height, width, 2)).reshape(3, num, height, width)
    colour = (seen - image[:, None]).abs().mean(dim=0).clamp(max=LARGEST)
    slope = (_slope(seen.mean(dim=0)) - _slope(image.mean(dim=0))).abs().clamp(max=LARGEST / 2)
    error = (1 - _SLOPE_SHARE) * colour + 2 * _SLOPE_SHARE * slope
    return torch.where(in_view(grid, depth_src), error, UNSEEN)


def _slope(grey: Tensor) -> Tensor:
    """Difference of each pixel to the next in its row; 0 in the last column."""
    return functional.pad(grey[..., 1:] - grey[..., :-1], (0, 1))
