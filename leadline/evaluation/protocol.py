"""What a protocol is: everything that changes a number, as data under a name and a version. No pixels are touched here.

The same predictions score abs_rel .54 to .84 depending on the protocol alone, so no number leaves this room without one.
The presets are in `presets/`, what their words mean in `explain`, finding one in `protocols`.
"""

import math
from dataclasses import dataclass
from typing import Literal

from leadline.evaluation.crops import CROPS
from leadline.evaluation.mapmetrics import MAP_METRICS
from leadline.evaluation.metrics import METRICS
from leadline.evaluation.resize import Resize
from leadline.types import DepthKind

Align = Literal[
    "none",
    "factor",
    "median",
    "median_lower",
    "median_shift_inverse",
    "lstsq",
    "lstsq_inverse",
    "polyfit",
    "lstsq_log",
    "weighted_l1",
    "weighted_l1_shift",
]
Scope = Literal["image", "camera_batch", "rig", "camera", "dataset"]
Reduce = Literal["image_mean", "camera_mean", "camera_batch_mean", "pixel_mean"]
Bounds = Literal["open", "closed", "closed_above"]
ExtraMask = Literal["none", "usable", "required"]
Tta = Literal["none", "flip_mean", "flip_blend"]
Provenance = Literal["paper", "authors' code", "peer's code", "third-party summary", "leadline"]
Status = Literal["runs", "differs", "described"]

STANDARD_METRICS = ("abs_rel", "sq_rel", "rmse", "rmse_log", "log10", "silog", "delta1", "delta2", "delta3")
EIGEN_METRICS = ("abs_rel", "sq_rel", "rmse", "rmse_log", "delta1", "delta2", "delta3")
"""The seven of Eigen et al. (2014)."""

_SCALED = (DepthKind.METRIC, DepthKind.SCALE_INVARIANT)
KINDS_ALLOWED: dict[Align, tuple[DepthKind, ...]] = {
    "none": (DepthKind.METRIC,),
    "factor": _SCALED,
    "median": _SCALED,
    "median_lower": _SCALED,
    "weighted_l1": _SCALED,
    "polyfit": (*_SCALED, DepthKind.AFFINE_INVARIANT),
    "lstsq": (*_SCALED, DepthKind.AFFINE_INVARIANT),
    "weighted_l1_shift": (*_SCALED, DepthKind.AFFINE_INVARIANT),
    "lstsq_log": _SCALED,
    "lstsq_inverse": (*_SCALED, DepthKind.AFFINE_INVARIANT_INVERSE),
    "median_shift_inverse": (*_SCALED, DepthKind.AFFINE_INVARIANT_INVERSE),
}
"""Alignment gives a prediction what its kind lacks, so a stronger kind may always take it; a weaker one is refused."""
INVERSE_ALIGNS: tuple[Align, ...] = ("lstsq_inverse", "median_shift_inverse")
"""Those that fit inverse depth instead of depth."""


