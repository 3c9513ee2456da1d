"""What every method must pass, read from the catalog: a new method is covered without touching this file."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from leadline.data.sample import Sample
from leadline.methods.base import Method
from leadline.methods.catalog import build_method, default_config, method_names
from leadline.types import DepthKind
from tests.fixtures.moving_scene import moving_scene
from tests.fixtures.tiny_pairs import pair

HEIGHT, WIDTH = 64, 96

TINY = {"encoder": "resnet-tiny", "decoder_width": 0.5}
INDOORS = TINY | {"pose_encoder": "resnet-tiny", "min_depth_m": 0.5, "max_depth_m": 20.0, "initial_depth_m": 3.0, "decoder_norm": "batch"}
STUDENT = {name: value for name, value in INDOORS.items() if name != "pose_encoder"}
RIG = TINY | {"network": "none", "num_bins": 16, "embedding": 32, "min_depth_m": 0.5, "max_depth_m": 20.0, "decoder_norm": "batch"}
LEARNS_TO = {
    "supervised": (0.12, 1 / 3),
    "selfsup": (0.24, 1 / 2),
    "intrinsic": (0.3, 2 / 3),
    "distil": (0.12, 1 / 3),
    "surround": (0.15, 1 / 3),
    "briges": (0.24, 1 / 2),
}
"""Relative error after sixty steps on one batch, and as a share of that before; what only one picture sees teaches selfsup nothing."""
SMALL: dict[str, tuple[tuple[dict[str, Any], DepthKind], ...]] = {
    "supervised": (
        (TINY, DepthKind.METRIC),
        (TINY | {"canonical_focal": None}, DepthKind.METRIC),
        (TINY | {"kind": DepthKind.SCALE_INVARIANT}, DepthKind.SCALE_INVARIANT),
        (TINY | {"kind": DepthKind.AFFINE_INVARIANT}, DepthKind.AFFINE_INVARIANT),
        (TINY | {"kind": DepthKind.AFFINE_INVARIANT_INVERSE}, DepthKind.AFFINE_INVARIANT_INVERSE),
        (TINY | {"decoder": "dpt", "decoder_width": 0.25}, DepthKind.METRIC),
        (TINY | {"decoder": "hrdepth"}, DepthKind.METRIC),
        ({"encoder": "mpvit-micro", "decoder": "monovit", "decoder_width": 0.25}, DepthKind.METRIC),
    ),
    "selfsup": (
        (INDOORS, DepthKind.METRIC),
        (INDOORS | {"canonical_focal": 0.8}, DepthKind.METRIC),
        (INDOORS | {"rig": True, "frames": (0,)}, DepthKind.METRIC),
        (INDOORS | {"rig": True, "poses": "learned"}, DepthKind.METRIC),
        (INDOORS | {"poses": "learned"}, DepthKind.SCALE_INVARIANT),
    ),
    "distil": (
        (STUDENT, DepthKind.METRIC),
        (STUDENT | {"canonical_focal": 0.8, "uncertainty": True, "num_scales": 2}, DepthKind.METRIC),
    ),
    "surround": tuple(
        (RIG | options, DepthKind.METRIC)
        for options in (
            {},
            {"cross_view": True, "canonical_focal": None},
            {"bins": "adabins"},
        )
    ),
    "briges": tuple(
        ({"heads": 2} | options, DepthKind.AFFINE_INVARIANT_INVERSE) for options in ({}, {"semantics": "depth"}, {"trained": "all"})
    ),
    "intrinsic": ((INDOORS | {"mask": "stereo", "closing_weight": 0.1, "num_scales": 2}, DepthKind.METRIC),),
}
"""Small variants of every method and their kinds, for tests. A method without an entry here fails `test_every_method_is_covered`."""

BESIDE = {"briges": pair}
"""Models that a method must be given, made when they are first needed."""

CASES = [(name, options, kind) for name in method_names() for options, kind in SMALL.get(name, ())]
IDS = ["-".join([name, *(f"{key}={value}" for key, value in options.items() if INDOORS.get(key) != value)]) for name, options, _ in CASES]
LEARNING = [case for case in CASES if case[1].get("poses") != "learned"]
"""A pose network needs more than sixty steps before depth can follow; its loss is looked at in test_selfsup.py."""
every_case = pytest.mark.parametrize(("name", "options", "kind"), CASES, ids=IDS)


def small(name: str, options: dict[str, Any]) -> Method:
    torch.manual_seed(0)
    beside = BESIDE[name]() if name in BESIDE else {}
    return build_method(name, replace(default_config(name), **beside, **options))


def scene(method: Method, *, batch: int = 2, views: int = 1) -> Sample:
    """What the method needs: tilted planes whose colours follow their depth, by cameras of unequal focal length."""
    needs = method.needs
    sample = moving_scene(batch=batch, views=max(views, 1 + needs.rig), frames=needs.frames, height=HEIGHT, width=WIDTH)
    assert sample.depth is not None
    return replace(sample, closed=torch.zeros_like(sample.depth[:, :1])) if "closed" in needs.layers else sample


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


@every_case
def test_method__output_size_and_kind(name: str, options: dict[str, Any], kind: DepthKind) -> None:
    method = small(name, options).eval()
    sample = scene(method, batch=1, views=3)
    with torch.inference_mode():
        values = method(sample.image[:, 0], sample.K[:, 0])
    assert values.shape == (1, 3, HEIGHT, WIDTH)
    assert values.dtype is torch.float32
    assert torch.isfinite(values).all()
    assert method.kind is kind
    if kind in (DepthKind.METRIC, DepthKind.SCALE_INVARIANT):
        assert (values > 0).all()


@pytest.mark.parametrize(("name", "options", "kind"), LEARNING, ids=[id for id in IDS if "poses=learned" not in id])
def test_method__learns_one_batch(name: str, options: dict[str, Any], kind: DepthKind) -> None:
    """Sixty steps on two images: near the truth, and much nearer than before."""
    method = small(name, options)
    sample = scene(method)
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
    bound, share = LEARNS_TO[name]
    assert after < min(bound, share * before), f"{before:.3f} before, {after:.3f} after"


def settle_statistics(method: Method, sample: Sample) -> None:
    """Running means of batch norms follow 60 steps slowly: bring them to this batch, as thousands of steps would."""
    norms = [m for m in method.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 0.5
    method.train()
    with torch.no_grad():
        for _ in range(8):
            method.loss(sample)


@every_case
def test_method__loss_has_named_finite_terms_and_every_weight_learns(name: str, options: dict[str, Any], kind: DepthKind) -> None:
    method = small(name, options).train()
    loss = method.loss(scene(method, views=2))
    assert loss.terms
    assert all(term.ndim == 0 and torch.isfinite(term) for term in loss.terms.values())
    loss.total.backward()
    dead = [n for n, p in method.named_parameters() if p.requires_grad and (p.grad is None or not torch.isfinite(p.grad).all())]
    assert dead == []


@every_case
def test_method__nothing_to_learn_from_is_no_gradient(name: str, options: dict[str, Any], kind: DepthKind) -> None:
    method = small(name, options).train()
    sample = scene(method)
    assert sample.depth is not None and sample.usable is not None
    nothing = torch.zeros_like(sample.depth)
    loss = method.loss(replace(sample, depth=nothing, inverse_depth=nothing, usable=torch.zeros_like(sample.usable)))
    assert loss.total.item() == 0
    loss.total.backward()
    assert all(p.grad is None or not p.grad.any() for p in method.parameters())


@every_case
def test_method__depends_on_the_camera_as_it_says(name: str, options: dict[str, Any], kind: DepthKind) -> None:
    method = small(name, options).eval()
    sample = scene(method, batch=1)
    K = sample.K[:, 0]
    longer = K.clone()
    longer[..., 0, 0] *= 1.5
    longer[..., 1, 1] *= 1.5
    with torch.inference_mode():
        same = torch.equal(method(sample.image[:, 0], K), method(sample.image[:, 0], longer))
    assert same != method.needs_camera
