"""Metres as relative inverse depth, for mixtures with data sets that have no metres."""

from pathlib import Path

import numpy as np

from leadline.data.catalog import open_dataset
from leadline.data.inverse import WithInverseDepth
from tests.fixtures.tiny_data import write_rendered


def test_inverse__is_one_over_depth_and_nothing_where_unknown(tmp_path: Path) -> None:
    write_rendered(tmp_path / "rooms", frames=1)
    plain = open_dataset(f"rendered:{tmp_path / 'rooms'}")
    inverse = WithInverseDepth(plain)
    record = plain.records[0]
    depth = plain.view(record, record.cameras[0], frozenset({"depth"})).depth
    view = inverse.view(record, record.cameras[0], frozenset({"inverse_depth"}))
    assert view.depth is None and view.inverse_depth is not None and depth is not None
    known = depth > 0
    np.testing.assert_allclose(view.inverse_depth[known] * depth[known], 1, rtol=1e-6)
    assert view.inverse_depth.dtype == np.float32 and not view.inverse_depth[~known].any()
    assert inverse.layers == plain.layers | {"inverse_depth"} and inverse.records == plain.records
    assert inverse.view(record, record.cameras[0], frozenset({"depth"})).inverse_depth is None
