"""What counts as the same answer: bounds, shapes, missing numbers, and what a difference costs in metrics."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from leadline.export.cost import read_truth
from leadline.export.parity import Compared, Parity, _compared, compare, relative_error, trials
from leadline.export.plan import Plan
from leadline.export.report import table
from leadline.io.exported import Exported
from leadline.types import DepthKind

Arrays = Mapping[str, np.ndarray]


def _about(**options: Any) -> Exported:
    return Exported(**({"model": "m", "kind": DepthKind.METRIC, "height": 32, "width": 48} | options))


def _eager(inputs: Arrays) -> dict[str, np.ndarray]:
    """Brighter is farther, and rows know where they are."""
    image = inputs["image"].mean(axis=1)
    return {"values": (2 + 6 * image + np.linspace(3, 0, image.shape[1])[:, None]).astype(np.float32)}


def _parity(about: Exported, change: Any, plan: Plan | None = None) -> Parity:
    plan = plan or Plan()
    return compare(
        about, read_truth(about, plan), eager=_eager, exported=lambda inputs: {"values": change(_eager(inputs)["values"])}, plan=plan
    )


@pytest.mark.parametrize(
    ("precision", "factor", "words"),
    [
        ("fp32", 1.0005, None),
        ("fp32", 1.002, "differs from the model by 0.002"),
        ("bf16", 1.008, None),
        ("fp16", 1.02, r"by 0\.02 on the average"),
        ("int8", 1.001, None),
        ("int8", 1.05, r"abs_rel \d+\.\d% worse"),
        ("int8", 1.3, r"by 0\.3 on the average"),
    ],
)
def test_compare__bound_of_the_precision(precision: Any, factor: float, words: str | None) -> None:
    parity = _parity(_about(precision=precision), lambda values: values * np.float32(factor))
    if words is None:
        assert parity.exceeded is None
    else:
        assert parity.exceeded is not None
        assert re.search(words, parity.exceeded)


def test_mean__of_the_photographs_together_and_of_every_shape_by_itself() -> None:
    shape, photographs = Compared("rendered room 0", "values", (1, 32, 48), 0.02, 0.004), (0.012, 0.002)
    shown = tuple(Compared(f"{mean}.jpg", "values", (1, 32, 48), 0.05, mean, photograph=True) for mean in photographs)
    assert Parity(_about(precision="bf16"), "onnx", (shape, *shown), None).exceeded is None
    assert Parity(_about(precision="bf16"), "onnx", (shape, *shown), None).mean == pytest.approx(0.007)
    assert Parity(_about(precision="bf16"), "onnx", (replace(shape, mean=0.012), *shown), None).exceeded is not None
    beyond = Parity(_about(precision="int8"), "onnx", (replace(shape, mean=0.5), *shown), None)
    assert beyond.mean == pytest.approx(0.007), "nobody calibrates on what is rendered for shapes"
    opened = replace(beyond, about=_about(precision="int8", dynamic=("size",)))
    assert opened.exceeded is not None, "every size that is promised answers"


def test_compared__of_yes_and_no_the_share_that_differs() -> None:
    yes = np.ones((1, 4, 4), dtype=bool)
    found = yes.copy()
    found[0, 0] = False
    (one,) = _compared("room", _about(), {"valid": yes}, {"valid": found})
    assert (one.largest, one.mean) == (0.25, 0.25)
    assert Parity(_about(), "onnx", (one,), None).exceeded is not None


def test_compare__one_wrong_pixel_breaks_fp32() -> None:
    def spoil(values: np.ndarray) -> np.ndarray:
        values[0, 3, 5] *= 1.5
        return values

    assert _parity(_about(), spoil).largest == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize("change", [lambda v: v[:, :-1], lambda v: np.full_like(v, np.nan)])
def test_compare__other_shape_or_no_numbers(change: Any) -> None:
    parity = _parity(_about(precision="int8"), change)
    assert parity.exceeded is not None and "unlike the model" in parity.exceeded
    assert parity.cost is None


def test_compare__frozen_size_is_seen() -> None:
    parity = _parity(_about(dynamic=("size",), size_multiple=16), lambda values: np.broadcast_to(values[:, :32, :48], (1, 32, 48)))
    assert parity.exceeded is not None


def test_relative_error__affine_values_near_zero_are_no_catastrophe() -> None:
    reference, answer = np.array([0.0, 1.0, 10.0]), np.array([0.001, 1.0, 10.1])
    error = relative_error(reference, answer, DepthKind.AFFINE_INVARIANT_INVERSE)
    np.testing.assert_allclose(error, [0.002, 0, 0.01])
    assert relative_error(reference, answer, DepthKind.METRIC)[0] > 1
    assert np.isinf(relative_error(np.array([1.0, np.nan]), np.array([np.nan, np.nan]), DepthKind.METRIC)).tolist() == [True, False]


def test_trials__three_of_everything_open() -> None:
    about = _about(dynamic=("batch", "size", "views"), views=6, size_multiple=16)
    asked = trials(about)
    assert len({t.size for t in asked}) == len({t.batch for t in asked}) == len({t.views for t in asked}) == 3
    assert all(side % 16 == 0 for t in asked for side in t.size)
    assert len(trials(_about())) == 1


def test_table__says_what_was_compared() -> None:
    text = table(_parity(_about(precision="bf16"), lambda values: values * np.float32(1.004)))
    assert "mean relative error at most 0.01" in text and "rendered room 0" in text and "abs_rel" in text
    assert all(len(line) < 120 for line in text.splitlines())
