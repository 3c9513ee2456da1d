"""Every preset against the numbers that its source publishes, written once more here, and against plain twins of the sources' code."""

import math

import numpy as np
import pytest
import torch

from leadline.evaluation.fit import fitted_pixels
from leadline.evaluation.metrics import compute
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.protocols import PROTOCOLS
from leadline.evaluation.score import Item, prepare, score
from leadline.types import DepthKind, UserError

INF = math.inf
T, F, NEAR = "bilinear_align_corners", "bilinear", "nearest"
# name: images, what is resized, resize, crop, near, far, alignment, scope, flip, average
TABLE: dict[str, tuple[int | None, str, str, str | None, float, float, str, str, str, str]] = {
    "kitti-eigen-monodepth2": (697, "inverse_depth", F, "garg", 1e-3, 80, "median", "image", "none", "image_mean"),
    "kitti-eigen-monodepth2-pp": (697, "inverse_depth", F, "garg", 1e-3, 80, "median", "image", "flip_blend", "image_mean"),
    "kitti-eigen-monodepth2-stereo": (697, "inverse_depth", F, "garg", 1e-3, 80, "factor", "image", "none", "image_mean"),
    "kitti-eigen-benchmark-monodepth2": (652, "inverse_depth", F, None, 0, INF, "median", "image", "none", "image_mean"),
    "kitti-eigen-packnet": (697, "depth", T, "garg", 0, 80, "median_lower", "image", "none", "image_mean"),
    "kitti-eigen-packnet-pad": (697, "depth", "pad_bottom_centre", "garg", 0, 80, "median_lower", "image", "none", "image_mean"),
    "kitti-vidar": (None, "depth", F, "garg", 0, 80, "none", "image", "none", "image_mean"),
    "kitti-vidar-md": (None, "depth", F, "garg", 0, 80, "median_lower", "image", "none", "image_mean"),
    "kitti-vidar-ss-pp": (None, "depth", F, "garg", 0, 80, "lstsq", "image", "flip_blend", "image_mean"),
    "kitti-zoe": (652, "depth", T, "garg", 1e-3, 80, "none", "image", "flip_mean", "image_mean"),
    "kitti-toolbox": (652, "depth", T, "garg", 1e-3, 80, "none", "image", "flip_mean", "image_mean"),
    "kitti-dav2-metric": (652, "depth", T, None, 1e-3, 80, "none", "image", "none", "image_mean"),
    "kitti-unidepth": (652, "depth", F, "garg", 0.05, 80, "none", "image", "none", "image_mean"),
    "kitti-unidepth-eigen-ssi": (652, "depth", F, "eigen", 0.05, 80, "lstsq", "image", "none", "image_mean"),
    "kitti-unidepth-si": (652, "depth", F, "garg", 0.05, 80, "median_lower", "image", "none", "image_mean"),
    "kitti-metric3d": (None, "depth", F, None, 1e-8, INF, "none", "image", "none", "image_mean"),
    "kitti-metric3d-polyfit": (None, "depth", F, None, 1e-8, INF, "polyfit", "image", "none", "image_mean"),
    "kitti-marigold": (652, "own", F, "eigen", 1e-5, 80, "lstsq", "image", "none", "image_mean"),
    "kitti-marigold-disparity": (652, "own", F, "eigen", 1e-5, 80, "lstsq_inverse", "image", "none", "image_mean"),
    "kitti-briges": (652, "own", F, "eigen", 1e-3, 80, "lstsq_inverse", "image", "flip_mean", "image_mean"),
    "kitti-slowtv": (697, "inverse_depth", F, "garg", 1e-3, 80, "lstsq_inverse", "image", "none", "image_mean"),
    "kitti-slowtv-benchmark": (652, "inverse_depth", F, None, 1e-3, 100, "lstsq_inverse", "image", "none", "image_mean"),
    "nyu-eigen": (654, "depth", T, "nyu_eigen", 1e-3, 10, "none", "image", "flip_mean", "image_mean"),
    "nyu-toolbox": (654, "depth", T, "nyu_eigen", 1e-3, 10, "none", "image", "flip_mean", "image_mean"),
    "nyu-unidepth": (654, "depth", F, "nyu_eigen", 0.005, 10, "none", "image", "none", "image_mean"),
    "nyu-vidar-md-pp": (None, "depth", F, "nyu_eigen", 0.1, 10, "median_lower", "image", "flip_blend", "image_mean"),
    "nyu-marigold": (654, "own", F, "nyu_eigen", 1e-3, 10, "lstsq", "image", "none", "image_mean"),
    "nyu-briges": (654, "own", F, "nyu_eigen", 1e-3, 10, "lstsq_inverse", "image", "flip_mean", "image_mean"),
    "nyu-slowtv": (654, "inverse_depth", F, "nyu_eigen", 1e-3, 100, "lstsq_inverse", "image", "none", "image_mean"),
    "nyu-metric3d-median": (None, "depth", F, None, 1e-8, INF, "median", "image", "none", "image_mean"),
    "nyu-ultralytics": (654, "own", F, None, 0, INF, "median", "image", "none", "image_mean"),
    "nyu-ultralytics-pooled": (654, "own", F, None, 0, INF, "median", "image", "none", "pixel_mean"),
    "nyu-ultralytics-tta": (654, "own", F, None, 0, INF, "lstsq_log", "image", "flip_mean", "image_mean"),
    "eth3d-marigold": (454, "own", F, None, 1e-5, INF, "lstsq", "image", "none", "image_mean"),
    "eth3d-briges": (454, "own", F, None, 1e-5, INF, "lstsq_inverse", "image", "flip_mean", "image_mean"),
    "eth3d-unidepth": (None, "depth", F, None, 0.01, 50, "none", "image", "none", "image_mean"),
    "eth3d-unidepth-sequence": (None, "depth", F, None, 0.05, 60, "none", "image", "none", "image_mean"),
    "eth3d-metric3d": (None, "depth", F, None, 1e-8, 100, "none", "image", "none", "image_mean"),
    "diode-marigold": (771, "own", F, None, 0, INF, "lstsq", "image", "none", "image_mean"),
    "diode-briges": (771, "own", F, None, 0, INF, "lstsq_inverse", "image", "flip_mean", "image_mean"),
    "diode-zoe-indoor": (325, "depth", T, "nyu_eigen", 1e-3, 10, "none", "image", "flip_mean", "image_mean"),
    "diode-zoe-outdoor": (446, "depth", T, "garg", 1e-3, 80, "none", "image", "flip_mean", "image_mean"),
    "diode-unidepth": (771, "depth", F, None, 0.6, 80, "none", "image", "none", "image_mean"),
    "diode-unidepth-indoor": (325, "depth", F, None, 0.01, 25, "none", "image", "none", "image_mean"),
    "diode-unidepth-outdoor": (446, "depth", F, None, 0.1, 80, "none", "image", "none", "image_mean"),
    "diode-slowtv": (771, "inverse_depth", F, None, 1e-3, 150, "lstsq_inverse", "image", "none", "image_mean"),
    "scannet-marigold": (800, "own", F, None, 1e-3, 10, "lstsq", "image", "none", "image_mean"),
    "scannet-briges": (800, "own", F, None, 1e-3, 10, "lstsq_inverse", "image", "flip_mean", "image_mean"),
    "scannet-vidar": (None, "depth", F, None, 0.1, 10, "median_lower", "image", "none", "image_mean"),
    "scannet-unidepth": (None, "depth", F, None, 0.005, 10, "none", "image", "none", "image_mean"),
    "scannet-reflection": (121, "own", F, None, 0.1, 10, "none", "image", "none", "image_mean"),
    "scannet-reflection-val": (439, "own", F, None, 0.1, 10, "none", "image", "none", "image_mean"),
    "scannet-noreflection": (None, "own", F, None, 0.1, 10, "none", "image", "none", "image_mean"),
    "7scenes-intrinsic": (1700, "own", F, None, 0.1, 10, "none", "image", "none", "image_mean"),
    "booster-tom": (228, "inverse_depth", F, None, 1e-3, 10, "lstsq_inverse", "image", "none", "image_mean"),
    "booster-tom-median": (228, "inverse_depth", F, None, 1e-3, 10, "median_shift_inverse", "image", "none", "image_mean"),
    "booster-intrinsic": (228, "own", F, None, 1e-3, 10, "none", "image", "none", "image_mean"),
    "ibims-zoe": (None, "depth", T, "nyu_eigen", 0, 10, "none", "image", "flip_mean", "image_mean"),
    "sunrgbd-zoe": (None, "depth", T, "nyu_eigen", 0, 8, "none", "image", "flip_mean", "image_mean"),
    "diml-indoor-zoe": (None, "depth", T, "nyu_eigen", 0, 10, "none", "image", "flip_mean", "image_mean"),
    "diml-outdoor-zoe": (None, "depth", T, "garg", 2, 80, "none", "image", "flip_mean", "image_mean"),
    "hypersim-zoe": (None, "depth", T, "nyu_eigen", 1e-3, 80, "none", "image", "flip_mean", "image_mean"),
    "vkitti-zoe": (None, "depth", T, "garg", 1e-3, 80, "none", "image", "flip_mean", "image_mean"),
    "vkitti2-zoe": (None, "depth", T, "garg", 1e-3, 80, "none", "image", "flip_mean", "image_mean"),
    "syns-slowtv": (None, "inverse_depth", F, None, 1e-3, 100, "lstsq_inverse", "image", "none", "image_mean"),
    "sintel-slowtv": (None, "inverse_depth", F, None, 1e-3, 100, "lstsq_inverse", "image", "none", "image_mean"),
    "ddad-surrounddepth": (3950, "depth", F, None, 0.1, 200, "median", "image", "flip_blend", "camera_mean"),
    "ddad-surrounddepth-metric": (3950, "depth", F, None, 0.1, 200, "none", "image", "flip_blend", "camera_mean"),
    "nuscenes-surrounddepth-6019": (6019, "depth", F, None, 0.1, 80, "median", "image", "flip_blend", "camera_mean"),
    "ddad-vfdepth": (3850, "depth", F, None, 0, 200, "median_lower", "camera_batch", "none", "camera_batch_mean"),
    "ddad-vfdepth-metric": (3850, "depth", F, None, 0, 200, "none", "camera_batch", "none", "camera_batch_mean"),
    "nuscenes-vfdepth-5417": (5417, "depth", F, None, 0, 80, "median_lower", "camera_batch", "none", "camera_batch_mean"),
    "ddad-cvcdepth": (3850, "depth", F, None, 0, 200, "median_lower", "camera_batch", "none", "camera_batch_mean"),
    "nuscenes-cvcdepth-5417": (5417, "depth", F, None, 0, 80, "median_lower", "camera_batch", "none", "camera_batch_mean"),
    "ddad-fsm-shared": (None, "depth", F, None, 0, 200, "median_lower", "rig", "none", "camera_mean"),
    "ddad-packnet": (3950, "depth", T, None, 0, 200, "median_lower", "image", "none", "image_mean"),
    "ddad-challenge": (3950, "depth", NEAR, None, 0, 200, "none", "image", "none", "image_mean"),
    "ddad-challenge-self": (3950, "depth", NEAR, None, 0, 200, "median_lower", "image", "none", "image_mean"),
    "ddad-vidar-ss": (None, "depth", F, None, 0, 200, "lstsq", "image", "none", "image_mean"),
    "nuscenes-vidar-md-pp": (None, "depth", F, None, 0, 200, "median_lower", "image", "flip_blend", "image_mean"),
    "ddad-zoe": (None, "depth", T, "garg", 1e-3, 80, "none", "image", "flip_mean", "image_mean"),
    "ddad-unidepth-120": (None, "depth", F, None, 0.05, 120, "none", "image", "none", "image_mean"),
    "nuscenes-unidepth": (None, "depth", F, None, 0.05, 80, "none", "image", "none", "image_mean"),
    "ddad-slowtv": (None, "inverse_depth", F, None, 1e-3, 250, "lstsq_inverse", "image", "none", "image_mean"),
    "waymo-vidar": (None, "depth", F, None, 0, 200, "median_lower", "image", "none", "image_mean"),
    "demon-vidar": (None, "depth", F, None, 0.1, 10, "median_lower", "image", "none", "image_mean"),
    "kitti-moge": (None, "own", F, None, 0, INF, "none", "image", "none", "image_mean"),
    "nyu-moge-scale": (None, "own", F, None, 0, INF, "weighted_l1", "image", "none", "image_mean"),
    "eth3d-moge-affine": (None, "own", F, None, 0, INF, "weighted_l1_shift", "image", "none", "image_mean"),
    "ddad-moge-disparity": (None, "own", F, None, 0, INF, "lstsq_inverse", "image", "none", "image_mean"),
    "diode-moge": (None, "own", F, None, 0, INF, "none", "image", "none", "image_mean"),
}


