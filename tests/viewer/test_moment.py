"""The page of a moment: what is where from above, one range of colours, agreement of cameras that see one world."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.geometry.camera import Camera
from leadline.geometry.rig import Rig
from leadline.io.color import INVALID_RGB
from leadline.io.rig import read_rig
from leadline.prediction import Prediction
from leadline.types import DepthKind
from leadline.viewer.birdseye import CELL_PX, SIDE_PX, birds_eye, height_colors, reach_of
from leadline.viewer.moment import Moment, above_blocks, color_bar, moment_sections, overlap_blocks, ring_blocks
from leadline.viewer.report import Pictures, Report, Strip, Table, Text, render_report

HEIGHT, WIDTH = 45, 80
RED, GREEN = np.array([[200, 0, 0]], dtype=np.uint8), np.array([[0, 200, 0]], dtype=np.uint8)


def ground_depth(camera: Camera) -> np.ndarray:
    """Depth (h, w) [m] of level ground below a camera, 0 above the horizon."""
    assert camera.rig_from_cam is not None
    rows, columns = np.mgrid[: camera.height, : camera.width]
    rays = np.linalg.solve(camera.K, np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5, np.ones(rows.size)])).T
    down = -(rays @ camera.rig_from_cam[:3, :3].T)[:, 2]
    height = camera.rig_from_cam[2, 3]
    depth = np.divide(height, down, out=np.zeros_like(down), where=down > 0.02)
    return depth.reshape(rows.shape).astype(np.float32)


def moment(*, without: tuple[str, ...] = (), kind: DepthKind = DepthKind.METRIC, rig: Rig | None = None) -> Moment:
    """Six cameras on an empty plain."""
    rig = rig or read_rig("nuscenes6").resized(height=HEIGHT, width=WIDTH)
    there = [camera for camera in rig.cameras if camera.name not in without]
    images = {camera.name: np.full((HEIGHT, WIDTH, 3), 100, dtype=np.uint8) for camera in there}
    predictions = {camera.name: Prediction(ground_depth(camera), kind, camera.K) for camera in there}
    return Moment(rig, images, predictions, dict.fromkeys(without, "its lens is dirty"))


def test_points__lie_on_the_ground_around_the_vehicle() -> None:
    points, colors = moment().points
    assert np.abs(points[:, 2]).max() < 1e-3 and len(points) == len(colors)
    yaws = np.degrees(np.arctan2(points[:, 1], points[:, 0]))
    assert len(np.unique(yaws // 30)) == 12, "on all sides"


def test_overlap__cameras_of_one_world_agree_and_a_wrong_one_is_found() -> None:
    (table,) = overlap_blocks(moment())
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows][:2] == ["CAM_FRONT and CAM_FRONT_LEFT", "CAM_FRONT_LEFT and CAM_BACK_LEFT"]
    assert table.rows[-1][0] == "mean of the pairs" and float(str(table.rows[-1][1])) < 0.1
    wrong = moment()
    far = replace(wrong.predictions["CAM_FRONT"], values=2 * wrong.predictions["CAM_FRONT"].values)
    (table,) = overlap_blocks(replace(wrong, predictions={**wrong.predictions, "CAM_FRONT": far}))
    assert isinstance(table, Table)
    off = {str(row[0]): float(str(row[3])) for row in table.rows}
    assert off["CAM_FRONT and CAM_FRONT_LEFT"] > 0.5 > 0.1 > off["CAM_FRONT_LEFT and CAM_BACK_LEFT"]


def test_overlap__of_cameras_that_see_nothing_in_common() -> None:
    alone = moment(without=("CAM_FRONT_LEFT", "CAM_FRONT_RIGHT", "CAM_BACK_LEFT", "CAM_BACK_RIGHT"))
    (words,) = overlap_blocks(alone)
    assert isinstance(words, Text) and "No two neighbouring cameras" in words.words
    (table,) = overlap_blocks(moment(without=("CAM_FRONT_LEFT",)))
    assert isinstance(table, Table) and "Nothing in common" not in table.note, "who is no neighbour need not have anything"
    blind = moment()
    nothing = replace(blind.predictions["CAM_BACK"], valid=np.zeros((HEIGHT, WIDTH), dtype=bool))
    (table,) = overlap_blocks(replace(blind, predictions={**blind.predictions, "CAM_BACK": nothing}))
    apart = "Nothing in common at these depths: CAM_BACK_LEFT and CAM_BACK, CAM_BACK and CAM_BACK_RIGHT."
    assert isinstance(table, Table) and apart in table.note


def test_ring__one_range_of_colours_and_a_place_for_who_is_missing() -> None:
    strip, legend = ring_blocks(moment(without=("CAM_FRONT_LEFT",)))
    assert isinstance(strip, Strip) and isinstance(legend, Pictures)
    assert strip.names[2:4] == ("CAM_FRONT_LEFT: missing", "CAM_FRONT")
    images, depths = strip.rows
    assert (images[2] == INVALID_RGB).all() and (depths[2] == INVALID_RGB).all()
    # Cameras of one height see the ground in a row equally far away, so they have one colour there.
    assert np.array_equal(depths[3][-1, WIDTH // 2], depths[4][-1, WIDTH // 2])
    assert (depths[3][0] == INVALID_RGB).all(), "no answer above the horizon"


def test_scene__leaves_out_the_own_vehicle(tmp_path: Path) -> None:
    mask = np.full((2 * HEIGHT, 2 * WIDTH), 255, dtype=np.uint8)
    mask[-20:] = 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    rig = read_rig("nuscenes6").resized(height=HEIGHT, width=WIDTH)
    rig = Rig((replace(rig.cameras[0], mask_path=str(tmp_path / "mask.png")), *rig.cameras[1:]))
    masked, whole = moment(rig=rig), moment()
    assert len(whole.points[0]) - len(masked.points[0]) == 10 * WIDTH
    assert not masked.scene["CAM_FRONT"].usable[-10:].any() and masked.scene["CAM_BACK"].usable[-1].all()


def test_sections__without_metres_have_no_points_and_say_so() -> None:
    page = render_report(Report("t", "l", moment_sections(moment(kind=DepthKind.SCALE_INVARIANT))))
    assert "scale_invariant values, which are no metres" in page and "showCloud(document" not in page
    page = render_report(Report("t", "l", moment_sections(moment(without=("CAM_BACK",)))))
    assert "showCloud(document" in page and "Without CAM_BACK: its lens is dirty." in page and "5 of 6 cameras" in page


def _pixel(forward_m: float, left_m: float, reach_m: float) -> tuple[int, int]:
    scale = SIDE_PX / (2 * reach_m)
    return int((reach_m - forward_m) * scale), int((reach_m - left_m) * scale)


def test_birds_eye__forward_is_up_and_the_highest_point_below_the_ceiling_is_seen() -> None:
    points = np.array([[7.1, 3.1, 1.0], [7.1, 3.1, 0.0], [7.1, 3.1, 50.0], [-4.3, -2.3, 0.0], [99.0, 0.0, 0.0]])
    colors = np.concatenate([RED, GREEN, GREEN, GREEN, RED])
    picture = birds_eye(points, colors, (), reach_m=10.0)
    assert picture.shape == (SIDE_PX, SIDE_PX, 3)
    assert np.array_equal(picture[_pixel(7.1, 3.1, 10.0)], RED[0]) and np.array_equal(picture[_pixel(-4.3, -2.3, 10.0)], GREEN[0])
    assert (picture == RED[0]).all(axis=-1).sum() == CELL_PX**2, "what is out of reach is nowhere"


def test_birds_eye__shows_cameras_without_any_point() -> None:
    nothing, no_colors = np.zeros((0, 3)), np.zeros((0, 3), dtype=np.uint8)
    empty = birds_eye(nothing, no_colors, (), reach_m=reach_of(nothing))
    cameras = birds_eye(nothing, no_colors, read_rig("ddad6").cameras, reach_m=10.0)
    changed = (empty != cameras).any(axis=-1)
    assert changed[SIDE_PX // 4 : 3 * SIDE_PX // 4, SIDE_PX // 4 : 3 * SIDE_PX // 4].any()
    assert not changed[: SIDE_PX // 8].any()


def test_reach__is_a_multiple_of_ten_metres() -> None:
    assert reach_of(np.array([[13.0, -2.0, 0.0]])) == 20.0 and reach_of(np.array([[500.0, 0.0, 0.0]])) == 60.0


def test_height_colors__from_low_to_high() -> None:
    low, high = height_colors(np.array([[0.0, 0.0, -1.0], [0.0, 0.0, 9.0]])).astype(int)
    assert low[2] > low[0] and high[0] > high[2]


@pytest.mark.parametrize(("low", "high"), [(1.0, 80.0), (None, None), (3.0, 3.0)])
def test_color_bar__is_near_at_the_left(low: float | None, high: float | None) -> None:
    bar = color_bar(low, high).astype(int)
    assert bar[2, 2, 0] > bar[2, 2, 2] and bar[2, -3, 2] > bar[2, -3, 0]


def test_above__counts_the_cameras() -> None:
    pictures, cloud = above_blocks(moment(without=("CAM_BACK",)))
    assert isinstance(pictures, Pictures) and len(pictures.items) == 2
    assert "Points of 5 cameras" in cloud.caption  # pyright: ignore[reportAttributeAccessIssue]
