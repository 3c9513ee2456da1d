"""The plane sweep on pictures of analytic scenes: it finds walls where they are, and mirrors where their image is."""

import math

import pytest
import torch

from leadline.geometry.planesweep import plane_depths, plane_sweep
from leadline.geometry.pose import invert, transform

HEIGHT, WIDTH, FX = 40, 64, 50.0
K = torch.tensor([[FX, 0, WIDTH / 2], [0, FX, HEIGHT / 2], [0, 0, 1]], dtype=torch.float64)
DEPTHS = plane_depths(1.0, 20.0)
LEFT, RIGHT = (-0.15, 0.0, 0.0), (0.15, 0.02, 0.05)
"""Where the sources stand, in the frame of the reference [m]."""


def texture(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Colours (3, ...) in [0, 1] of points [m] of a wall: waves of incommensurable lengths, so that no place looks like another."""
    waves = [torch.sin(7.1 * x + 2.0 * torch.sin(3.3 * y)), torch.sin(6.3 * y + 1.7 * torch.sin(4.1 * x)), torch.sin(5.3 * (x + y))]
    return 0.5 + 0.5 * torch.stack(waves)


def picture(centre: tuple[float, float, float], z: float, *, tilt: float = 0.0) -> torch.Tensor:
    """What a camera at `centre`, not turned, sees of the plane Z = z + tilt X, in the frame of the reference."""
    v, u = torch.meshgrid(torch.arange(HEIGHT) + 0.5, torch.arange(WIDTH) + 0.5, indexing="ij")
    ray = torch.stack([(u - WIDTH / 2) / FX, (v - HEIGHT / 2) / FX, torch.ones_like(u)], dim=-1).double()
    at = torch.tensor(centre, dtype=torch.float64)
    far = (z + tilt * at[0] - at[2]) / (ray[..., 2] - tilt * ray[..., 0])
    point = at + far[..., None] * ray
    return texture(point[..., 0], point[..., 1])


def poses(*centres: tuple[float, float, float]) -> torch.Tensor:
    ref_from_source = torch.eye(4, dtype=torch.float64).repeat(len(centres), 1, 1)
    ref_from_source[:, :3, 3] = torch.tensor(centres, dtype=torch.float64)
    return invert(ref_from_source)


def sweep(image: torch.Tensor, sources: list[torch.Tensor], source_from_ref: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return plane_sweep(image, torch.stack(sources), K, K.expand(len(sources), 3, 3), source_from_ref, DEPTHS)


@pytest.mark.parametrize("z", [2.0, 3.5, 6.0])
def test_plane_sweep__a_textured_wall_has_its_own_depth(z):
    depth, cost = sweep(picture((0, 0, 0), z), [picture(LEFT, z), picture(RIGHT, z)], poses(LEFT, RIGHT))
    # Half a step between planes, and what bilinear sampling of a shift of fx b / z = 1.25 px and more resolves. A corner of 4 px, the
    # largest shift, no source sees at the true depth.
    assert (depth[4:, :-4] / z - 1).abs().max() < 0.06 and (depth / z - 1).abs().median() < 0.02
    assert cost[4:, :-4].max() < 0.04


def test_plane_sweep__a_tilted_wall_has_the_depth_of_each_pixel():
    tilt = 0.4
    depth, _ = sweep(
        picture((0, 0, 0), 4.0, tilt=tilt), [picture(LEFT, 4.0, tilt=tilt), picture(RIGHT, 4.0, tilt=tilt)], poses(LEFT, RIGHT)
    )
    u = (torch.arange(WIDTH) + 0.5 - WIDTH / 2) / FX
    assert (depth / (4.0 / (1 - tilt * u)) - 1).abs().max() < 0.10


def test_plane_sweep__a_mirror_has_the_depth_of_the_image_in_it():
    """Mirror at 3 m, wall 1.5 m behind the camera: by reflection at Z = 3 the camera sees the wall at Z = 2 * 3 + 1.5."""
    mirror, wall = 3.0, -1.5
    eyes = (0.0, 0.0, 0.0), LEFT, RIGHT
    # The law of reflection, ray by ray: to the mirror, back to the wall.
    seen = []
    for eye in eyes:
        v, u = torch.meshgrid(torch.arange(HEIGHT) + 0.5, torch.arange(WIDTH) + 0.5, indexing="ij")
        x, y = (u - WIDTH / 2) / FX, (v - HEIGHT / 2) / FX
        there, back = mirror - eye[2], mirror - wall
        seen.append(texture((eye[0] + x * (there + back)).double(), (eye[1] + y * (there + back)).double()))
    depth, _ = sweep(seen[0], seen[1:], poses(LEFT, RIGHT))
    virtual = 2 * mirror - wall
    assert (depth / virtual - 1).abs().max() < 0.12 and (depth / virtual - 1).abs().median() < 0.03
    assert (depth > 1.25 * mirror).all()


def test_plane_sweep__one_source_that_sees_is_enough():
    image, right = picture((0, 0, 0), 3.0), picture(RIGHT, 3.0)
    covered = torch.full_like(image, 5.0)  # brighter than any wall, so that it never fits
    depth, _ = sweep(image, [covered, right], poses(LEFT, RIGHT))
    alone, _ = sweep(image, [right], poses(RIGHT))
    torch.testing.assert_close(depth, alone)
    assert (alone / 3.0 - 1).abs().median() < 0.02


def test_plane_sweep__what_no_source_sees_has_no_depth():
    turned = torch.diag(torch.tensor([-1.0, 1.0, -1.0, 1.0], dtype=torch.float64))  # looks the other way
    depth, cost = sweep(picture((0, 0, 0), 3.0), [picture((0, 0, 0), 3.0)], turned[None])
    assert (depth == 0).all() and cost.isinf().all()


def test_plane_sweep__turned_and_resized_source():
    """A source turned by 10 degrees with another K, whose picture is computed from the points of the wall themselves."""
    angle, z = math.radians(10), 3.0
    source_from_ref = torch.eye(4, dtype=torch.float64)
    source_from_ref[0, 0] = source_from_ref[2, 2] = math.cos(angle)
    source_from_ref[0, 2], source_from_ref[2, 0] = math.sin(angle), -math.sin(angle)
    source_from_ref[:3, 3] = torch.tensor([0.1, -0.05, 0.02])
    K_src = torch.tensor([[80.0, 0, 60], [0, 80, 40], [0, 0, 1]], dtype=torch.float64)
    v, u = torch.meshgrid(torch.arange(80) + 0.5, torch.arange(120) + 0.5, indexing="ij")
    ray = torch.stack([(u - 60) / 80, (v - 40) / 80, torch.ones_like(u)], dim=-1).double()
    ref_from_source = invert(source_from_ref)
    eye, end = (transform(ref_from_source, p) for p in (torch.zeros(1, 1, 3, dtype=torch.float64), ray))
    point = eye + (z - eye[..., 2:]) / (end - eye)[..., 2:] * (end - eye)
    source = texture(point[..., 0], point[..., 1])
    depth, _ = plane_sweep(picture((0, 0, 0), z), source[None], K, K_src[None], source_from_ref[None], DEPTHS)
    seen = depth > 0
    assert seen.float().mean() > 0.7 and (depth[seen] / z - 1).abs().median() < 0.02


def test_plane_depths__are_even_in_ratio():
    depths = plane_depths(0.5, 8.0, ratio=1.1)
    ratios = depths[1:] / depths[:-1]
    assert depths[0] == pytest.approx(0.5) and depths[-1] == pytest.approx(8.0)
    assert ratios.max() <= 1.1 + 1e-5 and ratios.max() - ratios.min() < 1e-4
    with pytest.raises(ValueError, match="no planes"):
        plane_depths(0.0, 1.0)
