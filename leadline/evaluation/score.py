"""From one prediction and one target to a row of numbers, as the protocol says: mask, resize, align, clamp, compare.

Only valid pixels are resampled and compared; whole maps are made for metrics that need them alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from leadline.evaluation.crops import crop_window
from leadline.evaluation.fit import Fit, fit, fitted_pixels
from leadline.evaluation.mapmetrics import MAP_METRICS, compute_maps
from leadline.evaluation.metrics import METRICS, Moments, moments
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.resize import sample_map
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
    classes: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Boolean maps (height, width) by name, each scored by itself as well."""
    notes: tuple[str, ...] = ()
    """What the predictor said about this prediction."""
    target_name: str = "the target"
    """How an error speaks of the target: its file, where it has one of its own."""
    K: np.ndarray | None = None
    """(3, 3) [px] at the size of the target, for metrics of point clouds."""
    instance: np.ndarray | None = None
    """(height, width), a number for each thing, for metrics of borders between them."""
    sequence: str = ""
    """The recording it belongs to."""


@dataclass(frozen=True, eq=False)
class Pair:
    """An item reduced to its valid pixels: `pred` in the unit that is aligned, `target` [m], both (n,) float64."""

    item: Item
    pred: np.ndarray
    target: np.ndarray
    pixels: np.ndarray
    """Flat indices (n,) of the valid pixels in the target, in row order."""
    fitted: np.ndarray | None
    """Boolean (n,), the pixels that are fitted; None for all."""
    num_unanswered: int

    @property
    def name(self) -> str:
        """Of the item."""
        return self.item.name

    @property
    def camera(self) -> str:
        """Of the item."""
        return self.item.camera

    @property
    def valid(self) -> np.ndarray:
        """(height, width), where the n pixels are."""
        valid = np.zeros(self.item.target.shape, dtype=bool)
        valid.ravel()[self.pixels] = True
        return valid


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
    sequence: str = ""
    batch: int = 0
    """Number of the batch of its camera, for protocols that pool batches."""
    moments: Moments | None = field(default=None, repr=False, compare=False)


def prepare(item: Item, protocol: Protocol) -> Pair | None:
    """Mask, resize, and keep the valid pixels; None where too few are valid and the protocol skips such images.

    Raises UserError naming the image when too few pixels are valid, or when the prediction has no finite answer at some of them.
    """
    height, width = item.target.shape
    pixels, target = _valid(item, protocol)
    pred = _sampled(item, protocol, pixels, height=height, width=width)
    missing = ~np.isfinite(pred)
    num_missing = int(np.count_nonzero(missing))
    if num_missing and protocol.unanswered == "error":
        raise UserError(
            item.name,
            f"the prediction has no finite, positive answer at {num_missing} of {pred.size} valid pixels",
            f"fill them: '{protocol.name}' scores every valid pixel ('raw' leaves such pixels out and counts them)",
        )
    if num_missing and protocol.unanswered == "exclude":
        pixels, target, pred = pixels[~missing], target[~missing], pred[~missing]
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
        item=item,
        pred=pred,
        target=target,
        pixels=pixels,
        fitted=fitted_pixels(pixels, protocol, height=height, width=width),
        num_unanswered=num_missing,
    )


def fit_pairs(pairs: Sequence[Pair], protocol: Protocol) -> Fit:
    """The alignment that a group of images shares. Raises UserError when none exists."""
    preds = [_clamped(pair.pred, protocol, "before_align") for pair in pairs]
    chosen = None
    if any(pair.fitted is not None for pair in pairs):
        chosen = np.concatenate([np.ones(p.pred.size, dtype=bool) if p.fitted is None else p.fitted for p in pairs])
    try:
        pred = preds[0] if len(pairs) == 1 else np.concatenate(preds)
        target = pairs[0].target if len(pairs) == 1 else np.concatenate([pair.target for pair in pairs])
        return fit(pred=pred, target=target, chosen=chosen, protocol=protocol)
    except ValueError as error:
        name = pairs[0].name if len(pairs) == 1 else f"{pairs[0].name} and {len(pairs) - 1} more"
        raise UserError(name, f"cannot be aligned: {error}", "leave it out, or use a protocol without this alignment") from error


