"""Protocols of DDAD and nuScenes: rigs of six cameras, LiDAR truth. What shares a scale changes the numbers most."""

from dataclasses import replace
from typing import Any

from leadline.evaluation.presets.rows import unidepth_rows, vidar_rows
from leadline.evaluation.protocol import EIGEN_METRICS, Protocol

DDAD_GT = "LiDAR through each sensor's own pose, nearest point per pixel"
NUSCENES_GT = "LIDAR_TOP -> vehicle -> world -> vehicle at the camera's time -> camera, rounded pixel"
NEAREST = "the nearest point of a pixel; the source keeps the last written"
FRONT: dict[str, Any] = {"cameras": ("CAMERA_01",)}

_SURROUND = Protocol(
    name="ddad-surrounddepth",
    summary="DDAD validation, median per image, mean per camera then of the six, flip blend",
    source="SurroundDepth (arXiv 2204.03636), runer.py, scale-ambiguous row",
    provenance="peer's code",
    gt=DDAD_GT,
    split="DDAD validation, SurroundDepth's list",
    num_images=3950,
    counts="moments",
    input_rule="384x640, predictions scaled by fx / 715.0873",
    upsample_what="depth",
    min_depth=0.1,
    max_depth=200.0,
    align="median",
    clamp=(0.1, 200.0),
    metrics=EIGEN_METRICS,
    reduce="camera_mean",
    tta="flip_blend",
)
_NUSC_SURROUND = replace(
    _SURROUND,
    name="nuscenes-surrounddepth-6019",
    summary="nuScenes validation, median per image, mean per camera then of the six, flip blend",
    gt=NUSCENES_GT,
    split="nuScenes validation, SurroundDepth's list",
    num_images=6019,
    input_rule="352x640, predictions scaled by fx / 500",
    max_depth=80.0,
    clamp=(0.1, 80.0),
    differs=(f"{NEAREST}; the data set's reader offers last_write",),
)
_METRES: dict[str, Any] = {"align": "none"}
_VF = Protocol(
    name="ddad-vfdepth",
    summary="DDAD validation, lower median of every 4 images of a camera, pooled, inside the self-occlusion mask",
    source="VFDepth (AAAI 2023), utils/logger.py, median-scaled row with eval_batch_size 4",
    provenance="peer's code",
    gt=DDAD_GT,
    split="DDAD validation, moments with both neighbours in time",
    num_images=3850,
    counts="moments",
    input_rule="384x640, predictions scaled by fx / 300",
    upsample_what="depth",
    max_depth=200.0,
    extra_mask="required",
    align="median_lower",
    align_scope="camera_batch",
    scope_batch=4,
    clamp=(0.0, 200.0),
    clamp_at=("before_align", "after_align"),
    metrics=EIGEN_METRICS,
    reduce="camera_batch_mean",
)
_NUSC_VF = replace(
    _VF,
    name="nuscenes-vfdepth-5417",
    summary="nuScenes validation, lower median of every 4 images of a camera, pooled, inside the self-occlusion mask",
    gt=NUSCENES_GT,
    split="nuScenes validation, VFDepth's list",
    num_images=5417,
    input_rule="352x640, predictions scaled by fx / 300",
    max_depth=80.0,
    clamp=(0.0, 80.0),
    differs=(f"{NEAREST}; the data set's reader offers last_write",),
)
_CVC: dict[str, Any] = {
    "source": "CVCDepth (arXiv 2407.04041), utils/logger.py, median-scaled row with a batch of 4",
    "extra_mask": "none",
    "unknown": ("its batch of evaluation; 4 here, as VFDepth",),
}


def _metres(protocol: Protocol) -> Protocol:
    """The row beside the median-scaled one: the same without any scaling."""
    words = protocol.summary.replace("lower median of every 4 images", "metres, every 4 images")
    words = words.replace("median per image", "metres as predicted")
    source = protocol.source.replace("scale-ambiguous", "scale-aware").replace("median-scaled", "metric")
    return replace(protocol, name=f"{protocol.name}-metric", summary=words, source=source, **_METRES)


_DDAD_CVC = replace(_VF, name="ddad-cvcdepth", summary=_VF.summary.replace(", inside the self-occlusion mask", ""), num_images=3850, **_CVC)
_NUSC_CVC = replace(
    _NUSC_VF, name="nuscenes-cvcdepth-5417", summary=_NUSC_VF.summary.replace(", inside the self-occlusion mask", ""), **_CVC
)
_FSM = Protocol(
    name="ddad-fsm-shared",
    summary="DDAD validation, one lower median for all cameras of a moment",
    source="FSM (arXiv 2104.00152) in vidar, shared scaling",
    provenance="peer's code",
    unknown=("the list and its length are the configuration's", "averaging over cameras; the mean of the cameras here"),
    gt=DDAD_GT,
    counts="moments",
    upsample_what="depth",
    max_depth=200.0,
    align="median_lower",
    align_scope="rig",
    clamp=(0.0, 200.0),
    metrics=EIGEN_METRICS,
    reduce="camera_mean",
    too_few="skip",
)
_CHALLENGE = Protocol(
    name="ddad-challenge",
    summary="DDAD validation, front camera, nearest, metres as predicted (semi-supervised track)",
    source="DDAD repository, depth challenge",
    provenance="peer's code",
    unknown=("the number of images; 3950 moments of the front camera here",),
    gt=DDAD_GT,
    split="DDAD validation",
    num_images=3950,
    **FRONT,
    upsample_what="depth",
    resize="nearest",
    max_depth=200.0,
    clamp=(0.0, 200.0),
    metrics=EIGEN_METRICS,
)
_DDAD_UNIDEPTH = Protocol(
    name="ddad-unidepth-120",
    summary="DDAD validation up to 120 m, metres as predicted",
    source="UniDepth (arXiv 2403.18913), datasets/ddad.py",
    provenance="peer's code",
    unknown=("the number of images of its list",),
    gt=DDAD_GT,
    upsample_what="depth",
    min_depth=0.05,
    max_depth=120.0,
    clamp=(0.05, 120.0),
    metrics=("delta1", "delta2", "delta3", "abs_rel", "sq_rel", "rmse", "rmse_log", "log10", "silog:unbiased100", "tau", "d_auc"),
)
_DDAD_VIDAR = Protocol(
    name="ddad-vidar",
    summary="DDAD, up to 200 m, metres as predicted",
    source="vidar, evaluation of depth",
    provenance="peer's code",
    unknown=("the list and its length are the configuration's", "the fewest valid pixels are the configuration's; 1 here"),
    gt=DDAD_GT,
    upsample_what="depth",
    max_depth=200.0,
    clamp=(0.0, 200.0),
    too_few="skip",
)

