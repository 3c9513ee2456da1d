"""Model folders: round trips, refusals, publishing, and what happens to broken ones."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config, ResNetConfig, ResNetForImageClassification
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

import leadline
from leadline.methods.base import Method
from leadline.methods.catalog import build_method
from leadline.methods.loading import from_pretrained, load, method_model, push_to_hub, save_model_folder
from leadline.methods.predictor import ModelInfo
from leadline.models.encoders import StartingWeights, build_encoder, starting_weights
from leadline.models.known import NETWORKS
from leadline.types import DepthKind, UserError

IMAGE = np.random.default_rng(0).integers(0, 255, (100, 150, 3), dtype=np.uint8)
INFO = ModelInfo(name="tiny", height=64, width=96, licence="Apache-2.0", data=("rendered rooms",), details={"steps": 3})


@pytest.fixture(scope="module")
def method() -> Method:
    torch.manual_seed(0)
    return build_method("supervised", {"encoder": "resnet-tiny", "decoder_width": 0.5})


@pytest.fixture
def folder(method: Method, tmp_path: Path) -> Path:
    save_model_folder(tmp_path / "tiny", "supervised", method, INFO)
    return tmp_path / "tiny"


def test_model_folder__round_trip(method: Method, folder: Path) -> None:
    loaded = leadline.load(str(folder))
    assert loaded.info == INFO
    assert loaded.licence == "Apache-2.0"
    before, after = method_model(method, INFO).predict(IMAGE, fov_x_deg=70), loaded.predict(IMAGE, fov_x_deg=70)
    np.testing.assert_array_equal(before.values, after.values)
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]


@pytest.mark.parametrize("name", NETWORKS)
def test_model_folder__published_networks_come_back(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    method = build_method("supervised", {"network": name})
    save_model_folder(tmp_path / name, "supervised", method, INFO)
    config = json.loads((tmp_path / name / "config.json").read_text())
    assert (config["config"]["encoder"], config["config"]["decoder"]) == (NETWORKS[name].encoder, NETWORKS[name].decoder)
    before = method_model(method, INFO).predict(IMAGE, fov_x_deg=70)
    np.testing.assert_array_equal(before.values, load(tmp_path / name).predict(IMAGE, fov_x_deg=70).values)


def test_model_folder__written_before_networks_had_names(method: Method, folder: Path) -> None:
    """A configuration without `network` means the encoder and decoder beside it."""
    config = json.loads((folder / "config.json").read_text())
    del config["config"]["network"]
    (folder / "config.json").write_text(json.dumps(config))
    assert load(folder).network.state_dict().keys() == method.state_dict().keys()


def test_model_folder__config_says_what_the_format_promises(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    assert config["leadline_format"] == 1
    assert config["leadline_version"] == leadline.__version__
    assert (config["method"], config["kind"], config["unit"]) == ("supervised", "metric", "m")
    assert config["input"] == {"height": 64, "width": 96}
    assert (config["licence"], config["data"]) == ("Apache-2.0", ["rendered rooms"])


def test_model_folder__card_states_licence_kind_and_data(folder: Path) -> None:
    card = (folder / "README.md").read_text()
    assert "license: apache-2.0" in card
    assert "metres" in card
    assert "rendered rooms" in card


def test_load__run_folder(method: Method, tmp_path: Path) -> None:
    save_model_folder(tmp_path / "run" / "model", "supervised", method, INFO)
    (tmp_path / "run" / "config.json").write_text('{"method_name": "supervised"}')
    assert load(tmp_path / "run").name == "tiny"


def test_load__run_without_model_yet(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"method_name": "supervised"}')
    with pytest.raises(UserError, match="has not written its model yet"):
        load(tmp_path)


def test_save_model_folder__replaces_a_model_and_leaves_nothing_behind(method: Method, folder: Path) -> None:
    save_model_folder(folder, "supervised", method, ModelInfo(name="second", height=64, width=96))
    assert load(folder).name == "second"
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


def test_save_model_folder__refuses_to_replace_other_things(method: Method, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("")
    with pytest.raises(UserError, match="is not a model folder"):
        save_model_folder(tmp_path / "photos", "supervised", method, INFO)
    assert (tmp_path / "photos" / "a.jpg").exists()


def test_save_model_folder__failure_keeps_the_old_model(method: Method, folder: Path) -> None:
    with pytest.raises(TypeError):
        save_model_folder(folder, "supervised", method, ModelInfo(name="bad", height=64, width=96, details={"x": object()}))
    assert load(folder).name == "tiny"
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


def save_resnet(folder: Path, *, card: str | None) -> None:
    config = ResNetConfig(embedding_size=16, hidden_sizes=[16, 32, 64, 128], depths=[1, 1, 1, 1], layer_type="basic")
    ResNetForImageClassification(config).save_pretrained(folder)
    if card is not None:
        (folder / "README.md").write_text(card)


@pytest.mark.parametrize(
    ("card", "licence", "tag", "words"),
    [
        ("---\nlicense: cc-by-nc-4.0\n---\n", "cc-by-nc-4.0", "cc-by-nc-4.0", "| licence of the weights | cc-by-nc-4.0 |"),
        ("---\nlicense: other\nlicense_name: apple-amlr\n---\n", "apple-amlr", "other", "| licence of the weights | apple-amlr |"),
        (None, "unknown", "unknown", "unknown: the weights it started from do not say theirs; ask who published them"),
    ],
)
def test_model_folder__takes_over_the_licence_of_pretrained_weights(
    tmp_path: Path, card: str | None, licence: str, tag: str, words: str
) -> None:
    encoder = tmp_path / "encoder"
    save_resnet(encoder, card=card)
    method = build_method("supervised", {"encoder": "resnet-tiny", "decoder_width": 0.5, "pretrained": str(encoder)})
    save_model_folder(tmp_path / "tiny", "supervised", method, ModelInfo(name="tiny", height=64, width=96))
    model = load(tmp_path / "tiny")
    assert model.licence == licence
    assert model.info.details["starts_from"] == [{"weights": str(encoder), "licence": licence}]
    text = (tmp_path / "tiny" / "README.md").read_text()
    assert f"license: {tag}\n" in text and words in text and f"| starts from | `{encoder}` (licence: {licence}) |" in text
    # what is loaded has its weights in its own file: saved again, it still says where they came from
    again = build_method("supervised", {"encoder": "resnet-tiny", "decoder_width": 0.5})
    save_model_folder(tmp_path / "again", "supervised", again, model.info)
    assert load(tmp_path / "again").info == model.info


def test_model_folder__known_encoders_have_known_licences(monkeypatch: pytest.MonkeyPatch) -> None:
    """As listed beside the architectures: nothing is fetched to find out."""
    monkeypatch.setattr("leadline.models.hub.hub_is_reachable", lambda: pytest.fail("asked the hub"))
    encoder = build_encoder("convnextv2-atto")
    assert starting_weights(encoder) == ()
    encoder.weights_from = "facebook/convnextv2-atto-1k-224"
    assert starting_weights(encoder) == (StartingWeights("facebook/convnextv2-atto-1k-224", "CC BY-NC 4.0"),)


def test_model_folder__hub_weights_whose_card_cannot_be_had_have_an_unknown_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.models.hub.hub_is_reachable", lambda: False)
    encoder = build_encoder("resnet-tiny")
    encoder.weights_from = "somebody/their-resnet"
    assert starting_weights(encoder) == (StartingWeights("somebody/their-resnet", "unknown"),)


def test_model_folder__trained_from_scratch_says_so(method: Method, tmp_path: Path) -> None:
    save_model_folder(tmp_path / "tiny", "supervised", method, ModelInfo(name="tiny", height=64, width=96))
    card = (tmp_path / "tiny" / "README.md").read_text()
    assert "| starts from | no pretrained encoder |" in card
    assert "license: unknown" in card and "unknown: who trained it has not stated one" in card
    assert load(tmp_path / "tiny").licence == "unknown"


def test_load__a_stated_kind_must_be_the_folder_s(folder: Path) -> None:
    assert load(folder, kind=DepthKind.METRIC).kind is DepthKind.METRIC
    with pytest.raises(UserError, match="gives metric values, not affine_invariant; leave the kind out"):
        load(folder, kind=DepthKind.AFFINE_INVARIANT)


class LocalHub:
    """The part of `HfApi` that publishing needs, with a folder in place of the network."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.private: bool | None = None

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> None:
        assert exist_ok
        self.private = private
        (self.root / repo_id).mkdir(parents=True)

    def upload_folder(self, *, repo_id: str, folder_path: str, allow_patterns: list[str]) -> str:
        for name in allow_patterns:
            shutil.copy(Path(folder_path) / name, self.root / repo_id / name)
        return f"https://hub/{repo_id}"


