"""How pictures come into networks: sizes by the rules of training, letterboxes, and a K that still meets the same rays."""

import numpy as np
import pytest

from leadline.geometry.framing import Framing, Sizing, letterboxed, stretched

K = np.array([[300.0, 0, 310], [0, 310, 190], [0, 0, 1]])


@pytest.mark.parametrize(
    "framing", [stretched(64, 96), letterboxed(400, 600, rows=64, columns=200), letterboxed(400, 600, rows=128, columns=96)]
)
def test_framing__K_meets_the_same_rays(framing: Framing) -> None:
    """The point in the middle of the picture and its corner lie where the framing puts them."""
    framed = framing.K(K, height=400, width=600)
    for u, v in ((0, 0), (300, 200), (600, 400)):
        ray = np.linalg.solve(K, [u, v, 1])
        x, y, _ = framed @ ray
        assert x == pytest.approx(framing.left + u / 600 * framing.width)
        assert y == pytest.approx(framing.top + v / 400 * framing.height)


def test_letterboxed__keeps_the_shape_and_lies_in_the_middle() -> None:
    wide = letterboxed(100, 400, rows=64, columns=96)
    assert (wide.height, wide.width, wide.top, wide.left) == (24, 96, 20, 0)
    tall = letterboxed(400, 100, rows=64, columns=96)
    assert (tall.height, tall.width, tall.top, tall.left) == (64, 16, 0, 40)
    assert letterboxed(128, 192, rows=64, columns=96).fills
    assert letterboxed(1000, 33, rows=32, columns=32).width == 1


def test_window__is_the_part_of_the_picture() -> None:
    framing = letterboxed(100, 400, rows=64, columns=96)
    values = np.zeros((64, 96))
    framing.window(values)[:] = 1
    assert values.sum() == 24 * 96 and values[20, 0] == 1 and values[19].sum() == 0


def test_sizing__keeps_the_width_of_training() -> None:
    sizing = Sizing(64, 96, multiple=32)
    assert [sizing.size(*size) for size in ((64, 96), (480, 640), (375, 1242), (200, 100))] == [(64, 96), (64, 96), (64, 96), (192, 96)]
    assert not sizing.shrinks(200, 100)


def test_sizing__within_the_most_pixels() -> None:
    sizing = Sizing(512, 512, multiple=16, max_pixels=512 * 512)
    rows, columns = sizing.size(8000, 800)
    assert sizing.shrinks(8000, 800) and rows * columns <= 512 * 512 and rows % 16 == columns % 16 == 0
    assert not sizing.shrinks(512, 512)


@pytest.mark.parametrize(
    ("height", "width", "expected"), [(480, 640, (518, 686)), (1080, 1920, (518, 924)), (518, 518, (518, 518)), (375, 1242, (518, 1722))]
)
def test_sizing__as_depth_anything_does(height: int, width: int, expected: tuple[int, int]) -> None:
    """Sizes that its image processor gives for NYU, full HD, its own size and KITTI."""
    assert Sizing(518, 518, multiple=14, keeps="nearest").size(height, width) == expected
