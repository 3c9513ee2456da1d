"""Score a predictor on a data set, or depth files against depth files, under named protocols. One image at a time."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from leadline.data.dataset import Dataset, Record, View
from leadline.evaluation.bootstrap import Bootstrap
from leadline.evaluation.crops import crop_window
from leadline.evaluation.inputs import ViewPredictor, cropped, predicted, thinned
from leadline.evaluation.pairing import masks_beside, pair_files
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.protocols import check_kind, find_protocol
from leadline.evaluation.regions import REFLECTIONS, checked_layer, classes_of, layers_of, region_layers
from leadline.evaluation.result import Evaluation
from leadline.evaluation.score import Item
from leadline.evaluation.surround import SurroundWatch
from leadline.evaluation.tally import Place, Tally
from leadline.evaluation.temporal import TemporalWatch
from leadline.geometry.camera import crop_K, scale_K
from leadline.io.depth import DepthFile, read_depth
from leadline.io.image import read_labels
from leadline.prediction import Prediction, Predictor
from leadline.types import DepthKind, KindError, UserError

__all__ = ["ViewPredictor", "evaluate_files", "evaluate_many", "evaluate_model"]

Progress = Callable[[int], None]
OnError = Callable[[Protocol, UserError], None]


def evaluate_model(
    predictor: Predictor | ViewPredictor,
    dataset: Dataset,
    protocol: Protocol | str,
    *,
    regions: Collection[str] = (),
    limit: int | None = None,
    partial: bool = False,
    batch_size: int = 1,
    bootstrap: Bootstrap | None = None,
    surround: bool = False,
    temporal: bool = False,
    on_corrupt: Literal["raise", "skip"] = "raise",
    progress: Progress | None = None,
) -> Evaluation:
    """Predict and score every image of `dataset`, streaming; the numbers do not depend on `batch_size`.

    `regions` are "camera", names of mask layers such as "material", and "reflections" (see reflections.py). `limit` scores the
    first images only; `partial` permits a set that is smaller than the protocol's. `bootstrap` adds confidence intervals,
    `surround` what cameras of a rig say about each other, `temporal` how much depth flickers. `on_corrupt` says what a missing or
    broken file does: "raise" its UserError, or "skip" its image, which the result names and counts. `progress` is called with
    the number of images just finished.
    Raises KindError for a protocol that the predictor's kind does not allow, and UserError for missing layers, a wrong number
    of images, an image without valid pixels or a prediction without an answer.
    """
    return evaluate_many(
        predictor,
        dataset,
        [protocol],
        regions=regions,
        limit=limit,
        partial=partial,
        batch_size=batch_size,
        bootstrap=bootstrap,
        surround=surround,
        temporal=temporal,
        on_corrupt=on_corrupt,
        progress=progress,
    )[0]


def evaluate_many(
    predictor: Predictor | ViewPredictor,
    dataset: Dataset,
    protocols: Sequence[Protocol | str],
    *,
    regions: Collection[str] = (),
    limit: int | None = None,
    partial: bool = False,
    batch_size: int = 1,
    bootstrap: Bootstrap | None = None,
    surround: bool = False,
    temporal: bool = False,
    on_corrupt: Literal["raise", "skip"] = "raise",
    progress: Progress | None = None,
    on_error: OnError | None = None,
) -> list[Evaluation]:
    """Like `evaluate_model` under several protocols at once: predictions that they share are made once.

    A protocol that cannot score these predictions raises its UserError; with `on_error` it is handed over and the others go on.
    Raises UserError when none is left.
    """
    if REFLECTIONS in regions and REFLECTIONS not in dataset.layers:
        from leadline.evaluation.reflections import WithReflections  # whose plane sweep needs torch

        dataset = WithReflections(dataset)
    views = [(record, camera) for record in dataset.records for camera in record.cameras][:limit]
    running: list[_Running] = []
    unreadable: list[str] = []
    for named in protocols:
        protocol = find_protocol(named) if isinstance(named, str) else named
        with _handing_over(protocol, on_error):
            check_kind(protocol, predictor.kind, subject=predictor.name)
            note = _counted(protocol, dataset, limit=limit, partial=partial)
            layers = _layers(dataset, protocol, regions, surround=surround, temporal=temporal)
            watches = SurroundWatch() if surround else None, TemporalWatch() if temporal else None
            tally = Tally(protocol, "camera" in regions, bootstrap, *watches)
            running.append(_Running(tally, layers, note))
    for start in range(0, len(views), batch_size):
        if not running:
            break
        layers = frozenset[str]().union(*(r.layers for r in running))
        chosen = views[start : start + batch_size]
        batch = list(_read(dataset, chosen, layers, None if on_corrupt == "raise" else unreadable))
        failed = [r for group in _by_input(running) for r in _feed(group, predictor, batch, regions, on_error)]
        running = [r for r in running if r not in failed]
        if progress is not None:
            progress(len(chosen))
    if views and len(unreadable) == len(views):
        raise UserError(dataset.name, f"none of its {len(views)} images can be read, the first: {unreadable[0]}", "repair the data set")
    lost = f"{len(unreadable)} of {len(views)} images could not be read and were left out" if unreadable else None
    results = []
    for r in running:
        with _handing_over(r.tally.protocol, on_error):
            done = r.tally.finish()
            notes = (*(note for note in (r.note, lost) if note), *done.notes)
            results.append(replace(done, predictor=predictor.name, data=dataset.name, notes=notes, unreadable=tuple(unreadable)))
    if not results:
        raise UserError("evaluate", "no protocol could score these predictions", "choose one that fits them: see leadline protocols")
    return results


def evaluate_files(
    pred: str | Path,
    target: str | Path,
    protocol: Protocol | str,
    *,
    pred_kind: DepthKind | None = None,
    pred_scale: float | None = None,
    target_scale: float | None = None,
    masks: Mapping[str, str | Path] | None = None,
    limit: int | None = None,
    partial: bool = False,
    bootstrap: Bootstrap | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Score depth files against depth files: two files, or two folders (or globs) whose files are matched by name without ending.

    `pred_kind`, `pred_scale` and `target_scale` [stored units per metre] are for files that do not say it themselves. `masks` are
    layers by name, each a file or a folder of label images named like the targets; their classes are scored by themselves. Raises
    like `evaluate_model`, and UserError that lists targets without a prediction unless `partial`.
    """
    protocol = find_protocol(protocol) if isinstance(protocol, str) else protocol
    _check_files_suffice(protocol)
    pairs = pair_files(Path(pred), Path(target), partial=partial)
    chosen = pairs.matched[:limit]
    found = {name: masks_beside(Path(path), Path(target), [t for _, t in chosen]) for name, path in (masks or {}).items()}
    partly = _checked_count(protocol, len(chosen), len(pairs.matched), subject=str(target), partial=partial, what="images")
    tally = Tally(protocol, bootstrap=bootstrap)
    for i, (pred_path, target_path) in enumerate(chosen):
        read = read_depth(pred_path, scale=pred_scale, kind=pred_kind), read_depth(target_path, scale=target_scale)
        layers = {name: checked_layer(read_labels(paths[i]), name=name, subject=str(paths[i])) for name, paths in found.items()}
        tally.add(_file_item(pred_path, target_path, *read, layers, protocol))
        if progress is not None:
            progress(1)
    result = tally.finish()
    notes = [*((partly,) if partly else ()), *pairs.notes, *result.notes]
    if protocol.tta != "none":
        result.description["flip"] += "; files are scored as they are, so it must have been done when they were written"
    if protocol.extra_mask != "none":
        notes.append("files carry no self-occlusion mask: what it hides must be unknown in the targets already")
    if protocol.class_layer and protocol.class_layer not in found:
        notes.append(f"without classes: give --mask {protocol.class_layer}=FOLDER")
    return replace(result, predictor=str(pred), data=str(target), notes=tuple(notes))


