"""What every method must pass, read from the catalog: a new method is covered without touching this file."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from leadline.data.sample import Sample
from leadline.methods.base import Method
from leadline.methods.catalog import build_method, default_config, method_names
from leadline.types import DepthKind

HEIGHT, WIDTH = 64, 96

SMALL: dict[str, tuple[dict[str, Any], ...]] = {
    "supervised": (
        {"encoder": "resnet-tiny", "decoder_width": 0.5},
        {"encoder": "resnet-tiny", "decoder_width": 0.5, "canonical_focal": None},
        {"encoder": "resnet-tiny", "decoder_width": 0.5, "kind": DepthKind.SCALE_INVARIANT},
        {"encoder": "resnet-tiny", "decoder_width": 0.5, "kind": DepthKind.AFFINE_INVARIANT},
        {"encoder": "resnet-tiny", "decoder_width": 0.5, "kind": DepthKind.AFFINE_INVARIANT_INVERSE},
        {"encoder": "resnet-tiny", "decoder": "dpt", "decoder_width": 0.25},
        {"encoder": "resnet-tiny", "decoder": "hrdepth", "decoder_width": 0.5},
        {"encoder": "mpvit-micro", "decoder": "monovit", "decoder_width": 0.25},
    )
}
"""Small variants of every method, for tests. A method without an entry here fails `test_every_method_is_covered`."""

CASES = [(name, options) for name in method_names() for options in SMALL.get(name, ())]
IDS = [f"{name}-{'-'.join(str(value) for value in options.values())}" for name, options in CASES]


def small(name: str, options: dict[str, Any]) -> Method:
    torch.manual_seed(0)
    return build_method(name, replace(default_config(name), **options))


def scene(*, batch: int = 2, views: int = 1, frames: int = 1) -> Sample:
    """Tilted planes whose colours follow their depth, seen by cameras of unequal focal length."""
    generator = torch.Generator().manual_seed(1)
    shape = (batch, frames, views)
    y = torch.linspace(0, 1, HEIGHT).view(-1, 1).expand(HEIGHT, WIDTH)
    x = torch.linspace(0, 1, WIDTH).expand(HEIGHT, WIDTH)
    slopes = torch.rand(*shape, 2, 1, 1, generator=generator)
    box = ((x - 0.5).abs() < 0.2) & ((y - 0.5).abs() < 0.25)
    depth = torch.where(box, 2.0, 4.0 + 4.0 * slopes[..., 0, :, :] * x + 4.0 * slopes[..., 1, :, :] * y)
    texture = 0.1 * torch.rand(*shape, 3, HEIGHT, WIDTH, generator=generator)
    image = (torch.stack([depth / 16, 1 - depth / 16, x.expand_as(depth)], dim=-3) + texture).clamp(0, 1)
    K = torch.eye(3).repeat(*shape, 1, 1)
    focal_px = WIDTH * (0.6 + 0.4 * torch.rand(*shape, generator=generator))
    K[..., 0, 0] = K[..., 1, 1] = focal_px
    K[..., 0, 2], K[..., 1, 2] = WIDTH / 2, HEIGHT / 2
    return Sample(image=image, K=K, depth=depth, inverse_depth=1 / depth)


def relative_error(method: Method, sample: Sample) -> float:
    """Mean relative error of depth after the alignment that the kind allows, none for metric depth."""
    assert sample.depth is not None
    method.eval()
    with torch.inference_mode():
        values = method(sample.image[:, 0], sample.K[:, 0]).double()
    target = sample.depth[:, 0].double()
    errors = []
    for pred, depth in zip(values.flatten(0, 1), target.flatten(0, 1), strict=True):
        match method.kind:
            case DepthKind.METRIC:
                fitted = pred
            case DepthKind.SCALE_INVARIANT:
                fitted = pred * (depth.median() / pred.median())
            case DepthKind.AFFINE_INVARIANT:
                fitted = affine_fit(pred, depth)
            case DepthKind.AFFINE_INVARIANT_INVERSE:
                fitted = 1 / affine_fit(pred, 1 / depth).clamp(min=1e-3)
        errors.append(((fitted - depth).abs() / depth).mean().item())
    return sum(errors) / len(errors)


def affine_fit(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    columns = torch.stack([pred.flatten(), torch.ones(pred.numel(), dtype=pred.dtype)], dim=1)
    return (columns @ torch.linalg.lstsq(columns, target.flatten()[:, None]).solution).view_as(pred)


def test_every_method_is_covered() -> None:
    assert set(SMALL) == set(method_names())


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_method__output_size_and_kind(name: str, options: dict[str, Any]) -> None:
    method = small(name, options).eval()
    sample = scene(batch=1, views=3)
    with torch.inference_mode():
        values = method(sample.image[:, 0], sample.K[:, 0])
    assert values.shape == (1, 3, HEIGHT, WIDTH)
    assert values.dtype is torch.float32
    assert torch.isfinite(values).all()
    assert method.kind is options.get("kind", default_config(name).kind)
    if method.kind in (DepthKind.METRIC, DepthKind.SCALE_INVARIANT):
        assert (values > 0).all()


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_method__learns_one_batch(name: str, options: dict[str, Any]) -> None:
    """Sixty steps on two images: within 12 % of the truth, at most a third of the error before."""
    method = small(name, options)
    sample = scene()
    before = relative_error(method, sample)
    optimizer = torch.optim.AdamW(method.trained_parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=60, pct_start=0.2)
    method.train()
    for _ in range(60):
        optimizer.zero_grad()
        method.loss(sample).total.backward()
        optimizer.step()
        schedule.step()
    settle_statistics(method, sample)
    after = relative_error(method, sample)
    assert after < min(0.12, before / 3), f"{before:.3f} before, {after:.3f} after"


def settle_statistics(method: Method, sample: Sample) -> None:
    """Running means of batch norms follow 60 steps slowly: bring them to this batch, as thousands of steps would."""
    norms = [m for m in method.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 0.5
    method.train()
    with torch.no_grad():
        for _ in range(8):
            method.loss(sample)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_method__loss_has_named_finite_terms_and_every_weight_learns(name: str, options: dict[str, Any]) -> None:
    method = small(name, options).train()
    loss = method.loss(scene(views=2))
    assert loss.terms
    assert all(term.ndim == 0 and torch.isfinite(term) for term in loss.terms.values())
    loss.total.backward()
    dead = [n for n, p in method.named_parameters() if p.requires_grad and (p.grad is None or not torch.isfinite(p.grad).all())]
    assert dead == []


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_method__nothing_to_learn_from_is_no_gradient(name: str, options: dict[str, Any]) -> None:
    method = small(name, options).train()
    sample = scene()
    assert sample.depth is not None
    loss = method.loss(replace(sample, depth=torch.zeros_like(sample.depth), inverse_depth=torch.zeros_like(sample.depth)))
    assert loss.total.item() == 0
    loss.total.backward()
    assert all(p.grad is None or not p.grad.any() for p in method.parameters())


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_method__depends_on_the_camera_as_it_says(name: str, options: dict[str, Any]) -> None:
    method = small(name, options).eval()
    sample = scene(batch=1)
    K = sample.K[:, 0]
    longer = K.clone()
    longer[..., 0, 0] *= 1.5
    longer[..., 1, 1] *= 1.5
    with torch.inference_mode():
        same = torch.equal(method(sample.image[:, 0], K), method(sample.image[:, 0], longer))
    assert same != method.needs_camera
