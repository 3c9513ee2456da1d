"""Evaluation protocols: everything that changes a number, as data under a name and a version. No pixels are touched here.

The same predictions score abs_rel .54 to .84 depending on the protocol alone, so no number leaves this room without one.
"""

import math
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Literal

from leadline.evaluation.boundary import BOUNDARY_METRICS
from leadline.evaluation.crops import CROPS
from leadline.evaluation.metrics import METRICS
from leadline.evaluation.resize import RESIZE_IN_WORDS, Resize
from leadline.types import DepthKind, KindError, UserError

Align = Literal["none", "factor", "median", "median_lower", "lstsq", "lstsq_inverse", "weighted_l1", "weighted_l1_shift"]
Scope = Literal["image", "rig", "camera", "dataset"]
Reduce = Literal["image_mean", "camera_mean", "pixel_mean"]

STANDARD_METRICS = ("abs_rel", "sq_rel", "rmse", "rmse_log", "log10", "silog", "delta1", "delta2", "delta3")

ALIGN_IN_WORDS: dict[Align, str] = {
    "none": "none: the prediction must be metres",
    "factor": "one constant factor",
    "median": "scale by median(target) / median(prediction), the mean of the two middle values (NumPy)",
    "median_lower": "scale by median(target) / median(prediction), the lower of the two middle values (torch.median)",
    "lstsq": "scale and shift of depth by least squares",
    "lstsq_inverse": "scale and shift of inverse depth by least squares",
    "weighted_l1": "scale of depth with the least sum of |error| / target",
    "weighted_l1_shift": "scale and shift of depth with the least sum of |error| / target",
}
SCOPE_IN_WORDS: dict[Scope, str] = {
    "image": "fitted for each image",
    "rig": "fitted once for all cameras of a moment",
    "camera": "fitted once for all images of a camera",
    "dataset": "fitted once for the whole data set",
}
REDUCE_IN_WORDS: dict[Reduce, str] = {
    "image_mean": "metrics of each image, then their mean",
    "camera_mean": "metrics of each image, their mean per camera, then the mean of the cameras",
    "pixel_mean": "metrics of all pixels pooled",
}
_SCALED = (DepthKind.METRIC, DepthKind.SCALE_INVARIANT)
KINDS_ALLOWED: dict[Align, tuple[DepthKind, ...]] = {
    "none": (DepthKind.METRIC,),
    "factor": _SCALED,
    "median": _SCALED,
    "median_lower": _SCALED,
    "weighted_l1": _SCALED,
    "lstsq": (*_SCALED, DepthKind.AFFINE_INVARIANT),
    "weighted_l1_shift": (*_SCALED, DepthKind.AFFINE_INVARIANT),
    "lstsq_inverse": (*_SCALED, DepthKind.AFFINE_INVARIANT_INVERSE),
}
"""Alignment gives a prediction what its kind lacks, so a stronger kind may always take it; a weaker one is refused."""


@dataclass(frozen=True)
class Protocol:
    """A preset. Depths in metres. Raises ValueError when its fields contradict each other."""

    name: str
    summary: str
    source: str
    """Whose evaluation it reproduces."""
    version: int = 1
    gt: str = "depth as the data set gives it"
    """Where the target comes from and how it is decoded, in words."""
    split: str = ""
    num_images: int | None = None
    """How many images the split has; another number is refused unless the user says that it is partial."""
    input_crop: str | None = None
    upsample_what: Literal["own", "depth", "inverse_depth"] = "own"
    """What is interpolated when sizes differ; `own` is whatever the prediction is."""
    resize: Resize = "bilinear"
    crop: str | None = None
    crop_any_size: bool = False
    """Whether the crop is published on sizes that it was not made for."""
    min_depth: float = 0.0
    max_depth: float = math.inf
    closed: bool = False
    """Whether targets equal to a limit count."""
    extra_mask: Literal["none", "usable"] = "none"
    """`usable` leaves out what the data set says the own vehicle or the sensor's border hides."""
    unanswered: Literal["error", "exclude", "clamp"] = "error"
    """What happens where the prediction has no finite answer: `error`; `exclude`, left out and counted; or `clamp`, infinity to the
    far end of `clamp` and everything else to its near end."""
    align: Align = "none"
    align_factor: float = 1.0
    align_scope: Scope = "image"
    align_positive_only: bool = False
    """Whether only pixels with a positive prediction are fitted (all are scored)."""
    inverse_floor: float = 1e-3
    """Aligned inverse depth [1/m] below this is raised to it before it is inverted: farther than infinity means far."""
    clamp: tuple[float, float] | None = None
    """Range of the prediction in metres; applied `clamp_at`."""
    clamp_at: tuple[Literal["before_align", "after_align"], ...] = ("after_align",)
    metrics: tuple[str, ...] = STANDARD_METRICS
    reduce: Reduce = "image_mean"
    tta: Literal["none", "flip_mean"] = "none"
    min_valid: int = 1
    """Fewest valid pixels [px] of an image."""
    too_few: Literal["error", "skip"] = "error"
    """What happens below `min_valid`: an error that names the image, or skipped and counted."""

    def __post_init__(self) -> None:
        """Check here, once, what would otherwise fail in the middle of a data set."""
        unknown = [m for m in self.metrics if m not in METRICS and m not in BOUNDARY_METRICS]
        unknown += [c for c in (self.crop, self.input_crop) if c is not None and c not in CROPS]
        if unknown:
            raise ValueError(f"protocol {self.name}: there is no {', '.join(unknown)}")
        if self.unanswered == "clamp" and self.clamp is None:
            raise ValueError(f"protocol {self.name}: unanswered='clamp' needs a clamp range")
        if self.reduce == "pixel_mean" and any(m in BOUNDARY_METRICS for m in self.metrics):
            raise ValueError(f"protocol {self.name}: boundary metrics have no pooled form")
        if self.min_valid < 1:
            raise ValueError(f"protocol {self.name}: a metric needs at least one pixel")

    def __str__(self) -> str:
        """Name and version, as they belong beside every number."""
        return f"{self.name} (version {self.version})"

    @property
    def kinds(self) -> tuple[DepthKind, ...]:
        """What a prediction may be to be scored."""
        not_resizable = {"depth": DepthKind.AFFINE_INVARIANT_INVERSE, "inverse_depth": DepthKind.AFFINE_INVARIANT}.get(self.upsample_what)
        return tuple(kind for kind in KINDS_ALLOWED[self.align] if kind is not not_resizable)