@dataclass(eq=False)
class _Running:
    """One protocol at work: what it reads of a view, and what must be said about the number of images."""

    tally: Tally
    layers: frozenset[str]
    note: str | None


@contextmanager
def _handing_over(protocol: Protocol, on_error: OnError | None) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        if on_error is None:
            raise
        on_error(protocol, error)


def _read(
    dataset: Dataset, chosen: Sequence[tuple[Record, str]], layers: frozenset[str], unreadable: list[str] | None
) -> Iterator[tuple[Record, View]]:
    """The views that can be read; a line for each that cannot goes to `unreadable`, or its UserError is raised."""
    for record, camera in chosen:
        try:
            yield record, dataset.view(record, camera, layers)
        except UserError as error:
            if unreadable is None:
                raise
            unreadable.append(str(error))


def _feed(
    group: Sequence[_Running],
    predictor: Predictor | ViewPredictor,
    batch: Sequence[tuple[Record, View]],
    regions: Collection[str],
    on_error: OnError | None,
) -> list[_Running]:
    """Predict a batch as the group's protocols want it and hand it to each of them. Returns those that failed."""
    protocol, failed = group[0].tally.protocol, list[_Running]()

    def hand_over(p: Protocol, error: UserError) -> None:
        assert on_error is not None
        failed.extend(r for r in group if r.tally.protocol is p)
        on_error(p, error)

    wanted = [(record, view) for record, view in batch if any(_scores(r.tally.protocol, view.camera.name) for r in group)]
    if not wanted:
        return []
    try:
        views = [cropped(view, protocol) for _, view in wanted]
    except UserError as error:
        if on_error is None:
            raise
        for r in group:
            hand_over(r.tally.protocol, error)
        return failed
    predictions = predicted(predictor, views, protocol)
    for (record, _), view, prediction in zip(wanted, views, predictions, strict=True):
        for r in group:
            if r in failed or not _scores(r.tally.protocol, view.camera.name):
                continue
            with _handing_over(r.tally.protocol, None if on_error is None else hand_over):
                truth = thinned(view, r.tally.protocol)
                r.tally.add(_view_item(record, truth, prediction, regions, r.tally.protocol), Place(record, view))
    return failed


