"""Score a predictor on a data set, or depth files against depth files, under a named protocol. One image at a time."""

import typing
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from typing import Literal

import numpy as np

from leadline.data.dataset import Dataset, Record, View
from leadline.evaluation.crops import crop_window
from leadline.evaluation.pairing import pair_files
from leadline.evaluation.protocols import Protocol, check_kind, find_protocol
from leadline.evaluation.result import Evaluation, description_of, reduce_rows, region_of
from leadline.evaluation.score import Item, Pair, Row, prepare, score
from leadline.io.depth import DepthFile, read_depth
from leadline.prediction import Prediction, Predictor
from leadline.types import DepthKind, KindError, Material, UserError

Progress = Callable[[int], None]


@typing.runtime_checkable
class ViewPredictor(typing.Protocol):
    """A predictor that looks at more of a view than image and K: the camera's name, other cameras of the moment."""

    @property
    def name(self) -> str:
        """Who predicts."""
        ...

    @property
    def kind(self) -> DepthKind:
        """What its predictions are."""
        ...

    def predict_views(self, views: Sequence[View]) -> list[Prediction]:
        """One prediction per view."""
        ...


@typing.runtime_checkable
class _BatchPredictor(typing.Protocol):
    def predict_batch(self, images: Sequence[np.ndarray], K: Sequence[np.ndarray | None] | None = None) -> list[Prediction]: ...


def evaluate_model(
    predictor: Predictor | ViewPredictor,
    dataset: Dataset,
    protocol: Protocol | str,
    *,
    regions: Collection[Literal["camera", "material"]] = (),
    limit: int | None = None,
    partial: bool = False,
    batch_size: int = 1,
    progress: Progress | None = None,
) -> Evaluation:
    """Predict and score every image of `dataset`, streaming; the numbers do not depend on `batch_size`.

    `limit` scores the first images only; `partial` permits a set that is smaller than the protocol's. `progress` is called with
    the number of images just finished. Raises KindError for a protocol that the predictor's kind does not allow, and
    UserError for missing layers, a wrong number of images, an image without valid pixels or a prediction without an answer.
    """
    protocol = find_protocol(protocol) if isinstance(protocol, str) else protocol
    check_kind(protocol, predictor.kind, subject=predictor.name)
    layers = _layers(dataset, protocol, regions)
    views = [(record, camera) for record in dataset.records for camera in record.cameras]
    chosen = views[:limit]
    if not chosen:
        raise UserError(dataset.name, "holds no image", "check the folder and the split")
    partly = _checked_count(protocol, len(chosen), len(views), subject=dataset.name, partial=partial)
    stream = _model_items(predictor, dataset, chosen, layers, protocol, batch_size)
    result = _evaluate(stream, protocol, progress, by_camera="camera" in regions)
    notes = (*((partly,) if partly else ()), *result.notes)
    return replace(result, predictor=predictor.name, data=dataset.name, notes=notes)


def evaluate_files(
    pred: str | Path,
    target: str | Path,
    protocol: Protocol | str,
    *,
    pred_kind: DepthKind | None = None,
    pred_scale: float | None = None,
    target_scale: float | None = None,
    limit: int | None = None,
    partial: bool = False,
    progress: Progress | None = None,
) -> Evaluation:
    """Score depth files against depth files: two files, or two folders (or globs) whose files are matched by name without ending.

    `pred_kind`, `pred_scale` and `target_scale` [stored units per metre] are for files that do not say it themselves. Raises
    like `evaluate_model`, and UserError that lists targets without a prediction unless `partial`.
    """
    protocol = find_protocol(protocol) if isinstance(protocol, str) else protocol
    if protocol.align_scope in ("rig", "camera"):
        raise UserError(
            "--pred",
            f"files do not say which camera they are from, and '{protocol}' aligns per {protocol.align_scope}",
            "use --model and --data",
        )
    pairs = pair_files(Path(pred), Path(target), partial=partial)
    chosen = pairs.matched[:limit]
    partly = _checked_count(protocol, len(chosen), len(pairs.matched), subject=str(target), partial=partial)

    def items() -> Iterator[tuple[Hashable, Item]]:
        for pred_path, target_path in chosen:
            read = read_depth(pred_path, scale=pred_scale, kind=pred_kind), read_depth(target_path, scale=target_scale)
            yield str(pred_path), _file_item(pred_path, target_path, *read, protocol)

    result = _evaluate(items(), protocol, progress, by_camera=False)
    if protocol.tta != "none":
        result.description["flip"] += "; files are scored as they are, so it must have been done when they were written"
    return replace(result, predictor=str(pred), data=str(target), notes=(*((partly,) if partly else ()), *pairs.notes, *result.notes))