PROTOCOLS: dict[str, Protocol] = {
    p.name: p
    for p in (
        Protocol(
            name="raw",
            summary="every pixel with truth, nothing done to the prediction",
            source="leadline",
            unanswered="exclude",
        ),
        Protocol(
            name="rendered",
            summary="rendered worlds: exact truth from 0.1 to 80 m, metres as predicted",
            source="leadline, for data sets written by `leadline scenes`",
            gt="depth.png of the rendered data set, one exact value per pixel; sky has none",
            min_depth=0.1,
            max_depth=80.0,
            extra_mask="usable",
            clamp=(0.1, 80.0),
            metrics=(*STANDARD_METRICS, "boundary_f1"),
        ),
        Protocol(
            name="kitti-eigen-monodepth2",
            summary="KITTI Eigen split, raw LiDAR, Garg crop, median scaling",
            source="monodepth2 (arXiv 1806.01260), evaluate_depth.py --eval_mono",
            gt="raw LiDAR in the left colour camera, nearest point per pixel; monodepth2 keeps the scanner's forward coordinate, "
            "leadline's reader gives camera z, about 0.27 m less",
            split="Eigen test",
            num_images=697,
            upsample_what="inverse_depth",
            crop="garg",
            min_depth=1e-3,
            max_depth=80.0,
            align="median",
            clamp=(1e-3, 80.0),
            metrics=("abs_rel", "sq_rel", "rmse", "rmse_log", "delta1", "delta2", "delta3"),
        ),
        Protocol(
            name="nyu-eigen",
            summary="NYUv2 test, Eigen crop, metres as predicted",
            source="ZoeDepth (arXiv 2302.12288) and Depth Anything V1 metric",
            gt="16-bit PNG / 1000",
            split="NYUv2 test",
            num_images=654,
            resize="bilinear_align_corners",
            crop="nyu_eigen",
            min_depth=1e-3,
            max_depth=10.0,
            unanswered="clamp",
            clamp=(1e-3, 10.0),
            tta="flip_mean",
        ),
        Protocol(
            name="affine-disp-marigold",
            summary="any data set, scale and shift of inverse depth fitted per image",
            source="Marigold's evaluation (arXiv 2312.02145) with alignment least_square_disparity, as run for MiDaS, DPT, Depth Anything",
            align="lstsq_inverse",
            align_positive_only=True,
            inverse_floor=1e-3,
            clamp=(1e-6, math.inf),
        ),
    )
}


def find_protocol(name: str) -> Protocol:
    """The protocol of that name. Raises UserError that suggests near names."""
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    near = get_close_matches(name, PROTOCOLS, n=3, cutoff=0.4)
    raise UserError(
        "--protocol", f"there is no protocol '{name}'", f"did you mean {' or '.join(near)}?" if near else "see leadline protocols"
    )