def score(pairs: Sequence[Pair], protocol: Protocol) -> list[tuple[Row, dict[str, Row]]]:
    """Rows of a group of images that share one alignment: for each its own row and those of its regions.

    Raises UserError when no alignment exists or leaves a depth that is not positive.
    """
    shared = fit_pairs(pairs, protocol)
    return [score_one(pair, shared, protocol) for pair in pairs]


def score_one(pair: Pair, shared: Fit, protocol: Protocol) -> tuple[Row, dict[str, Row]]:
    """The row of one image under an alignment, and those of its regions."""
    depth = _depth(pair.pred, shared, protocol)
    if not depth.min() > 0:
        low = np.count_nonzero(~(depth > 0))
        raise UserError(pair.name, f"{low} of {depth.size} predicted depths are not positive", "use a protocol that clamps the prediction")
    return _rows(pair, depth, shared, protocol)


def dense_depth(item: Item, shared: Fit, protocol: Protocol) -> np.ndarray:
    """Depth [m] (h, w) of the whole prediction at its own size under an alignment; 0 where there is no answer."""
    values = _in_domain(_values(item), inverse=item.kind is DepthKind.AFFINE_INVARIANT_INVERSE, wanted=protocol.fits_inverse)
    known = np.isfinite(values)
    depth = np.zeros(values.shape)
    depth[known] = _depth(values[known], shared, protocol)
    return np.where(depth > 0, depth, 0.0)


def _depth(pred: np.ndarray, shared: Fit, protocol: Protocol) -> np.ndarray:
    return _clamped(shared.depth(_clamped(pred, protocol, "before_align")), protocol, "after_align")


def _valid(item: Item, protocol: Protocol) -> tuple[np.ndarray, np.ndarray]:
    """Flat indices (n) of the pixels that count, and their targets [m] (n) float64."""
    height, width = item.target.shape
    top, bottom, left, right = 0, height, 0, width
    if protocol.crop is not None:
        try:
            window = crop_window(protocol.crop, height=height, width=width, any_size=protocol.crop_any_size)
        except UserError as error:
            raise UserError(
                item.name, str(error).partition(";")[0], "choose another protocol, or the data set this one was made for"
            ) from None
        top, bottom, left, right = window.top, window.bottom, window.left, window.right
    low, high = protocol.min_depth, protocol.max_depth
    with np.errstate(invalid="ignore"):
        # One look at every pixel; the second limit is asked of the few that a sparse target knows.
        band = item.target[top:bottom]
        inside = band >= low if protocol.bounds == "closed" and low > 0 else band > max(low, 0.0)
        inside[:, :left] = False
        inside[:, right:] = False
        if protocol.extra_mask != "none" and item.usable is not None:
            inside &= item.usable[top:bottom]
        found = _flat_nonzero(inside)
        known = band.ravel().take(found).astype(np.float64)
        near = (known < high) if protocol.bounds == "open" else (known <= high) & np.isfinite(known)
    if not near.all():
        found, known = found[near], known[near]
    if top:
        found += top * width
    if protocol.far_quantile is not None and known.size:
        factor, q = protocol.far_quantile
        kept = known <= factor * np.quantile(known, q)
        found, known = found[kept], known[kept]
    return found, known


def _flat_nonzero(chosen: np.ndarray) -> np.ndarray:
    """np.flatnonzero of a contiguous boolean map, twice as fast where one pixel in twenty is chosen: empty groups of 8 are passed over."""
    flat = chosen.ravel()
    whole = flat.size // 8 * 8
    groups = flat[:whole].view(np.uint64)
    filled = np.flatnonzero(groups != 0)
    inner = np.flatnonzero(groups.take(filled).view(bool))
    found = filled.take(inner >> 3)
    found <<= 3
    inner &= 7
    found += inner
    rest = np.flatnonzero(flat[whole:])
    return np.concatenate([found, rest + whole]) if rest.size else found