def _layers(dataset: Dataset, protocol: Protocol, regions: Collection[str]) -> frozenset[str]:
    """What to read of each view. Raises UserError when the data set cannot give it."""
    wanted = {"depth"} | ({"material"} if "material" in regions else set())
    for layer in sorted(wanted - dataset.layers):
        raise UserError(
            dataset.name, f"has no {layer}", f"it gives {', '.join(sorted(dataset.layers)) or 'images only'}; choose another data set"
        )
    return frozenset(wanted | ({"usable"} & dataset.layers if protocol.extra_mask == "usable" else set()))


def _checked_count(protocol: Protocol, chosen: int, found: int, *, subject: str, partial: bool) -> str | None:
    """A note when a part of the images is scored; UserError when there are others than the protocol's and nobody said so."""
    if chosen < found:
        return f"partial: the first {chosen} of {found} images"
    expected = protocol.num_images
    if expected is None or found == expected:
        return None
    if not partial:
        raise UserError(
            subject,
            f"gives {found} images, and '{protocol.name}' is defined on {expected} ({protocol.split})",
            "give that split, or say --partial: the result is then marked as not comparable with published numbers",
        )
    return f"partial: {found} of {expected} images, not comparable with published numbers"


def _model_items(
    predictor: Predictor | ViewPredictor,
    dataset: Dataset,
    chosen: Sequence[tuple[Record, str]],
    layers: frozenset[str],
    protocol: Protocol,
    batch_size: int,
) -> Iterator[tuple[Hashable, Item]]:
    """Items in order, each with the key of the group that shares its alignment."""
    for start in range(0, len(chosen), batch_size):
        batch = chosen[start : start + batch_size]
        views = [_cropped(dataset.view(record, camera, layers), protocol) for record, camera in batch]
        predictions = _predict(predictor, views)
        if protocol.tta == "flip_mean":
            mirrored = _predict(predictor, [_mirrored(view) for view in views])
            predictions = [_flip_mean(a, b) for a, b in zip(predictions, mirrored, strict=True)]
        for (record, camera), view, prediction in zip(batch, views, predictions, strict=True):
            keys: dict[str, Hashable] = {"image": (record, camera), "rig": record, "camera": camera, "dataset": ""}
            yield keys[protocol.align_scope], _view_item(view, prediction)


def _predict(predictor: Predictor | ViewPredictor, views: Sequence[View]) -> list[Prediction]:
    if isinstance(predictor, ViewPredictor):
        return predictor.predict_views(views)
    if isinstance(predictor, _BatchPredictor) and len(views) > 1:
        return predictor.predict_batch([view.image for view in views], [view.camera.K for view in views])
    return [predictor.predict(view.image, view.camera.K) for view in views]


def _view_item(view: View, prediction: Prediction) -> Item:
    assert view.depth is not None
    classes = {}
    if view.material is not None:
        classes = {f"material:{m.name.lower()}": view.material == m for m in Material}
    return Item(
        name=str(view.path),
        values=prediction.values,
        answered=prediction.usable,
        kind=prediction.kind,
        target=view.depth,
        camera=view.camera.name,
        usable=view.usable,
        classes=classes,
        notes=prediction.notes,
    )


def _file_item(pred_path: Path, target_path: Path, pred: DepthFile, target: DepthFile, protocol: Protocol) -> Item:
    if target.kind is not DepthKind.METRIC:
        raise KindError(target_path, f"{target.kind.value} values are no ground truth in metres", "give targets in metres")
    height, width = target.values.shape
    window = None if protocol.input_crop is None else crop_window(protocol.input_crop, height=height, width=width)
    truth = np.where(target.usable, target.values, np.float32(0))
    return Item(
        name=str(pred_path),
        values=pred.values,
        answered=pred.usable,
        kind=pred.kind,
        target=truth if window is None else truth[window.slices],
        target_name=str(target_path),
    )