def _by_input(running: Sequence[_Running]) -> list[list[_Running]]:
    groups: dict[tuple[object, ...], list[_Running]] = {}
    for r in running:
        groups.setdefault(r.tally.protocol.input_key, []).append(r)
    return list(groups.values())


def _scores(protocol: Protocol, camera: str) -> bool:
    return not protocol.cameras or camera in protocol.cameras


def _layers(dataset: Dataset, protocol: Protocol, regions: Collection[str], *, surround: bool, temporal: bool) -> frozenset[str]:
    """What to read of each view. Raises UserError when the data set cannot give it."""
    wanted = {"depth"} | region_layers(regions, protocol) | protocol.map_layers
    if protocol.extra_mask == "required":
        wanted.add("usable")
    for layer in sorted(wanted - dataset.layers):
        raise UserError(
            dataset.name, f"has no {layer}", f"it gives {', '.join(sorted(dataset.layers)) or 'images only'}; choose another data set"
        )
    if surround and "cam_from_rig" not in dataset.layers:
        raise UserError("--surround", f"{dataset.name} has no rig: its cameras have no places", "choose a data set of a rig")
    optional = {"usable"} if surround or protocol.extra_mask != "none" else set[str]()
    if surround or temporal:
        optional.add("cam_from_world")
    return frozenset(wanted | (optional & dataset.layers))


def _counted(protocol: Protocol, dataset: Dataset, *, limit: int | None, partial: bool) -> str | None:
    """The note of `_checked_count` for a data set. Raises UserError where it holds no image the protocol scores."""
    found = [(record, camera) for record in dataset.records for camera in record.cameras]
    if not found:
        raise UserError(dataset.name, "holds no image", "check the folder and the split")
    chosen = [pair for pair in found[:limit] if _scores(protocol, pair[1])]
    if not chosen:
        cameras = ", ".join(dict.fromkeys(camera for _, camera in found))
        raise UserError(dataset.name, f"has no camera {', '.join(protocol.cameras)} in what is scored", f"its cameras are {cameras}")
    if len(found[:limit]) < len(found):
        return f"partial: the first {len(found[:limit])} of {len(found)} images"
    num = len(dataset.records) if protocol.counts == "moments" else len(chosen)
    return _checked_count(protocol, num, num, subject=dataset.name, partial=partial, what=protocol.counts)


