"""Exports as people make them: files that run, say what they are, and stay away when they should."""

import errno
import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

import leadline.runtime
from leadline.cli.main import main
from leadline.export.graph import Graph, example
from leadline.export.onnx_file import described, onnx_model
from leadline.export.openvino_file import write_openvino
from leadline.export.parity import Parity
from leadline.export.plan import settle
from leadline.export.quiet import quiet
from leadline.export.report import report_paths
from leadline.export.run import eager_run, export_model
from leadline.geometry.camera import scale_K
from leadline.io.exported import KEY, Exported
from leadline.methods.base import Method
from leadline.methods.loading import load, save_model_folder
from leadline.methods.predictor import DepthModel
from leadline.runtime.session import open_session
from leadline.types import DepthKind, UserError
from tests.fixtures import tiny_exportable
from tests.fixtures.bad_files import small_disk
from tests.fixtures.tiny_checkpoints import dpt_midas, zoedepth
from tests.fixtures.tiny_exportable import picture, plan

_made: dict[tuple[object, ...], bytes] = {}


@pytest.fixture(autouse=True)
def converted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conversion takes seconds: files of one network in several precisions share it."""

    def once(program: Any, about: Exported) -> Any:
        key = (about.fingerprint, about.dynamic, about.preprocess, about.outputs)
        if key not in _made:
            _made[key] = onnx_model(program, about).SerializeToString()
        return described(onnx.load_from_string(_made[key]), about)

    monkeypatch.setattr("leadline.export.run.onnx_model", once)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    model = tiny_exportable.surround()
    assert isinstance(model.network, Method)
    place = tmp_path_factory.mktemp("models") / "surround"
    save_model_folder(place, "surround", model.network, model.info)
    return str(place)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for i in range(9):
        Image.fromarray(picture(seed=i)).save(folder / f"{i}.png")
    return folder


def test_export__onnx_by_the_verb(tmp_path: Path, folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "surround.onnx"
    assert main(["export", folder, "--out", str(out), "--precision", "fp16", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["largest"] < 0.05 and said["about"]["precision"] == "fp16" and said["about"]["needs_camera"]
    assert sorted(path.name for path in out.parent.iterdir()) == sorted(path.name for path in (out, *report_paths(out)))
    about = open_session(out).about
    assert about is not None and (about.model, about.height, about.width) == ("surround", 64, 96)
    assert about.fingerprint == load(folder).fingerprint


def test_export__says_which_values_are_depth(tmp_path: Path, folder: str) -> None:
    """What a narrow camera sees lies beyond the farthest depth of the network, which keeps it inside its range."""
    out = tmp_path / "surround.onnx"
    assert main(["export", folder, "--out", str(out), "--valid"]) == 0
    session = open_session(out)
    assert session.about is not None and session.about.max_depth_m == 80.0 and session.about.outputs == ("values", "valid")
    said = json.loads(onnx.load(out).metadata_props[-1].value)
    assert (said["kind"], said["unit"], said["licence"]) == ("metric", "m", "Apache-2.0")
    image = np.random.default_rng(0).random((1, 3, 64, 96), dtype=np.float32)
    for focal, are_known in ((80.0, True), (4000.0, False)):
        K = np.array([[[focal, 0, 48], [0, focal, 32], [0, 0, 1]]], dtype=np.float32)
        answers = session.run(image=image, K=K)
        assert answers["valid"].dtype == np.bool_ and answers["valid"].shape == answers["values"].shape
        assert (answers["valid"] == are_known).all()
        prediction = leadline.runtime.open(out).predict(picture(), K=scale_K(K[0].astype(float), sx=140 / 96, sy=90 / 64))
        assert (prediction.usable == are_known).all()


def test_export__torch_with_an_open_batch(tmp_path: Path) -> None:
    parity = export_model(tiny_exportable.selfsup(), plan("torch", dynamic=("batch",)), tmp_path / "s.pt2")
    assert {one.shape for one in parity.compared} == {(1, 64, 96), (3, 64, 96), (2, 64, 96)} and parity.largest < 1e-4
    about = open_session(tmp_path / "s.pt2").about
    assert about is not None and about.dynamic == ("batch",) and about.views == 1


@pytest.mark.slow
def test_export__rig_with_open_views(tmp_path: Path) -> None:
    parity = export_model(tiny_exportable.joint(), plan("torch", dynamic=("batch", "views"), views=4), tmp_path / "j.pt2")
    assert {one.shape for one in parity.compared} == {(1, 4, 64, 96), (3, 2, 64, 96), (2, 5, 64, 96)}
    about = open_session(tmp_path / "j.pt2").about
    assert about is not None and about.views == 4 and about.dynamic == ("batch", "views")


def test_export__int8_openvino_lists_its_layers(tmp_path: Path, folder: str, photos: Path) -> None:
    parity = export_model(load(folder), plan("openvino", precision="int8", calibration=photos), tmp_path / "s.xml")
    assert parity.exceeded is None and parity.cost is not None and parity.cost.change <= 0.02
    assert len(parity.layers) > 10 and all(np.isfinite(layer.error) for layer in parity.layers)
    assert "photos" not in (tmp_path / "s.xml.parity.txt").read_text() and (tmp_path / "s.bin").is_file()


def test_export__int8_for_tensorrt_keeps_layers_that_break_depth(
    tmp_path: Path, folder: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One layer in floating point is not enough here, two are: those that add most error are, and their inputs stay whole."""

    def too_much(precision: str, parity: Parity) -> str | None:
        return None if sum(layer.kept for layer in parity.layers) >= 2 else "is off"

    monkeypatch.setattr("leadline.export.parity._exceeded", too_much)
    out = tmp_path / "surround.onnx"
    parity = export_model(load(folder), plan("tensorrt", precision="int8", calibration=photos), out)
    assert "trtexec" in " ".join(parity.notes)
    kept = {layer.name for layer in parity.layers if layer.kept}
    assert len(kept) == 2 < len(parity.layers)
    model = onnx.load(out)
    dequantised = {output for node in model.graph.node if node.op_type == "DequantizeLinear" for output in node.output}
    quantised = {node.name for node in model.graph.node if node.op_type == "Conv" and dequantised & set(node.input)}
    assert quantised and kept.isdisjoint(quantised)
    assert kept <= {node.name for node in model.graph.node}
    zeros = {node.input[2] for node in model.graph.node if node.op_type == "QuantizeLinear"}
    stored = [onnx.numpy_helper.to_array(one) for one in model.graph.initializer if one.name in zeros]
    assert stored and not any(zero.any() for zero in stored), "TensorRT knows no others"
    assert np.isfinite(open_session(out).run(**{name: value.numpy() for name, value in example(parity.about).items()})["values"]).all()


