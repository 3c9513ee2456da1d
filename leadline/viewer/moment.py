"""All cameras of a rig at one moment, with their predicted depth: one strip, one view from above, one cloud, one table."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from leadline.data.dataset import View
from leadline.evaluation.agreement import mean_of
from leadline.evaluation.surround import Seen, overlap
from leadline.geometry.camera import Camera
from leadline.geometry.pose import transform
from leadline.geometry.rig import Rig
from leadline.io.color import COLORS, INVALID_RGB, colorize
from leadline.io.image import read_mask
from leadline.prediction import Prediction
from leadline.types import DepthKind
from leadline.viewer.birdseye import CEILING_M, birds_eye, height_colors, reach_of
from leadline.viewer.report import Block, Cloud, Picture, Pictures, Section, Strip, Table, Text

TILE_PX = 480
"""Pictures of the strip are thinned to about this width."""
TICKS_M = (0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100, 200)
_RIG_TO_PAGE = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
"""From x forward, y left, z up to the page's x right, y down, z forward."""


@dataclass(frozen=True, eq=False)
class Moment:
    """What the cameras of a `rig` see at one time: `images` uint8 (h, w, 3) and `predictions` by name, of the cameras that are there."""

    rig: Rig
    images: Mapping[str, np.ndarray]
    predictions: Mapping[str, Prediction]
    missing: Mapping[str, str] = field(default_factory=dict)
    """Why each camera that is not there is not, by name."""

    @property
    def kind(self) -> DepthKind:
        """Of the predictions."""
        return next(iter(self.predictions.values())).kind

    @cached_property
    def cameras(self) -> tuple[Camera, ...]:
        """Those that are there, in ring order, at the size of their images."""
        there = (camera for camera in self.rig.cameras if camera.name in self.predictions)
        sizes = {name: image.shape[:2] for name, image in self.images.items()}
        return tuple(camera.resized(height=sizes[camera.name][0], width=sizes[camera.name][1]) for camera in there)

    @cached_property
    def scene(self) -> dict[str, Prediction]:
        """The predictions without what hides the scene: the masks of the rig."""
        return {camera.name: _unmasked(self.predictions[camera.name], camera) for camera in self.cameras}

    @cached_property
    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """Points float32 (n, 3) of all cameras in the vehicle frame (x forward, y left, z up) [m], and their colours uint8 (n, 3).

        Raises KindError for depth that is not known up to a factor.
        """
        points, colors = [], []
        for camera in self.cameras:
            assert camera.rig_from_cam is not None
            prediction = self.scene[camera.name]
            points.append(transform(camera.rig_from_cam, prediction.points().astype(np.float64)).astype(np.float32))
            colors.append(self.images[camera.name][prediction.usable])
        return np.concatenate(points), np.concatenate(colors)


def moment_sections(moment: Moment) -> list[Section]:
    """Everything about one moment. What needs metres is left out for depth of another kind, and said."""
    sections = [Section("The ring, left to right with the front in the middle", ring_blocks(moment)), Section("Cameras", [_table(moment)])]
    if moment.kind is not DepthKind.METRIC:
        words = (
            f"This model gives {moment.kind.value} values, which are no metres: there are no points in the vehicle's frame, no view from "
            "above and no comparison of cameras where they overlap. Each needs depth in metres."
        )
        return [*sections, Section("Without metres", [Text(words)])]
    return [*sections, Section("From above", above_blocks(moment)), Section("Where neighbours overlap", overlap_blocks(moment))]


