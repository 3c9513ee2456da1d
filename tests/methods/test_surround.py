"""What is particular to `surround`: bins that follow the focal length, teachers and what is learnt of them, rigs with cameras missing."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from leadline.data.sample import Sample
from leadline.methods.loading import load
from leadline.methods.surround.distillation import OF_MAPS, TERMS
from leadline.methods.surround.method import Surround
from leadline.methods.surround.network import STUDENTS
from leadline.methods.surround.teacher import ask
from leadline.methods.teachers import MaskTeacher
from leadline.types import UserError
from tests.fixtures.tiny_surround import HEIGHT, WIDTH, build, is_finite, rigs, save, small
from tests.fixtures.tiny_teachers import save_robust

ALL = {f"{term}_weight": 1.0 for term in TERMS}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save(tmp_path_factory.mktemp("teachers") / "wide", decoder_width=0.5)


def gradients(method: Surround, sample: Sample, term: str) -> dict[str, float]:
    """Largest gradient of each part of the network by one term alone."""
    method.train().zero_grad()
    loss = method.loss(sample)
    loss.terms[term].backward()
    return {name: float(p.grad.abs().max()) for name, p in method.named_parameters() if p.grad is not None}


def taught(teacher: str, sample: Sample) -> Sample:
    """`sample` with what the teacher says of it as a layer."""
    network = load(teacher)
    said = ask(network, sample)
    views = sample.image.shape[2]
    kept = {name: getattr(said, name).unflatten(0, (-1, 1, views)) for name in ("probs", "centres", "embedding")}
    return replace(sample, taught=kept)


def test_surround__depth_follows_the_focal_length() -> None:
    method, sample = build().eval(), rigs()
    with torch.no_grad():
        depth = method(sample.image[:, 0], sample.K[:, 0])
        wider = method(sample.image[:, 0], sample.K[:, 0] * torch.tensor([[0.5, 1, 1], [1, 0.5, 1], [1, 1, 1]]))
    inside = (depth > 0.2) & (depth < 79) & (wider > 0.2)
    assert inside.any() and torch.allclose(depth[inside], 2 * wider[inside], rtol=1e-4)


@pytest.mark.parametrize("name", STUDENTS)
def test_students__are_what_their_names_say(name: str) -> None:
    method = build(network=name, encoder="resnet-tiny", decoder_width=0.25)
    assert {key: getattr(method.config, key) for key in STUDENTS[name]} == dict(STUDENTS[name])
    assert method.joint_views == name.endswith("xview")


def test_students__answer_at_a_quarter_of_the_picture() -> None:
    seen = build().network(rigs(views=2).image[:, 0])
    assert seen.bins.logits.shape[-2:] == (HEIGHT // 4, WIDTH // 4)


@pytest.mark.parametrize("cross_view", [False, True])
@pytest.mark.parametrize("views", [1, 2, 4, 7])
def test_surround__takes_any_number_of_cameras(views: int, cross_view: bool) -> None:
    method, sample = build(cross_view=cross_view), rigs(views=views)
    assert is_finite(method.loss(sample).total)
    with torch.no_grad():
        assert method.eval()(sample.image[:, 0], sample.K[:, 0]).shape == (2, views, HEIGHT, WIDTH)


def test_surround__a_camera_that_is_missing_changes_no_other_without_cross_view() -> None:
    method, sample = build().eval(), rigs()
    with torch.no_grad():
        whole = method(sample.image[:, 0], sample.K[:, 0])
        rest = method(sample.image[:, 0, 1:], sample.K[:, 0, 1:])
    assert torch.allclose(whole[:, 1:], rest, rtol=1e-4)


@pytest.mark.parametrize("term", TERMS)
def test_terms__are_finite_and_move_the_student(term: str, teacher: str) -> None:
    method = build(teacher=teacher, **{f"{term}_weight": 1.0})
    loss = method.train().loss(rigs())
    assert set(loss.terms) == {"silog", term} and is_finite(loss.terms[term])
    found = gradients(method, rigs(), term)
    assert all(value < float("inf") for value in found.values()) and max(found.values()) > 0


def test_terms__in_half_precision_are_those_of_full(teacher: str) -> None:
    method = build(teacher=teacher, **ALL).train()
    full = method.loss(rigs()).terms
    with torch.autocast("cpu", torch.bfloat16):  # as a training runs where the hardware is fast at it
        half = method.loss(rigs()).terms
    assert {name: float(value.detach()) for name, value in half.items()} == pytest.approx(
        {name: float(value.detach()) for name, value in full.items()}, rel=0.1, abs=1e-3
    )


@pytest.mark.parametrize("relation", ["softmax", "probabilities", "overlap", "pooled"])
@pytest.mark.parametrize("response", ["l1", "scale_shift"])
def test_terms__of_every_reading_are_finite(relation: str, response: str, teacher: str) -> None:
    method = build(teacher=teacher, relations_weight=1.0, relation=relation, response_weight=1.0, response=response).train()
    loss = method.loss(rigs())
    loss.total.backward()
    assert all(is_finite(term) for term in loss.terms.values())
    assert all(p.grad.isfinite().all() for p in method.parameters() if p.grad is not None)


def test_terms__are_zero_for_a_student_that_is_its_teacher(tmp_path: Path) -> None:
    """Test 7 of the specification, through the whole method; the adapter of FitNets is no identity, and L_x is about the truth."""
    itself = save(tmp_path / "itself")
    weights = {name: 1.0 for name in ALL if name not in ("cross_weight", "opposite_weight", "fitnets_weight")}
    method = build(teacher=itself, **weights)
    method.load_state_dict(load(itself).network.state_dict(), strict=False)
    with torch.no_grad():
        terms = method.eval().loss(rigs()).terms
    assert all(abs(float(term)) < 1e-4 for name, term in terms.items() if name != "silog"), terms


def test_terms__of_nothing_but_dead_cameras_are_zero(teacher: str) -> None:
    sample = rigs()
    assert sample.usable is not None and sample.depth is not None
    dead = replace(sample, usable=torch.zeros_like(sample.usable), depth=torch.zeros_like(sample.depth))
    loss = build(teacher=teacher, **ALL).train().loss(dead)
    assert all(float(term.detach()) == 0 for term in loss.terms.values()), loss.terms


def test_terms__weigh_what_their_weights_say(teacher: str) -> None:
    once = build(teacher=teacher, **ALL).train().loss(rigs()).terms
    thrice = build(teacher=teacher, **{name: 3.0 for name in ALL}).train().loss(rigs()).terms
    assert all(torch.allclose(3 * once[term], thrice[term], rtol=1e-4) for term in TERMS)


def test_ckd__sends_l_p_to_probabilities_and_l_x_to_centres(teacher: str) -> None:
    """Test 2 of the specification, through the whole head: seed and attractors make centres, the last convolutions probabilities."""
    method = build(teacher=teacher, probabilities_weight=1.0, cross_weight=1.0).train()
    sample = rigs()
    seen = {}
    forward = method.network.forward

    def watched(image: Tensor) -> Any:
        out = forward(image)
        for name in ("logits", "centres"):
            getattr(out.bins, name).retain_grad()
        seen["bins"] = out.bins
        return out

    method.network.forward = watched  # pyright: ignore[reportAttributeAccessIssue]
    for term, moved, still in (("probabilities", "logits", "centres"), ("cross", "centres", "logits")):
        method.zero_grad()
        method.loss(sample).terms[term].backward()
        bins = seen["bins"]
        assert getattr(bins, moved).grad.abs().max() > 0
        assert getattr(bins, still).grad is None or getattr(bins, still).grad.abs().max() == 0


def test_teachers__are_no_part_of_the_student(teacher: str, tmp_path: Path) -> None:
    """Neither among its weights nor in its folder, which works when the teacher is gone."""
    place = tmp_path / "teacher"
    shutil.copytree(teacher, place)
    before = load(place).fingerprint
    method = build(teacher=str(place), **ALL)
    optimizer = torch.optim.SGD(method.trained_parameters(), lr=0.1)
    method.train().loss(rigs()).total.backward()
    optimizer.step()
    assert method.distillation.teacher.fingerprint == before
    assert any(name.startswith("distillation.adapter") for name, _ in method.named_parameters())
    from leadline.methods.loading import save_model_folder
    from leadline.methods.predictor import ModelInfo

    save_model_folder(tmp_path / "student", "surround", method.eval(), ModelInfo("student", HEIGHT, WIDTH, details=method.details))
    shutil.rmtree(place)
    again = load(tmp_path / "student")
    assert not any("distillation" in name for name in again.network.state_dict())
    with torch.no_grad():
        sample = rigs(views=2)
        assert torch.equal(again.network(sample.image[:, 0], sample.K[:, 0]), method(sample.image[:, 0], sample.K[:, 0]))
    text = (tmp_path / "student" / "config.json").read_text()
    assert str(tmp_path) not in text and before in text, "the folder names the teacher's weights, not its place"


def test_teachers__say_the_same_kept_as_asked(teacher: str) -> None:
    sample = rigs()
    weights = {name: weight for name, weight in ALL.items() if name.removesuffix("_weight") not in OF_MAPS}
    live, kept = build(teacher=teacher, **weights), build(**weights)
    assert "taught" in kept.needs.layers and "taught" not in live.needs.layers
    ours, theirs = live.train().loss(sample).terms, kept.train().loss(taught(teacher, sample)).terms
    assert all(torch.allclose(ours[term], theirs[term], rtol=1e-4, atol=1e-6) for term in ours)


def test_teachers__that_look_inside_must_be_there() -> None:
    with pytest.raises(UserError, match=r"fitnets compares maps inside the teacher.*--method.teacher"):
        _ = build(fitnets_weight=1.0).needs


@pytest.mark.parametrize(("option", "value"), [("num_bins", 9), ("max_depth_m", 90.0), ("min_depth_m", 0.2), ("canonical_focal", None)])
def test_teachers__of_other_bins_are_refused_by_name(option: str, value: Any, tmp_path: Path) -> None:
    other = save(tmp_path / "other", **{option: value})
    with pytest.raises(UserError, match=f"other: was trained with {option} {value}, the student has"):
        _ = build(teacher=other, kd_weight=1.0).needs


def test_teachers__of_another_method_are_refused(tmp_path: Path) -> None:
    from tests.fixtures.tiny_teachers import save_plain

    with pytest.raises(UserError, match="is a selfsup model, which has no bins of depth"):
        _ = build(teacher=save_plain(tmp_path / "plain"), kd_weight=1.0).needs


@pytest.mark.parametrize("what", ["prob_head", "all_after_projector"])
def test_share_bins__is_the_teachers_and_stays_so(what: str, tmp_path: Path) -> None:
    alike = save(tmp_path / "alike")
    method = build(teacher=alike, kd_weight=1.0, share_bins=what)
    frozen = {name for name, p in method.named_parameters() if not p.requires_grad}
    assert frozen and all(name.startswith("network.head.") for name in frozen)
    theirs = dict(load(alike).network.named_parameters())
    assert all(torch.equal(p, theirs[name]) for name, p in method.named_parameters() if name in frozen)


def test_dead_cameras__teach_nothing(teacher: str) -> None:
    """A camera whose picture could not be read: grey, no depth, nothing usable."""
    method, sample = build(teacher=teacher, probabilities_weight=1.0, relations_weight=1.0).train(), rigs()
    assert sample.usable is not None and sample.depth is not None
    usable, depth = sample.usable.clone(), sample.depth.clone()
    usable[:, :, 2], depth[:, :, 2] = False, 0
    dead = replace(sample, usable=usable, depth=depth)
    loss = method.loss(dead)
    image = sample.image.clone().requires_grad_()
    method.loss(replace(dead, image=image)).total.backward()
    assert is_finite(loss.total)
    # Batch statistics are shared, so only a network without batch norms shows it to the bit; this one has none in its decoder.
    method.eval()
    image = sample.image.clone().requires_grad_()
    method.loss(replace(dead, image=image)).total.backward()
    assert image.grad is not None and float(image.grad[:, :, 2].abs().max()) == 0 and float(image.grad[:, :, 1].abs().max()) > 0


def test_reflective__pixels_of_an_intrinsic_model_teach_nothing(teacher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the mask drops may be told anything by the teacher; what it keeps counts, and the folder names whose mask it was."""
    judge = save_robust(tmp_path / "judge", mask="stereo", decompose=False)
    sample = taught(teacher, rigs())
    assert sample.taught is not None and sample.depth is not None
    sample = replace(sample, closed=torch.zeros_like(sample.depth[:, :1]))
    terms = ("probabilities", "cross", "kd", "dkd", "dist", "response", "relations")
    method = build(exclude_reflective=judge, **{f"{term}_weight": 1.0 for term in terms}).eval()
    assert "closed" in method.needs.layers
    keep = torch.ones(12, HEIGHT, WIDTH, dtype=torch.bool)
    keep[:, :, : WIDTH // 2] = False
    monkeypatch.setattr(MaskTeacher, "kept", lambda self, sample: keep)
    lies = {name: values.clone() for name, values in sample.taught.items()}
    columns = lies["probs"].shape[-1] // 2
    lies["probs"][..., :columns] = lies["probs"][..., :columns].flip(3)
    lies["embedding"][..., : lies["embedding"].shape[-1] // 2] *= -1
    with torch.no_grad():
        honest, lied = method.loss(sample), method.loss(replace(sample, taught=lies))
        monkeypatch.setattr(MaskTeacher, "kept", lambda self, sample: torch.ones_like(keep))
        believed = method.loss(replace(sample, taught=lies))
    for term in terms:
        assert torch.allclose(honest.terms[term], lied.terms[term], rtol=1e-3, atol=1e-6), term
        assert not torch.allclose(honest.terms[term], believed.terms[term], rtol=1e-3, atol=1e-6), term
    assert float(honest.logs["mask/dropped_share"]) == 0.5
    assert method.details["teachers"]["reflective"]["name"] == "judge"


def flipped(sample: Sample) -> Sample:
    """Every view mirrored, and the ring turned the other way, as data/transforms.flip_views has it."""
    order = [0, *range(sample.image.shape[2] - 1, 0, -1)]
    K = sample.K.clone()
    K[..., 0, 2] = WIDTH - K[..., 0, 2]
    layers = {name: getattr(sample, name).flip(-1)[:, :, order] for name in ("image", "depth", "usable")}
    return replace(sample, **layers, K=K[:, :, order])


def test_flip__of_a_rig_leaves_the_loss_of_a_flip_equivariant_network(teacher: str) -> None:
    """Test 4 of the specification, with a network whose answer is a function of each pixel's colour."""
    method = build(probabilities_weight=1.0, relations_weight=1.0, cross_weight=1.0)
    sample = taught(teacher, rigs())
    assert sample.taught is not None
    order = [0, *range(sample.image.shape[2] - 1, 0, -1)]
    mirrored = replace(flipped(sample), taught={name: values.flip(-1)[:, :, order] for name, values in sample.taught.items()})
    seen = method.network(sample.image[:, 0])

    class Toy(torch.nn.Module):
        """Answers with functions of each pixel's colour: what is mirrored is answered mirrored."""

        def forward(self, image: Tensor) -> Any:
            flat = torch.nn.functional.avg_pool2d(image.flatten(0, 1), 4)
            grey = flat.mean(dim=1, keepdim=True)
            steps = torch.linspace(-1, 1, 8).view(1, 8, 1, 1)
            bins = replace(seen.bins, logits=-((grey - 0.5 - steps / 2) ** 2) * 9, centres=5 + 10 * (steps + 1) + 0 * grey, embedding=flat)
            return replace(seen, bins=bins)

    method.network = Toy()  # pyright: ignore[reportAttributeAccessIssue]
    ours, theirs = method.loss(sample).terms, method.loss(mirrored).terms
    for term in ours:
        assert torch.allclose(ours[term], theirs[term], rtol=1e-4, atol=1e-6), term


def test_options__that_cannot_be_are_refused() -> None:
    for options, words in (({"min_depth_m": 90.0}, "depth range"), ({"num_bins": 1}, "1 bins")):
        with pytest.raises(UserError, match=words):
            build(**options)
    assert small().num_bins == 8
