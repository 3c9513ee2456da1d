"""Rigs and video in a room whose depth is known in closed form: exact depth agrees, a wrong scale disagrees by what it is wrong."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from leadline.data.dataset import Record, View
from leadline.evaluation.agreement import disagreement, seen_by_both
from leadline.evaluation.evaluate import evaluate_many, evaluate_model
from leadline.evaluation.inputs import predicted
from leadline.evaluation.protocols import PROTOCOLS, with_scope
from leadline.evaluation.temporal import raw_flicker
from leadline.geometry.camera import Camera
from leadline.geometry.pose import invert
from leadline.prediction import Prediction
from leadline.types import DepthKind, UserError

RAW, MEDIAN = PROTOCOLS["raw"], PROTOCOLS["median"]
HEIGHT, WIDTH, HALF_M = 24, 48, 10.0
YAWS = {"front": 0.0, "left": 60.0, "right": -60.0}


def rig_from_cam(yaw_deg: float) -> np.ndarray:
    """A camera at the origin of the rig that looks along `yaw_deg`; camera x right, y down, z forward."""
    c, s = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    pose = np.eye(4)
    pose[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]])
    return pose


@dataclass
class Room:
    """Three cameras with a field of view of 90 degrees inside a cube of 20 m, driving forward by `step_m` a frame."""

    frames: int = 3
    step_m: float = 0.5
    posed: bool = True
    name: str = "memory:room"

    @property
    def layers(self) -> frozenset[str]:
        return frozenset({"depth", "cam_from_rig"} | ({"cam_from_world"} if self.posed else set()))

    @property
    def records(self) -> list[Record]:
        return [Record("drive", frame, tuple(YAWS)) for frame in range(self.frames)]

    moments = records

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        seen = Camera.from_fov(90.0, width=WIDTH, height=HEIGHT, name=camera)
        seen = Camera(K=seen.K, width=WIDTH, height=HEIGHT, name=camera, rig_from_cam=rig_from_cam(YAWS[camera]))
        world_from_rig = np.eye(4)
        world_from_rig[0, 3] = record.frame * self.step_m
        world_from_cam = world_from_rig @ rig_from_cam(YAWS[camera])
        rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
        rays = np.stack([(columns - WIDTH / 2) / seen.K[0, 0], (rows - HEIGHT / 2) / seen.K[1, 1], np.ones((HEIGHT, WIDTH))], -1)
        directions = rays @ world_from_cam[:3, :3].T
        origin = world_from_cam[:3, 3]
        with np.errstate(divide="ignore"):
            walls = (np.where(directions > 0, HALF_M, -HALF_M) - origin) / directions
        depth = walls.min(axis=-1).astype(np.float32)
        image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
        image[..., 0] = record.frame
        image[..., 1] = list(YAWS).index(camera)
        return View(
            image=image,
            camera=seen,
            path=Path(f"/room/{record.frame}/{camera}.png"),
            depth=depth,
            cam_from_world=invert(world_from_cam) if "cam_from_world" in layers else None,
        )


def test_seen_by_both__leaves_out_what_one_camera_alone_sees() -> None:
    """A plane at 10 m behind a post at 2 m; b is 1 m to the right of a. Focal length 24 px: the post moves by 12, the plane by 2.4."""
    K = np.array([[24.0, 0, 24], [0, 24, 12], [0, 0, 1]])
    b_from_a = np.eye(4)
    b_from_a[0, 3] = -1.0
    depth_a, depth_b = np.full((24, 48), 10.0), np.full((24, 48), 10.0)
    depth_a[:, 30:34] = 2.0
    depth_b[:, 18:22] = 2.0
    given = {"K_a": K, "K_b": K, "b_from_a": b_from_a}
    mask = seen_by_both(depth_a, depth_b, **given)
    assert mask[:, 30:34].all() and mask[:, 10:20].all(), "the post, and the plane beside it"
    assert not mask[:, 21:24].any(), "behind the post for b"
    assert not mask[:, :2].any(), "outside b"
    assert disagreement(depth_a, depth_b, **given).abs_rel > 0.2  # pyright: ignore[reportOptionalMemberAccess]
    assert disagreement(depth_a, depth_b, usable_a=mask, **given).abs_rel == 0.0  # pyright: ignore[reportOptionalMemberAccess]


@dataclass
class Oracle:
    """The truth times a factor per camera and frame."""

    room: Room
    factors: dict[tuple[int, str], float]
    name: str = "oracle"
    kind: DepthKind = DepthKind.METRIC

    def predict(self, image: np.ndarray, K: np.ndarray | None = None) -> Prediction:
        frame, camera = int(image[0, 0, 0]), list(YAWS)[image[0, 0, 1]]
        depth = self.room.view(Record("drive", frame, tuple(YAWS)), camera, frozenset()).depth
        assert depth is not None
        return Prediction(values=depth * self.factors.get((frame, camera), 1.0), kind=self.kind, model=self.name)


def test_surround__exact_depth_agrees() -> None:
    room = Room()
    found = evaluate_model(Oracle(room, {}), room, RAW, surround=True).surround
    assert found is not None and found.overall is not None
    assert set(found.pairs) == {"front|left", "left|right", "right|front"} - {"left|right"}
    assert found.overall.log_ratio < 0.02, "only the rounding to pixels is left"
    assert found.scale_spread == pytest.approx(0, abs=1e-6)
    assert found.num_moments == 3


@pytest.mark.parametrize("posed", [True, False])
def test_surround__a_camera_that_is_20_percent_too_far(posed: bool) -> None:
    room = Room(posed=posed)
    wrong = Oracle(room, {(frame, "left"): 1.2 for frame in range(3)})
    found = evaluate_model(wrong, room, RAW, surround=True).surround
    assert found is not None
    left, right = found.pairs["front|left"], found.pairs["right|front"]
    assert left.log_ratio == pytest.approx(math.log(1.2), abs=0.02)
    # One direction says 1.2 against 1, the other 1 against 1.2: the symmetric mean of .2 and .1667.
    assert left.abs_rel == pytest.approx((0.2 + 1 / 6) / 2, abs=0.02)
    assert left.metres == pytest.approx(0.2 * 10, rel=0.15)
    assert right.log_ratio < 0.02
    assert found.scale_spread == pytest.approx(np.std([0, math.log(1.2), 0]), rel=1e-4)


def test_surround__the_scale_scope_decides_what_is_left() -> None:
    """A scale per image repairs a wrong camera, one per rig does not; the spread of scale is that of the raw predictions."""
    room = Room()
    wrong = Oracle(room, {(frame, "left"): 1.2 for frame in range(3)})
    image, rig = evaluate_many(wrong, room, [MEDIAN, with_scope(MEDIAN, "rig")], surround=True)
    assert image.surround is not None and rig.surround is not None and image.surround.overall and rig.surround.overall
    assert image.surround.overall.log_ratio < 0.02 < rig.surround.overall.log_ratio
    assert image.surround.scale_spread == pytest.approx(rig.surround.scale_spread)
    assert image.surround.scale_spread == pytest.approx(np.std([0, math.log(1.2), 0]), rel=1e-4)
    assert image.to_record()["surround"]["pairs"].keys() == {"front|left", "right|front"}


def test_surround__refusals(dataset, reader) -> None:
    with pytest.raises(UserError, match="has no rig"):
        evaluate_model(reader(), dataset, RAW, surround=True)
    with pytest.raises(UserError, match="knows its scale only after many images"):
        evaluate_model(Oracle(Room(), {}), Room(), with_scope(MEDIAN, "dataset"), surround=True)


def test_disagreement__masks_and_nothing_in_common() -> None:
    depth = np.full((4, 6), 2.0)
    K = np.array([[6.0, 0, 3], [0, 6.0, 2], [0, 0, 1]])
    same = disagreement(depth, depth * 1.1, K_a=K, K_b=K, b_from_a=np.eye(4))
    assert same is not None
    assert (same.metres, same.num_pixels) == pytest.approx((0.2, 24))
    half = np.zeros((4, 6), dtype=bool)
    half[:, :3] = True
    masked = disagreement(depth, depth, K_a=K, K_b=K, b_from_a=np.eye(4), usable_a=half, usable_b=~half)
    assert masked is None
    behind = np.diag([-1.0, 1.0, -1.0, 1.0])
    assert disagreement(depth, depth, K_a=K, K_b=K, b_from_a=behind) is None


def test_temporal__exact_depth_does_not_flicker_and_a_pumping_scale_does() -> None:
    room = Room()
    steady = evaluate_model(Oracle(room, {}), room, RAW, temporal=True).temporal
    pumping = Oracle(room, {(1, camera): 1.1 for camera in YAWS})
    flicker = evaluate_model(pumping, room, RAW, temporal=True).temporal
    assert steady is not None and flicker is not None and steady.warped and flicker.warped
    assert (steady.num_pairs, flicker.num_pairs) == (6, 6)
    assert steady.warped.log_ratio < 0.01
    assert flicker.warped.log_ratio == pytest.approx(math.log(1.1), abs=0.015)


def test_temporal__raw_flicker_where_the_image_stands_still() -> None:
    room = Room(step_m=0.0, posed=False)
    found = evaluate_model(Oracle(room, {(1, camera): 1.1 for camera in YAWS}), room, RAW, temporal=True).temporal
    assert found is not None
    assert found.warped is None, "no poses, no warping"
    assert found.raw == pytest.approx(math.log(1.1), rel=1e-5)
    assert found.num_still_pairs == 6
    image = np.zeros((20, 20, 3), dtype=np.uint8)
    moved = image.copy()
    moved[:, 10:, 1] = 3
    far = np.ones((20, 20))
    far[:, 10:] = 9.0
    assert raw_flicker(image, np.ones((20, 20)), moved, far) == 0.0, "what changed in the image may change in depth"
    assert raw_flicker(image, far, image + np.uint8(3), far) is None


def test_temporal__a_scale_per_image_hides_what_a_scale_per_data_set_shows() -> None:
    room = Room()
    pumping = Oracle(room, {(1, camera): 1.1 for camera in YAWS})
    scaled = evaluate_model(pumping, room, MEDIAN, temporal=True).temporal
    assert scaled is not None and scaled.warped is not None
    assert scaled.warped.log_ratio < 0.01


@pytest.mark.parametrize("kind", [DepthKind.METRIC, DepthKind.AFFINE_INVARIANT_INVERSE])
def test_flip_blend__is_monodepth2s(kind: DepthKind) -> None:
    """Disparity of the image in the left border that the mirror lost, of the mirror in the right one, and their mean between."""
    disparities = iter((np.full((4, 101), 0.5), np.full((4, 101), 0.25)))

    @dataclass
    class Two:
        name: str = "two"
        kind: DepthKind = DepthKind.METRIC

        def predict(self, image: np.ndarray, K: np.ndarray | None = None) -> Prediction:
            values = next(disparities)
            return Prediction(values=values if self.kind is DepthKind.AFFINE_INVARIANT_INVERSE else 1 / values, kind=self.kind)

    view = Room().view(Record("drive", 0, tuple(YAWS)), "front", frozenset())
    (blended,) = predicted(Two(kind=kind), [view], PROTOCOLS["kitti-eigen-monodepth2-pp"])
    got = blended.values[0] if kind is DepthKind.AFFINE_INVARIANT_INVERSE else 1 / blended.values[0]
    x = np.linspace(0, 1, 101)
    left = 1 - np.clip(20 * (x - 0.05), 0, 1)
    right = left[::-1]
    assert got == pytest.approx(right * 0.5 + left * 0.25 + (1 - left - right) * 0.375, rel=1e-6)
    assert (got[0], got[50], got[-1]) == pytest.approx((0.25, 0.375, 0.5))
