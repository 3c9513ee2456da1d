"""What is particular to `briges`: frozen parts stay frozen and outside, options at loading, controls, bad pairs, features from files."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from leadline.data.sample import Sample
from leadline.io.weights import fingerprint
from leadline.methods.briges.method import MAX_TOKENS, Briges
from leadline.methods.loading import load, save_model_folder
from leadline.methods.predictor import MethodReader, ModelInfo
from leadline.types import DepthKind, UserError
from tests.fixtures.moving_scene import moving_scene
from tests.fixtures.tiny_pairs import build, pair, save_depth_anything, save_own_depth, save_sam, save_sam2, save_transformer

HEIGHT, WIDTH = 64, 96
CONTROLS: tuple[dict[str, Any], ...] = (
    {"semantics": "shuffled"},
    {"semantics": "zeros"},
    {"semantics": "noise"},
    {"semantics": "depth"},
    {"trained": "decoder"},
    {"trained": "all"},
)


def scene(batch: int = 2) -> Sample:
    return replace(moving_scene(batch=batch, height=HEIGHT, width=WIDTH), sequence=tuple(f"rendered:x/{i}" for i in range(batch)))


def values(method: Briges, sample: Sample) -> Tensor:
    with torch.inference_mode():
        return method.eval()(sample.image[:, 0], sample.K[:, 0])


def step(method: Briges, sample: Sample) -> None:
    method.train()
    optimizer = torch.optim.AdamW(method.trained_parameters(), lr=1e-2)
    method.loss(sample).total.backward()
    optimizer.step()


def save(method: Briges, folder: Path) -> Path:
    save_model_folder(folder, "briges", method, ModelInfo(name=folder.name, height=HEIGHT, width=WIDTH))
    return folder


def test_1_only_gates_are_trained_and_the_rest_is_equal_before_and_after() -> None:
    method = build()
    assert method.gates is not None
    assert {id(p) for p in method.trained_parameters()} == {id(p) for p in method.gates.parameters()}
    assert all(name.startswith("gates.") for name in method.state_dict())
    assert not any(p.requires_grad for part in method.frozen_parts for p in part.parameters())
    before, gates = [fingerprint(part.state_dict()) for part in method.frozen_parts], fingerprint(method.state_dict())
    for _ in range(3):
        step(method, scene())
    assert [fingerprint(part.state_dict()) for part in method.frozen_parts] == before
    assert fingerprint(method.state_dict()) != gates
    assert not any(part.training for part in method.frozen_parts)


def test_2_zero_init_is_the_plain_depth_model_and_the_default_is_not() -> None:
    sample = scene()
    depth = load(pair()["depth"])
    with torch.inference_mode():
        image = sample.image[:, 0, 0]
        plain = depth.network(
            pixel_values=(image - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
        )
    for positions in (False, True):
        silent = build(zero_init=True, positions=positions)
        torch.testing.assert_close(values(silent, sample)[:, 0], plain.predicted_depth, atol=1e-6, rtol=1e-5)
    assert (values(build(), sample)[:, 0] - plain.predicted_depth).abs().max() > 1e-3


def test_5_both_branches_see_the_same_in_training_and_prediction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against the authors' evaluation, which normalised by another mean than training."""
    method, sample = build(), scene()
    seen: list[Tensor] = []
    for part in (method._pair.depth.encoder, method._pair.semantic):
        assert part is not None
        part.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    method.train().loss(sample)
    values(method, sample)
    assert all(torch.equal(a, b) for a, b in zip(seen[:2], seen[2:], strict=True))


def test_temperature__only_prediction_and_one_is_none() -> None:
    sample = scene()
    hot, plain = build(temperature=3.0), build()
    assert hot.loss(sample).total.item() == plain.loss(sample).total.item()
    assert not torch.equal(values(hot, sample), values(plain, sample))
    with pytest.raises(UserError, match=r"temperature 0\.0; give a number above 0"):
        build(temperature=0.0)


def test_folder__says_the_same_again_and_holds_gates_alone(tmp_path: Path) -> None:
    method, sample = build(temperature=2.0), scene()
    folder = save(method, tmp_path / "bridged")
    again = load(folder)
    assert isinstance(again.network, Briges) and again.kind is DepthKind.AFFINE_INVARIANT_INVERSE
    assert torch.equal(values(again.network, sample), values(method, sample))
    config = json.loads((folder / "config.json").read_text())
    assert config["config"]["temperature"] == 2.0
    assert config["parameters"] == sum(p.numel() for p in method.trained_parameters())
    assert set(config["details"]) == {"frozen"}
    assert config["details"]["frozen"] == method.frozen and set(method.frozen) == {"depth", "semantic"}


