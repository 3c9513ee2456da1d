"""What an exported file costs in metrics: model and file scored on the same pictures with truth, under one named protocol.

Without a data set they are rooms that are rendered here (pictures.py). Pictures go in at the size of the network; truth keeps its own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from leadline.data.catalog import bare_name, open_dataset
from leadline.data.dataset import Dataset, Record
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.protocols import check_kind, find_protocol
from leadline.evaluation.score import Item
from leadline.evaluation.tally import Tally
from leadline.export.pictures import Case, graph_inputs, rendered, resized
from leadline.export.plan import Plan
from leadline.geometry.camera import scale_K
from leadline.io.exported import Exported
from leadline.types import DepthKind, UserError

NUM_ROOMS = 6
"""Rendered rooms, where no data set is given."""
FIRST_ROOM = 100
"""Seed of the first; others serve parity."""
MOST_PICTURES = 96
"""Of a data set, from its beginning."""

PROTOCOLS: Mapping[DepthKind, str] = {
    DepthKind.METRIC: "rendered",
    DepthKind.SCALE_INVARIANT: "median",
    DepthKind.AFFINE_INVARIANT: "affine-depth-marigold",
    DepthKind.AFFINE_INVARIANT_INVERSE: "affine-disp-marigold",
}
"""Where the user names none."""

Run = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
"""Inputs of the graph by name -> its outputs by name."""


@dataclass(frozen=True)
class Cost:
    """Metrics of the model and of the file."""

    data: str
    protocol: str
    num_images: int
    eager: dict[str, float]
    exported: dict[str, float]

    @property
    def change(self) -> float:
        """Of abs_rel, relative to that of the model; negative is better."""
        before = self.eager["abs_rel"]
        return (self.exported["abs_rel"] - before) / max(before, 1e-9)


@dataclass(frozen=True, eq=False)
class Truth:
    """What model and file are scored on."""

    name: str
    protocol: Protocol
    cases: tuple[Case, ...]


def read_truth(about: Exported, plan: Plan) -> Truth:
    """Pictures with depth, as the plan says. Raises UserError for a data set or a protocol that cannot score these values."""
    protocol = find_protocol(plan.protocol or PROTOCOLS[about.kind])
    check_kind(protocol, about.kind, subject=about.model)
    if "abs_rel" not in protocol.metrics or protocol.crop is not None or protocol.tta != "none" or protocol.align_scope != "image":
        wrong = f"'{protocol.name}' crops, flips, pools or has no abs_rel"
        raise UserError(
            "--protocol", wrong, f"use a plain one, such as {PROTOCOLS[about.kind]}; `leadline evaluate` scores exported files too"
        )
    if plan.data is None:
        size = {"height": about.height, "width": about.width}
        rooms = tuple(rendered(FIRST_ROOM + i, views=about.views, **size) for i in range(NUM_ROOMS))
        return Truth("rendered rooms", protocol, rooms)
    cases = tuple(islice(_cases(open_dataset(plan.data), about), max(1, MOST_PICTURES // about.views)))
    if not cases:
        raise UserError(plan.data, "holds no picture that this network could look at", "give another data set")
    return Truth(bare_name(plan.data), protocol, cases)


def measure(truth: Truth, about: Exported, eager: Run, exported: Run, advance: Callable[[int], None]) -> Cost | None:
    """Metrics of both; None where answers cannot be scored, as constants cannot be aligned."""
    answers: list[tuple[np.ndarray, np.ndarray]] = []
    for case in truth.cases:
        inputs = graph_inputs(about, [case])
        answers.append((eager(inputs)["values"], exported(inputs)["values"]))
        advance(1)
    before, after = (scored(about.kind, truth, [pair[side] for pair in answers]) for side in (0, 1))
    if before is None or after is None:
        return None
    return Cost(truth.name, str(truth.protocol), len(truth.cases) * about.views, before, after)


def scored(kind: DepthKind, truth: Truth, values: Sequence[np.ndarray]) -> dict[str, float] | None:
    """Metrics of values (1, h, w) or (1, v, h, w) of the cases, one by one; None where they cannot be scored."""
    tally = Tally(truth.protocol)
    try:
        for case, answer in zip(truth.cases, values, strict=True):
            assert case.depth is not None
            maps = answer.reshape(-1, *answer.shape[-2:])
            for view, (target, found) in enumerate(zip(case.depth, maps, strict=True)):
                name = f"{case.name}, view {view}"
                tally.add(Item(name=name, values=found, answered=np.isfinite(found), kind=kind, target=target, K=case.K[view]))
        return tally.finish().metrics
    except UserError:
        return None


def _cases(dataset: Dataset, about: Exported) -> Iterator[Case]:
    """Pictures of `dataset` at the size of the network, whole rigs for a network that looks at several cameras."""
    if "depth" not in dataset.layers:
        raise UserError(dataset.name, "has no depth", "give a data set with depth")
    for record in dataset.records:
        if about.views == 1:
            for camera in record.cameras:
                yield _case(dataset, record, (camera,), about)
        elif len(record.cameras) == about.views:
            yield _case(dataset, record, record.cameras, about)


def _case(dataset: Dataset, record: Record, cameras: Sequence[str], about: Exported) -> Case:
    views = [dataset.view(record, camera, frozenset({"depth"})) for camera in cameras]
    images = [resized(view.image, about.height, about.width, about.resample) for view in views]
    scales = [{"sx": about.width / view.image.shape[1], "sy": about.height / view.image.shape[0]} for view in views]
    Ks = [scale_K(view.camera.K, **scale) for view, scale in zip(views, scales, strict=True)]
    depths = [view.depth for view in views if view.depth is not None]
    return Case(str(views[0].path), np.stack(images), np.stack(Ks), tuple(depths))