@pytest.mark.parametrize("name", TABLE)
def test_preset__is_what_its_source_publishes(name: str) -> None:
    p = PROTOCOLS[name]
    got = (p.num_images, p.upsample_what, p.resize, p.crop, p.min_depth, p.max_depth, p.align, p.align_scope, p.tta, p.reduce)
    assert got == TABLE[name]


SHIP_FIRST = (
    "kitti-eigen-monodepth2 kitti-eigen-benchmark-monodepth2 kitti-zoe kitti-dav2-metric kitti-unidepth kitti-marigold kitti-briges "
    "nyu-eigen nyu-unidepth nyu-briges eth3d-briges diode-briges scannet-briges affine-disp-marigold ddad-surrounddepth ddad-vfdepth "
    "ddad-unidepth-120 nuscenes-surrounddepth-6019 nuscenes-vfdepth-5417 scannet-reflection 7scenes-intrinsic booster-tom "
    "booster-intrinsic da2k"
).split()
NAMED = (
    "kitti-eigen-packnet kitti-vidar kitti-toolbox kitti-metric3d kitti-moge kitti-slowtv kitti-benchmark-submission nyu-toolbox nyu-vidar "
    "nyu-marigold nyu-slowtv nyu-metric3d nyu-moge nyu-ultralytics eth3d-marigold eth3d-unidepth eth3d-metric3d eth3d-moge diode-marigold "
    "diode-zoe-indoor diode-zoe-outdoor diode-unidepth diode-slowtv diode-moge scannet-marigold scannet-vidar scannet-unidepth "
    "scannet-noreflection ddad-packnet ddad-challenge ddad-vidar nuscenes-vidar ddad-zoe nuscenes-unidepth ddad-slowtv ddad-moge"
).split()