def test_options__at_loading_change_the_temperature_and_nothing_that_was_learnt(tmp_path: Path) -> None:
    folder = save(build(), tmp_path / "bridged")
    sample = scene()
    hot = load(folder, options={"temperature": 3.0})
    assert isinstance(hot.network, Briges)
    assert torch.equal(values(hot.network, sample), values(build(temperature=3.0), sample))
    assert hot.fingerprint != load(folder).fingerprint
    with pytest.raises(UserError, match="its option heads is settled by its training; options of briges that can change: temperature"):
        load(folder, options={"heads": 4})
    with pytest.raises(UserError, match="is a published checkpoint, which has no option temperature"):
        load(pair()["depth"], options={"temperature": 3.0})


def test_folder__whose_pair_is_gone_or_has_other_weights_says_so(tmp_path: Path) -> None:
    places = {"depth": save_depth_anything(tmp_path / "depth"), "semantic": save_sam(tmp_path / "sam")}
    folder = save(build(**places), tmp_path / "bridged")
    shutil.move(places["depth"], tmp_path / "moved")
    with pytest.raises(UserError, match=r"its depth model cannot be opened \(.*depth.*\); put it back, or say where it is") as error:
        load(folder)
    assert "\n" not in str(error.value)
    load(folder, options={"depth": str(tmp_path / "moved")})
    save_depth_anything(tmp_path / "depth", seed=1)
    with pytest.raises(UserError, match=r"was trained on the features of .* when its weights were .*, and now they are"):
        load(folder)


@pytest.mark.parametrize("options", CONTROLS, ids=str)
def test_controls__learn_and_come_back(options: dict[str, Any], tmp_path: Path) -> None:
    method, sample = build(**options), scene()
    if method.gates is not None:
        assert sum(p.numel() for p in method.gates.parameters()) == sum(p.numel() for p in build().state_dict().values())
    before = values(method, sample)
    for _ in range(2):
        step(method, sample)
    after = values(method, sample)
    assert not torch.equal(before, after)
    again = load(save(method, tmp_path / "control")).network
    assert isinstance(again, Briges)
    assert torch.equal(values(again, sample), after)


def test_controls__say_what_gates_see() -> None:
    """The picture's semantics move the answer only where gates look at them."""
    sample = scene()
    first, second = sample.image[:1, :], sample.image[1:, :]
    single = replace(sample, image=first, K=sample.K[:1])
    for semantics, reads in (("zeros", False), ("noise", False), ("depth", False), ("encoder", True)):
        method = build(semantics=semantics)
        assert (method._pair.semantic is not None) == reads
        assert torch.equal(values(method, single), values(method, single))
    method = build(semantics="shuffled")
    together = values(method, sample)
    assert torch.equal(values(method, single), values(build(), single))  # nothing was seen before it
    values(method, replace(sample, image=second, K=sample.K[1:]))
    torch.testing.assert_close(values(method, single), together[:1], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("kind", "width"), [("sam_hq", 16), ("sam2", 8), ("transformer", 24)])
def test_pairs__of_other_encoders_need_a_projection_where_widths_differ(kind: str, width: int, tmp_path: Path) -> None:
    makers = {"sam_hq": lambda f: save_sam(f, hq=True), "sam2": save_sam2, "transformer": lambda f: save_transformer(f, width=24)}
    place = makers[kind](tmp_path / kind)
    if width != 16:
        with pytest.raises(UserError, match=f"semantic maps have {width} channels, depth tokens 16; give --method.projection, or"):
            build(semantic=place)
    method = build(semantic=place, projection=True)
    method.loss(scene()).total.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in method.trained_parameters())


def test_pairs__of_our_own_models(tmp_path: Path) -> None:
    own = save_own_depth(tmp_path / "own")
    method = build(depth=own, semantic=save_transformer(tmp_path / "vit", width=64, patch=14), zero_init=True)
    image, K = torch.rand(1, 1, 3, 42, 70), torch.eye(3).expand(1, 1, 3, 3)
    with torch.inference_mode():
        torch.testing.assert_close(method.eval()(image, K), load(own).network(image, K))


