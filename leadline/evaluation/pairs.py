"""Ordinal truth: of two points one is closer. Every pair of every image counts once (some evaluators keep the last of an image only)."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadline.data.dataset import Dataset, PointPair
from leadline.evaluation.explain import as_record, describe
from leadline.evaluation.inputs import ViewPredictor, cropped, predicted
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.resize import sample_map
from leadline.prediction import Prediction, Predictor
from leadline.types import DepthKind, UserError


@dataclass(frozen=True)
class PairScore:
    """Right pairs of all pairs."""

    num_right: int
    num_pairs: int
    num_images: int

    @property
    def accuracy(self) -> float:
        """Share of right pairs."""
        return self.num_right / self.num_pairs


@dataclass(frozen=True)
class PairEvaluation:
    """Pair accuracy of one predictor, over all pairs and by type of scene."""

    protocol: Protocol
    predictor: str
    data: str
    kind: DepthKind
    overall: PairScore
    by_type: dict[str, PairScore]
    notes: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Everything, ready for JSON."""

        def plain(score: PairScore) -> dict[str, float]:
            return {"pair_accuracy": score.accuracy, "num_pairs": score.num_pairs, "num_images": score.num_images}

        return {
            "protocol": as_record(self.protocol),
            "predictor": self.predictor,
            "data": self.data,
            "kind": self.kind.value,
            "num_images": self.overall.num_images,
            "num_pairs": self.overall.num_pairs,
            "metrics": {"pair_accuracy": self.overall.accuracy},
            "regions": {name: plain(score) for name, score in self.by_type.items()},
            "description": describe(self.protocol),
            "notes": list(self.notes),
        }


def right_pairs(prediction: Prediction, pairs: Sequence[PointPair], *, height: int, width: int) -> np.ndarray:
    """Whether each pair (n) of an image of `height` x `width` is ordered as the truth says; a point without an answer is wrong.

    Larger inverse depth is closer, larger depth is farther; equal values are wrong.
    """
    points = np.array([[pair.closer, pair.farther] for pair in pairs], dtype=np.int64).reshape(-1, 2, 2)
    values = np.where(prediction.usable, prediction.values, np.nan)
    near, far = (sample_map(values, points[:, i, 0] * width + points[:, i, 1], height=height, width=width, rule="bilinear") for i in (0, 1))
    return near > far if prediction.kind is DepthKind.AFFINE_INVARIANT_INVERSE else near < far


def evaluate_pairs(
    predictor: Predictor | ViewPredictor,
    dataset: Dataset,
    protocol: Protocol,
    *,
    limit: int | None = None,
    batch_size: int = 1,
    progress: Callable[[int], None] | None = None,
) -> PairEvaluation:
    """Predict every image and ask for every pair. Raises UserError where the data set has no pairs."""
    if "pairs" not in dataset.layers:
        raise UserError(dataset.name, "has no pairs of points", "choose a data set that gives them, such as da2k:FOLDER")
    views = [(record, camera) for record in dataset.records for camera in record.cameras]
    right, total, images = Counter[str](), Counter[str](), Counter[str]()
    for start in range(0, len(views[:limit]), batch_size):
        chosen = views[:limit][start : start + batch_size]
        batch = [cropped(dataset.view(record, camera, frozenset({"pairs"})), protocol) for record, camera in chosen]
        for (record, _), view, prediction in zip(chosen, batch, predicted(predictor, batch, protocol), strict=True):
            pairs = view.pairs or ()
            if pairs:
                answers = right_pairs(prediction, pairs, height=view.image.shape[0], width=view.image.shape[1])
                right[record.sequence] += int(answers.sum())
                total[record.sequence] += answers.size
            images[record.sequence] += 1
        if progress is not None:
            progress(len(batch))
    if not total.total():
        raise UserError(dataset.name, "holds no pair of points", "check the folder and the split")
    return PairEvaluation(
        protocol=protocol,
        predictor=predictor.name,
        data=dataset.name,
        kind=predictor.kind,
        overall=PairScore(right.total(), total.total(), images.total()),
        by_type={kind: PairScore(right[kind], total[kind], images[kind]) for kind in total},
        notes=(f"partial: the first {limit} of {len(views)} images",) if limit is not None and limit < len(views) else (),
    )