@pytest.mark.parametrize("name", [*SHIP_FIRST, *NAMED])
def test_presets__every_name_of_the_tables_is_there(name: str) -> None:
    assert PROTOCOLS[name].name == name


def test_presets__clamp_order() -> None:
    """VFDepth clamps before its median as well; Metric3D, Depth Anything V2 and MoGe do not clamp at all."""
    twice = {name for name, p in PROTOCOLS.items() if p.clamp_at == ("before_align", "after_align")}
    assert twice == {name for name in PROTOCOLS if name.startswith(("ddad-vf", "ddad-cvc", "nuscenes-vf", "nuscenes-cvc"))}
    unclamped = {name for name, p in PROTOCOLS.items() if p.clamp is None and p.scores == "depth"}
    assert unclamped == {n for n in PROTOCOLS if "metric3d" in n or "-moge" in n} | {"raw", "median", "kitti-dav2-metric"}


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
def test_presets__clamp_to_the_range_and_say_where_they_come_from(protocol: Protocol) -> None:
    assert protocol.source and protocol.summary
    assert (protocol.provenance == "leadline") == (protocol.source.startswith("leadline"))
    special = {"kitti-eigen-benchmark-monodepth2", "kitti-eigen-benchmark-monodepth2-stereo"}
    special |= {n for n in PROTOCOLS if n.startswith(("affine", "nyu-ultralytics", "diode-marigold", "diode-briges"))}
    if protocol.clamp is not None and protocol.name not in special and not protocol.refuses:
        assert protocol.clamp == (max(protocol.min_depth, 1e-3 if "zoe" in protocol.name else 0), protocol.max_depth)
    if "-marigold" in protocol.name or "-briges" in protocol.name or protocol.name.startswith("kitti-zoe"):
        assert protocol.input_crop == ("kb" if protocol.name.startswith("kitti") else None)


