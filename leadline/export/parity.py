"""Whether an exported file answers as the model does: every output, at every size that was promised, and what it costs in metrics.

| precision | bound |
|---|---|
| fp32 | largest relative error of depth FP32_LARGEST |
| fp16, bf16 | mean relative error HALF_MEAN, of each shape that is tried and of the photographs together |
| int8 | abs_rel on rendered rooms, or on the user's data set, grows by INT8_METRIC of itself (cost.py); INT8_MEAN, of photographs |

Errors of affine-invariant values are relative to the value or to FLOOR of the largest one, whichever is more: their zero is arbitrary.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean
from typing import Any

import numpy as np

from leadline.export.cost import Cost, Run, Truth, measure
from leadline.export.pictures import Case, clouds, graph_inputs, photographs, rendered
from leadline.export.plan import Plan
from leadline.io.exported import Exported, Precision
from leadline.types import DepthKind

FP32_LARGEST = 1e-3
HALF_MEAN = 1e-2
INT8_METRIC = 0.02
INT8_MEAN = 0.1
"""A file that answers something else altogether may be better by chance."""
FLOOR = 0.05
NUM_PHOTOGRAPHS = 12
BATCHES = (1, 3, 2)
"""Batches that an open batch is tried with."""


@dataclass(frozen=True)
class Trial:
    """One shape that the file is asked: `size` [px] of the input, or of the picture with preparation inside."""

    batch: int
    views: int
    size: tuple[int, int]


@dataclass(frozen=True)
class Compared:
    """One output for one batch of pictures."""

    pictures: str
    output: str
    shape: tuple[int, ...]
    largest: float
    """Relative error; infinite where the shape is another, or one of the two has no finite answer."""
    mean: float
    photograph: bool = False


@dataclass(frozen=True)
class Layer:
    """One quantised layer: the error of what it gives, and how much more that is than of what it gets; both relative."""

    name: str
    error: float
    added: float
    kept: bool = False
    """In floating point."""


@dataclass(frozen=True)
class Parity:
    """The report."""

    about: Exported
    format: str
    compared: tuple[Compared, ...]
    cost: Cost | None
    layers: tuple[Layer, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def largest(self) -> float:
        """Over all outputs and pictures; NaN where nothing could be compared."""
        return max((one.largest for one in self.compared), default=float("nan"))

    @property
    def mean(self) -> float:
        """That of the worst batch, of which all photographs are one. Of int8 without open axes that of the photographs, if there are any:
        what is unlike its calibration lies beyond its ranges."""
        shown = [one for one in self.compared if one.photograph]
        together = [fmean(one.mean for one in shown if one.output == output) for output in {one.output for one in shown}]
        if shown and self.about.precision == "int8" and not self.about.dynamic:
            return max(together)
        return max([*together, *(one.mean for one in self.compared if not one.photograph)], default=float("nan"))

    @property
    def exceeded(self) -> str | None:
        """What is wrong, in words; None within the bound."""
        broken = next((one for one in self.compared if not np.isfinite(one.mean)), None)
        if broken is not None:
            return f"answers {broken.pictures} with {broken.output} of shape {broken.shape}, or without numbers, unlike the model"
        return _exceeded(self.about.precision, self)

    def to_record(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        record = asdict(self) | {"largest": self.largest, "mean": self.mean, "bound": bound_in_words(self.about.precision)}
        if self.cost is not None:
            record["cost"]["change"] = self.cost.change
        return record


def bound_in_words(precision: Precision) -> str:
    """The bound of a precision."""
    match precision:
        case "fp32":
            return f"largest relative error at most {FP32_LARGEST:g}"
        case "int8":
            return f"abs_rel at most {INT8_METRIC:.0%} worse, mean relative error at most {INT8_MEAN:g}"
        case _:
            return f"mean relative error at most {HALF_MEAN:g}"


def _exceeded(precision: Precision, parity: Parity) -> str | None:
    match precision:
        case "fp32" if parity.largest > FP32_LARGEST:
            return f"differs from the model by {parity.largest:.2g} of a value, more than {FP32_LARGEST:g}"
        case "fp16" | "bf16" if parity.mean > HALF_MEAN:
            return f"differs from the model by {parity.mean:.2g} on the average, more than {HALF_MEAN:g}"
        case "int8" if parity.cost is None:
            return "gives no depth that could be scored"
        case "int8" if parity.mean > INT8_MEAN:
            return f"differs from the model by {parity.mean:.2g} on the average, more than {INT8_MEAN:g}"
        case "int8" if parity.cost is not None and parity.cost.change > INT8_METRIC:
            return f"has an abs_rel {parity.cost.change:.1%} worse than the model's, more than {INT8_METRIC:.0%}"
        case _:
            return None


def trials(about: Exported) -> list[Trial]:
    """The shapes to ask: the one that was traced for, and where something is open two others of it."""
    step = about.size_multiple if about.preprocess == "outside" else 17
    height, width = about.height, about.width
    open_size = "size" in about.dynamic
    sizes = [(height, width), (height + 2 * step, width + step), (max(height - step, 2 * step), width + 3 * step)]
    rigs = [about.views, max(about.views - 2, 2), about.views + 1]
    return [
        Trial(
            batch=BATCHES[i] if "batch" in about.dynamic else 1,
            views=rigs[i] if "views" in about.dynamic else about.views,
            size=sizes[i] if open_size else sizes[0],
        )
        for i in range(3 if about.dynamic else 1)
    ]


def compare(
    about: Exported, truth: Truth, *, eager: Run, exported: Run, plan: Plan, advance: Callable[[int], None] = lambda _: None
) -> Parity:
    """Ask model and file the same: every trial on rooms and clouds, the user's photographs, and what metrics are measured on."""
    compared: list[Compared] = []
    for trial in trials(about):
        height, width = trial.size
        for make in (rendered, clouds):
            cases = [make(i, views=trial.views, height=height, width=width) for i in range(trial.batch)]
            inputs = graph_inputs(about, cases, size=trial.size)
            compared += _compared(cases[0].name, about, eager(inputs), exported(inputs))
        advance(2)
    for case in _photographs(about, plan):
        inputs = graph_inputs(about, [case])
        compared += [replace(one, photograph=True) for one in _compared(case.name, about, eager(inputs), exported(inputs))]
    # Where even shapes differ there is nothing to score.
    cost = measure(truth, about, eager, exported, advance) if all(np.isfinite(one.mean) for one in compared) else None
    return Parity(about, plan.format, tuple(compared), cost)


