"""Takes predictions beside their truth one after the other, aligns the groups that share a scale, and ends as an Evaluation.

A tally belongs to one protocol; several may be fed the same predictions, which is how protocols are compared.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from leadline.data.dataset import Record, View
from leadline.evaluation.bootstrap import Bootstrap, intervals
from leadline.evaluation.fit import Fit
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.protocols import check_kind
from leadline.evaluation.reduce import reduce_rows
from leadline.evaluation.result import Evaluation, description_of, region_of
from leadline.evaluation.score import Item, Pair, Row, dense_depth, fit_pairs, prepare, score_one
from leadline.evaluation.surround import Seen, SurroundWatch, log_scale
from leadline.evaluation.temporal import TemporalWatch
from leadline.types import DepthKind, UserError


@dataclass(frozen=True, eq=False)
class Place:
    """Where an item comes from: its moment, and its view for what looks at several images."""

    record: Record | None = None
    view: View | None = None


@dataclass(eq=False)
class _Waiting:
    """A pair whose group is not complete."""

    order: int
    pair: Pair
    place: Place
    batch: int


@dataclass(eq=False)
class Tally:
    """What one protocol has seen so far. `by_camera` adds a region per camera; the watches look at whole moments and at video."""

    protocol: Protocol
    by_camera: bool = False
    bootstrap: Bootstrap | None = None
    surround: SurroundWatch | None = None
    temporal: TemporalWatch | None = None
    rows: list[tuple[int, Row]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    parts: dict[str, list[Row]] = field(default_factory=dict)
    sizes: Counter[tuple[tuple[int, int], tuple[int, int]]] = field(default_factory=Counter)
    kinds: dict[DepthKind, str] = field(default_factory=dict)
    remarks: Counter[str] = field(default_factory=Counter)
    _groups: dict[Hashable, list[_Waiting]] = field(default_factory=dict)
    _num_seen: int = 0
    _per_camera: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Refuse watches that would need every prediction at once."""
        if (self.surround or self.temporal) and self.protocol.align_scope not in ("image", "rig"):
            raise UserError(
                "--surround" if self.surround else "--temporal",
                f"'{self.protocol.name}' knows its scale only after many images ({self.protocol.align_scope})",
                "choose --scale-scope image or rig, or a protocol without alignment",
            )

    def add(self, item: Item, place: Place | None = None) -> None:
        """The next prediction in the order of the data set. Raises UserError naming it where it cannot be scored."""
        place = Place() if place is None else place
        check_kind(self.protocol, item.kind, subject=item.name)
        self.kinds.setdefault(item.kind, item.name)
        if len(self.kinds) > 1:
            raise UserError(item.name, f"is {item.kind.value}, earlier predictions are not", "score one kind at a time")
        self.remarks.update(item.notes)
        order, self._num_seen = self._num_seen, self._num_seen + 1
        batch = self._per_camera[item.camera] // self.protocol.scope_batch
        self._per_camera[item.camera] += 1
        self._close_before(place)
        pair = prepare(item, self.protocol)
        if pair is None:
            self.skipped.append(item.name)
            return
        target_size = item.target.shape[0], item.target.shape[1]
        self.sizes[(item.values.shape[0], item.values.shape[1]), target_size] += 1
        waiting = _Waiting(order, pair, place, batch)
        if self.protocol.align_scope == "image":
            self._close([waiting])
        else:
            self._groups.setdefault(self._key(item, place, batch), []).append(waiting)

    def finish(self) -> Evaluation:
        """The numbers of everything added. Raises UserError when nothing was scored."""
        for key in list(self._groups):
            self._close(self._groups.pop(key))
        if not self.rows:
            raise UserError(
                self.skipped[0] if self.skipped else "evaluation",
                f"all {len(self.skipped)} images have too few valid pixels",
                "check the targets",
            )
        rows = [row for _, row in sorted(self.rows, key=lambda numbered: numbered[0])]
        parts = dict(self.parts)
        if self.by_camera:
            for row in rows:
                parts.setdefault(f"camera:{row.camera}", []).append(row)
        protocol = self.protocol
        return Evaluation(
            protocol=protocol,
            predictor="",
            data="",
            kind=next(iter(self.kinds)),
            num_images=len(rows),
            num_pixels=sum(row.num_pixels for row in rows),
            metrics=reduce_rows(rows, protocol),
            per_image=tuple(rows),
            regions={name: region_of(part, protocol) for name, part in parts.items()},
            description=description_of(protocol, self.sizes, rows),
            notes=(*_notes(rows, self.skipped, protocol), *(f"{num} predictions: {remark}" for remark, num in self.remarks.items())),
            skipped=tuple(self.skipped),
            bootstrap=self.bootstrap,
            intervals={} if self.bootstrap is None else intervals(rows, protocol, self.bootstrap),
            surround=None if self.surround is None else self.surround.result(),
            temporal=None if self.temporal is None else self.temporal.result(),
        )

    def _key(self, item: Item, place: Place, batch: int) -> Hashable:
        match self.protocol.align_scope:
            case "camera_batch":
                return item.camera, batch
            case "camera":
                return item.camera
            case "rig":
                return place.record
            case _:
                return ""

    def _close_before(self, place: Place) -> None:
        """Score groups that can get no further member: those of another moment, and full batches."""
        if self.protocol.align_scope == "rig":
            for key in [key for key in self._groups if key != place.record]:
                self._close(self._groups.pop(key))
        if self.protocol.align_scope == "camera_batch":
            full = [k for k, group in self._groups.items() if group[0].batch < self._per_camera_batch(group[0].pair.camera)]
            for key in full:
                self._close(self._groups.pop(key))

    def _per_camera_batch(self, camera: str) -> int:
        """The batch that the camera's latest image belongs to."""
        return (self._per_camera[camera] - 1) // self.protocol.scope_batch

    def _close(self, group: list[_Waiting]) -> None:
        shared = fit_pairs([waiting.pair for waiting in group], self.protocol)
        for waiting in group:
            row, regions = score_one(waiting.pair, shared, self.protocol)
            self.rows.append((waiting.order, replace(row, batch=waiting.batch)))
            for name, part in regions.items():
                self.parts.setdefault(name, []).append(replace(part, batch=waiting.batch))
            self._watch(waiting, shared)

    def _watch(self, waiting: _Waiting, shared: Fit) -> None:
        record, view = waiting.place.record, waiting.place.view
        if record is None or view is None or (self.surround is None and self.temporal is None):
            return
        pair = waiting.pair
        depth = dense_depth(pair.item, shared, self.protocol)
        if self.surround is not None:
            scale = None if pair.item.kind not in (DepthKind.METRIC, DepthKind.SCALE_INVARIANT) else _log_scale(pair, self.protocol)
            self.surround.see(record, Seen(view, depth, scale))
        if self.temporal is not None:
            self.temporal.see(record, view, depth)


def _log_scale(pair: Pair, protocol: Protocol) -> float | None:
    """Of the prediction as it came: an alignment per image would leave no spread to see."""
    if not protocol.fits_inverse:
        return log_scale(pred=pair.pred, target=pair.target)
    backwards = log_scale(pred=pair.pred, target=1.0 / pair.target)
    return None if backwards is None else -backwards


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