def test_presets__special_rules() -> None:
    p = PROTOCOLS
    assert p["kitti-dav2-metric"].bounds == "closed" and p["kitti-dav2-metric"].min_valid == 10
    assert p["eth3d-metric3d"].bounds == p["scannet-reflection"].bounds == "closed_above"
    assert p["eth3d-metric3d"].input_camera == (2000.0, 2000.0, 3024.0, 2016.0)
    assert p["kitti-metric3d"].input_crop == "kitti_columns" and p["kitti-metric3d"].answer_range == (0.0, 300.0)
    assert p["nyu-metric3d"].blank_border == 6
    assert p["kitti-eigen-monodepth2-stereo"].align_factor == 5.4
    assert (p["ddad-vfdepth"].scope_batch, p["ddad-vfdepth"].extra_mask, p["ddad-cvcdepth"].extra_mask) == (4, "required", "none")
    assert p["ddad-packnet"].cameras == p["ddad-challenge"].cameras == ("CAMERA_01",)
    assert {p[n].counts for n in p if n.startswith(("ddad-surround", "ddad-vf", "nuscenes-vf", "nuscenes-surround"))} == {"moments"}
    assert p["eth3d-marigold"].align_max_side == p["eth3d-briges"].align_max_side == 1024
    assert [p[f"{d}-briges"].input_size for d in ("nyu", "kitti", "eth3d", "scannet", "diode")] == [
        (518, 686),
        (518, 1792),
        (518, 770),
        (518, 686),
        (518, 686),
    ]
    assert [p[f"{d}-moge"].input_size for d in ("nyu", "kitti", "eth3d", "ddad", "diode")] == [
        (480, 640),
        (375, 750),
        (1365, 2048),
        (700, 1400),
        (768, 1024),
    ]
    assert p["kitti-moge"].far_quantile == (1000.0, 0.01) and p["kitti-moge-disparity"].inverse_floor == "farthest"
    assert p["ddad-zoe"].input_size == (352, 1216) and p["ddad-zoe"].crop_any_size
    assert p["booster-tom"].classes == (("tom", (2, 3)), ("other", (0, 1))) and p["booster-tom"].target_every == 4
    assert p["diode-marigold"].clamp == p["diode-briges"].clamp == (0.6, 350.0)
    assert "silog:lambda0.5" in p["kitti-dav2-metric"].metrics and "silog:unbiased100" in p["nyu-unidepth"].metrics
    assert {"rmse_log:log10", "silog:log10"} <= set(p["kitti-metric3d"].metrics)
    any_size = {n for n, q in p.items() if q.crop_any_size}
    assert any_size == {"diode-zoe-indoor", "diode-zoe-outdoor", "ddad-zoe"} | {
        f"{d}-zoe" for d in ("ibims", "sunrgbd", "diml-indoor", "diml-outdoor", "hypersim")
    }