def _cropped(view: View, protocol: Protocol) -> View:
    """The view after the protocol's input crop; its camera follows."""
    if protocol.input_crop is None:
        return view
    window = crop_window(protocol.input_crop, height=view.camera.height, width=view.camera.width)
    cut = {name: getattr(view, name)[window.slices] for name in ("image", "depth", "usable", "material") if getattr(view, name) is not None}
    height, width = window.bottom - window.top, window.right - window.left
    return replace(view, camera=view.camera.cropped(top=window.top, left=window.left, height=height, width=width), **cut)


def _mirrored(view: View) -> View:
    return replace(view, image=np.ascontiguousarray(view.image[:, ::-1]), camera=view.camera.flipped())


def _flip_mean(prediction: Prediction, mirrored: Prediction) -> Prediction:
    values = 0.5 * (prediction.values + mirrored.values[:, ::-1])
    return replace(prediction, values=values, valid=prediction.usable & mirrored.usable[:, ::-1])


def _evaluate(items: Iterable[tuple[Hashable, Item]], protocol: Protocol, progress: Progress | None, *, by_camera: bool) -> Evaluation:
    """Group items by alignment, score the groups, and average."""
    rows: list[Row] = []
    skipped: list[str] = []
    parts: dict[str, list[Row]] = {}
    sizes: Counter[tuple[tuple[int, int], tuple[int, int]]] = Counter()
    kinds: dict[DepthKind, str] = {}
    remarks: Counter[str] = Counter()

    def pairs() -> Iterator[tuple[Hashable, Pair]]:
        for key, item in items:
            check_kind(protocol, item.kind, subject=item.name)
            kinds.setdefault(item.kind, item.name)
            if len(kinds) > 1:
                raise UserError(item.name, f"is {item.kind.value}, earlier predictions are not", "score one kind at a time")
            remarks.update(item.notes)
            pair = prepare(item, protocol)
            if pair is None:
                skipped.append(item.name)
            else:
                sizes[pair.size, (pair.valid.shape[0], pair.valid.shape[1])] += 1
                yield key, pair
            if progress is not None:
                progress(1)

    for group in _groups(pairs(), protocol):
        for row, regions in score(group, protocol):
            rows.append(row)
            for name, part in regions.items():
                parts.setdefault(name, []).append(part)
    if not rows:
        raise UserError(
            skipped[0] if skipped else "evaluation", f"all {len(skipped)} images have too few valid pixels", "check the targets"
        )
    if by_camera:
        for row in rows:
            parts.setdefault(f"camera:{row.camera}", []).append(row)
    return Evaluation(
        protocol=protocol,
        predictor="",
        data="",
        kind=next(iter(kinds)),
        num_images=len(rows),
        num_pixels=sum(row.num_pixels for row in rows),
        metrics=reduce_rows(rows, protocol),
        per_image=tuple(rows),
        regions={name: region_of(part, protocol) for name, part in parts.items()},
        description=description_of(protocol, sizes, rows),
        notes=(*_notes(rows, skipped, protocol), *(f"{num} predictions: {remark}" for remark, num in remarks.items())),
        skipped=tuple(skipped),
    )


def _groups(pairs: Iterator[tuple[Hashable, Pair]], protocol: Protocol) -> Iterator[list[Pair]]:
    """Images that share one alignment. Those of an image or a moment follow each other; wider scopes must be held in memory."""
    if protocol.align_scope in ("image", "rig"):
        for _, group in groupby(pairs, key=lambda keyed: keyed[0]):
            yield [pair for _, pair in group]
        return
    held: dict[Hashable, list[Pair]] = {}
    for key, pair in pairs:
        held.setdefault(key, []).append(pair)
    yield from held.values()


def _notes(rows: Sequence[Row], skipped: Sequence[str], protocol: Protocol) -> tuple[str, ...]:
    notes = []
    if skipped:
        notes.append(f"{len(skipped)} images skipped, fewer than {protocol.min_valid} valid pixels: {_some(skipped)}")
    unanswered = sum(row.num_unanswered for row in rows)
    if unanswered:
        images = sum(row.num_unanswered > 0 for row in rows)
        did = "left out" if protocol.unanswered == "exclude" else "set to a limit of the range"
        notes.append(f"{unanswered} pixels of {images} images have no finite prediction and were {did}")
    return tuple(notes)


def _some(names: Sequence[str]) -> str:
    return ", ".join(islice(names, 5)) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
