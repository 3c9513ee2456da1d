"""What is particular to `distil`: who teaches what where, self-teaching by hand, and a student that lives without its teachers."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from leadline.data.sample import Needs, Sample
from leadline.methods.catalog import build_method, default_config
from leadline.methods.distil.config import DistilConfig
from leadline.methods.distil.loss import teaching_loss
from leadline.methods.distil.method import Distil
from leadline.methods.intrinsic.mask import ReflectiveMask
from leadline.methods.intrinsic.method import Intrinsic
from leadline.methods.loading import load, save_model_folder
from leadline.methods.predictor import ModelInfo
from leadline.methods.stereo_teachers import load_stereo_teacher
from leadline.methods.teachers import Teachers, load_teachers
from leadline.types import UserError
from tests.fixtures.moving_scene import moving_scene
from tests.fixtures.tiny_teachers import HEIGHT, NETWORK, WIDTH, save_plain, save_robust


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("teachers")
    return {
        "plain": save_plain(root / "plain"),
        "literal": save_robust(root / "literal"),
        "stereo": save_robust(root / "stereo", mask="stereo", decompose=False),
    }


def scene(frames: tuple[int, ...] = (0, -1, 1)) -> Sample:
    """Tilted planes; a block of each reference picture is seen through a surface 1.5 m away."""
    sample = moving_scene(frames=frames, height=HEIGHT, width=WIDTH)
    assert sample.depth is not None
    closed = torch.zeros_like(sample.depth[:, :1])
    closed[..., 4:20, 10:30] = 1.5
    return replace(sample, closed=closed)


def depth_of(teachers: Teachers, sample: Sample) -> tuple[Tensor, Tensor]:
    """What each teacher says by itself."""
    assert teachers.robust is not None
    with torch.no_grad():
        plain, robust = (m.network(sample.image[:, 0], sample.K[:, 0]).flatten(0, 1) for m in (teachers.plain, teachers.robust))
    return plain, robust


def judging(monkeypatch: pytest.MonkeyPatch, keep: Tensor, *, closed: Tensor | None = None) -> None:
    """Let the robust teacher's mask be `keep`."""
    judge = Intrinsic.judge
    monkeypatch.setattr(Intrinsic, "judge", lambda self, sample: (judge(self, sample)[0], ReflectiveMask(keep, closed)))