def test_graph__inside_answers_as_predict_does(tmp_path: Path) -> None:
    """Pictures of the network's shape, of any size, go in as bytes; eager, because parity compares with eager."""
    models: list[tuple[DepthModel, float]] = [(tiny_exportable.selfsup(), 1e-3), (tiny_exportable.depth_anything(tmp_path / "da"), 3e-2)]
    for model, bound in models:
        height, width = settle(model, plan(), subject="x.onnx").height, settle(model, plan(), subject="x.onnx").width
        about = settle(model, plan(preprocess="inside", dynamic=("size",)), subject="x.onnx")
        image = picture(2 * height, 2 * width)
        K = np.array([[1.6 * width, 0, width], [0, 1.6 * width, height], [0, 0, 1.0]])
        inputs = {"image": image[None]} | ({"K": (K * [[0.5], [0.5], [1]])[None].astype(np.float32)} if about.needs_camera else {})
        found = eager_run(Graph(model, about))(inputs)["values"][0]
        expected = model.predict(image, K).values
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= bound * np.abs(expected).max()


def _other_network(graph: Graph) -> Any:
    """A program that is traced in no time and answers something else."""
    inputs = example(graph.about)
    return torch.export.export(Sum(), tuple(inputs.values()))


class Sum(torch.nn.Module):
    def forward(self, image: torch.Tensor, K: torch.Tensor) -> torch.Tensor:
        return image.sum(dim=1) + K[:, :1, :1]


def test_export__difference_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "s.pt2"
    old.write_bytes(b"older")
    monkeypatch.setattr("leadline.export.run.trace", _other_network)
    with pytest.raises(UserError, match=r"s\.pt2: differs from the model by .* nothing was written"):
        export_model(tiny_exportable.selfsup(), plan("torch"), old)
    assert old.read_bytes() == b"older" and list(tmp_path.iterdir()) == [old]


def test_export__disk_that_fills_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    monkeypatch.setattr("leadline.export.run.trace", _other_network)
    monkeypatch.setattr("leadline.export.run.writable_folder", lambda folder: folder)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"s\.pt2: cannot be written \(no space left on device\); free some space"):
        export_model(tiny_exportable.selfsup(), plan("torch"), tmp_path / "s.pt2")
    assert not list(tmp_path.iterdir())


