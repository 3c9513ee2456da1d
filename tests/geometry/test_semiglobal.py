"""Paths through costs: what a walk by hand finds, what smoothness fills in, and where it may jump."""

import numpy as np
import pytest

from leadline.geometry.semiglobal import EDGE, semi_global

GREY = np.full((12, 16, 3), 0.5)


def plain(cost: np.ndarray, image: np.ndarray, step: float, jump: float) -> np.ndarray:
    """The sum over eight directions, pixel by pixel, as the paper writes it."""
    height, width, num = cost.shape
    total = np.zeros_like(cost)
    for dy, dx in [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)]:
        summed = np.zeros_like(cost)
        for y in range(height)[:: 1 if dy >= 0 else -1]:
            for x in range(width)[:: 1 if dx >= 0 else -1]:
                summed[y, x] = cost[y, x]
                if not (0 <= y - dy < height and 0 <= x - dx < width):
                    continue
                before = summed[y - dy, x - dx]
                dear = jump / (1 + EDGE * np.abs(image[y, x] - image[y - dy, x - dx]).mean())
                for d in range(num):
                    near = [before[d], before.min() + dear]
                    near += [before[e] + step for e in (d - 1, d + 1) if 0 <= e < num]
                    summed[y, x, d] += min(near) - before.min()
        total += summed
    return total


@pytest.mark.parametrize("seed", range(3))
def test_semi_global__sums_as_the_paper_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cost, image = rng.random((7, 9, 5)), rng.random((7, 9, 3))
    found = semi_global(cost, image, step=0.1, jump=0.6)
    assert (np.abs(found - plain(cost, image, 0.1, 0.6).argmin(axis=2)) <= 0.5).all()


def test_semi_global__without_penalties_each_pixel_decides_alone() -> None:
    cost = np.random.default_rng(1).random((12, 16, 6))
    assert (np.abs(semi_global(cost, GREY, step=0.0, jump=0.0) - cost.argmin(axis=2)) <= 0.5).all()


def test_semi_global__fills_what_says_nothing_from_its_border() -> None:
    cost = np.full((12, 16, 8), 1.0)
    cost[..., 5] = 0.2
    cost[4:8, 5:10] = 0.7
    np.testing.assert_allclose(semi_global(cost, GREY, step=0.05, jump=0.3), 5, atol=0.01)


def test_semi_global__jumps_where_the_costs_say_so() -> None:
    cost = np.full((12, 16, 8), 1.0)
    cost[:, :8, 1] = cost[:, 8:, 6] = 0.0
    found = semi_global(cost, GREY, step=0.1, jump=0.5)
    assert np.allclose(found[:, :8], 1, atol=0.2) and np.allclose(found[:, 8:], 6, atol=0.2)


def test_semi_global__finds_planes_between_planes() -> None:
    cost = np.broadcast_to(np.square(np.arange(8) - 3.3), (12, 16, 8)).copy()
    np.testing.assert_allclose(semi_global(cost, GREY, step=0.0, jump=0.0), 3.3, atol=0.01)