@pytest.mark.parametrize("share", [1, 0, 0.5], ids=["all kept", "all dropped", "half"])
def test_distillation__mask_1_gives_the_plain_teacher_and_mask_0_the_robust_one(
    share: float, folders: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test 7 of the specification."""
    teachers, sample = load_teachers(folders["plain"], folders["stereo"]), scene((0,))
    plain, robust = depth_of(teachers, sample)
    keep = torch.zeros_like(plain, dtype=torch.bool)
    keep[..., : int(share * WIDTH)] = True
    judging(monkeypatch, keep)
    found = teachers.pseudo(sample)
    assert found.keep is keep and (plain - robust).abs().min() > 0
    assert torch.equal(found.depth[keep], plain[keep]) and torch.equal(found.depth[~keep], robust[~keep])


@pytest.mark.parametrize("dropped", ["robust", "closed"])
def test_pseudo_depth__stereo_chooses_and_its_surface_may_stand_in(dropped: Any, folders: dict[str, str]) -> None:
    teachers, sample = load_teachers(folders["plain"], folders["stereo"], dropped=dropped), scene((0,))
    plain, robust = depth_of(teachers, sample)
    assert sample.closed is not None
    closed = sample.closed[:, 0].flatten(0, 1)
    expected = torch.where(closed > 0, closed if dropped == "closed" else robust, plain)
    torch.testing.assert_close(teachers.pseudo(sample).depth, expected)


def test_pseudo_depth__a_literal_mask_chooses_and_the_margin_mixes(folders: dict[str, str]) -> None:
    teachers, sample = load_teachers(folders["plain"], folders["literal"]), scene()
    plain, robust = depth_of(teachers, sample)
    chosen = teachers.pseudo(sample)
    assert chosen.keep is not None and 0 < chosen.keep.float().mean() < 1
    assert torch.equal(chosen.depth, torch.where(chosen.keep, plain, robust))
    mixed = replace(teachers, margin=0.1).pseudo(sample).depth
    between = (plain * robust).sqrt()
    is_between = torch.isclose(mixed, between, rtol=1e-5)
    assert 0 < is_between.float().mean() < 1
    assert torch.equal(mixed[~is_between], chosen.depth[~is_between])


def test_pseudo_depth__one_teacher_alone_is_its_depth(folders: dict[str, str]) -> None:
    teachers, sample = load_teachers(folders["plain"]), scene((0,))
    with torch.no_grad():
        expected = teachers.plain.network(sample.image[:, 0], sample.K[:, 0]).flatten(0, 1)
    found = teachers.pseudo(sample)
    assert found.keep is None and torch.equal(found.depth, expected)


def test_stereo_teacher__is_believed_unless_it_is_much_farther_than_the_model(folders: dict[str, str]) -> None:
    teacher, sample = load_stereo_teacher(folders["plain"]), scene((0,))
    assert sample.closed is not None
    robust = depth_of(load_teachers(folders["plain"], folders["stereo"]), sample)[0]
    stereo = (robust * 1.1)[:, None, None]
    stereo[..., :10, :], stereo[..., 10:20, :] = 1.3 * robust[:, None, None, :10], 0  # a mirror image, and nothing that moved
    found = teacher.pseudo(replace(sample, stereo=stereo))
    closed = sample.closed[:, 0].flatten(0, 1)
    seen = torch.where(closed > 0, closed, stereo.flatten(0, 2))
    assert found.keep is not None and 0.2 < found.keep.float().mean() < 0.9
    torch.testing.assert_close(found.depth, torch.where((seen > 0) & (seen < 1.2 * robust), seen, robust))
    assert torch.equal(student(stereo=folders["plain"]).loss(replace(sample, stereo=stereo)).logs["valid_share"], torch.tensor(1.0))


@pytest.mark.parametrize("robust", ["literal", "stereo"])
def test_pseudo_depth__is_a_function_of_the_picture_alone(robust: str, folders: dict[str, str]) -> None:
    """Neither chance, nor the student's precision, nor the other pictures of a batch change it."""
    teachers, sample = load_teachers(folders["plain"], folders[robust]), scene()
    state = torch.random.get_rng_state()
    found = teachers.pseudo(sample).depth
    assert torch.equal(torch.random.get_rng_state(), state)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(teachers.pseudo(sample).depth, found)
    layers = {name: getattr(sample, name)[1:] for name in ("image", "K", "depth", "cam_from_world", "usable", "closed")}
    close = torch.isclose(teachers.pseudo(Sample(**layers)).depth, found[1:], rtol=1e-4)
    assert close.float().mean() > 0.99, "a convolution's last digit depends on the batch, and a literal mask may turn with it"


def test_judge__drops_what_training_would_drop(folders: dict[str, str], tmp_path: Path) -> None:
    """Without an auto-mask training draws no number either."""
    method = load(save_robust(tmp_path / "still", automask=False)).network
    assert isinstance(method, Intrinsic)
    sample = scene()
    _, mask = method.judge(sample)
    with torch.no_grad():
        logged = method.loss(sample).logs["mask/dropped_share"]
    assert 0 < logged < 1
    torch.testing.assert_close((~mask.keep).float().mean(), logged, atol=0.02, rtol=0)


def test_needs__are_those_of_the_teachers(folders: dict[str, str]) -> None:
    pictures = Needs(layers=frozenset({"usable"}))
    assert student().needs == Needs(layers=frozenset({"depth", "usable"}))
    assert student(plain=folders["plain"]).needs == pictures
    assert student(plain=folders["plain"], frames=(0, -2, 2)).needs == replace(pictures, frames=(0, -2, 2))
    assert student(stereo=folders["plain"], frames=(0, -2, 2)).needs == Needs(frozenset({"usable", "stereo", "closed"}), (0, -2, 2))
    layers = frozenset({"usable", "cam_from_world", "closed"})
    assert student(plain=folders["plain"], robust=folders["stereo"]).needs == Needs(layers=layers, frames=(0, -1, 1))
    both = student(plain=folders["plain"], robust=folders["literal"]).needs
    assert both == Needs(layers=frozenset({"usable", "cam_from_world"}), frames=(0, -1, 1))


def student(**options: Any) -> Distil:
    torch.manual_seed(2)
    method = build_method("distil", replace(default_config("distil"), **NETWORK, **options))
    assert isinstance(method, Distil)
    return method


def test_teachers__get_no_gradient_and_are_no_part_of_the_student(folders: dict[str, str]) -> None:
    method, alone = student(plain=folders["plain"], robust=folders["literal"]).train(), student()
    loss = method.loss(scene())
    loss.total.backward()
    teachers = [method.teachers.plain.network, method.teachers.robust.network] if method.teachers.robust else []
    assert len(teachers) == 2 and not any(module.training for teacher in teachers for module in teacher.modules())
    assert all(p.grad is None and not p.requires_grad for teacher in teachers for p in teacher.parameters())
    assert method.state_dict().keys() == alone.state_dict().keys()
    assert len(list(method.parameters())) == len(list(alone.parameters())) == len(method.trained_parameters())
    assert 0 < loss.logs["mask/dropped_share"] < 1


def test_loss__on_the_fly_is_that_of_the_layer_depth(folders: dict[str, str]) -> None:
    sample, method = scene(), student(plain=folders["plain"], robust=folders["literal"])
    depth = method.teachers.pseudo(sample).depth[:, None, None]
    layer = replace(sample, depth=depth.expand_as(sample.image[:, :, :, 0]))
    assert torch.equal(student().loss(layer).total, method.loss(sample).total)


def test_student__is_exactly_the_network_of_selfsup() -> None:
    method, selfsup = student(canonical_focal=0.8), build_method("selfsup", NETWORK | {"canonical_focal": 0.8})
    method.load_state_dict(selfsup.state_dict())
    sample = scene((0,))
    with torch.no_grad():
        assert torch.equal(method(sample.image[:, 0], sample.K[:, 0]), selfsup(sample.image[:, 0], sample.K[:, 0]))


def test_student__learns_and_predicts_without_its_teachers(tmp_path: Path) -> None:
    """Building it opens no teacher, and its model folder is whole when they are gone."""
    plain = save_plain(tmp_path / "plain")
    method = student(plain=plain)
    method.loss(scene((0,)))
    save_model_folder(tmp_path / "student", "distil", method.eval(), ModelInfo("student", HEIGHT, WIDTH))
    shutil.rmtree(plain)
    config = (tmp_path / "student" / "config.json").read_text()
    assert '"plain": "plain"' in config and str(tmp_path) not in config, "where teachers lay is nobody's business"
    picture = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    values = load(tmp_path / "student").predict(picture, fov_x_deg=70).values
    tensor = torch.from_numpy(picture).permute(2, 0, 1)[None, None].float() / 255
    with torch.no_grad():
        np.testing.assert_allclose(values, method(tensor, torch.eye(3).expand(1, 1, 3, 3))[0, 0].numpy(), rtol=1e-5)
    with pytest.raises(UserError, match="is not a folder"):
        student(plain=plain).loss(scene((0,)))


def test_model_card__says_who_taught(folders: dict[str, str], tmp_path: Path) -> None:
    method = student(plain=folders["plain"], robust=folders["literal"])
    said, fingerprint = method.details, method.teachers.plain.fingerprint
    assert said["rule"] == "literal" and said["teachers"]["plain"] == {"name": "plain", "fingerprint": fingerprint, "licence": "Apache-2.0"}
    for place, details in (("fly", said), ("files", {"labels": [said | {"num_labels": 3}]})):
        save_model_folder(tmp_path / place, "distil", method, ModelInfo("student", HEIGHT, WIDTH, details=details))
        card = (tmp_path / place / "README.md").read_text()
        assert f"| taught by | `plain` {fingerprint} (licence: Apache-2.0), `literal` " in card
    assert student().details == {}


def test_self_teaching__is_the_formula_of_poggi_in_log_depth() -> None:
    generator = torch.Generator().manual_seed(0)
    inverse, log_sigma = (torch.rand(2, 3, 4, 5, generator=generator, dtype=torch.float64) + 0.1 for _ in range(2))
    pseudo, valid = 1 + torch.rand(2, 4, 5, generator=generator, dtype=torch.float64), torch.rand(2, 4, 5, generator=generator) < 0.6
    by_hand, plain = [], []
    for n in range(2):
        for k in range(3):
            terms, errors = [], []
            for v, u in valid[n].nonzero().tolist():
                error = abs(np.log(1 / inverse[n, k, v, u].item()) - np.log(pseudo[n, v, u].item()))
                sigma = np.exp(log_sigma[n, k, v, u].item())
                errors.append(error)
                terms.append(error / sigma + np.log(sigma))
            by_hand.append(np.mean(terms))
            plain.append(np.mean(errors))
    pseudo[~valid] = 0
    assert teaching_loss(inverse_depth=inverse, pseudo=pseudo, valid=valid).item() == pytest.approx(np.mean(plain))
    loss = teaching_loss(inverse_depth=inverse, pseudo=pseudo, valid=valid, log_sigma=log_sigma)
    assert loss.item() == pytest.approx(np.mean(by_hand))


def test_self_teaching__prediction_leaves_uncertainty_out_and_depth_starts_where_it_should() -> None:
    method, sample = student(uncertainty=True, initial_depth_m=3.0).eval(), scene((0,))
    for convolution in method.network.head.convolutions:
        assert isinstance(convolution, torch.nn.Conv2d)
        convolution.weight.data[0] = 0
        convolution.weight.data[1] = torch.nan
    with torch.no_grad():
        values = method(sample.image[:, 0], sample.K[:, 0])
    torch.testing.assert_close(values, torch.full_like(values, 3.0))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"robust": "x"}, "a robust teacher without a plain one; give --method.plain too"),
        ({"plain": "x", "margin": 0.1}, "dropped and margin are about two teachers"),
        ({"dropped": "closed"}, "dropped and margin are about two teachers"),
        ({"plain": "x", "robust": "x", "margin": -1.0}, "margin -1.0; give a number of at least 0"),
        ({"min_depth_m": 5.0, "max_depth_m": 1.0}, "method distil: depth range 5.0 to 1.0 m"),
    ],
)
def test_options__that_do_not_go_together(options: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line):
        Distil(DistilConfig(encoder="resnet-tiny", **options))


