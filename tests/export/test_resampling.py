"""Resizing by matrices equals Pillow's and torch's, whatever the sizes."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from leadline.export.resampling import Kernel, inwards, outwards, placed
from tests.fixtures.tiny_exportable import picture

SIZES = [((90, 140), (64, 96)), ((40, 33), (64, 96)), ((200, 300), (64, 96))]


@pytest.mark.parametrize(("source", "target"), SIZES)
@pytest.mark.parametrize("kernel", ["bilinear", "bicubic"])
def test_inwards__is_pillows_resize(source: tuple[int, int], target: tuple[int, int], kernel: Kernel) -> None:
    image = picture(*source)
    rule = Image.Resampling.BICUBIC if kernel == "bicubic" else Image.Resampling.BILINEAR
    expected = np.asarray(Image.fromarray(image).resize(target[::-1], rule)).astype(np.float32)
    rows, columns = placed(source, target, "stretch")
    down = inwards(rows, source=source[0], target=target[0], kernel=kernel)
    across = inwards(columns, source=source[1], target=target[1], kernel=kernel)
    pixels = torch.from_numpy(image).movedim(-1, 0).float()
    wide = ((pixels @ across.T).clamp(0, 255) + 0.5).floor()
    found = ((down @ wide).clamp(0, 255) + 0.5).floor().movedim(0, -1).numpy()
    assert np.abs(found - expected).max() <= 1  # where a half is rounded
    assert (found != expected).mean() < 1e-2


@pytest.mark.parametrize(("source", "target"), SIZES)
@pytest.mark.parametrize("kernel", ["bilinear", "bicubic"])
def test_outwards__is_torchs_interpolate(source: tuple[int, int], target: tuple[int, int], kernel: Kernel) -> None:
    values = torch.rand(1, 1, *target, generator=torch.Generator().manual_seed(0))
    expected = functional.interpolate(values, size=source, mode=kernel, align_corners=False)
    rows, columns = placed(source, target, "stretch")
    up = outwards(rows, source=source[0], target=target[0], kernel=kernel)
    along = outwards(columns, source=source[1], target=target[1], kernel=kernel)
    torch.testing.assert_close(up @ values @ along.T, expected, rtol=0, atol=2e-5)


def test_letterbox__keeps_the_shape_and_comes_back() -> None:
    source, target = (60, 60), (64, 96)
    ramp = torch.linspace(0, 1, 60).expand(60, 60)
    rows, columns = placed(source, target, "letterbox")
    place = [{"source": s, "target": t, "kernel": "bilinear"} for s, t in zip(source, target, strict=True)]
    inside = inwards(rows, **place[0]) @ ramp @ inwards(columns, **place[1]).T
    assert inside[:, :15].abs().max() == 0 and inside[:, 81:].abs().max() == 0  # 64 of 96 columns are the picture
    assert inside[:, 16:80].std(dim=0).max() < 1e-6
    back = outwards(rows, **place[0]) @ inside @ outwards(columns, **place[1]).T
    torch.testing.assert_close(back[1:-1, 1:-1], ramp[1:-1, 1:-1], rtol=0, atol=2e-3)
