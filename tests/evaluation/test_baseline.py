"""Row and global medians against numpy's on data whose rows differ."""

import numpy as np
import pytest

from leadline.evaluation.baseline import GlobalMedian, RowMedian
from leadline.evaluation.evaluate import evaluate_model
from leadline.types import UserError

# A histogram bin is 0.14 % wide.
BIN = 7.5e-4


def test_row_median__is_numpys_per_camera_and_row(memory) -> None:
    data = memory(frames=7)
    fitted = RowMedian.fit(data)
    for camera in data.cameras:
        rows = np.concatenate([data.depths[frame, camera] for frame in range(7)], axis=1)
        assert fitted.rows[camera] == pytest.approx(np.quantile(rows, 0.5, axis=1, method="inverted_cdf"), rel=BIN)


def test_row_median__knows_rows_and_cameras_apart(memory) -> None:
    data = memory(frames=3)
    for (_, camera), depth in data.depths.items():
        depth[:] = (np.arange(12)[:, None] + 1) * (1 if camera == "front" else 3)
    by_row = evaluate_model(RowMedian.fit(data), data, "raw", regions=["camera"])
    assert by_row.metrics["abs_rel"] < BIN
    assert by_row.regions["camera:back"].metrics["abs_rel"] < BIN
    everywhere = evaluate_model(GlobalMedian.fit(data), data, "raw")
    assert everywhere.metrics["abs_rel"] > 0.4


def test_row_median__rows_without_truth_take_the_nearest(memory) -> None:
    data = memory(frames=2, cameras=("front",))
    for depth in data.depths.values():
        depth[:] = 10.0
        depth[6:] = 20.0
        depth[:3] = 0
    rows = RowMedian.fit(data).rows["front"]
    assert rows[:6] == pytest.approx(np.full(6, 10.0), rel=BIN)
    assert rows[6:] == pytest.approx(np.full(6, 20.0), rel=BIN)


def test_row_median__follows_the_size_of_the_image(memory) -> None:
    data = memory(frames=2, cameras=("front",))
    for depth in data.depths.values():
        depth[:] = np.linspace(2, 24, 12)[:, None]
    values = RowMedian.fit(data).predict(np.zeros((24, 9, 3), dtype=np.uint8)).values
    assert values.shape == (24, 9)
    assert values[1:-1, 0] == pytest.approx(np.linspace(2, 24, 12)[0] + 2.0 * (np.arange(24) * 0.5 - 0.25)[1:-1], rel=2 * BIN)


def test_row_median__refuses_what_it_has_not_seen(memory) -> None:
    fitted = RowMedian.fit(memory(cameras=("front", "back")))
    with pytest.raises(UserError, match="was not told which"):
        fitted.predict(np.zeros((12, 20, 3), dtype=np.uint8))
    with pytest.raises(UserError, match="has seen no camera 'roof'"):
        evaluate_model(fitted, memory(cameras=("roof",)), "raw")
    blind = memory(frames=1)
    for depth in blind.depths.values():
        depth[:] = 0
    with pytest.raises(UserError, match="memory:test front: has no depth anywhere"):
        RowMedian.fit(blind)


def test_global_median__is_numpys(memory) -> None:
    data = memory(frames=5)
    expected = np.quantile(np.stack(list(data.depths.values())), 0.5, method="inverted_cdf")
    fitted = GlobalMedian.fit(data)
    assert fitted.depth_m == pytest.approx(expected, rel=BIN)
    assert (fitted.predict(np.zeros((4, 5, 3), dtype=np.uint8)).depth_m() == np.float32(fitted.depth_m)).all()