def test_load_teachers__refuses_who_cannot_teach(folders: dict[str, str], tmp_path: Path) -> None:
    plain = folders["plain"]
    with pytest.raises(UserError, match="plain: is a selfsup model, which has no mask; give a model of method intrinsic"):
        load_teachers(plain, plain)
    for mask in ("true", "none", "trimmed"):
        with pytest.raises(UserError, match=f"was trained under the mask {mask}, which is not made of what"):
            load_teachers(plain, save_robust(tmp_path / mask, mask=mask, decompose=False))
    with pytest.raises(UserError, match="its mask literal knows no surfaces"):
        load_teachers(plain, folders["literal"], dropped="closed")
    with pytest.raises(UserError, match="its mask stereo compares no errors"):
        load_teachers(plain, folders["stereo"], margin=0.1)
    with pytest.raises(UserError, match="gives scale_invariant values; give a teacher that knows metres"):
        load_teachers(save_plain(tmp_path / "learned", poses="learned"))
    with pytest.raises(UserError, match="nowhere: is not a folder"):
        load_teachers(str(tmp_path / "nowhere"))


def test_judge__an_oracle_does_not_judge(tmp_path: Path) -> None:
    method = load(save_robust(tmp_path / "oracle", mask="true", decompose=False)).network
    assert isinstance(method, Intrinsic)
    with pytest.raises(UserError, match="the mask true is not made of what the pictures show"):
        method.judge(scene())
