"""What lies around a vehicle as seen from above: points, a grid in metres, and where its cameras stand and look.

Convention: vehicle frame x forward, y left, z up [m]; in the picture the vehicle is in the middle and forward is up.
"""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from leadline.geometry.camera import Camera
from leadline.io.color import COLORS

SIDE_PX = 1000
CELL_PX = 2
"""A point covers so many pixels in each direction."""
CEILING_M = 3.5
"""What is higher above the ground is left out, so that nothing hides under trees and bridges."""
HEIGHTS_M = (-0.5, CEILING_M)
"""Heights of the first and the last colour."""
FARTHEST_M = 60.0
_PAPER, _GRID, _INK = (16, 20, 26), (58, 66, 78), (235, 235, 235)


def reach_of(points: np.ndarray) -> float:
    """How far a picture of `points` (n, 3) [m] should reach from its middle [m]: a multiple of 10 that shows most, 10 to FARTHEST_M."""
    if not len(points):
        return 10.0
    usual = float(np.percentile(np.abs(points[:, :2]).max(axis=1), 90))
    return min(max(10.0 * math.ceil(usual / 10.0), 10.0), FARTHEST_M)


def birds_eye(points: np.ndarray, colors: np.ndarray, cameras: Sequence[Camera], *, reach_m: float) -> np.ndarray:
    """Picture uint8 (SIDE_PX, SIDE_PX, 3) of `points` (n, 3) [m] with `colors` uint8 (n, 3), `reach_m` [m] to each side.

    Of several points on one place the highest below CEILING_M is seen. The cameras have their places, fields of view and names.
    """
    picture = Image.fromarray(_raster(points, colors, reach_m))
    draw, place = ImageDraw.Draw(picture), _Place(reach_m)
    _draw_grid(draw, place)
    for camera in cameras:
        _draw_camera(draw, place, camera)
    return np.asarray(picture)


def height_colors(points: np.ndarray) -> np.ndarray:
    """Colours uint8 (n, 3) of `points` (n, 3) [m] by their height, from low (blue) to high (red)."""
    low, high = HEIGHTS_M
    share = np.clip((points[:, 2] - low) / (high - low), 0.0, 1.0)
    return COLORS[np.rint(255 * share).astype(np.uint8)]


class _Place:
    """From metres to pixels."""

    def __init__(self, reach_m: float) -> None:
        self.reach_m = reach_m
        self.px_per_m = SIDE_PX / (2 * reach_m)

    def __call__(self, forward_m: float, left_m: float) -> tuple[float, float]:
        """(column, row) [px]."""
        return SIDE_PX / 2 - left_m * self.px_per_m, SIDE_PX / 2 - forward_m * self.px_per_m


def _raster(points: np.ndarray, colors: np.ndarray, reach_m: float) -> np.ndarray:
    cells = SIDE_PX // CELL_PX
    raster = np.full((cells, cells, 3), _PAPER, dtype=np.uint8)
    place = np.floor((reach_m - points[:, :2]) * (cells / (2 * reach_m)))
    seen = (place >= 0).all(axis=1) & (place < cells).all(axis=1) & (points[:, 2] < CEILING_M)
    chosen = np.flatnonzero(seen)
    chosen = chosen[np.argsort(points[chosen, 2], kind="stable")]  # the last one written stays
    row, column = place[chosen].astype(np.intp).T
    raster[row, column] = colors[chosen]
    return raster.repeat(CELL_PX, axis=0).repeat(CELL_PX, axis=1)


def _draw_grid(draw: ImageDraw.ImageDraw, place: _Place) -> None:
    step = 5.0 if place.reach_m <= 20 else 10.0 if place.reach_m <= 40 else 20.0
    font = _font(20)
    for i in range(1 - math.ceil(place.reach_m / step), math.ceil(place.reach_m / step)):
        offset = i * step
        column, row = place(offset, offset)
        draw.line([(column, 0), (column, SIDE_PX)], fill=_GRID)
        draw.line([(0, row), (SIDE_PX, row)], fill=_GRID)
        if i:
            draw.text((6, row), f"{offset:+.0f} m", fill=_INK, font=font, anchor="lm", stroke_width=2, stroke_fill=_PAPER)
            left = place(0.0, offset)[0]
            draw.text((left, SIDE_PX - 6), f"{abs(offset):.0f} m", fill=_INK, font=font, anchor="mb", stroke_width=2, stroke_fill=_PAPER)


def _draw_camera(draw: ImageDraw.ImageDraw, place: _Place, camera: Camera) -> None:
    assert camera.rig_from_cam is not None
    forward_m, left_m = camera.rig_from_cam[0, 3], camera.rig_from_cam[1, 3]
    column, row = place(forward_m, left_m)
    yaw, half = math.radians(camera.yaw_deg), math.radians(camera.fov_x_deg) / 2

    def ahead(angle: float, share: float) -> tuple[float, float]:
        length_m = share * place.reach_m
        return place(forward_m + length_m * math.cos(angle), left_m + length_m * math.sin(angle))

    for side in (-half, half):
        draw.line([(column, row), ahead(yaw + side, 0.11)], fill=_INK, width=2)
    draw.line([(column, row), ahead(yaw, 0.17)], fill=_INK, width=2)
    draw.ellipse([column - 4, row - 4, column + 4, row + 4], fill=_INK)
    aside = math.sin(yaw)  # names to the left end where their line does, names to the right begin there
    anchor = "mm" if abs(aside) < 0.5 else "rm" if aside > 0 else "lm"
    draw.text(ahead(yaw, 0.2), camera.name, fill=_INK, font=_font(17), anchor=anchor, stroke_width=2, stroke_fill=_PAPER)


def _font(size: int) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    return ImageFont.load_default(size=size)