def _values(item: Item) -> np.ndarray:
    """Values with NaN where there is no answer; infinity stays."""
    if item.answered.all():
        return item.values
    return np.where(item.answered | ~np.isfinite(item.values), item.values, np.float32(np.nan))


def _sampled(item: Item, protocol: Protocol, pixels: np.ndarray, *, height: int, width: int) -> np.ndarray:
    """The prediction at the valid pixels in the domain that is aligned; NaN or infinite where there is no answer."""
    values = _values(item)
    inverse = item.kind is DepthKind.AFFINE_INVARIANT_INVERSE
    wanted = {"own": inverse, "depth": False, "inverse_depth": True}[protocol.upsample_what]
    through = None
    if values.shape != (height, width) and inverse != wanted:
        inverse, through = wanted, _inverted
    try:
        pred = sample_map(values, pixels, height=height, width=width, rule=protocol.resize, through=through)
    except ValueError as error:
        raise UserError(item.name, str(error), "choose a protocol that resizes predictions") from None
    if protocol.answer_range is not None:
        near, far = protocol.answer_range
        depth = _in_domain(pred, inverse=inverse, wanted=False)
        with np.errstate(invalid="ignore"):
            pred[~((depth > near) & (depth < far))] = np.nan
    return _in_domain(pred, inverse=inverse, wanted=protocol.fits_inverse)


def _in_domain(values: np.ndarray, *, inverse: bool, wanted: bool) -> np.ndarray:
    """Values that are inverse depth, or not, in the domain that is wanted."""
    return values if inverse == wanted else _inverted(values)


def _inverted(values: np.ndarray) -> np.ndarray:
    """1 / values, float64; what is not positive has no inverse."""
    wide = values.astype(np.float64)
    if wide.size and wide.min() > 0:
        return np.divide(1.0, wide, out=wide)
    return np.divide(1.0, wide, out=np.full_like(wide, np.nan), where=wide > 0)


def _clamped(pred: np.ndarray, protocol: Protocol, at: str) -> np.ndarray:
    if protocol.clamp is None or at not in protocol.clamp_at:
        return pred
    low, high = protocol.clamp
    if at == "before_align" and protocol.fits_inverse:
        low, high = 1.0 / high, (1.0 / low if low > 0 else np.inf)
    return np.clip(pred, low, high)


def _rows(pair: Pair, depth: np.ndarray, shared: Fit, protocol: Protocol) -> tuple[Row, dict[str, Row]]:
    names = [name for name in protocol.metrics if name in METRICS]
    whole = moments(pred=depth, target=pair.target, names=names)
    numbers = {name: METRICS[name].of(whole) for name in names}
    numbers |= _map_numbers(pair, depth, [name for name in protocol.metrics if name in MAP_METRICS])
    about = {"name": pair.name, "camera": pair.camera, "scale": shared.scale, "shift": shared.shift, "sequence": pair.item.sequence}
    row = Row(num_pixels=depth.size, metrics=numbers, num_unanswered=pair.num_unanswered, moments=whole, **about)
    regions = {}
    for name, region in pair.item.classes.items():
        inside = region.ravel()[pair.pixels]
        if np.count_nonzero(inside) >= protocol.min_valid:
            part = moments(pred=depth[inside], target=pair.target[inside], names=names)
            numbers = {m: METRICS[m].of(part) for m in names}
            regions[name] = Row(num_pixels=part.num_pixels, metrics=numbers, moments=part, **about)
    return row, regions


def _map_numbers(pair: Pair, depth: np.ndarray, names: list[str]) -> dict[str, float]:
    if not names:
        return {}
    maps = np.ones((2, *pair.item.target.shape))
    maps.reshape(2, -1)[:, pair.pixels] = depth, pair.target
    item = pair.item
    try:
        return compute_maps(names, pred=maps[0], target=maps[1], valid=pair.valid, K=item.K, instance=item.instance)
    except ValueError as error:
        raise UserError(pair.name, str(error), "choose another protocol, or give files or a data set that have it") from None