def _checked_count(protocol: Protocol, chosen: int, found: int, *, subject: str, partial: bool, what: str) -> str | None:
    """A note when a part of the images is scored; UserError when there are others than the protocol's and nobody said so."""
    if chosen < found:
        return f"partial: the first {chosen} of {found} {what}"
    expected = protocol.num_images
    if expected is None or found == expected:
        return None
    if not partial:
        raise UserError(
            subject,
            f"gives {found} {what}, and '{protocol.name}' is defined on {expected} ({protocol.split})",
            "give that split, or say --partial: the result is then marked as not comparable with published numbers",
        )
    return f"partial: {found} of {expected} {what}, not comparable with published numbers"


def _check_files_suffice(protocol: Protocol) -> None:
    if protocol.scores == "pairs":
        raise UserError("--pred", f"'{protocol.name}' compares pairs of points, which are no files", "use --model and --data")
    if protocol.refuses:
        raise UserError(f"'{protocol.name}'", protocol.refuses, "choose another protocol")
    if protocol.align_scope in ("rig", "camera", "camera_batch"):
        does = f"aligns per {protocol.align_scope.replace('_', ' ')}"
    elif protocol.reduce.startswith("camera"):
        does = "averages cameras"
    else:
        return
    raise UserError("--pred", f"files do not say which camera they are from, and '{protocol}' {does}", "use --model and --data")


def _view_item(record: Record, view: View, prediction: Prediction, regions: Collection[str], protocol: Protocol) -> Item:
    assert view.depth is not None
    layers = layers_of(view, region_layers(regions, protocol))
    return Item(
        name=str(view.path),
        values=prediction.values,
        answered=prediction.usable,
        kind=prediction.kind,
        target=view.depth,
        camera=view.camera.name,
        usable=view.usable,
        classes=classes_of(layers, regions, protocol, subject=str(view.path)),
        notes=prediction.notes,
        K=view.camera.K,
        sequence=record.sequence,
        instance=view.instance,
    )


def _file_item(
    pred_path: Path, target_path: Path, pred: DepthFile, target: DepthFile, layers: dict[str, np.ndarray], protocol: Protocol
) -> Item:
    if target.kind is not DepthKind.METRIC:
        raise KindError(target_path, f"{target.kind.value} values are no ground truth in metres", "give targets in metres")
    height, width = target.values.shape
    for name, layer in layers.items():
        if layer.shape != (height, width):
            raise UserError(
                target_path, f"is {height}x{width}, its mask '{name}' {layer.shape[0]}x{layer.shape[1]}", "give masks of the target's size"
            )
    truth, K = np.where(target.usable, target.values, np.float32(0)), target.K
    if protocol.target_every > 1:
        every = protocol.target_every
        kept = slice(0, height // every * every, every), slice(0, width // every * every, every)
        truth, layers = truth[kept], {name: layer[kept] for name, layer in layers.items()}
        K = None if K is None else scale_K(K, sx=1 / every, sy=1 / every)
    if protocol.input_crop is not None:
        window = crop_window(protocol.input_crop, height=height, width=width)
        truth, layers = truth[window.slices], {name: layer[window.slices] for name, layer in layers.items()}
        if K is not None:
            K = crop_K(K, top=window.top, left=window.left)
    return Item(
        name=str(pred_path),
        values=pred.values,
        answered=pred.usable,
        kind=pred.kind,
        target=truth,
        classes=classes_of(layers, tuple(layers), protocol, subject=str(pred_path)),
        target_name=str(target_path),
        K=K,
    )
