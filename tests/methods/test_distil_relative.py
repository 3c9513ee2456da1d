"""A student of a teacher without metres: one encoder that learns what a bridged pair says, and stays up to scale and shift."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from leadline.data.sample import Sample
from leadline.methods.catalog import build_method
from leadline.methods.distil.loss import relative_teaching_loss
from leadline.methods.distil.method import Distil
from leadline.methods.loading import load, save_model_folder
from leadline.methods.predictor import ModelInfo
from leadline.types import DepthKind, UserError
from tests.fixtures.moving_scene import moving_scene
from tests.fixtures.tiny_pairs import build, save_own_depth, save_transformer
from tests.fixtures.tiny_teachers import save_plain

HEIGHT, WIDTH = 42, 70
NETWORK = {"encoder": "dinov2-tiny", "decoder": "dpt", "decoder_width": 0.25, "num_scales": 1, "kind": "affine_invariant_inverse"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A small depth model, and a bridged pair that stands on it."""
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("pair")
    depth, semantic = save_own_depth(root / "depth"), save_transformer(root / "semantic", width=64, patch=14)
    bridged = build(depth=depth, semantic=semantic).eval()
    save_model_folder(root / "bridged", "briges", bridged, ModelInfo("bridged", HEIGHT, WIDTH))
    return {"depth": depth, "bridged": str(root / "bridged")}


def student(**options: Any) -> Distil:
    torch.manual_seed(2)
    method = build_method("distil", NETWORK | options)
    assert isinstance(method, Distil)
    return method


def scene() -> Sample:
    return moving_scene(batch=2, height=HEIGHT, width=WIDTH)


def test_student__of_a_bridged_pair_learns_and_lives_alone(folders: dict[str, str], tmp_path: Path) -> None:
    bridged = shutil.copytree(folders["bridged"], tmp_path / "bridged")
    method, sample = student(plain=str(bridged), start=folders["depth"]), scene()
    assert method.kind is DepthKind.AFFINE_INVARIANT_INVERSE and not method.needs_camera
    assert method.needs.layers == {"usable"}, "no truth is used"
    optimizer = torch.optim.AdamW(method.trained_parameters(), lr=1e-3)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = method.train().loss(sample).total
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    save_model_folder(tmp_path / "student", "distil", method.eval(), ModelInfo("student", HEIGHT, WIDTH, details=method.details))
    shutil.rmtree(bridged)
    again = load(tmp_path / "student")
    assert again.kind is DepthKind.AFFINE_INVARIANT_INVERSE
    with torch.no_grad():
        said, expected = (one(sample.image[:, 0], sample.K[:, 0]) for one in (again.network, method))
    assert torch.equal(said, expected)
    assert again.info.details["start"]["name"] == "depth" and again.info.details["teachers"]["plain"]["name"] == "bridged"
    assert str(tmp_path) not in (tmp_path / "student" / "config.json").read_text()


def test_student__begins_as_the_model_it_starts_from(folders: dict[str, str]) -> None:
    sample, depth = scene(), load(folders["depth"]).network
    method = student(plain=folders["bridged"], start=folders["depth"]).eval()
    with torch.no_grad():
        assert torch.equal(method(sample.image[:, 0], sample.K[:, 0]), depth(sample.image[:, 0], sample.K[:, 0]))
    with pytest.raises(UserError, match="does not fit Distil"):
        student(plain=folders["bridged"], start=folders["depth"], encoder="dinov2-mini")


def test_relative_teaching_loss__knows_neither_scale_nor_shift_and_borders() -> None:
    generator = torch.Generator().manual_seed(0)
    pseudo = torch.rand(2, 12, 16, generator=generator) - 0.5
    valid = torch.rand(2, 12, 16, generator=generator) < 0.8
    same = torch.stack([3 * pseudo + 7, 0.1 * pseudo - 2], dim=1)
    assert relative_teaching_loss(inverse_depth=same, pseudo=pseudo, valid=valid).item() == pytest.approx(0, abs=1e-5)
    assert relative_teaching_loss(inverse_depth=same, pseudo=pseudo, valid=valid & False).item() == 0
    step = torch.zeros(1, 12, 16)
    step[..., 8:] = 1
    blurred = torch.nn.functional.avg_pool1d(step[:, 0], 5, 1, 2, count_include_pad=False)[:, None].expand_as(step)
    everywhere = torch.ones_like(step, dtype=torch.bool)
    loss = relative_teaching_loss(inverse_depth=blurred[:, None], pseudo=step, valid=everywhere)
    assert loss > (blurred - step).abs().mean()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({}, "a student of affine_invariant_inverse values learns from one plain teacher"),
        ({"plain": "x", "uncertainty": True}, "learns from one plain teacher, without uncertainty"),
        ({"plain": "x", "kind": "scale_invariant"}, "kind scale_invariant; choose metric or affine_invariant_inverse"),
        ({"plain": "x", "num_scales": 4}, "decoder dpt answers at one scale, not at 4; give --method.num-scales 1"),
    ],
)
def test_options__that_do_not_go_together(options: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line):
        student(**options)


def test_teachers__must_say_what_the_student_says(folders: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gives metric values; give one of affine_invariant_inverse, or --method\.kind metric"):
        student(plain=save_plain(tmp_path / "plain")).loss(scene())
    with pytest.raises(UserError, match="gives affine_invariant_inverse values; give a teacher that knows metres"):
        student(plain=folders["bridged"], kind="metric").loss(scene())