def check_kind(protocol: Protocol, kind: DepthKind, *, subject: str) -> None:
    """Raise KindError naming `subject` when predictions of `kind` cannot honestly be scored under `protocol`."""
    if kind in protocol.kinds:
        return
    fitting = [p.name for p in PROTOCOLS.values() if kind in p.kinds]
    raise KindError(
        subject,
        f"{kind.value} predictions cannot be scored under '{protocol.name}', whose alignment is {ALIGN_IN_WORDS[protocol.align]}",
        f"use --protocol {' or '.join(fitting)}" if fitting else "align the predictions to metres first",
    )


def describe(protocol: Protocol) -> dict[str, str]:
    """The protocol in words, one entry per decision, for tables and provenance."""
    less = "<=" if protocol.closed else "<"
    valid = [
        f"{protocol.min_depth:g} {less} target {less} {protocol.max_depth:g} m" if protocol.max_depth < math.inf else _open_range(protocol)
    ]
    if protocol.crop:
        any_size = ", at any size" if protocol.crop_any_size else ""
        valid.append(f"inside crop '{protocol.crop}' ({CROPS[protocol.crop].summary}{any_size})")
    if protocol.extra_mask == "usable":
        valid.append("not hidden by the own vehicle or the sensor's border")
    what = {"own": "the prediction as it is", "depth": "depth", "inverse_depth": "inverse depth, then inverted"}[protocol.upsample_what]
    words = {
        "protocol": str(protocol),
        "is": protocol.summary,
        "after": protocol.source,
        "target": protocol.gt + (f"; {protocol.split}" if protocol.split else ""),
        "images": f"{protocol.num_images}, another number is refused" if protocol.num_images else "any number",
        "input": f"cropped to '{protocol.input_crop}'" if protocol.input_crop else "whole images",
        "resize": f"{what}, {RESIZE_IN_WORDS[protocol.resize]}",
        "valid pixels": ", ".join(valid),
        "no answer": _unanswered_words(protocol),
        "alignment": _align_words(protocol),
        "clamp": _clamp_words(protocol),
        "flip": "mean of the prediction and the mirrored prediction of the mirrored image" if protocol.tta == "flip_mean" else "none",
        "average": REDUCE_IN_WORDS[protocol.reduce],
        "too few pixels": f"fewer than {protocol.min_valid}: "
        + ("an error" if protocol.too_few == "error" else "the image is skipped and counted"),
        "kinds": ", ".join(kind.value for kind in protocol.kinds),
        "metrics": ", ".join(protocol.metrics),
    }
    return words


def explain(protocol: Protocol) -> str:
    """The protocol in words, formulas of its metrics included."""
    rows = describe(protocol)
    width = max(len(key) for key in rows)
    lines = [f"{key:<{width}}  {value}" for key, value in rows.items()]
    formulas = {m: METRICS[m].formula + (f" [{METRICS[m].unit}]" if METRICS[m].unit else "") for m in protocol.metrics if m in METRICS}
    formulas |= {m: (BOUNDARY_METRICS[m].summary) for m in protocol.metrics if m in BOUNDARY_METRICS}
    lines += ["", "with p = prediction, g = target, d = ln p - ln g over the valid pixels:"]
    lines += [f"  {name:<{width}}  {formula}" for name, formula in formulas.items()]
    return "\n".join(lines)


def as_record(protocol: Protocol) -> dict[str, object]:
    """Every field, ready for JSON; infinity becomes null."""

    def plain(value: object) -> object:
        if isinstance(value, tuple):
            return [plain(v) for v in value]
        return None if value == math.inf else value

    return {f.name: plain(getattr(protocol, f.name)) for f in fields(protocol)}


def _open_range(protocol: Protocol) -> str:
    return f"target {'>=' if protocol.closed else '>'} {protocol.min_depth:g} m, finite"


def _unanswered_words(protocol: Protocol) -> str:
    return {
        "error": "a valid pixel without a finite prediction is an error",
        "exclude": "pixels without a finite prediction are left out and counted",
        "clamp": "infinity becomes the far limit, any other pixel without an answer the near limit",
    }[protocol.unanswered]


def _align_words(protocol: Protocol) -> str:
    words = ALIGN_IN_WORDS[protocol.align]
    if protocol.align == "none":
        return words
    if protocol.align == "factor":
        return f"{words}, {protocol.align_factor:g}"
    if protocol.align_positive_only:
        words += ", over pixels with a positive prediction"
    if protocol.align == "lstsq_inverse":
        words += f"; raised to at least {protocol.inverse_floor:g} 1/m, then inverted"
    return f"{words}; {SCOPE_IN_WORDS[protocol.align_scope]}"


def _clamp_words(protocol: Protocol) -> str:
    if protocol.clamp is None:
        return "none"
    low, high = protocol.clamp
    when = " and ".join(at.replace("_align", " alignment") for at in protocol.clamp_at)
    return f"prediction to {low:g} .. {high:g} m, {when}"