def test_openvino__disk_that_is_full_is_seen(tmp_path: Path) -> None:
    """The library writes half a file and says nothing."""
    import openvino

    with small_disk(tmp_path, kilobytes=64) as disk:
        ones = openvino.opset13.constant(np.ones((1, 100_000), np.float32))
        image = openvino.opset13.parameter([1, 100_000], np.float32, name="image")
        model = openvino.Model([openvino.opset13.add(image, ones)], [image], "m")
        about = Exported(model="m", kind=DepthKind.METRIC, height=1, width=1)
        with pytest.raises(UserError, match=r"m\.xml: cannot be written"):
            write_openvino(model, about, disk / "m.xml", subject=disk / "m.xml")


def test_export__disk_too_small_is_said_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr("leadline.export.run.shutil.disk_usage", lambda folder: Usage)
    with pytest.raises(UserError, match="its disk has 0 MiB left"):
        export_model(tiny_exportable.selfsup(), plan("torch"), tmp_path / "s.pt2")


@pytest.mark.parametrize(
    ("format_", "name", "options", "words"),
    [
        ("onnx", "s.xml", {}, r"s\.xml: is no name of a file of format onnx; let it end in \.onnx"),
        ("onnx", "s.onnx", {"precision": "bf16"}, "onnx files are not written in bf16; choose fp32, fp16, int8"),
        ("onnx", "s.onnx", {"precision": "int8"}, "needs pictures to calibrate on"),
        ("onnx", "s.onnx", {"dynamic": ("views",)}, "looks at every camera for itself"),
        (
            "coreml",
            "s.mlpackage",
            {"dynamic": ("size",)},
            "takes pictures of one size, prepared outside, and answers with numbers; leave --dynamic",
        ),
        ("onnx", "s.onnx", {"height": 50}, "cannot take 96x50 px; give multiples of 32"),
    ],
)
def test_settle__what_cannot_be_had(format_: Any, name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        settle(tiny_exportable.selfsup(), plan(format_, **options), subject=name)


def test_settle__a_checkpoint_that_stretches_to_one_size_takes_no_other(tmp_path: Path) -> None:
    dpt_midas(tmp_path / "dpt")
    model = load(tmp_path / "dpt", kind=DepthKind.AFFINE_INVARIANT_INVERSE)
    assert settle(model, plan(), subject="x.onnx").height == 64
    with pytest.raises(UserError, match="takes 64x64 px and nothing else; leave --height"):
        settle(model, plan(height=64, width=96), subject="x.onnx")


def test_settle__a_network_that_chooses_its_head_is_no_graph(tmp_path: Path) -> None:
    zoedepth(tmp_path / "zoe", num_domains=2)
    with pytest.raises(UserError, match="zoe: chooses one of several heads after a look at the picture"):
        settle(load(tmp_path / "zoe"), plan(), subject="x.onnx")


def test_verb__unknown_axis(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "nothing", "--out", "x.onnx", "--dynamic", "batch,time"]) == 2
    assert "'time' cannot be open; choose from batch, size, views" in capsys.readouterr().err


def test_export__coreml_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.export.run.find_spec", lambda name: None)
    with pytest.raises(UserError, match="needs coremltools, which is not installed; pip install coremltools"):
        export_model(tiny_exportable.selfsup(), plan("coreml"), tmp_path / "s.mlpackage")
    assert not list(tmp_path.iterdir())


def test_export__coreml_is_converted_and_says_that_nobody_ran_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """coremltools converts on every machine."""
    with quiet():  # freshly installed, its source is compiled here, which warns
        toolkit: Any = import_module("coremltools")
    out = tmp_path / "s.mlpackage"
    capfd.readouterr()
    for model in (tiny_exportable.selfsup(), tiny_exportable.surround()):  # the second one takes the place of the first
        parity = export_model(model, plan("coreml"), out)
        said = toolkit.models.MLModel(str(out), skip_model_load=True)
        ports = said.get_spec().description
        shapes = {port.name: list(port.type.multiArrayType.shape) for port in (*ports.input, *ports.output)}
        assert shapes == {"image": [1, 3, 64, 96], "K": [1, 3, 3], "values": [1, 64, 96]}
        assert Exported.from_json(said.user_defined_metadata[KEY], subject=out) == parity.about
    assert "its answers were not compared" in report_paths(out)[1].read_text() and "bound" not in report_paths(out)[1].read_text()
    assert capfd.readouterr() == ("", "")