def test_bad_pairs(tmp_path: Path) -> None:
    v1 = save_depth_anything(tmp_path / "v1", blocks=12)
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"depth": None}, "no depth model; give --method.depth"),
        ({"semantic": None}, "no semantic encoder; give --method.semantic"),
        (
            {"depth": v1, "depth_version": "v2"},
            r"taps blocks 9, 10, 11, 12 of 12, Depth Anything V2 taps others; give weights of V2, or --method.dep",
        ),
        ({"depth": save_own_depth(tmp_path / "metric", kind=DepthKind.METRIC)}, "gives metric values; give a depth model of affine-inv"),
        ({"semantic": str(tmp_path / "nowhere")}, r"its semantic encoder cannot be opened \(.*nowhere"),
        ({"semantic": pair()["depth"]}, "is a depth_anything, not a segmentation encoder"),
        ({"trained": "all", "cached": "both"}, "features of encoders that are trained change"),
        ({"semantics": "zeros", "cached": "semantic"}, "nothing reads the map"),
        ({"ssi_weight": 0.0, "gradient_weight": 0.0}, "no term has a weight"),
    )
    for options, line in cases:
        with pytest.raises(UserError, match=line):
            build(**options)
    build(depth=v1, depth_version="v1")


def test_gradient_term__on_sharp_data_sets_alone() -> None:
    sample = scene()
    everywhere, nowhere, here = (build(gradient_on=on).loss(sample).terms for on in ((), ("tartanair",), ("rendered",)))
    assert everywhere["gradient"].item() == here["gradient"].item() > 0
    assert nowhere["gradient"].item() == 0 and nowhere["ssi"].item() == everywhere["ssi"].item()
    assert build(gradient="matching", gradient_weight=2.0).loss(sample).terms["gradient"].item() > 0
    assert "gradient" not in build(gradient_weight=0.0).loss(sample).terms


def test_long_pictures__are_capped_and_the_prediction_says_so() -> None:
    reader = MethodReader(build(), height=512, width=512)
    assert reader.input_size(512, 512) == (512, 512) and reader.note(512, 512) is None
    rows, columns = reader.input_size(8000, 800)
    assert rows % 16 == columns % 16 == 0 and rows // 16 * (columns // 16) <= MAX_TOKENS
    assert rows / columns == pytest.approx(10, rel=0.05)
    assert reader.input_size(800, 8000) == (48, 512)
    long = MethodReader(build(), height=1600, width=1600)
    rows, columns = long.input_size(8000, 1600)
    assert rows // 16 * (columns // 16) <= MAX_TOKENS
    note = long.note(8000, 1600)
    assert note is not None and f"was read at {columns}x{rows} px" in note


def test_predict__a_photo_ten_times_as_high_as_wide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.methods.briges.method.MAX_TOKENS", 16)
    prediction = load(save(build(), tmp_path / "bridged")).predict(np.zeros((400, 40, 3), dtype=np.uint8))
    assert prediction.values.shape == (400, 40) and "the image is long and was read at" in prediction.notes[0]


def test_features__from_the_sample_are_what_the_encoders_see() -> None:
    sample = scene()
    method = build()
    features = method.features(sample.image[:, 0, 0])
    assert set(features) == set(method.encoders) == {"tokens", "semantic"}
    with_files = replace(sample, **{name: value[:, None, None] for name, value in features.items()})
    live = method.train().loss(sample).total.item()
    for cached in ("semantic", "both"):
        reader = build(cached=cached)
        assert dict(reader.needs.made_by) == {
            k: v["fingerprint"] for k, v in method.encoders.items() if cached == "both" or k == "semantic"
        }
        assert reader.train().loss(with_files).total.item() == pytest.approx(live, rel=1e-5)
    with pytest.raises(UserError, match="pictures of 96x32 px do not fit cached tokens"):
        smaller = replace(
            with_files, image=with_files.image[..., :32, :], depth=None if sample.depth is None else sample.depth[..., :32, :]
        )
        build(cached="both").train().loss(smaller)


def test_predict__a_photo_of_any_size(tmp_path: Path) -> None:
    model = load(save(build(), tmp_path / "bridged"))
    prediction = model.predict(np.random.default_rng(0).integers(0, 255, (50, 120, 3), dtype=np.uint8))
    assert prediction.values.shape == (50, 120) and np.isfinite(prediction.values).all()


def test_config__names_what_it_was_built_from(monkeypatch: pytest.MonkeyPatch) -> None:
    depth = Path(pair()["depth"])
    monkeypatch.chdir(depth.parent)
    assert build(depth=depth.name).config.depth == str(depth)