RIGS: tuple[Protocol, ...] = (
    _SURROUND,
    _metres(_SURROUND),
    _NUSC_SURROUND,
    _metres(_NUSC_SURROUND),
    _VF,
    _metres(_VF),
    _NUSC_VF,
    _metres(_NUSC_VF),
    _DDAD_CVC,
    _metres(_DDAD_CVC),
    _NUSC_CVC,
    _metres(_NUSC_CVC),
    _FSM,
    Protocol(
        name="ddad-packnet",
        summary="DDAD validation, front camera, lower median per image",
        source="packnet-sfm (arXiv 1905.02693), evaluation on DDAD",
        provenance="peer's code",
        unknown=("the number of images; 3950 moments of the front camera here",),
        gt=DDAD_GT,
        split="DDAD validation",
        num_images=3950,
        **FRONT,
        upsample_what="depth",
        resize="bilinear_align_corners",
        max_depth=200.0,
        align="median_lower",
        clamp=(0.0, 200.0),
        metrics=EIGEN_METRICS,
        too_few="skip",
    ),
    _CHALLENGE,
    replace(
        _CHALLENGE,
        name="ddad-challenge-self",
        summary="DDAD validation, front camera, nearest, lower median per image (self-supervised track)",
        align="median_lower",
    ),
    *vidar_rows(_DDAD_VIDAR),
    *vidar_rows(replace(_DDAD_VIDAR, name="nuscenes-vidar", summary="nuScenes, up to 200 m, metres as predicted", gt=NUSCENES_GT)),
    Protocol(
        name="ddad-zoe",
        summary="DDAD validation up to 80 m, Garg's fractions, metres as predicted, flip mean",
        source="ZoeDepth (arXiv 2302.12288), evaluate.py on DDAD",
        provenance="peer's code",
        unknown=("the number of images of its list",),
        gt=DDAD_GT,
        input_size=(352, 1216),
        upsample_what="depth",
        resize="bilinear_align_corners",
        crop="garg",
        crop_any_size=True,
        min_depth=1e-3,
        max_depth=80.0,
        unanswered="clamp",
        clamp=(1e-3, 80.0),
        tta="flip_mean",
    ),
    *unidepth_rows(_DDAD_UNIDEPTH),
    *unidepth_rows(
        replace(
            _DDAD_UNIDEPTH,
            name="nuscenes-unidepth",
            summary="nuScenes validation up to 80 m, metres as predicted",
            source="UniDepth (arXiv 2403.18913), datasets/nuscenes.py",
            gt=NUSCENES_GT,
            max_depth=80.0,
            clamp=(0.05, 80.0),
        )
    ),
    Protocol(
        name="ddad-slowtv",
        summary="DDAD validation up to 250 m, scale and shift of inverse depth",
        source="slowtv_monodepth (arXiv 2307.10713), core/evaluator.py",
        provenance="peer's code",
        unknown=("the number of images of its list",),
        differs=("an aligned inverse depth below zero is far; slowtv_monodepth makes it the nearest depth",),
        gt=DDAD_GT,
        upsample_what="inverse_depth",
        min_depth=1e-3,
        max_depth=250.0,
        align="lstsq_inverse",
        inverse_floor=1e-6,
        clamp=(1e-3, 250.0),
        metrics=("mae", "rmse", "abs_rel", "sq_rel:squared", "irmse", "rmse_log", "silog", "delta1", "delta2", "delta3"),
        as_printed="abs_rel and sq_rel in %, rmse_log times 100, irmse in 1/km, deltas in %",
    ),
    Protocol(
        name="waymo-vidar",
        summary="Waymo, up to 200 m, lower median per image",
        source="vidar, evaluation of depth",
        provenance="peer's code",
        unknown=("the list and its length are the configuration's",),
        upsample_what="depth",
        max_depth=200.0,
        align="median_lower",
        clamp=(0.0, 200.0),
        too_few="skip",
    ),
    Protocol(
        name="demon-vidar",
        summary="DeMoN, 0.1 to 10 m, lower median per image",
        source="vidar, evaluation of depth",
        provenance="peer's code",
        unknown=("the list and its length are the configuration's",),
        upsample_what="depth",
        min_depth=0.1,
        max_depth=10.0,
        align="median_lower",
        clamp=(0.1, 10.0),
        too_few="skip",
    ),
)