def ring_blocks(moment: Moment) -> list[Block]:
    """The images above their depth, all in one range of colours, and what the colours mean."""
    order = moment.rig.panorama
    shown = [prediction for prediction in moment.scene.values() if prediction.usable.any()]
    values = np.concatenate([prediction.values[prediction.usable] for prediction in shown]) if shown else np.ones(1)
    low, high = (float(bound) for bound in np.percentile(values, (2, 98)))
    inverse = moment.kind is DepthKind.AFFINE_INVARIANT_INVERSE
    images, depths = [], []
    for camera in order:
        image = moment.images.get(camera.name)
        if image is None or camera.name not in moment.scene:
            blank = np.full((round(TILE_PX * camera.height / camera.width), TILE_PX, 3), INVALID_RGB, dtype=np.uint8)
            images.append(blank)
            depths.append(blank)
            continue
        prediction = moment.scene[camera.name]
        colors = colorize(prediction.values, valid=prediction.usable, inverse=inverse, low=low, high=high)
        step = max(1, image.shape[1] // TILE_PX)
        images.append(image[::step, ::step])
        depths.append(colors[::step, ::step])
    names = tuple(camera.name if camera.name in moment.scene else f"{camera.name}: missing" for camera in order)
    if moment.kind is DepthKind.METRIC:
        bar, words = color_bar(low, high), f"Depth along each camera's axis, {low:.1f} to {high:.1f} m"
    else:
        bar, words = color_bar(None, None), f"Relative values ({moment.kind.value}), no metres"
    caption = f"{words}. All cameras share the colours; dark grey: no answer, or the own vehicle."
    return [Strip(names, (tuple(images), tuple(depths))), Pictures((Picture(bar, caption),), columns=2)]


def above_blocks(moment: Moment) -> list[Block]:
    """All points from above, in their own colours and by height, and as a cloud to turn."""
    points, colors = moment.points
    reach = reach_of(points)
    views = (
        Picture(
            birds_eye(points, colors, moment.cameras, reach_m=reach), f"Forward is up, {reach:.0f} m to each side, as the cameras see it."
        ),
        Picture(
            birds_eye(points, height_colors(points), moment.cameras, reach_m=reach),
            f"The same by height above the ground, from -0.5 m (blue) to {CEILING_M:.1f} m (red); what is higher is left out of both.",
        ),
    )
    near = np.abs(points[:, :2]).max(axis=1, initial=0.0) <= reach
    caption = f"Points of {len(moment.cameras)} cameras in the vehicle's frame, up to {reach:.0f} m away."
    return [Pictures(views, columns=2), Cloud((points[near] @ _RIG_TO_PAGE.T).astype(np.float32), colors[near], caption)]


def overlap_blocks(moment: Moment) -> list[Block]:
    """How far neighbouring cameras contradict each other where both look."""
    found = overlap([_seen(moment, camera) for camera in moment.cameras])
    if not found:
        return [Text("No two neighbouring cameras look at the same place.")]
    rows = [(name.replace("|", " and "), pair.abs_rel, pair.metres, pair.log_ratio, pair.num_pixels) for name, pair in found.items()]
    mean = mean_of(found.values())
    if mean is not None and len(rows) > 1:
        rows.append(("mean of the pairs", mean.abs_rel, mean.metres, mean.log_ratio, mean.num_pixels))
    names = moment.rig.names
    pairs = [(names[i], names[j]) for i, j in moment.rig.neighbours()]
    apart = [f"{a} and {b}" for a, b in pairs if {a, b} <= moment.predictions.keys() and f"{a}|{b}" not in found]
    note = (
        "Each point of one camera is compared with the depth that its neighbour gives there, and the other way round: 0 where both agree. "
        "What one camera hides from the other disagrees even where both are right."
    )
    if apart:
        note += f" Nothing in common at these depths: {', '.join(apart)}."
    return [Table(("neighbours", "abs_rel", "metres", "|ln ratio|", "pixels"), tuple(rows), note=note)]


def color_bar(low: float | None, high: float | None) -> np.ndarray:
    """A legend uint8 (h, w, 3) of `io.color.colorize`: depth from `low` to `high` [m], near at the left; without them only near and far."""
    width, height, band = 1120, 76, 40
    picture = np.full((height, width, 3), 255, dtype=np.uint8)
    picture[:band] = COLORS[np.linspace(255, 0, width).round().astype(int)]
    drawn = Image.fromarray(picture)
    draw, font = ImageDraw.Draw(drawn), ImageFont.load_default(size=24)
    for share, words in _ticks(low, high):
        anchor = "la" if share < 0.04 else "ra" if share > 0.96 else "ma"
        column = share * (width - 1)
        draw.line([(column, band - 8), (column, band + 4)], fill=(0, 0, 0), width=2)
        draw.text((column, band + 8), words, fill=(0, 0, 0), font=font, anchor=anchor)
    return np.asarray(drawn)


def _ticks(low: float | None, high: float | None) -> list[tuple[float, str]]:
    """Places as shares of the width, and words. Colours follow inverse depth."""
    if low is None or high is None or not 0 < low < high:
        return [(0.0, "near"), (1.0, "far")]
    ticks: list[tuple[float, str]] = []
    for metres in (low, *(tick for tick in TICKS_M if low < tick < high), high):
        share = (1 / low - 1 / metres) / (1 / low - 1 / high)
        if metres == high:
            while len(ticks) > 1 and share - ticks[-1][0] < 0.09:
                ticks.pop()
        elif ticks and share - ticks[-1][0] < 0.09:
            continue
        ticks.append((share, f"{metres:.1f} m" if metres in (low, high) or metres < 1 else f"{metres:g} m"))
    return ticks


def _table(moment: Moment) -> Table:
    metric = moment.kind is DepthKind.METRIC
    rows: list[tuple[object, ...]] = []
    for camera in moment.rig.cameras:
        about = (camera.name, f"{camera.yaw_deg:.0f}", f"{camera.fov_x_deg:.0f}")
        if camera.name not in moment.scene:
            rows.append((*about, "-", *(("-", "-") if metric else ()), "missing"))
            continue
        prediction, image = moment.scene[camera.name], moment.images[camera.name]
        values = prediction.values[prediction.usable]
        depth = _spread(values) if metric else ()
        rows.append((*about, f"{image.shape[1]}x{image.shape[0]}", *depth, "predicted"))
    columns = ("camera", "looks to [deg]", "field of view [deg]", "size [px]", *(("median [m]", "98 % within [m]") if metric else ()), "")
    reasons = " ".join(f"Without {name}: {line}." for name, line in moment.missing.items())
    note = f"{len(moment.scene)} of {len(moment.rig.cameras)} cameras. Directions: 0 is forward, 90 left. {reasons}".rstrip()
    return Table(columns, tuple(rows), note=note)


def _spread(values: np.ndarray) -> tuple[str, str]:
    return (f"{np.median(values):.1f}", f"{np.percentile(values, 98):.1f}") if values.size else ("-", "-")


def _seen(moment: Moment, camera: Camera) -> Seen:
    return Seen(View(moment.images[camera.name], camera, Path(camera.name)), moment.scene[camera.name].depth_m())


def _unmasked(prediction: Prediction, camera: Camera) -> Prediction:
    if camera.mask_path is None:
        return prediction
    mask = read_mask(Path(camera.mask_path))
    rows, columns = (np.arange(size) * old // size for size, old in zip(prediction.values.shape, mask.shape, strict=True))
    return replace(prediction, valid=prediction.usable & mask[rows[:, None], columns])