def test_push_to_hub__round_trip(method: Method, folder: Path, tmp_path: Path) -> None:
    (folder / "notes.txt").write_text("private")
    hub = LocalHub(tmp_path / "hub")
    assert push_to_hub(folder, "me/tiny", private=True, api=hub) == "https://hub/me/tiny"
    assert hub.private
    assert not (hub.root / "me/tiny/notes.txt").exists()
    again = from_pretrained(hub.root / "me/tiny")
    assert again.info == INFO
    expected = method_model(method, INFO).predict(IMAGE, fov_x_deg=70)
    np.testing.assert_array_equal(again.predict(IMAGE, fov_x_deg=70).values, expected.values)


def test_push_to_hub__not_a_model_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a model folder"):
        push_to_hub(tmp_path, "me/tiny", api=LocalHub(tmp_path))


def edit_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_load__weights_of_another_architecture_name_the_first_keys(folder: Path) -> None:
    edit_config(folder, config={"encoder": "convnextv2-atto", "decoder_width": 0.5})
    with pytest.raises(UserError, match=r"does not fit Supervised: missing network\.encoder\.backbone\.\w+"):
        load(folder)


def test_load__newer_format(folder: Path) -> None:
    edit_config(folder, leadline_format=2)
    with pytest.raises(UserError, match="has format 2, this leadline reads 1; install a newer leadline"):
        load(folder)