def street(height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A sparse target and a dense prediction of another size, both [m]."""
    rng = np.random.default_rng(seed)
    target = np.where(rng.random((height, width)) < 0.05, rng.uniform(0.5, 110, (height, width)), 0).astype(np.float32)
    pred = rng.uniform(1, 60, (48, 160)).astype(np.float32)
    return pred, target


def scored(name: str, pred: np.ndarray, target: np.ndarray, kind: DepthKind = DepthKind.METRIC) -> dict[str, float]:
    pair = prepare(Item("image", pred, np.isfinite(pred), kind, target), PROTOCOLS[name])
    assert pair is not None
    return score([pair], PROTOCOLS[name])[0][0].metrics


def test_affine_disp__zero_means_nothing() -> None:
    """A network without a ReLU may say the same with all of its values below zero; the published way fits to what is above alone."""
    rng = np.random.default_rng(0)
    target = rng.uniform(1, 40, (24, 32)).astype(np.float32)
    pred = np.sqrt(1 / target)
    errors = {
        name: [scored(name, pred - shift, target, DepthKind.AFFINE_INVARIANT_INVERSE)["abs_rel"] for shift in (0.0, 0.4)]
        for name in ("affine-disp", "affine-disp-marigold")
    }
    assert errors["affine-disp"][1] == pytest.approx(errors["affine-disp"][0], rel=1e-4)
    assert errors["affine-disp-marigold"][1] > 1.1 * errors["affine-disp-marigold"][0]


def torch_resized(values: np.ndarray, target: np.ndarray, *, corners: bool) -> np.ndarray:
    tensor = torch.from_numpy(values.astype(np.float64))[None, None]
    return torch.nn.functional.interpolate(tensor, size=target.shape, mode="bilinear", align_corners=corners)[0, 0].numpy()


@pytest.mark.parametrize("size", [(375, 1242), (370, 1226)])
def test_twin__monodepth2(size: tuple[int, int]) -> None:
    pred, target = street(*size)
    depth = 1 / torch_resized(1 / pred.astype(np.float64), target, corners=False)
    mask = (target > 1e-3) & (target < 80)
    h, w = size
    crop = np.array([0.40810811 * h, 0.99189189 * h, 0.03594771 * w, 0.96405229 * w]).astype(np.int32)
    inside = np.zeros(mask.shape, dtype=bool)
    inside[crop[0] : crop[1], crop[2] : crop[3]] = True
    p, g = depth[mask & inside], target[mask & inside].astype(np.float64)
    p = np.clip(p * np.median(g) / np.median(p), 1e-3, 80)
    got = scored("kitti-eigen-monodepth2", pred, target)
    assert got == pytest.approx(compute(pred=p, target=g, names=tuple(got)), rel=1e-6)


def test_twin__packnet_and_its_padding() -> None:
    pred, target = street(375, 1242)
    depth = torch_resized(pred, target, corners=True)
    mask = np.zeros(target.shape, dtype=bool)
    mask[153:371, 44:1197] = True
    mask &= (target > 0) & (target < 80)
    p, g = torch.from_numpy(depth[mask]), torch.from_numpy(target[mask].astype(np.float64))
    p = (p * torch.median(g) / torch.median(p)).clamp(0, 80).numpy()
    got = scored("kitti-eigen-packnet", pred, target)
    assert got == pytest.approx(compute(pred=p, target=g.numpy(), names=tuple(got)), rel=1e-6)
    cropped = np.full((352, 1216), 2.0, dtype=np.float32)
    cropped[:, 600] = 3.0
    padded = prepare(Item("image", cropped, cropped > 0, DepthKind.METRIC, target), PROTOCOLS["kitti-eigen-packnet-pad"])
    assert padded is not None
    assert set(padded.pixels[padded.pred == 3.0] % 1242) == {613}
    with pytest.raises(UserError, match="cannot be padded"):
        prepare(
            Item("image", np.ones((400, 1300)), np.ones((400, 1300), bool), DepthKind.METRIC, target), PROTOCOLS["kitti-eigen-packnet-pad"]
        )


def test_twin__zoe_clamps_before_masking() -> None:
    pred, target = street(352, 1216)
    pred[:4] = 300.0
    depth = torch_resized(pred, target, corners=True)
    depth = np.clip(depth, 1e-3, 80)
    mask = np.zeros(target.shape, dtype=bool)
    mask[143:349, 43:1172] = True
    mask &= (target > 1e-3) & (target < 80)
    got = scored("kitti-zoe", pred, target)
    assert got == pytest.approx(compute(pred=depth[mask], target=target[mask], names=tuple(got)), rel=1e-6)


def test_twin__depth_anything_metric_is_closed_and_unclamped() -> None:
    target, pred = np.full((5, 6), 20.0, dtype=np.float32), np.full((5, 6), 200.0)
    target[0, :3] = (1e-3, 80.0, 80.5)
    got = scored("kitti-dav2-metric", pred, target)
    d = np.log(200 / np.r_[1e-3, 80.0, np.full(27, 20.0)])
    assert got["silog:lambda0.5"] == pytest.approx(np.sqrt(np.mean(d**2) - 0.5 * np.mean(d) ** 2), rel=1e-6)
    assert prepare(Item("image", pred[:1], pred[:1] > 0, DepthKind.METRIC, target[:1]), PROTOCOLS["kitti-dav2-metric"]) is None


def test_twin__briges_disparity() -> None:
    pred, target = street(352, 1216)
    inverse = (3 / pred - 0.1).astype(np.float32)
    disparity = torch_resized(inverse, target, corners=False)
    mask = np.zeros(target.shape, dtype=bool)
    mask[117:321, 43:1172] = True
    mask &= (target > 1e-3) & (target < 80)
    d, g = disparity[mask], target[mask].astype(np.float64)
    fitted = d > 0
    (s, t), *_ = np.linalg.lstsq(np.stack([d[fitted], np.ones(fitted.sum())], 1), 1 / g[fitted], rcond=None)
    depth = np.clip(1 / np.clip(s * d + t, 1e-3, None), 1e-3, 80)
    got = scored("kitti-briges", inverse, target, DepthKind.AFFINE_INVARIANT_INVERSE)
    assert got == pytest.approx(compute(pred=depth, target=g, names=tuple(got)), rel=1e-6)


def test_twin__metric3d_rows() -> None:
    """Predictions beyond 300 m are no answer; a line that would turn depth around gives way to the median."""
    target = np.random.default_rng(0).uniform(2, 60, (6, 8)).astype(np.float32)
    pred = (70 - target).astype(np.float64)
    pred[0, 0] = 301.0
    pair = prepare(Item("image", pred, pred > 0, DepthKind.METRIC, target), PROTOCOLS["kitti-metric3d-polyfit"])
    assert pair is not None and pair.num_unanswered == 1
    row, _ = score([pair], PROTOCOLS["kitti-metric3d-polyfit"])[0]
    kept = np.ones(48, dtype=bool)
    kept[0] = False
    assert (row.scale, row.shift) == pytest.approx((np.median(target.ravel()[kept]) / np.median(pred.ravel()[kept]), 0))
    line = prepare(Item("image", 0.5 * target + 1.0, target > 0, DepthKind.METRIC, target), PROTOCOLS["kitti-metric3d-polyfit"])
    assert line is not None
    assert score([line], PROTOCOLS["kitti-metric3d-polyfit"])[0][0].scale == pytest.approx(2, rel=1e-5)


def test_twin__fit_on_small_maps_is_torch_upsample() -> None:
    height, width = 41, 2049
    numbers = torch.arange(height * width, dtype=torch.float64).reshape(1, 1, height, width)
    kept = torch.nn.Upsample(scale_factor=1024 / 2049, mode="nearest")(numbers).numpy().astype(int).ravel()
    chosen = fitted_pixels(np.arange(height * width), PROTOCOLS["eth3d-briges"], height=height, width=width)
    assert chosen is not None
    assert np.array_equal(np.flatnonzero(chosen), np.sort(kept))
    assert fitted_pixels(np.arange(100), PROTOCOLS["eth3d-briges"], height=10, width=10) is None


def test_twin__moge_fits_one_pixel_per_cell_and_drops_the_far() -> None:
    protocol = PROTOCOLS["eth3d-moge-scale"]
    pixels = np.sort(np.random.default_rng(0).choice(128 * 256, 9000, replace=False))
    chosen = fitted_pixels(pixels, protocol, height=128, width=256)
    assert chosen is not None
    rows, columns = np.divmod(pixels, 256)
    for cell in ((0, 0), (31, 17), (63, 63)):
        inside = (rows // 2 == cell[0]) & (columns // 4 == cell[1])
        away = (rows + 0.5 - (cell[0] * 2 + 1)) ** 2 + (columns + 0.5 - (cell[1] * 4 + 2)) ** 2
        if inside.any():
            assert chosen[inside].sum() == 1
            assert away[inside & chosen] == away[inside].min()
    target = np.full((64, 64), 2.0, dtype=np.float32)
    target[0, :2] = (1999.0, 2001.0)
    pair = prepare(Item("image", np.ones((64, 64)), np.ones((64, 64), bool), DepthKind.METRIC, target), PROTOCOLS["kitti-moge"])
    assert pair is not None and pair.target.size == 64 * 64 - 1


def test_twin__moge_disparity_is_raised_to_the_farthest_target() -> None:
    target = np.array([[1.0, 2.0, 4.0, 5.0, 8.0, 40.0]])
    inverse = 1 / target + 0.5
    inverse[0, -1] = 0.2
    got = scored("kitti-moge-disparity", inverse, target, DepthKind.AFFINE_INVARIANT_INVERSE)
    (s, t), *_ = np.linalg.lstsq(np.stack([inverse[0], np.ones(6)], 1), 1 / target[0], rcond=None)
    depth = 1 / np.maximum(s * inverse[0] + t, 1 / 40)
    assert got["abs_rel"] == pytest.approx(np.mean(np.abs(depth - target[0]) / target[0]))


def test_twin__log_affine_and_median_shift() -> None:
    target = np.random.default_rng(0).uniform(1, 9, (6, 8))
    assert scored("nyu-ultralytics-tta", 0.3 * target**0.5, target)["abs_rel"] == pytest.approx(0, abs=1e-9)
    inverse = (3 / target - 0.2).astype(np.float32)
    got = scored("booster-tom-median", inverse, target, DepthKind.AFFINE_INVARIANT_INVERSE)
    assert got["abs_rel"] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("name", [n for n, p in PROTOCOLS.items() if p.scores == "depth" and not p.refuses])
def test_preset__scores_a_prediction_made_for_it(name: str) -> None:
    """Every preset runs end to end on its own size; a prediction that is right up to what the alignment gives is right."""
    protocol = PROTOCOLS[name]
    size = {"kb": (352, 1216), "kitti_columns": (375, 1242)}.get(str(protocol.input_crop), (24, 32))
    if protocol.crop and not protocol.crop_any_size and protocol.input_crop is None:
        size = (480, 640) if protocol.crop == "nyu_eigen" else (375, 1242)
    if protocol.crop_any_size:
        size = (120, 160)
    target = np.random.default_rng(1).uniform(max(protocol.min_depth, 1.0), 7.0, size).astype(np.float32)
    target[:, 1::3] = 0
    kind = protocol.kinds[-1]
    dense = np.where(target > 0, target, 3.0)
    values = {
        DepthKind.METRIC: dense,
        DepthKind.SCALE_INVARIANT: dense / 5.4,
        DepthKind.AFFINE_INVARIANT: dense / 3 + 1,
        DepthKind.AFFINE_INVARIANT_INVERSE: 2 / dense + 0.1,
    }[kind]
    things = np.broadcast_to(np.arange(size[1]) // 8, size)
    item = Item("image", values.astype(np.float32), dense > 0, kind, target, camera="CAMERA_01", instance=things)
    pair = prepare(item, protocol)
    assert pair is not None
    row, _ = score([pair], protocol)[0]
    assert row.metrics["abs_rel"] == pytest.approx(0, abs=2e-5)
    assert row.metrics.keys() == set(protocol.metrics)
