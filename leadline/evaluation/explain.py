"""A protocol in words, one entry per decision, and as a record for JSON."""

import math
from dataclasses import fields

from leadline.evaluation.crops import CROPS
from leadline.evaluation.mapmetrics import MAP_METRICS
from leadline.evaluation.metrics import METRICS
from leadline.evaluation.protocol import Align, Protocol, Reduce, Scope, Status, Tta
from leadline.evaluation.resize import RESIZE_IN_WORDS

ALIGN_IN_WORDS: dict[Align, str] = {
    "none": "none: the prediction must be metres",
    "factor": "one constant factor",
    "median": "scale by median(target) / median(prediction), the mean of the two middle values (NumPy)",
    "median_lower": "scale by median(target) / median(prediction), the lower of the two middle values (torch.median)",
    "median_shift_inverse": "inverse depth shifted to the target's median and scaled to its mean absolute deviation (MiDaS)",
    "lstsq": "scale and shift of depth by least squares",
    "lstsq_inverse": "scale and shift of inverse depth by least squares",
    "polyfit": "scale and shift of depth by least squares, the median scale alone where that scale is negative or 10 pixels or fewer count",
    "lstsq_log": "exponent and factor, exp(a ln p + b), by least squares of log depth",
    "weighted_l1": "scale of depth with the least sum of |error| / target",
    "weighted_l1_shift": "scale and shift of depth with the least sum of |error| / target",
}
SCOPE_IN_WORDS: dict[Scope, str] = {
    "image": "fitted for each image",
    "camera_batch": "fitted once for every {batch} images of a camera, in the order of the data set",
    "rig": "fitted once for all cameras of a moment",
    "camera": "fitted once for all images of a camera",
    "dataset": "fitted once for the whole data set",
}
REDUCE_IN_WORDS: dict[Reduce, str] = {
    "image_mean": "metrics of each image, then their mean",
    "camera_mean": "metrics of each image, their mean per camera, then the mean of the cameras",
    "camera_batch_mean": "metrics of the pooled pixels of every {batch} images of a camera, their mean per camera, "
    "then the mean of the cameras",
    "pixel_mean": "metrics of all pixels pooled",
}
TTA_IN_WORDS: dict[Tta, str] = {
    "none": "none",
    "flip_mean": "mean of the prediction and the mirrored prediction of the mirrored image, in the unit that is predicted",
    "flip_blend": "the same two in inverse depth, their mean in the middle and one of them in the outer 5 to 10 % (monodepth2)",
}
STATUS_IN_WORDS: dict[Status, str] = {
    "runs": "runs; no difference from its source is known",
    "differs": "runs; what differs or is unknown is named",
    "described": "described only",
}


def describe(protocol: Protocol) -> dict[str, str]:
    """The protocol in words, one entry per decision, for tables and provenance."""
    if protocol.scores == "pairs":
        return _pair_words(protocol)
    what = {"own": "the prediction as it is", "depth": "depth", "inverse_depth": "inverse depth, then inverted"}[protocol.upsample_what]
    words = {
        "protocol": str(protocol),
        "is": protocol.summary,
        "after": f"{protocol.source} [{protocol.provenance}]",
        "target": protocol.gt + (f"; {protocol.split}" if protocol.split else ""),
        "images": _count_words(protocol),
        "input": _input_words(protocol),
        "resize": f"{what}, {RESIZE_IN_WORDS[protocol.resize]}" + _every_words(protocol),
        "valid pixels": _valid_words(protocol),
        "no answer": _unanswered_words(protocol),
        "alignment": _align_words(protocol),
        "clamp": _clamp_words(protocol),
        "flip": TTA_IN_WORDS[protocol.tta],
        "average": REDUCE_IN_WORDS[protocol.reduce].format(batch=protocol.scope_batch),
        "too few pixels": f"fewer than {protocol.min_valid}: "
        + ("an error" if protocol.too_few == "error" else "the image is skipped and counted"),
        "kinds": ", ".join(kind.value for kind in protocol.kinds),
        "metrics": ", ".join(protocol.metrics),
    }
    if protocol.classes:
        parts = ", ".join(f"{name} = {{{', '.join(map(str, ids))}}}" for name, ids in protocol.classes)
        words["classes"] = f"{parts} of the layer {protocol.class_layer}, each over the images that have it"
    if protocol.as_printed:
        words["as printed"] = protocol.as_printed
    if protocol.unknown:
        words["not known"] = "; ".join(protocol.unknown)
    if protocol.differs:
        words["differs"] = "; ".join(protocol.differs)
    words["status"] = protocol.refuses or STATUS_IN_WORDS[protocol.status]
    return words


def _pair_words(protocol: Protocol) -> dict[str, str]:
    """What is left to say where only the order of two points counts."""
    words = {
        "protocol": str(protocol),
        "is": protocol.summary,
        "after": f"{protocol.source} [{protocol.provenance}]",
        "target": protocol.gt,
        "images": _count_words(protocol),
        "input": _input_words(protocol),
        "score": "share of all pairs whose closer point has the smaller depth, or the larger inverse depth; equal values are wrong",
        "average": "all pairs alike, of every image; by type of scene as well",
        "kinds": ", ".join(kind.value for kind in protocol.kinds),
    }
    if protocol.unknown:
        words["not known"] = "; ".join(protocol.unknown)
    return words | {"status": STATUS_IN_WORDS[protocol.status]}


