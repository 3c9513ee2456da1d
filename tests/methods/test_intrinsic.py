"""What is particular to `intrinsic`: its terms and mask against a plain twin, every option, where gradients go, what prediction runs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import leadline
from leadline.data.sample import Sample
from leadline.losses.reprojection import Neighbours
from leadline.methods.base import Loss
from leadline.methods.catalog import build_method, method_name
from leadline.methods.intrinsic.config import IntrinsicConfig
from leadline.methods.intrinsic.loss import apart_in, intrinsic_terms
from leadline.methods.intrinsic.mask import mask_logs, reflective_mask
from leadline.methods.intrinsic.method import Intrinsic
from leadline.methods.intrinsic.network import Parts
from leadline.methods.loading import save_model_folder
from leadline.methods.neighbours import find_neighbours
from leadline.methods.predictor import ModelInfo
from leadline.methods.selfsup.config import SelfsupConfig
from leadline.methods.selfsup.loss import TIE_BREAK, explain
from leadline.types import Material, UserError
from tests.fixtures.moving_scene import moving_scene
from tests.fixtures.plain_intrinsic import PlainParts, plain_mask, plain_terms
from tests.fixtures.plain_selfsup import PlainSource

TINY = IntrinsicConfig(encoder="resnet-tiny", pose_encoder="resnet-tiny", decoder_width=0.25, initial_depth_m=5.0, mask_least_pixels=10)
FRAMES = (0, -1, 1)


def random_parts(near: Neighbours, *, channels: int = 3) -> Parts:
    generator = torch.Generator().manual_seed(5)

    def image(*lead: int, channels: int = 3) -> Tensor:
        shape = (*lead, channels, *near.image.shape[-2:])
        return (0.3 + 0.6 * torch.rand(shape, generator=generator, dtype=torch.float64)).requires_grad_()

    s, n = near.sources.shape[:2]
    return Parts(image(n), image(n, channels=channels), image(s, n), image(s, n, channels=channels))


def plain(near: Neighbours, parts: Parts) -> tuple[list[PlainSource], PlainParts]:
    sources = [PlainSource(*values) for values in zip(near.sources, near.K_src, near.source_from_ref, strict=True)]
    return sources, PlainParts(parts.diffuse, parts.residual, list(parts.diffuse_src), list(parts.residual_src))


def guess(near: Neighbours) -> Tensor:
    """Inverse depth that is wrong here and there."""
    n, _, height, width = near.image.shape
    return 0.12 + 0.2 * torch.rand(n, height, width, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def small_scene(**options: Any) -> Neighbours:
    return find_neighbours(moving_scene(frames=FRAMES, height=16, width=24, dtype=torch.float64, **options), rig=False)


def test_terms__equal_their_plain_twin() -> None:
    """Values and gradients in float64, weights included; equation 7."""
    near = small_scene()
    inverse, parts = guess(near).requires_grad_(), random_parts(near)
    config = replace(TINY, contrastive_margin=30.0, cross_trains_depth=True)
    terms = intrinsic_terms([parts], near, explain([inverse], near, config).seen, apart_in((), None, num=2), config)
    expected = plain_terms(inverse, near.image, near.K, *plain(near, parts), 30.0)
    weights = {"reconstruction": 1.0, "cross": 1.0, "contrastive": 0.01}
    for (name, term), value in zip(terms.items(), expected, strict=True):
        torch.testing.assert_close(term, weights[name] * value, atol=1e-12, rtol=1e-9)
    assert terms["contrastive"] > 0
    inputs = [inverse, parts.diffuse, parts.residual, parts.diffuse_src]
    ours = torch.autograd.grad(torch.stack(list(terms.values())).sum(), inputs)
    theirs = torch.autograd.grad(expected[0] + expected[1] + 0.01 * expected[2], inputs)
    for gradient, twin in zip(ours, theirs, strict=True):
        torch.testing.assert_close(gradient, twin, atol=1e-11, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "twin"),
    [
        ({}, {}),
        ({"mask": "literal-above-mean"}, {"above_mean": True}),
        ({"error_channels": 3, "statistics": "batch"}, {"channels": 3, "batch": True}),
        ({"diffuse_sources": "own", "diffuse_automask": "own"}, {"own": True}),
    ],
)
def test_mask__equals_its_plain_twin(options: dict[str, Any], twin: dict[str, Any]) -> None:
    near = small_scene()
    inverse, parts, config = guess(near), random_parts(near), replace(TINY, **options)
    torch.manual_seed(7)
    found = explain([inverse], near, config)
    torch.manual_seed(7)
    noise = TIE_BREAK * torch.randn(near.image[:, 0].shape, dtype=torch.float64)
    keep = reflective_mask(found, near, parts, config).keep
    expected = plain_mask(inverse, near.image, near.K, *plain(near, parts), noise=noise, **twin)
    assert 0 < (~expected).sum() < expected.numel() / 2
    assert torch.equal(keep, expected)
    torch.manual_seed(7)
    smallest = explain([inverse], near, config).smallest[:, 0]
    torch.testing.assert_close(found.photometric(keep), torch.where(expected, smallest, 0).mean())
    torch.testing.assert_close(
        found.photometric(keep, over_kept=True), torch.stack([s[k].mean() for s, k in zip(smallest, keep, strict=True)]).mean()
    )


def lambertian(*, stripe: bool = False) -> tuple[Neighbours, Tensor, Parts, Tensor]:
    """A scene of true inverse depth whose pictures are diffuse * residual, and where the residual is not 1.

    The stripe stands still in the picture while the camera moves: it is no part of the surface.
    """
    sample = moving_scene(frames=FRAMES, rectangle=False, dtype=torch.float64)
    assert sample.depth is not None
    near = find_neighbours(sample, rig=False)
    residual, residual_src, where = (
        torch.ones_like(near.image),
        torch.ones_like(near.sources),
        torch.zeros_like(near.image[:, 0], dtype=torch.bool),
    )
    if stripe:
        where[:, 20:28, 40:70] = True
        pattern = torch.rand(len(near.image), 1, 8, 30, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        residual[:, :, 20:28, 40:70] = 0.2 + 0.4 * pattern
        residual_src[..., 20:28, 40:70] = 0.6 - 0.4 * pattern
    parts = Parts(near.image, residual, near.sources, residual_src)
    shown = replace(near, image=near.image * residual, sources=near.sources * residual_src)
    return shown, 1 / sample.depth[:, 0, 0], parts, where


def test_exact_recovery__reconstruction_is_zero_and_cross_nearly_so_with_true_depth() -> None:
    near, inverse, parts, _ = lambertian(stripe=True)
    apart = apart_in((), None, num=2)
    true = intrinsic_terms([parts], near, explain([inverse], near, TINY).seen, apart, TINY)
    wrong = intrinsic_terms([parts], near, explain([1.4 * inverse], near, TINY).seen, apart, TINY)
    assert true["reconstruction"] < 1e-12
    assert true["cross"] < 0.004 and wrong["cross"] > 5 * true["cross"]


@pytest.mark.parametrize("rule", ["literal", "literal-above-mean"])
@pytest.mark.parametrize("options", [{}, {"error_channels": 3}, {"statistics": "batch"}, {"statistics_pixels": "all"}])
def test_mask__residual_of_one_keeps_everything(rule: Any, options: dict[str, Any]) -> None:
    near = small_scene()
    parts = replace(random_parts(near), residual=torch.ones_like(near.image), residual_src=torch.ones_like(near.sources))
    found = explain([guess(near)], near, TINY)
    assert reflective_mask(found, near, parts, replace(TINY, mask=rule, **options)).keep.all()


def test_mask__a_reflective_stripe_is_dropped() -> None:
    near, inverse, parts, stripe = lambertian(stripe=True)
    config = replace(TINY, automask=False)
    found = explain([inverse], near, config)
    literal = ~reflective_mask(found, near, parts, config).keep
    assert literal[stripe].float().mean() > 0.8
    above = ~reflective_mask(found, near, parts, replace(config, mask="literal-above-mean")).keep
    assert above[stripe].float().mean() > 0.8 and above[~stripe].float().mean() < 0.15


def test_mask__stereo_drops_what_is_closed_and_closing_pulls_it_there() -> None:
    sample = scene(closed=True)
    loss = loss_of(fresh(replace(TINY, mask="stereo", decompose=False, closing_weight=2.0, num_scales=1)), sample)
    assert sample.closed is not None
    closed = sample.closed[:, 0, 0]
    assert torch.equal(loss.panels["kept"], sample.image[:, 0, 0] * (closed == 0)[:, None])
    errors = torch.where(closed > 0, (loss.panels["values"][:, 0] / closed.clamp(min=1e-3)).log().abs(), 0)
    torch.testing.assert_close(loss.terms["closing"], 2 * errors.mean())
    assert loss.terms["closing"] > 0


def test_mask__trimmed_drops_as_many_as_its_rule_and_other_pixels() -> None:
    near, inverse, parts, _ = lambertian(stripe=True)
    found = explain([inverse], near, TINY)
    rule, trimmed = (
        ~reflective_mask(found, near, parts, replace(TINY, mask=mask, trimmed_like="literal-above-mean"), seed=1).keep
        for mask in ("literal-above-mean", "trimmed")
    )
    assert torch.equal(rule.sum(dim=(1, 2)), trimmed.sum(dim=(1, 2))) and not torch.equal(rule, trimmed)


def scene(
    *, sequences: tuple[str, ...] = ("a", "b"), material: bool = True, closed: bool = True, size: tuple[int, int] = (32, 64)
) -> Sample:
    """With a mirror where the rectangle is near, and with `closed` 10 by 20 pixels that are seen through."""
    sample = moving_scene(frames=FRAMES, height=size[0], width=size[1])
    assert sample.depth is not None
    if closed:
        surface = torch.zeros_like(sample.depth[:, :1])
        surface[..., 5:15, 10:30] = 2.0
        sample = replace(sample, closed=surface)
    shiny = torch.where(sample.depth < 3, int(Material.MIRROR), int(Material.DIFFUSE)).to(torch.uint8)
    return replace(sample, sequence=sequences, material=shiny if material else None)


def fresh(config: SelfsupConfig) -> Any:
    torch.manual_seed(0)
    return build_method(method_name(config), config).train()


def loss_of(method: Any, sample: Sample) -> Loss:
    torch.manual_seed(1)
    return method.loss(sample)


def test_mask_none__depth_learns_exactly_what_selfsup_learns() -> None:
    """The same terms and the same gradients of the depth network, though the branch beside it shares its encoder."""
    method = fresh(replace(TINY, mask="none"))
    options = {name: getattr(TINY, name) for name in SelfsupConfig.__dataclass_fields__}
    baseline = build_method("selfsup", options).train()
    baseline.load_state_dict(method.depth.state_dict())
    sample = scene()
    ours, theirs = loss_of(method, sample), loss_of(baseline, sample)
    for name in ("photometric", "smoothness"):
        assert torch.equal(ours.terms[name], theirs.terms[name])
    (ours.terms["photometric"] + ours.terms["smoothness"]).backward()
    theirs.total.backward()
    for mine, his in zip(method.depth.parameters(), baseline.parameters(), strict=True):
        assert mine.grad is not None and his.grad is not None
        torch.testing.assert_close(mine.grad, his.grad)


def test_mask_stereo__needs_no_second_branch() -> None:
    """Without it depth learns the same, and nothing else does."""
    whole, alone = (fresh(replace(TINY, mask="stereo", decompose=decompose)) for decompose in (True, False))
    alone.load_state_dict({name: value for name, value in whole.state_dict().items() if not name.startswith("intrinsic.")})
    terms, same = loss_of(whole, scene()).terms, loss_of(alone, scene()).terms
    assert set(same) == {"photometric", "smoothness"}
    assert all(torch.equal(terms[name], same[name]) for name in same)


ALTERNATIVES: list[dict[str, Any]] = [
    {"mask": "literal-above-mean", "error_channels": 3},
    {"mask": "stereo", "closing_weight": 1.0},
    {"mask": "true"},
    {"mask": "trimmed", "trimmed_like": "literal"},
    {"mask": "none", "poses": "learned"},
    {"mask_warmup": 3},
    {"normalise": "kept", "statistics": "batch", "statistics_pixels": "all"},
    {"diffuse_sources": "own", "diffuse_automask": "own"},
    {"diffuse_image": "predicted", "diffuse_clamp": False, "log_floor": 1e-2},
    {"reduction": "sum", "reconstruct_sources": True, "cross_sources": "smallest", "cross_pixels": "all"},
    {"cross_trains_depth": True},
    {"contrastive_norm": "value", "contrastive_pairs": "mean", "contrastive_margin": 0.5},
    {"intrinsic_encoder": "separate"},
    {"intrinsic_trains_encoder": False},
    {"intrinsic_scales": 2, "intrinsic_activation": "exponential", "residual_channels": 1},
    {"automask": False},
    {"decompose": False, "mask": "stereo"},
    {"decompose": False, "mask": "trimmed"},
]


@pytest.mark.parametrize("options", ALTERNATIVES, ids=["-".join(map(str, one.values())) for one in ALTERNATIVES])
def test_options__all_of_them_run_and_every_weight_learns(options: dict[str, Any]) -> None:
    method = fresh(replace(TINY, **options))
    loss = loss_of(method, scene())
    assert all(torch.isfinite(value) for value in [*loss.terms.values(), *loss.logs.values()])
    assert ("closing" in loss.terms) == ("closing_weight" in options)
    loss.total.backward()
    assert [name for name, p in method.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()] == []


def test_options__every_unknown_has_an_alternative_that_is_tested() -> None:
    tested = {name for options in ALTERNATIVES for name in options}
    own = set(IntrinsicConfig.__dataclass_fields__) - set(SelfsupConfig.__dataclass_fields__)
    assert own - tested == {"mask_least_pixels", "truth", "reconstruction_weight", "cross_weight", "contrastive_weight"}


def gradient_of(term: Tensor, part: torch.nn.Module) -> bool:
    gradients = torch.autograd.grad(term, list(part.parameters()), allow_unused=True, retain_graph=True)
    return any(g is not None and bool(g.any()) for g in gradients)


@pytest.mark.parametrize("cross_trains_depth", [False, True])
@pytest.mark.parametrize("encoder", ["shared", "separate"])
def test_gradients__go_where_they_should(encoder: Any, cross_trains_depth: bool) -> None:
    method = fresh(replace(TINY, intrinsic_encoder=encoder, cross_trains_depth=cross_trains_depth, automask=False))
    terms = loss_of(method, scene()).terms
    depth, branch = method.depth.network, method.intrinsic
    assert not gradient_of(terms["photometric"], branch), "the mask is a constant"
    assert gradient_of(terms["photometric"], depth.decoder)
    assert gradient_of(terms["reconstruction"], branch) and gradient_of(terms["cross"], branch.head)
    assert not gradient_of(terms["reconstruction"], depth.decoder)
    assert gradient_of(terms["cross"], depth.decoder) == cross_trains_depth
    assert gradient_of(terms["reconstruction"], depth.encoder) == (encoder == "shared")


def test_gradients__a_shared_encoder_can_be_left_to_depth() -> None:
    method = fresh(replace(TINY, intrinsic_trains_encoder=False))
    terms = loss_of(method, scene()).terms
    assert not gradient_of(terms["reconstruction"] + terms["cross"], method.depth) and gradient_of(terms["cross"], method.intrinsic)


@pytest.mark.parametrize(("raw", "depth_m"), [(-1e4, 10.0), (1e4, 0.1)])
def test_depth_bounds__disp_0_is_10_m_and_disp_1_is_10_cm(raw: float, depth_m: float) -> None:
    method = fresh(TINY).eval()
    for head in method.depth.network.head.convolutions:
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.constant_(head.bias, raw)
    sample = scene()
    with torch.inference_mode():
        depth = method(sample.image[:, 0], sample.K[:, 0])
    torch.testing.assert_close(depth, torch.full_like(depth, depth_m))


def mirrored(near: Neighbours) -> Neighbours:
    mirror, width = torch.diag(torch.tensor([-1.0, 1, 1, 1], dtype=near.K.dtype)), near.image.shape[-1]
    K, K_src = near.K.clone(), near.K_src.clone()
    K[:, 0, 2], K_src[..., 0, 2] = width - K[:, 0, 2], width - K_src[..., 0, 2]
    pose = mirror @ near.source_from_ref @ mirror
    return replace(near, image=near.image.flip(-1), sources=near.sources.flip(-1), K=K, K_src=K_src, source_from_ref=pose)


def test_flip__terms_stay_and_masks_turn_with_the_picture() -> None:
    near, config = small_scene(), replace(TINY, automask=False, contrastive_margin=30.0)
    inverse, parts = guess(near), random_parts(near)
    turned = Parts(parts.diffuse.flip(-1), parts.residual.flip(-1), parts.diffuse_src.flip(-1), parts.residual_src.flip(-1))
    apart = apart_in((), None, num=2)
    found, flipped = explain([inverse], near, config), explain([inverse.flip(-1)], mirrored(near), config)
    terms, same = (intrinsic_terms([p], n, f.seen, apart, config) for p, n, f in ((parts, near, found), (turned, mirrored(near), flipped)))
    for name in terms:
        torch.testing.assert_close(terms[name], same[name])
    keep, keep_flipped = (reflective_mask(f, n, p, config).keep for p, n, f in ((parts, near, found), (turned, mirrored(near), flipped)))
    assert torch.equal(keep.flip(-1), keep_flipped) and not keep.all()


def test_contrast__pictures_of_one_sequence_are_no_pair() -> None:
    assert apart_in(("a", "b", "a"), None, num=3).tolist() == [[False, True, False], [True, False, True], [False, True, False]]
    assert apart_in(("a", "b"), None, num=4).int().tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]]
    method = fresh(TINY)
    assert loss_of(method, scene()).terms["contrastive"] > 0
    assert loss_of(method, scene(sequences=("a", "a"))).terms["contrastive"] == 0


def test_logs__drop_rate_always_precision_and_recall_where_the_truth_is_known() -> None:
    method = fresh(TINY)
    assert {"mask/dropped_share", "mask/precision", "mask/recall"} <= set(loss_of(method, scene()).logs)
    assert "mask/precision" not in loss_of(method, scene(material=False)).logs
    keep = torch.tensor([[[True, False, False, False]]])
    truth, learns = torch.tensor([[[True, True, False, True]]]), torch.tensor([[[True, True, True, False]]])
    logs = {name: value.item() for name, value in mask_logs(keep, learns, truth).items()}
    assert logs["mask/dropped_share"] == pytest.approx(2 / 3) and logs["mask/precision"] == 0.5 and logs["mask/recall"] == 0.5


def test_needs__the_truth_is_optional_unless_a_mask_is_made_of_it() -> None:
    assert fresh(TINY).needs.optional == {"material"} and "material" not in fresh(TINY).needs.layers
    assert "material" in fresh(replace(TINY, mask="true")).needs.layers
    with pytest.raises(UserError, match="the mask true needs the layer material"):
        fresh(replace(TINY, mask="true")).loss(scene(material=False))


def test_mask_true__drops_the_mirror_and_the_layer_misleading_goes_first() -> None:
    method, sample = fresh(replace(TINY, mask="true", automask=False)), scene()
    logs = loss_of(method, sample).logs
    assert logs["mask/precision"] == 1 and logs["mask/recall"] == 1 and 0 < logs["mask/dropped_share"] < 0.5
    assert sample.material is not None
    everything = replace(sample, misleading=torch.ones_like(sample.material, dtype=torch.bool))
    assert loss_of(method, everything).logs["mask/dropped_share"] == 1


def test_warmup__counts_steps_of_training_and_the_count_is_saved() -> None:
    method, sample = fresh(replace(TINY, mask="true", mask_warmup=2)), scene()
    dropped = [loss_of(method, sample).logs["mask/dropped_share"].item() for _ in range(3)]
    assert dropped[:2] == [0, 0] and dropped[2] > 0
    method.eval()
    loss_of(method, sample)
    assert method.state_dict()["steps_seen"].item() == 3


def test_predict__runs_depth_alone_and_the_model_folder_comes_back(tmp_path: Path) -> None:
    method = fresh(replace(TINY, intrinsic_encoder="separate", mask="stereo", closing_weight=0.5)).eval()

    def refuse(*_: Any) -> None:
        raise AssertionError("the intrinsic branch ran")

    method.intrinsic.register_forward_pre_hook(refuse)
    method.intrinsic.encoder.register_forward_pre_hook(refuse)
    sample = scene()
    with torch.inference_mode():
        depth = method(sample.image[:, 0], sample.K[:, 0])
    torch.testing.assert_close(depth, method.depth(sample.image[:, 0], sample.K[:, 0]).detach())
    save_model_folder(tmp_path / "m", "intrinsic", method, ModelInfo("tiny", 32, 64, "Apache-2.0", ("a scene",), {}))
    loaded = leadline.load(str(tmp_path / "m"))
    picture = (255 * sample.image[0, 0, 0]).byte().permute(1, 2, 0).numpy()
    values = loaded.predict(picture, K=sample.K[0, 0, 0].double().numpy()).values
    expected = method(torch.from_numpy(picture).permute(2, 0, 1)[None, None].float() / 255, sample.K[:1, 0])[0, 0]
    np.testing.assert_allclose(values, expected.detach().numpy(), rtol=1e-4)
    assert isinstance(method, Intrinsic)