def _photographs(about: Exported, plan: Plan) -> list[Case]:
    if plan.calibration is None:
        return []
    return photographs(plan.calibration, views=about.views, height=about.height, width=about.width, most=NUM_PHOTOGRAPHS)


def _compared(name: str, about: Exported, expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]) -> list[Compared]:
    rows = []
    for output, reference in expected.items():
        answer = found.get(output)
        if answer is None or answer.shape != reference.shape:
            rows.append(Compared(name, output, () if answer is None else answer.shape, np.inf, np.inf))
            continue
        rows.append(Compared(name, output, answer.shape, *_difference(reference, answer, about.kind)))
    return rows


def _difference(reference: np.ndarray, answer: np.ndarray, kind: DepthKind) -> tuple[float, float]:
    """Largest and mean relative error of values. Of yes and no, for both, the share that differs: one pixel at a limit says nothing."""
    if reference.dtype == np.bool_:
        share = float((reference != answer.astype(bool)).mean())
        return share, share
    error = relative_error(reference, answer, kind)
    return float(error.max()), float(error.mean())


def relative_error(reference: np.ndarray, answer: np.ndarray, kind: DepthKind) -> np.ndarray:
    """Of every value; infinite where just one of the two is finite."""
    reference, answer = reference.astype(np.float64), answer.astype(np.float64)
    known = np.isfinite(reference)
    if not known.any():
        return np.where(np.isfinite(answer), np.inf, 0.0)
    size = np.abs(reference)
    if kind in (DepthKind.AFFINE_INVARIANT, DepthKind.AFFINE_INVARIANT_INVERSE):
        size = np.maximum(size, FLOOR * size[known].max())
    with np.errstate(invalid="ignore"):
        error = np.abs(answer - reference) / np.maximum(size, np.finfo(np.float32).tiny)
    return np.where(known & np.isfinite(answer), error, np.where(known == np.isfinite(answer), 0.0, np.inf))