def explain(protocol: Protocol) -> str:
    """The protocol in words, formulas of its metrics included."""
    rows = describe(protocol)
    width = max(len(key) for key in rows)
    lines = [f"{key:<{width}}  {value}" for key, value in rows.items()]
    formulas = {}
    for name in protocol.metrics:
        metric = METRICS.get(name) or MAP_METRICS[name]
        formulas[name] = metric.formula + (f" [{metric.unit}]" if metric.unit else "")
    if formulas:
        lines += ["", "with p = prediction, g = target, d = ln p - ln g over the valid pixels:"]
        lines += [f"  {name:<{width}}  {formula}" for name, formula in formulas.items()]
    return "\n".join(lines)


def as_record(protocol: Protocol) -> dict[str, object]:
    """Every field, ready for JSON; infinity becomes null."""

    def plain(value: object) -> object:
        if isinstance(value, tuple):
            return [plain(v) for v in value]
        return None if value == math.inf else value

    return {f.name: plain(getattr(protocol, f.name)) for f in fields(protocol)} | {"status": protocol.status}


def _count_words(protocol: Protocol) -> str:
    only = f" of the camera {', '.join(protocol.cameras)} only" if protocol.cameras else ""
    if protocol.num_images is None:
        return f"any number{only}"
    moments = " moments of the rig, each with all its cameras" if protocol.counts == "moments" else ""
    return f"{protocol.num_images}{moments}{only}, another number is refused"


def _input_words(protocol: Protocol) -> str:
    parts = [f"cropped to '{protocol.input_crop}' ({CROPS[protocol.input_crop].summary})" if protocol.input_crop else "whole images"]
    if protocol.blank_border:
        parts.append(f"a border of {protocol.blank_border} px made black")
    if protocol.input_size:
        parts.append("resized to {}x{}".format(*protocol.input_size))
    else:
        parts.append(f"then {protocol.input_rule}")
    if protocol.input_camera:
        parts.append("K fixed to fx {:g}, fy {:g}, cx {:g}, cy {:g}".format(*protocol.input_camera))
    return ", ".join(parts)


def _every_words(protocol: Protocol) -> str:
    return f", to every {protocol.target_every}th row and column of the target" if protocol.target_every > 1 else ""


def _valid_words(protocol: Protocol) -> str:
    near = "<=" if protocol.bounds == "closed" else "<"
    far = "<" if protocol.bounds == "open" else "<="
    if protocol.max_depth < math.inf:
        valid = [f"{protocol.min_depth:g} {near} target {far} {protocol.max_depth:g} m"]
    else:
        valid = [f"target {'>=' if protocol.bounds == 'closed' else '>'} {protocol.min_depth:g} m, finite"]
    if protocol.far_quantile:
        factor, q = protocol.far_quantile
        valid.append(f"not beyond {factor:g} times the {100 * q:g} % quantile of the image")
    if protocol.crop:
        any_size = ", at any size" if protocol.crop_any_size else ""
        valid.append(f"inside crop '{protocol.crop}' ({CROPS[protocol.crop].summary}{any_size})")
    if protocol.extra_mask != "none":
        always = ", which the data set must say" if protocol.extra_mask == "required" else ""
        valid.append(f"not hidden by the own vehicle, the sensor's border or the data set's mask{always}")
    return ", ".join(valid)


def _unanswered_words(protocol: Protocol) -> str:
    words = {
        "error": "a valid pixel without a finite prediction is an error",
        "exclude": "pixels without a finite prediction are left out and counted",
        "clamp": "infinity becomes the far limit, any other pixel without an answer the near limit",
    }[protocol.unanswered]
    if protocol.answer_range:
        return "predictions outside ({:g}, {:g}) m are none; ".format(*protocol.answer_range) + words
    return words


def _align_words(protocol: Protocol) -> str:
    words = ALIGN_IN_WORDS[protocol.align]
    if protocol.align == "none":
        return words
    if protocol.align == "factor":
        return f"{words}, {protocol.align_factor:g}"
    if protocol.align_positive_only:
        words += ", over pixels with a positive prediction"
    if protocol.align_max_side:
        words += f", on maps downsampled (nearest) to at most {protocol.align_max_side} px"
    if protocol.align_grid:
        words += f", on the valid pixels nearest to a grid of {protocol.align_grid}x{protocol.align_grid}"
    if protocol.fits_inverse:
        floor = "that of the farthest target" if protocol.inverse_floor == "farthest" else f"{protocol.inverse_floor:g} 1/m"
        words += f"; raised to at least {floor}, then inverted"
    return f"{words}; {SCOPE_IN_WORDS[protocol.align_scope].format(batch=protocol.scope_batch)}"


def _clamp_words(protocol: Protocol) -> str:
    if protocol.clamp is None:
        return "none"
    low, high = protocol.clamp
    when = " and ".join(at.replace("_align", " alignment") for at in protocol.clamp_at)
    return f"prediction to {low:g} .. {high:g} m, {when}"
