"""What is particular to the self-supervised method: its loss against a plain twin, kinds, ranges, gradients, refusals."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from leadline.data.sample import Sample
from leadline.losses.reprojection import Neighbours
from leadline.methods.catalog import build_method
from leadline.methods.loading import method_model
from leadline.methods.neighbours import find_neighbours
from leadline.methods.predictor import ModelInfo
from leadline.methods.selfsup.config import SelfsupConfig
from leadline.methods.selfsup.loss import TIE_BREAK, selfsup_loss
from leadline.types import DepthKind, UserError
from tests.fixtures.moving_scene import moving_scene
from tests.fixtures.plain_selfsup import PlainSource, plain_loss

TINY = SelfsupConfig(encoder="resnet-tiny", pose_encoder="resnet-tiny", decoder_width=0.25)
FRAMES = (0, -1, 1)


def guesses(near: Neighbours, *, num_scales: int = 4) -> list[Tensor]:
    """Inverse depth at every scale that is neither right nor far off."""
    generator = torch.Generator().manual_seed(3)
    num, _, height, width = near.image.shape
    sizes = [(height // 2**scale, width // 2**scale) for scale in range(num_scales)]
    return [(0.1 + 0.3 * torch.rand(num, *size, generator=generator, dtype=torch.float64)).requires_grad_() for size in sizes]


def plain_sources(near: Neighbours) -> list[PlainSource]:
    usable = [None] * len(near.sources) if near.usable_src is None else near.usable_src
    everything = zip(near.sources, near.K_src, near.source_from_ref, near.across, usable, strict=True)
    return [PlainSource(image, K, pose, across, hidden) for image, K, pose, across, hidden in everything]


@pytest.mark.parametrize("automask", [True, False])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("frames", "rig", "views"), [(FRAMES, False, 1), ((0,), True, 2), (FRAMES, True, 2), ((0, 2), True, 3)])
def test_loss__equals_its_plain_twin(frames: tuple[int, ...], rig: bool, views: int, masked: bool, automask: bool) -> None:
    """Monocular, stereo, both, and a rig of three; values and gradients in float64."""
    sample = moving_scene(frames=frames, views=views, height=32, width=48, dtype=torch.float64)
    if masked:
        assert sample.usable is not None
        sample.usable[:, :, 0, 24:, 5:30] = False
        sample.usable[1, 0] = False  # one picture shows nothing but the own vehicle
    near = find_neighbours(sample, rig=rig)
    inverse = guesses(near)
    torch.manual_seed(7)
    outcome = selfsup_loss(inverse, near, replace(TINY, frames=frames, rig=rig, automask=automask))
    torch.manual_seed(7)
    noise = TIE_BREAK * torch.randn(near.image[:, 0].shape, dtype=torch.float64) if automask else None
    photometric, smoothness = plain_loss(inverse, near.image, near.K, plain_sources(near), usable=near.usable, noise=noise)
    torch.testing.assert_close(outcome.photometric, photometric, atol=1e-12, rtol=1e-10)
    torch.testing.assert_close(outcome.smoothness, smoothness, atol=1e-12, rtol=1e-10)
    gradients = torch.autograd.grad(outcome.photometric + outcome.smoothness, inverse)
    plain_gradients = torch.autograd.grad(photometric + smoothness, inverse)
    for gradient, plain in zip(gradients, plain_gradients, strict=True):
        torch.testing.assert_close(gradient, plain, atol=1e-10, rtol=1e-7)


def test_loss__true_depth_of_a_lambertian_scene_is_hardly_wrong_and_stands_out() -> None:
    sample = moving_scene(frames=FRAMES, rectangle=False, dtype=torch.float64)
    near = find_neighbours(sample, rig=False)
    assert sample.depth is not None
    inverse = 1 / sample.depth[:, 0, 0]
    config = replace(TINY, automask=False)
    best = selfsup_loss([inverse], near, config).photometric
    assert best < 2e-3
    assert all(selfsup_loss([factor * inverse], near, config).photometric > 3 * best for factor in (0.7, 0.85, 1.2, 1.5))


def test_loss__static_frames_teach_nothing() -> None:
    """A camera that stands still: every pixel is as it was, and the auto-mask leaves at most ties."""
    sample = moving_scene(frames=FRAMES, dtype=torch.float64)
    assert sample.cam_from_world is not None
    still = replace(
        sample,
        image=sample.image[:, :1].expand_as(sample.image),
        K=sample.K[:, :1].expand_as(sample.K),
        cam_from_world=sample.cam_from_world,
    )
    near = find_neighbours(still, rig=False)
    outcome = selfsup_loss(guesses(near), near, TINY)
    assert not outcome.found.moving.any()
    assert abs(outcome.photometric.item()) < 1e-4


@pytest.mark.parametrize(("raw", "depth_m"), [(-1e4, 10.0), (1e4, 0.1), (0.0, 2 / (0.1 + 10))])
def test_depth_bounds__disp_0_is_the_far_end_and_disp_1_the_near_one(raw: float, depth_m: float) -> None:
    method = build_method("selfsup", replace(TINY, min_depth_m=0.1, max_depth_m=10.0)).eval()
    for head in method.network.head.convolutions:
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.constant_(head.bias, raw)
    sample = moving_scene()
    with torch.inference_mode():
        depth = method(sample.image[:, 0], sample.K[:, 0])
    torch.testing.assert_close(depth, torch.full_like(depth, depth_m))


def test_initial_depth__is_what_a_fresh_network_says() -> None:
    torch.manual_seed(0)
    method = build_method("selfsup", replace(TINY, min_depth_m=0.4, max_depth_m=20.0, initial_depth_m=3.0)).eval()
    sample = moving_scene()
    with torch.inference_mode():
        depth = method(sample.image[:, 0], sample.K[:, 0])
    assert 2.0 < depth.min() and depth.max() < 4.5


@pytest.mark.parametrize(
    ("options", "kind", "layers"),
    [
        ({}, DepthKind.METRIC, {"cam_from_world", "usable"}),
        ({"poses": "learned"}, DepthKind.SCALE_INVARIANT, {"usable"}),
        ({"rig": True}, DepthKind.METRIC, {"cam_from_world", "usable"}),
        ({"rig": True, "poses": "learned"}, DepthKind.METRIC, {"cam_from_rig", "usable"}),
        ({"rig": True, "frames": (0,), "poses": "learned"}, DepthKind.METRIC, {"cam_from_rig", "usable"}),
    ],
)
def test_kind__is_metric_where_a_length_is_known(options: dict[str, object], kind: DepthKind, layers: set[str]) -> None:
    method = build_method("selfsup", replace(TINY, **options))
    assert method.kind is kind
    assert method.needs.layers == layers
    assert method.needs.rig == options.get("rig", False)
    assert method.needs.frames == options.get("frames", FRAMES)


@pytest.mark.parametrize(("rig", "frames"), [(False, FRAMES), (True, (0, -1)), (True, (0,))])
def test_learned_poses__gradient_reaches_both_networks(rig: bool, frames: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    method = build_method("selfsup", replace(TINY, poses="learned", rig=rig, frames=frames)).train()
    method.loss(without_poses(moving_scene(frames=frames, views=1 + rig), rig=rig)).terms["photometric"].backward()
    for part in (method.network, method.pose):
        if part is not None:
            assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in part.parameters())
            assert any(p.grad is not None and p.grad.any() for p in part.parameters())
    assert (method.pose is None) == (len(frames) == 1)


def without_poses(sample: Sample, *, rig: bool) -> Sample:
    """As a data set without poses gives it."""
    return replace(sample, cam_from_world=None, cam_from_rig=sample.cam_from_rig if rig else None, depth=None, inverse_depth=None)


def test_learned_poses__the_earlier_picture_goes_first() -> None:
    """The answer for frame -1 is that for frame +1 of the exchanged pictures, inverted."""
    torch.manual_seed(0)
    method = build_method("selfsup", replace(TINY, poses="learned")).eval()
    sample = moving_scene(frames=FRAMES)
    exchanged = replace(sample, image=sample.image[:, [1, 0, 0]])
    with torch.inference_mode():
        backward, forward = method._motion(sample)[0], method._motion(exchanged)[1]
    torch.testing.assert_close(backward @ forward, torch.eye(4).expand(2, 4, 4), atol=1e-5, rtol=0)


def test_learned_poses__a_rig_of_one_camera_has_no_scale() -> None:
    method = build_method("selfsup", replace(TINY, poses="learned", rig=True))
    with pytest.raises(UserError, match="world 0: has one camera, so nothing has a known length"):
        method.loss(moving_scene(frames=FRAMES))


def test_canonical_focal__depth_follows_the_focal_length() -> None:
    method = build_method("selfsup", replace(TINY, canonical_focal=0.8)).eval()
    sample = moving_scene()
    longer = sample.K.clone()
    longer[..., 0, 0] *= 2
    with torch.inference_mode():
        ratio = method(sample.image[:, 0], longer[:, 0]) / method(sample.image[:, 0], sample.K[:, 0])
    torch.testing.assert_close(ratio, torch.full_like(ratio, 2.0))


def test_forward__of_a_rig_looks_at_one_picture_at_a_time() -> None:
    """So a model trained on a rig predicts single photos, and rigs whose cameras differ in shape."""
    method = build_method("selfsup", replace(TINY, rig=True)).eval()
    assert method.needs.rig and not method.joint_views
    assert not method_model(method, ModelInfo(name="tiny", height=64, width=96)).rig
    sample = moving_scene(views=2)
    with torch.inference_mode():
        both = method(sample.image[:, 0], sample.K[:, 0])
        one = method(sample.image[:, 0, 1:], sample.K[:, 0, 1:])
    torch.testing.assert_close(both[:, 1:], one)


def test_loss__is_a_function_of_the_seed() -> None:
    method = build_method("selfsup", TINY).train()
    sample = moving_scene(frames=FRAMES)
    totals = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        totals.append(method.loss(sample).total.item())
    assert totals[0] == totals[1] and totals[0] == pytest.approx(totals[2], abs=1e-4)


@pytest.mark.parametrize("poses", ["known", "learned"])
def test_loss__is_finite_in_bfloat16_and_its_geometry_is_exact(poses: str) -> None:
    torch.manual_seed(0)
    method = build_method("selfsup", replace(TINY, poses=poses)).to(memory_format=torch.channels_last).train()
    sample = moving_scene(frames=FRAMES)
    with torch.autocast("cpu", torch.bfloat16):
        loss = method.loss(sample)
    assert loss.total.dtype is torch.float32 and torch.isfinite(loss.total)
    loss.total.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in method.parameters())
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        near = find_neighbours(sample, rig=False)
    torch.testing.assert_close(near.source_from_ref, find_neighbours(sample, rig=False).source_from_ref)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"min_depth_m": 5.0, "max_depth_m": 1.0}, "depth range 5.0 to 1.0 m"),
        ({"initial_depth_m": 0.05}, "initial depth of 0.05 m is outside"),
        ({"frames": [1, -1]}, "give 0 and then the offsets"),
        ({"frames": [0, 1, 1]}, "give 0 and then the offsets"),
        ({"frames": [0]}, "one picture explains nothing"),
        ({"encoder": "dinov2-tiny"}, "use decoder dpt"),
        ({"poses": "learned", "pose_encoder": "dinov2-tiny"}, "one image at a time"),
        ({"num_scales": 5}, "choose from 1, 2, 3, 4"),
    ],
)
def test_build_method__options_that_cannot_be_met(options: dict[str, object], line: str) -> None:
    small = {"encoder": "resnet-tiny", "pose_encoder": "resnet-tiny", "decoder_width": 0.25}
    with pytest.raises(UserError, match=line):
        build_method("selfsup", small | options)


@pytest.mark.parametrize("poses", ["known", "learned"])
def test_loss__falls_on_one_batch(poses: str) -> None:
    torch.manual_seed(0)
    indoors = replace(TINY, decoder_norm="batch", min_depth_m=0.5, max_depth_m=20.0, initial_depth_m=3.0)
    method = build_method("selfsup", replace(indoors, poses=poses)).train()
    sample = moving_scene(frames=FRAMES)
    optimizer = torch.optim.AdamW(method.trained_parameters(), lr=1e-3)
    losses = []
    for _ in range(40):
        loss = method.loss(sample).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(("network", "encoder", "decoder"), [("monodepth2", "resnet18", "unet"), ("hrdepth", "resnet18", "hrdepth")])
def test_selfsup__a_published_network_decides_its_parts(network, encoder, decoder):
    config = replace(SelfsupConfig(), network=network, encoder="resnet-tiny", decoder_width=0.5, initial_depth_m=3.0)
    method = build_method("selfsup", config)
    assert (method.config.encoder, method.config.decoder, method.config.decoder_width) == (encoder, decoder, 1.0)
    depth = method.eval()(torch.rand(1, 1, 3, 64, 96), torch.eye(3)[None, None])
    assert depth.shape == (1, 1, 64, 96) and ((depth > 1) & (depth < 9)).float().mean() > 0.8