@dataclass(frozen=True)
class Protocol:
    """A preset. Depths in metres. Raises ValueError when its fields contradict each other."""

    name: str
    summary: str
    source: str
    """Whose evaluation it reproduces."""
    version: int = 1
    provenance: Provenance = "leadline"
    """What its numbers were read from."""
    unknown: tuple[str, ...] = ()
    """Parts that the source does not say; leadline's default stands in their place."""
    differs: tuple[str, ...] = ()
    """Where leadline knowingly does something else than the source, and why."""
    scores: Literal["depth", "pairs"] = "depth"
    """What the truth is: depth, or pairs of points of which one is closer."""
    refuses: str = ""
    """Why nothing can be scored under it, for presets that only describe."""
    gt: str = "depth as the data set gives it"
    """Where the target comes from and how it is decoded, in words."""
    split: str = ""
    num_images: int | None = None
    """How many `counts` the split has; another number is refused unless the user says that it is partial."""
    counts: Literal["images", "moments"] = "images"
    """Whether `num_images` counts images, or moments of a rig with all their cameras."""
    cameras: tuple[str, ...] = ()
    """Names of the only cameras that are scored; all where empty."""
    input_crop: str | None = None
    input_size: tuple[int, int] | None = None
    """(height, width) [px] that images are resized to (bicubic) before they are predicted, where the protocol fixes it."""
    input_rule: str = "the network's own size"
    """The size of the network's input in words."""
    input_camera: tuple[float, float, float, float] | None = None
    """fx, fy, cx, cy [px] that the predictor is given whatever the data set says."""
    blank_border: int = 0
    """Width [px] of the border of the image that is made black before it is predicted."""
    target_every: int = 1
    """Truth and classes keep every n-th row and column (nearest), to which the prediction is resized."""
    upsample_what: Literal["own", "depth", "inverse_depth"] = "own"
    """What is interpolated when sizes differ; `own` is whatever the prediction is."""
    resize: Resize = "bilinear"
    crop: str | None = None
    crop_any_size: bool = False
    """Whether the crop is published on sizes that it was not made for."""
    min_depth: float = 0.0
    max_depth: float = math.inf
    bounds: Bounds = "open"
    """Whether targets equal to a limit count: none, both limits, or the far one only."""
    far_quantile: tuple[float, float] | None = None
    """(factor, q): targets beyond factor times the q-quantile of the image's valid depth do not count."""
    extra_mask: ExtraMask = "none"
    """`usable` leaves out what the data set says the own vehicle or the sensor's border hides; `required` insists that it says so."""
    answer_range: tuple[float, float] | None = None
    """Predictions [m] outside this open range are no answer."""
    unanswered: Literal["error", "exclude", "clamp"] = "error"
    """What happens where the prediction has no finite answer: `error`; `exclude`, left out and counted; or `clamp`, infinity to the
    far end of `clamp` and everything else to its near end."""
    align: Align = "none"
    align_factor: float = 1.0
    align_scope: Scope = "image"
    scope_batch: int = 4
    """Images of one camera that share an alignment or a mean under `camera_batch` and `camera_batch_mean`."""
    align_positive_only: bool = False
    """Whether only pixels with a positive prediction are fitted (all are scored)."""
    align_max_side: int | None = None
    """Longer side [px] of the nearest-downsampled maps that are fitted, where they are larger."""
    align_grid: int | None = None
    """Fitted are the valid pixels nearest to the centres of a grid of this many cells per side."""
    inverse_floor: float | Literal["farthest"] = 1e-3
    """Aligned inverse depth [1/m] below this is raised to it before it is inverted: farther than infinity means far.
    `farthest` takes that of the farthest valid target of the image."""
    clamp: tuple[float, float] | None = None
    """Range of the prediction in metres; applied `clamp_at`."""
    clamp_at: tuple[Literal["before_align", "after_align"], ...] = ("after_align",)
    metrics: tuple[str, ...] = STANDARD_METRICS
    reduce: Reduce = "image_mean"
    as_printed: str = ""
    """How the source prints the metrics where its units are not leadline's."""
    class_layer: str = ""
    """Layer of the data set with class numbers, for `classes`."""
    classes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Name and class numbers of the parts that are scored by themselves as well."""
    tta: Tta = "none"
    min_valid: int = 1
    """Fewest valid pixels [px] of an image."""
    too_few: Literal["error", "skip"] = "error"
    """What happens below `min_valid`: an error that names the image, or skipped and counted."""

    def __post_init__(self) -> None:
        """Check here, once, what would otherwise fail in the middle of a data set."""
        unknown = [m for m in self.metrics if m not in METRICS and m not in MAP_METRICS]
        unknown += [c for c in (self.crop, self.input_crop) if c is not None and c not in CROPS]
        if unknown:
            raise ValueError(f"protocol {self.name}: there is no {', '.join(unknown)}")
        if self.unanswered == "clamp" and self.clamp is None:
            raise ValueError(f"protocol {self.name}: unanswered='clamp' needs a clamp range")
        if self.reduce in ("pixel_mean", "camera_batch_mean") and any(m in MAP_METRICS for m in self.metrics):
            raise ValueError(f"protocol {self.name}: metrics of maps have no pooled form")
        if self.min_valid < 1 or self.scope_batch < 1:
            raise ValueError(f"protocol {self.name}: a metric needs at least one pixel of one image")
        if bool(self.classes) != bool(self.class_layer):
            raise ValueError(f"protocol {self.name}: classes and the layer they are read from belong together")
        if "before_align" in self.clamp_at and self.align == "median_shift_inverse":
            raise ValueError(f"protocol {self.name}: relative inverse depth cannot be clamped in metres before it is aligned")

    def __str__(self) -> str:
        """Name and version, as they belong beside every number."""
        return f"{self.name} (version {self.version})"

    @property
    def kinds(self) -> tuple[DepthKind, ...]:
        """What a prediction may be to be scored."""
        if self.scores == "pairs":
            return tuple(DepthKind)  # an order needs neither scale nor shift
        refused = {"depth": DepthKind.AFFINE_INVARIANT_INVERSE, "inverse_depth": DepthKind.AFFINE_INVARIANT}.get(self.upsample_what)
        # Blending is done in inverse depth, which an unknown shift of depth does not allow.
        blended = DepthKind.AFFINE_INVARIANT if self.tta == "flip_blend" else None
        return tuple(kind for kind in KINDS_ALLOWED[self.align] if kind not in (refused, blended))

    @property
    def fits_inverse(self) -> bool:
        """Whether inverse depth is what is aligned."""
        return self.align in INVERSE_ALIGNS

    @property
    def map_layers(self) -> frozenset[str]:
        """Layers of a view that its metrics need beside depth."""
        needed = any(m in MAP_METRICS and MAP_METRICS[m].needs_instance for m in self.metrics)
        return frozenset({"instance"}) if needed else frozenset()

    @property
    def status(self) -> Status:
        """Whether it runs as its source does, runs with named differences, or only describes."""
        if self.refuses:
            return "described"
        return "differs" if self.differs or self.unknown else "runs"

    @property
    def input_key(self) -> tuple[object, ...]:
        """Protocols with equal keys score the same predictions."""
        return self.input_crop, self.input_size, self.input_camera, self.blank_border, self.tta
