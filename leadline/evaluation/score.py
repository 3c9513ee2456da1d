"""From one prediction and one target to a row of numbers, as the protocol says: resize, mask, align, clamp, compare."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from leadline.evaluation.boundary import BOUNDARY_METRICS
from leadline.evaluation.crops import crop_window
from leadline.evaluation.metrics import METRICS, Moments, moments
from leadline.evaluation.protocols import Protocol
from leadline.evaluation.resize import resize_map
from leadline.geometry.align import Alignment, align_lstsq, align_median, align_weighted_l1
from leadline.types import DepthKind, UserError


@dataclass(frozen=True, eq=False)
class Item:
    """One prediction beside its truth, as they come. `values` (h, w) are what `kind` says; `answered` is False where there is no answer."""

    name: str
    values: np.ndarray
    answered: np.ndarray
    kind: DepthKind
    target: np.ndarray
    """(height, width) [m], 0 where unknown."""
    camera: str = ""
    usable: np.ndarray | None = None
    classes: dict[str, np.ndarray] = field(default_factory=dict)
    """Boolean maps (height, width) by name, each scored by itself as well."""
    notes: tuple[str, ...] = ()
    """What the predictor said about this prediction."""
    target_name: str = "the target"
    """How an error speaks of the target: its file, where it has one of its own."""


@dataclass(frozen=True, eq=False)
class Pair:
    """An item reduced to its valid pixels: `pred` in the unit that is aligned, `target` [m], both (n,) float64."""

    name: str
    camera: str
    pred: np.ndarray
    target: np.ndarray
    valid: np.ndarray
    """(height, width), where the n pixels are."""
    regions: dict[str, np.ndarray]
    """Boolean (n,) by name."""
    num_unanswered: int
    size: tuple[int, int]
    """(height, width) of the prediction as it came."""


@dataclass(frozen=True)
class Row:
    """The numbers of one image, or of one region of it."""

    name: str
    camera: str
    num_pixels: int
    metrics: dict[str, float]
    scale: float = 1.0
    shift: float = 0.0
    num_unanswered: int = 0
    moments: Moments | None = field(default=None, repr=False, compare=False)


def prepare(item: Item, protocol: Protocol) -> Pair | None:
    """Resize, mask, and keep the valid pixels; None where too few are valid and the protocol skips such images.

    Raises UserError naming the image when too few pixels are valid, or when the prediction has no finite answer at some of them.
    """
    height, width = item.target.shape
    valid = _valid(item, protocol)
    resized = _resized(item, protocol, height=height, width=width)
    pred = resized[valid]
    missing = ~np.isfinite(pred)
    num_missing = int(np.count_nonzero(missing))
    if num_missing and protocol.unanswered == "error":
        raise UserError(
            item.name,
            f"the prediction has no finite, positive answer at {num_missing} of {pred.size} valid pixels",
            f"fill them: '{protocol.name}' scores every valid pixel ('raw' leaves such pixels out and counts them)",
        )
    if num_missing and protocol.unanswered == "exclude":
        valid[valid] = ~missing
        pred = pred[~missing]
    if num_missing and protocol.unanswered == "clamp":
        assert protocol.clamp is not None
        pred[missing] = np.where(np.isposinf(pred[missing]), protocol.clamp[1], protocol.clamp[0])
    if pred.size < protocol.min_valid:
        if protocol.too_few == "skip":
            return None
        found = "no valid pixel" if pred.size == 0 else f"{pred.size} valid pixels"
        excluded = f" ({num_missing} without an answer left out)" if num_missing and protocol.unanswered == "exclude" else ""
        raise UserError(
            item.name,
            f"{found}{excluded}, and '{protocol.name}' needs {protocol.min_valid}",
            f"check the unit and size of {item.target_name}, or leave this image out",
        )
    return Pair(
        name=item.name,
        camera=item.camera,
        pred=pred,
        target=item.target[valid].astype(np.float64),
        valid=valid,
        regions={name: inside[valid] for name, inside in item.classes.items()},
        num_unanswered=num_missing,
        size=(item.values.shape[0], item.values.shape[1]),
    )


def score(pairs: Sequence[Pair], protocol: Protocol) -> list[tuple[Row, dict[str, Row]]]:
    """Rows of a group of images that share one alignment: for each its own row and those of its regions.

    Raises UserError when no alignment exists or leaves a depth that is not positive.
    """
    preds = [_clamped(pair.pred, protocol, "before_align") for pair in pairs]
    alignment = _fit(pairs, preds, protocol)
    return [_rows(pair, _aligned(pair, pred, alignment, protocol), alignment, protocol) for pair, pred in zip(pairs, preds, strict=True)]


def _valid(item: Item, protocol: Protocol) -> np.ndarray:
    target, low, high = item.target, protocol.min_depth, protocol.max_depth
    with np.errstate(invalid="ignore"):
        inside = (target >= low) & (target <= high) if protocol.closed else (target > low) & (target < high)
        valid = inside & (target > 0) & np.isfinite(target)
    if protocol.crop is not None:
        height, width = target.shape
        try:
            window = crop_window(protocol.crop, height=height, width=width, any_size=protocol.crop_any_size)
        except UserError as error:
            raise UserError(
                item.name, str(error).partition(";")[0], "choose another protocol, or the data set this one was made for"
            ) from None
        cropped = np.zeros_like(valid)
        cropped[window.slices] = valid[window.slices]
        valid = cropped
    if protocol.extra_mask == "usable" and item.usable is not None:
        valid &= item.usable
    return valid


def _resized(item: Item, protocol: Protocol, *, height: int, width: int) -> np.ndarray:
    """Prediction at the size of the target in the domain that is aligned; NaN or infinite where there is no answer."""
    values = np.where(item.answered | ~np.isfinite(item.values), item.values, np.nan).astype(np.float64)
    inverse = item.kind is DepthKind.AFFINE_INVARIANT_INVERSE
    wanted = {"own": inverse, "depth": False, "inverse_depth": True}[protocol.upsample_what]
    if values.shape != (height, width):
        values, inverse = (values if inverse == wanted else _inverted(values)), wanted
        values = resize_map(values, height=height, width=width, rule=protocol.resize)
    return values if inverse == (protocol.align == "lstsq_inverse") else _inverted(values)


def _inverted(values: np.ndarray) -> np.ndarray:
    """1 / values; what is not positive has no inverse."""
    return np.divide(1.0, values, out=np.full_like(values, np.nan), where=values > 0)


def _clamped(pred: np.ndarray, protocol: Protocol, at: str) -> np.ndarray:
    if protocol.clamp is None or at not in protocol.clamp_at:
        return pred
    low, high = protocol.clamp
    if at == "before_align" and protocol.align == "lstsq_inverse":
        low, high = 1.0 / high, 1.0 / low
    return np.clip(pred, low, high)


def _fit(pairs: Sequence[Pair], preds: Sequence[np.ndarray], protocol: Protocol) -> Alignment:
    if protocol.align == "none":
        return Alignment(1.0)
    if protocol.align == "factor":
        return Alignment(protocol.align_factor)
    pred, target = np.concatenate(list(preds)), np.concatenate([pair.target for pair in pairs])
    used = pred > 0 if protocol.align_positive_only else np.ones(pred.shape, dtype=bool)
    try:
        match protocol.align:
            case "median":
                return align_median(pred=pred, target=target, valid=used)
            case "median_lower":
                return align_median(pred=pred, target=target, valid=used, lower=True)
            case "lstsq":
                return align_lstsq(pred=pred, target=target, valid=used)
            case "lstsq_inverse":
                return align_lstsq(pred=pred, target=1.0 / target, valid=used)
            case "weighted_l1" | "weighted_l1_shift":
                with_shift = protocol.align == "weighted_l1_shift"
                return align_weighted_l1(pred=pred, target=target, valid=used, weights=1.0 / target, with_shift=with_shift)
    except ValueError as error:
        name = pairs[0].name if len(pairs) == 1 else f"{pairs[0].name} and {len(pairs) - 1} more"
        raise UserError(name, f"cannot be aligned: {error}", "leave it out, or use a protocol without this alignment") from error


def _aligned(pair: Pair, pred: np.ndarray, alignment: Alignment, protocol: Protocol) -> np.ndarray:
    depth = pred if alignment == Alignment(1.0) else alignment.apply(pred)
    if protocol.align == "lstsq_inverse":
        depth = 1.0 / np.maximum(depth, protocol.inverse_floor)
    depth = _clamped(depth, protocol, "after_align")
    if not depth.min() > 0:
        low = np.count_nonzero(~(depth > 0))
        raise UserError(pair.name, f"{low} of {depth.size} predicted depths are not positive", "use a protocol that clamps the prediction")
    return depth


def _rows(pair: Pair, depth: np.ndarray, alignment: Alignment, protocol: Protocol) -> tuple[Row, dict[str, Row]]:
    whole = moments(pred=depth, target=pair.target)
    numbers = {name: METRICS[name].of(whole) for name in protocol.metrics if name in METRICS}
    numbers |= _boundary_numbers(pair, depth, [name for name in protocol.metrics if name in BOUNDARY_METRICS])
    row = Row(pair.name, pair.camera, depth.size, numbers, alignment.scale, alignment.shift, pair.num_unanswered, whole)
    regions = {}
    for name, inside in pair.regions.items():
        if np.count_nonzero(inside) >= protocol.min_valid:
            part = moments(pred=depth[inside], target=pair.target[inside])
            numbers = {m: METRICS[m].of(part) for m in protocol.metrics if m in METRICS}
            regions[name] = Row(pair.name, pair.camera, part.num_pixels, numbers, alignment.scale, alignment.shift, moments=part)
    return row, regions


def _boundary_numbers(pair: Pair, depth: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    if not names:
        return {}
    maps = np.ones((2, *pair.valid.shape))
    maps[:, pair.valid] = depth, pair.target
    return {name: BOUNDARY_METRICS[name].of(pred=maps[0], target=maps[1], valid=pair.valid) for name in names}
