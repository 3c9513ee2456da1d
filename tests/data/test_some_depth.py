"""Depth of a share of the sequences: which keep it, and that the others are there without."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from leadline.data.dataset import Record, View
from leadline.data.some_depth import WithSomeDepth
from leadline.geometry.camera import Camera


@dataclass
class Ten:
    """Ten sequences of two frames."""

    name: str = "ten"
    layers: frozenset[str] = frozenset({"depth"})

    @property
    def records(self) -> list[Record]:
        return [Record(f"drive {i}", frame, ("cam",)) for i in range(10) for frame in range(2)]

    moments = records

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        image = np.zeros((4, 6, 3), dtype=np.uint8)
        depth = np.full((4, 6), 3.0, dtype=np.float32) if "depth" in layers else None
        return View(image, Camera.from_fov(60.0, width=6, height=4), Path("cam"), depth=depth)


@pytest.mark.parametrize(("share", "count"), [(0.1, 1), (0.3, 3), (0.01, 1), (0.95, 10)])
def test_with_some_depth__keeps_it_for_whole_sequences_spread_evenly(share: float, count: int) -> None:
    some = WithSomeDepth(Ten(), share)
    depths = {(r.sequence, r.frame): some.view(r, "cam", frozenset({"depth"})).depth for r in some.records}
    kept = {sequence for (sequence, _), depth in depths.items() if depth is not None and depth.max() > 0}
    assert len(depths) == 20 and len(kept) == count and kept == some.kept
    assert all((depths[sequence, 0] == depths[sequence, 1]).all() for sequence, _ in depths)
    places = sorted(int(sequence.split()[1]) for sequence in kept)
    assert all(2 <= b - a <= 5 for a, b in pairwise(places)) or count > 5
    assert some.view(some.records[0], "cam", frozenset()).depth is None
