"""Where the camera walks and looks: the estimate of a view, and that views are of places."""

import numpy as np
import pytest

from leadline.geometry.camera import Camera
from leadline.scenes import shapes, stroll
from leadline.scenes.floorplan import Plan
from leadline.scenes.stroll import Loop, Stroll, find_stroll
from leadline.scenes.world import Surface, Thing
from leadline.types import Material

CAMERA = Camera.from_fov(60.0, width=160, height=96, name="cam")
GREY = Surface(Material.DIFFUSE, np.full(3, 0.5))


def room_with(*boxes: tuple[tuple[float, float, float], tuple[float, float, float]]) -> Plan:
    """A room of 6 x 4 x 2.5 m; boxes are (size, centre)."""
    plan = Plan(6.0, 4.0, 2.5)
    plan.things += [Thing("box", ((shapes.box(size, center=center), GREY),), np.eye(4)) for size, center in boxes]
    return plan


def look(plan: Plan, heading: float, tilt: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    loop = Loop(np.array([1.0, 2.0]), 0.3, 0.1, 0.0, 1.5)
    directions = stroll._turned(np.array([[1.0, 0.0, 0.0]]), Stroll(loop, heading, tilt))
    return stroll._look(np.array([1.0, 2.0, 1.5]), directions, plan, stroll.bounds(plan))


@pytest.mark.parametrize(("heading", "depth"), [(0.0, 5.0), (90.0, 2.0), (180.0, 1.0), (-90.0, 2.0), (45.0, 2.0 * np.sqrt(2.0))])
def test_look__sees_the_wall_ahead(heading: float, depth: float) -> None:
    seen, met = look(room_with(), np.radians(heading))
    assert seen[0] == pytest.approx(depth) and met[0] == -1


def test_look__things_hide_the_wall_and_what_is_behind_the_eye_does_not() -> None:
    plan = room_with(((1.0, 1.0, 2.0), (4.0, 2.0, 1.0)), ((0.2, 0.2, 2.0), (0.5, 2.0, 1.0)))
    seen, met = look(plan, 0.0)
    assert seen[0] == pytest.approx(2.5) and met[0] == 0


def test_look__tilted_down_meets_the_floor() -> None:
    seen, _ = look(room_with(), 0.0, np.radians(-45.0))
    assert seen[0] == pytest.approx(1.5 * np.sqrt(2.0))


def test_find_stroll__turns_away_from_what_is_near() -> None:
    """Whatever the loop, a view of the far end beats one of a screen before the nose."""
    for seed in range(5):
        plan = room_with(((4.0, 0.1, 2.2), (3.0, 0.9, 1.1)))
        found = find_stroll(np.random.default_rng(seed), plan, CAMERA)
        assert found is not None
        directions = stroll._turned(stroll._rays(CAMERA), found)
        depth, _ = stroll._look(np.array([*found.loop.centre, found.loop.eye]), directions, plan, stroll.bounds(plan))
        assert np.median(depth) > 1.5 and (depth < 0.8).mean() < 0.05


def test_find_stroll__none_where_nobody_fits() -> None:
    assert find_stroll(np.random.default_rng(0), room_with(((5.8, 3.8, 2.4), (3.0, 2.0, 1.2))), CAMERA) is None
