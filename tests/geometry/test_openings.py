"""Holes in surfaces: a wall with a mirror image in it, what only stands in front or beside, and the count of directions."""

import pytest
import torch

from leadline.geometry.openings import local_planes, seen_through, surrounded

H, W = 60, 90
K = torch.tensor([[[70.0, 0, 45], [0, 70.0, 30], [0, 0, 1]]])
V, U = torch.meshgrid(torch.arange(H) + 0.5, torch.arange(W) + 0.5, indexing="ij")
RAYS = torch.stack([(U - 45) / 70, (V - 30) / 70, torch.ones_like(U)], dim=-1)


def plane(*m: float) -> torch.Tensor:
    """Depth (h, w) [m] of m . X = 1, far away where the plane is behind the camera."""
    return 1 / (RAYS @ torch.tensor(m)).clamp(min=1e-2)


def room() -> torch.Tensor:
    """A wall 3 m ahead, a floor 0.6 m below and a wall 1.8 m to the left."""
    return torch.stack([plane(0, 0, 1 / 3), plane(0, 1 / 0.6, 0), plane(-1 / 1.8, 0, 0)]).amin(0)


def through(depth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    mask, closed = seen_through(depth[None], K)
    return mask[0], closed[0]


def test_openings__a_mirror_image_in_a_wall_is_found_and_closed() -> None:
    truth, hole = room(), (U > 50) & (U < 75) & (V > 10) & (V < 30)
    mask, closed = through(torch.where(hole, 4.8 + 0.02 * U, truth))
    assert (mask & hole).sum() > 0.98 * hole.sum() and (mask & ~hole).sum() == 0
    torch.testing.assert_close(closed[mask], truth[mask], rtol=0.01, atol=0)
    torch.testing.assert_close(closed[~mask & ~hole], truth[~mask & ~hole], rtol=1e-5, atol=0)


def test_openings__a_reflection_below_a_polished_floor_is_found() -> None:
    floor = plane(0, 1 / 0.6, 0)
    hole = (U > 30) & (U < 60) & (V > 47) & (V < 57)
    mask, closed = through(torch.where(hole, 1.6 * floor, torch.minimum(room(), floor)))
    assert (mask & hole).sum() > 0.95 * hole.sum() and (mask & ~hole).sum() == 0
    torch.testing.assert_close(closed[mask], floor[mask], rtol=0.01, atol=0)


def test_openings__a_room_and_what_stands_in_it_hide_nothing() -> None:
    depth = room()
    assert not through(depth)[0].any()
    box = (U > 40) & (U < 60) & (V > 25) & (V < 45)
    assert not through(torch.where(box, torch.full_like(depth, 1.5), depth))[0].any()


def test_openings__what_is_seen_beside_a_wardrobe_is_not_seen_through_it() -> None:
    wardrobe = torch.where(U < 40, 2.0, 3.0)
    assert not through(wardrobe)[0].any()


def test_openings__does_not_depend_on_the_unit_and_takes_each_image_for_itself() -> None:
    hole = (U > 50) & (U < 75) & (V > 10) & (V < 30)
    depth = torch.where(hole, torch.full_like(U, 5.0), room())
    both = torch.stack([depth, room() * 7])
    mask, closed = seen_through(both, K.expand(2, 3, 3))
    assert mask[0].any() and not mask[1].any()
    scaled, closed_scaled = through(depth * 10)
    torch.testing.assert_close(scaled, mask[0])
    torch.testing.assert_close(closed_scaled, closed[0] * 10, rtol=1e-4, atol=0)


def test_openings__is_deaf_to_noise_of_a_percent() -> None:
    hole = (U > 50) & (U < 75) & (V > 10) & (V < 30)
    noise = 1 + 0.01 * torch.randn(1, 1, 8, 12, generator=torch.Generator().manual_seed(0))
    noise = torch.nn.functional.interpolate(noise, size=(H, W), mode="bicubic")[0, 0]
    mask, _ = through(torch.where(hole, torch.full_like(U, 5.0), room()) * noise)
    assert (mask & hole).sum() > 0.9 * hole.sum() and (mask & ~hole).sum() < 20


def test_openings__the_plane_around_a_pixel_is_exact_on_a_plane() -> None:
    m = torch.tensor([0.1, -0.2, 0.3])
    found = local_planes((RAYS @ m)[None], K)[0]
    torch.testing.assert_close(found[4:-4, 4:-4], m.expand(H - 8, W - 8, 3), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_openings__directions_are_counted_as_a_walk_counts_them(seed: int) -> None:
    surface = torch.rand(2, 9, 13, generator=torch.Generator().manual_seed(seed)) < 0.06
    expected = torch.zeros(surface.shape, dtype=torch.int64)
    for b, y, x in torch.cartesian_prod(*(torch.arange(n) for n in surface.shape)).tolist():
        for dy, dx in ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)):
            r, c = y, x
            while 0 <= r < 9 and 0 <= c < 13:
                if surface[b, r, c]:
                    expected[b, y, x] += 1
                    break
                r, c = r + dy, c + dx
    torch.testing.assert_close(surrounded(surface), expected)
