"""Sessions: the same file by several runtimes, what it says about itself, and files that cannot be opened."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino
import pytest

from leadline.io.exported import Exported
from leadline.runtime.openvino_session import settings
from leadline.runtime.session import Engine, open_session
from leadline.types import UserError
from tests.fixtures.tiny_exports import HEIGHT, PLAIN, WIDTH, with_camera, write_onnx, write_openvino

IMAGE = np.random.default_rng(0).random((2, 3, HEIGHT, WIDTH), dtype=np.float32)
K = np.stack([np.diag([50.0, 50.0, 1.0]), np.diag([200.0, 200.0, 1.0])]).astype(np.float32)
TASKS = Path("/proc/self/task")
ABOUT = with_camera(dynamic=("batch",), outputs=("values", "valid"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("exports")
    return {"onnx": write_onnx(folder / "net.onnx", ABOUT), "openvino": write_openvino(folder / "net.xml", ABOUT)}


@pytest.mark.parametrize(("file", "runtime"), [("onnx", "onnx"), ("onnx", "openvino"), ("openvino", "openvino")])
def test_run__every_runtime_says_the_same(files: dict[str, Path], file: str, runtime: str) -> None:
    session = open_session(files[file], threads=1, runtime=runtime)
    assert session.about == ABOUT
    assert session.runtime == runtime
    answer = session.run(image=IMAGE, K=K)
    expected = (1 + IMAGE.mean(axis=1)) * K[:, 0, 0, None, None] / 100
    np.testing.assert_allclose(answer["values"], expected, rtol=1e-5)
    np.testing.assert_array_equal(answer["valid"].astype(bool), IMAGE.mean(axis=1) < 0.5)


def test_run__answers_belong_to_the_caller(files: dict[str, Path]) -> None:
    """Runtimes reuse their memory: an answer that waits in a queue must not change with the next one."""
    for path in files.values():
        session = open_session(path, threads=1)
        first = session.run(image=IMAGE, K=K)["values"]
        kept = first.copy()
        session.run(image=1 - IMAGE, K=K)
        np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("file", ["onnx", "openvino"])
def test_run__wrong_size_for_a_fixed_graph_is_named(files: dict[str, Path], file: str) -> None:
    session = open_session(files[file])
    with pytest.raises(UserError, match=r"was given image \(2, 3, 32, 96\) float32, and takes image \(\?, 3, 64, 96\) float32"):
        session.run(image=IMAGE[:, :, :32], K=K)
    with pytest.raises(UserError, match="float64"):
        session.run(image=IMAGE.astype(np.float64), K=K)
    with pytest.raises(UserError, match="was given image; it takes image"):
        session.run(image=IMAGE)


def test_openvino__runs_in_less_than_it_was_exported_in(files: dict[str, Path]) -> None:
    session = open_session(files["openvino"], precision="bf16")
    exact = open_session(files["openvino"])
    assert (session.precision, exact.precision) == ("bf16", "fp32")
    assert session.fingerprint != exact.fingerprint
    np.testing.assert_allclose(session.run(image=IMAGE, K=K)["values"], exact.run(image=IMAGE, K=K)["values"], rtol=2e-2)
    with pytest.raises(UserError, match="is fp32, which cannot be run in int8; export it with --precision int8"):
        open_session(files["openvino"], precision="int8")


def test_onnx__runs_in_no_other_precision_and_on_no_device_that_is_not_there(files: dict[str, Path]) -> None:
    with pytest.raises(UserError, match="export it with --precision bf16"):
        open_session(files["onnx"], precision="bf16")
    with pytest.raises(UserError, match="no device 'abacus'"):
        open_session(files["onnx"], device="abacus")
    with pytest.raises(UserError, match="cannot be compiled for abacus"):
        open_session(files["openvino"], device="abacus")


@pytest.mark.parametrize("name", ["net.onnx", "net.xml", "net.pt2"])
def test_open_session__what_is_no_model_is_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="does not exist"):
        open_session(tmp_path / name)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match="empty"):
        open_session(tmp_path / name)
    (tmp_path / name).write_bytes(b"this is no network" * 100)
    with pytest.raises(UserError, match="that can be run"):
        open_session(tmp_path / name)


def test_open_session__unknown_ending_wrong_runtime_no_threads(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'\.engine' is not an exported network; give one of \.onnx, \.xml, \.pt2"):
        open_session(tmp_path / "net.engine")
    with pytest.raises(UserError, match="is not run by torch"):
        open_session(files["onnx"], runtime="torch")
    with pytest.raises(UserError, match="threads: 0"):
        open_session(files["onnx"], threads=0)


@pytest.mark.skipif(not TASKS.exists(), reason="threads are counted where the system lists them")
def test_onnx__computes_on_as_many_threads_as_asked(files: dict[str, Path]) -> None:
    """The calling thread is one of them."""
    alone = open_session(files["onnx"], threads=1)
    before = len(list(TASKS.iterdir()))
    several = open_session(files["onnx"], threads=4)
    assert len(list(TASKS.iterdir())) - before == 3
    np.testing.assert_array_equal(several.run(image=IMAGE, K=K)["values"], alone.run(image=IMAGE, K=K)["values"])


def test_openvino__computes_on_as_many_threads_as_asked(files: dict[str, Path]) -> None:
    core = openvino.Core()
    for threads in (1, 2):
        compiled = core.compile_model(str(files["openvino"]), "CPU", settings(core, "fp32", Engine(threads=threads)))
        assert compiled.get_property("INFERENCE_NUM_THREADS") == threads


def test_open_session__weights_that_lie_elsewhere(files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "net.xml").write_bytes(files["openvino"].read_bytes())
    with pytest.raises(UserError, match="that can be run"):
        open_session(tmp_path / "net.xml")


@pytest.mark.parametrize("write", [write_onnx, write_openvino], ids=["onnx", "openvino"])
def test_open_session__metadata_of_a_newer_version(tmp_path: Path, write: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Exported, "as_json", lambda self: '{"format": 2}')
    path = write(tmp_path / ("net.onnx" if write is write_onnx else "net.xml"), PLAIN)
    with pytest.raises(UserError, match="was exported by a newer leadline"):
        open_session(path)


def test_fingerprint__follows_the_bytes(tmp_path: Path) -> None:
    one = write_onnx(tmp_path / "a.onnx", PLAIN)
    same = write_onnx(tmp_path / "b.onnx", PLAIN)
    other = write_onnx(tmp_path / "c.onnx", replace(PLAIN, licence="MIT"))
    prints = [open_session(path).fingerprint for path in (one, same, other)]
    assert prints[0] == prints[1] != prints[2]


BLOCKED = """
import sys
from importlib.abc import MetaPathFinder
class Block(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
"""


def test_runtime__needs_no_torch(files: dict[str, Path]) -> None:
    """NumPy, Pillow and one runtime are enough: everything else that leadline depends on is made impossible to import."""
    blocked = ["torch", "transformers", "lightning", "huggingface_hub", "safetensors", "scipy", "skimage", "trimesh", "tyro", "onnx"]
    for path, others in ((files["onnx"], ["openvino"]), (files["openvino"], ["onnxruntime"])):
        code = BLOCKED.format(blocked=[*blocked, *others]) + (
            f"import numpy as np, leadline.runtime\n"
            f"model = leadline.runtime.open({str(path)!r}, threads=1)\n"
            f"print(model.predict(np.zeros(({HEIGHT}, {WIDTH}, 3), np.uint8), fov_x_deg=90).depth_m().max())\n"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert float(result.stdout) == pytest.approx(0.48)


@pytest.mark.parametrize(("file", "package"), [("onnx", "onnxruntime"), ("openvino", "openvino")])
def test_open_session__a_runtime_that_is_not_installed(
    files: dict[str, Path], file: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=f"needs {package}, which is not installed; pip install {package}"):
        open_session(files[file])