def test_load__incomplete_config(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    del config["input"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"config\.json: is incomplete \('input'\)"):
        load(folder)


def test_load__pickle_in_place_of_weights(folder: Path) -> None:
    """Opening the pickle would write a file: it must not appear."""
    (folder / "model.safetensors").unlink()
    marker = folder.parent / "ran"
    torch.save(Bomb(marker), folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pytorch_model\.bin: is a pickle.*convert it"):
        load(folder)
    (folder / "pytorch_model.bin").rename(folder / "model.safetensors")
    with pytest.raises(UserError, match="is a pickle"):
        load(folder)
    with pytest.raises(UserError, match=r"weights\.pt: is a pickle"):
        (folder / "weights.pt").write_bytes(b"")
        load(folder / "weights.pt")
    assert not marker.exists()


class Bomb:
    """A pickle with code in it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.marker,))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("depth-anything-v2-smal", "did you mean depth-anything-v2-small"),
        ("zoedepth", "did you mean zoedepth-"),
        ("qwertz", "give a folder, a hub id"),
        ("./nowhere/model", "is not a folder"),
        ("/nowhere/model", "is not a folder"),
    ],
)
def test_load__names_that_do_not_exist(name: str, line: str) -> None:
    with pytest.raises(UserError, match=line):
        load(name)


def test_load__hub_out_of_reach_suggests_known_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.models.hub.hub_is_reachable", lambda: False)
    with pytest.raises(UserError, match=r"hub cannot be reached.*did you mean depth-anything/Depth-Anything-V2-Small-hf"):
        load("depth-anything/Depth-Anything-V2-Smal-hf")


def test_load__empty_folder_and_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no config\.json"):
        load(tmp_path)
    (tmp_path / "photo.jpg").write_text("")
    with pytest.raises(UserError, match=r"photo\.jpg: is a file"):
        load(tmp_path / "photo.jpg")


def test_load__config_of_no_known_kind(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"a": 1}')
    with pytest.raises(UserError, match="of no known kind"):
        load(tmp_path)


@pytest.fixture(scope="module")
def depth_anything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints") / "da-tiny"
    layers = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2}
    backbone = Dinov2Config(image_size=56, out_indices=[1, 2, 3, 4], reshape_hidden_states=False, **layers)
    neck = {"reassemble_hidden_size": 16, "neck_hidden_sizes": [4, 8, 8, 8], "fusion_hidden_size": 8, "head_hidden_size": 4}
    torch.manual_seed(0)
    DepthAnythingForDepthEstimation(DepthAnythingConfig(backbone_config=backbone, **neck)).save_pretrained(folder)
    rules = {"size": {"height": 56, "width": 56}, "keep_aspect_ratio": True, "ensure_multiple_of": 14}
    DPTImageProcessorPil(**rules).save_pretrained(folder)
    (folder / "README.md").write_text("---\ntags: [depth]\nlicense: cc-by-nc-4.0\n---\n# A model\n")
    return folder


def test_load__transformers_folder(depth_anything: Path) -> None:
    model = load(depth_anything)
    assert (model.name, model.kind, model.licence) == ("da-tiny", DepthKind.AFFINE_INVARIANT_INVERSE, "cc-by-nc-4.0")
    prediction = model.predict(IMAGE)
    assert prediction.values.shape == IMAGE.shape[:2]
    with pytest.raises(UserError, match="not metres"):
        prediction.depth_m()


def test_load__transformers_batch_equals_one_by_one(depth_anything: Path) -> None:
    model = load(depth_anything)
    images = [IMAGE, IMAGE[:, ::-1].copy(), IMAGE[:80, :80].copy(), IMAGE[::-1].copy()]
    for image, prediction in zip(images, model.predict_batch(images), strict=True):
        np.testing.assert_allclose(prediction.values, model.predict(image).values, rtol=1e-4, atol=1e-6)


def test_load__transformers_half_precision_weights_run_in_float32(depth_anything: Path, tmp_path: Path) -> None:
    folder = tmp_path / "half"
    shutil.copytree(depth_anything, folder)
    model = DepthAnythingForDepthEstimation.from_pretrained(folder)
    save_file({k: v.half().contiguous() for k, v in model.state_dict().items()}, folder / "model.safetensors", metadata={"format": "pt"})
    network = load(folder).network
    assert {p.dtype for p in network.parameters()} == {torch.float32}
