"""`leadline evaluate` and `leadline protocols` as a user types them."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from leadline.cli.main import main
from leadline.evaluation.protocols import PROTOCOLS
from leadline.io.depth import DepthFile, write_depth


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A prediction that is 10 % too far, and its target."""
    depth = np.random.default_rng(0).uniform(1, 50, (20, 30)).astype(np.float32)
    write_depth(tmp_path / "target.npz", DepthFile(depth))
    write_depth(tmp_path / "pred.npz", DepthFile(1.1 * depth))
    return str(tmp_path / "pred.npz"), str(tmp_path / "target.npz")


def test_evaluate__prints_what_belongs_to_a_number(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pred, target = files
    assert main(["evaluate", "--protocol", "rendered", "--pred", pred, "--target", target, "--json", str(tmp_path / "out.json")]) == 0
    out = capsys.readouterr().out
    for words in ("rendered (version 1)", "metric", "images", "pixels", "600", "resize", "alignment", "abs_rel", "0.1000", "boundary_f1"):
        assert words in out
    record = json.loads((tmp_path / "out.json").read_text())
    assert record["protocol"]["name"] == "rendered"
    assert record["metrics"]["abs_rel"] == pytest.approx(0.1, rel=1e-5)


def test_evaluate__explains_without_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--protocol", "kitti-eigen-monodepth2", "--explain"]) == 0
    out = capsys.readouterr().out
    for words in ("garg", "697", "median(target) / median(prediction)", "mean |p-g|/g"):
        assert words in out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--protocol", "raww", "--explain"], "did you mean raw?"),
        (["--protocol", "raw"], "nothing to score was given; give --model and --data, or --pred and --target"),
        (["--protocol", "raw", "--pred", "PRED"], "--pred was given; give --model and --data"),
        (["--protocol", "raw", "--pred", "PRED", "--target", "missing"], "missing: does not exist"),
        (["--protocol", "raw", "--pred", "PRED", "--target", "TARGET", "--limit", "0"], "--limit: 0 is not a number of images"),
        (["--protocol", "raw", "--pred", "PRED", "--target", "TARGET", "--regions", "camera"], "--regions: files do not have it"),
        (["--protocol", "nyu-eigen", "--pred", "PRED", "--target", "TARGET"], "is defined on 654"),
        (["--protocol", "nyu-eigen", "--pred", "PRED", "--target", "TARGET", "--partial"], "crop nyu_eigen: was not made for 20x30"),
        (["--protocol", "raw", "--model", "nowhere", "--data", "martian:/tmp"], "there is no data set 'martian'"),
    ],
)
def test_evaluate__mistakes_are_one_line_and_code_2(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    names = {"PRED": files[0], "TARGET": files[1]}
    assert main(["evaluate", *(names.get(a, a) for a in arguments)]) == 2
    err = capsys.readouterr().err
    assert complaint in err
    assert err.startswith("leadline evaluate: ") and err.count("\n") == 1


def test_protocols__lists_every_preset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "--json", str(tmp_path / "protocols.json")]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in PROTOCOLS)
    assert [p["name"] for p in json.loads((tmp_path / "protocols.json").read_text())] == list(PROTOCOLS)


@pytest.fixture(scope="module")
def tiny_nyu(tmp_path_factory: pytest.TempPathFactory) -> str:
    """NYU pairs made from nothing, as DATASET:ROOT."""
    spec = importlib.util.spec_from_file_location("tiny_data", Path(__file__).resolve().parents[1] / "fixtures" / "tiny_data.py")
    assert spec is not None and spec.loader is not None
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    root = tmp_path_factory.mktemp("nyu")
    tiny.write_nyu(root)
    return f"nyu:{root}"


def test_evaluate__model_on_a_data_set(tiny_model: Path, tiny_nyu: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = []
    for batch in ("1", "2"):
        out = tmp_path / f"{batch}.json"
        arguments = ["--model", str(tiny_model), "--data", tiny_nyu, "--partial", "--regions", "camera", "--batch", batch]
        assert main(["evaluate", "--protocol", "nyu-eigen", *arguments, "--json", str(out)]) == 0
        records.append(json.loads(out.read_text()))
    assert "partial: 2 of 654 images" in capsys.readouterr().out
    assert records[0]["num_images"] == 2
    assert records[0]["metrics"] == pytest.approx(records[1]["metrics"], rel=1e-5)
    assert records[0]["regions"]["camera:kinect"]["metrics"] == records[0]["metrics"]


def test_evaluate__refuses_a_relative_model_under_raw(tiny_relative_model: Path, tiny_nyu: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--protocol", "raw", "--model", str(tiny_relative_model), "--data", tiny_nyu]) == 2
    err = capsys.readouterr().err
    assert "affine_invariant_inverse predictions cannot be scored under 'raw'" in err
    assert "use --protocol affine-disp-marigold" in err
    assert main(["evaluate", "--protocol", "affine-disp-marigold", "--model", str(tiny_relative_model), "--data", tiny_nyu]) == 0


@pytest.mark.parametrize(("data", "protocol"), [("kitti", "kitti-eigen-monodepth2"), ("nyu", "nyu-eigen")])
def test_evaluate__model_on_real_recordings(
    tiny_model: Path, samples: Path, capsys: pytest.CaptureFixture[str], data: str, protocol: str
) -> None:
    arguments = ["--protocol", protocol, "--model", str(tiny_model), "--data", f"{data}:{samples / data}"]
    assert main(["evaluate", *arguments]) == 2
    assert "--partial" in capsys.readouterr().err
    assert main(["evaluate", *arguments, "--limit", "2"]) == 0
    assert "partial: the first 2 of" in capsys.readouterr().out


def test_evaluate__compares_protocols_and_prints_the_spread(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    pred, target = files
    arguments = ["evaluate", "--protocol", "raw", "--pred", pred, "--target", target, "--json", str(tmp_path / "out.json")]
    assert main([*arguments, "--compare", "median", "affine-*"]) == 0
    out = capsys.readouterr().out
    for words in ("median / image", "lstsq_inverse / image", "highest / lowest"):
        assert words in out
    record = json.loads((tmp_path / "out.json").read_text())
    assert [p["protocol"]["name"] for p in record["protocols"]] == [
        "raw",
        "median",
        "affine-disp-marigold",
        "affine-depth-marigold",
        "affine-disp",
    ]
    assert record["spread"]["abs_rel"]["highest_protocol"] == "raw"
    assert record["spread"]["abs_rel"]["highest"] == pytest.approx(0.1, rel=1e-5)
    assert main([*arguments, "--compare", "nyu-eigen"]) == 2
    assert "cannot score these predictions: nyu-eigen" in capsys.readouterr().out


def test_evaluate__every_scale_scope_of_a_model(
    tiny_model: Path, tiny_nyu: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "--model", str(tiny_model), "--data", tiny_nyu, "--json", str(tmp_path / "out.json")]
    assert main([*arguments, "--protocol", "median", "--compare", "scopes"]) == 0
    names = [p["protocol"]["name"] for p in json.loads((tmp_path / "out.json").read_text())["protocols"]]
    assert names == ["median", "median+camera-batch", "median+rig", "median+camera", "median+dataset"]
    assert main([*arguments, "--protocol", "median", "--scale-scope", "camera-batch", "--scale-batch", "2", "--regions", "usable"]) == 0
    out = capsys.readouterr().out
    for words in ("median+camera-batch", "every 2 images of a camera", "95 %", "1000 resamples", "not usable"):
        assert words in out
    record = json.loads((tmp_path / "out.json").read_text())
    assert record["intervals"]["metrics"].keys() == record["metrics"].keys()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--scale-scope", "rig"], "--scale-scope: 'raw' fits nothing"),
        (["--scale-batch", "3"], "--scale-batch: says how many images share a scale"),
        (["--also", "chamfre"], "did you mean chamfer"),
        (["--also", "chamfer"], "chamfer needs the camera's intrinsics K"),
        (["--mask", "parts"], "'parts' is not NAME=PATH"),
        (["--surround"], "--surround: files do not have it"),
        (["--compare", "x-*"], "no protocol is called 'x-*'"),
        (["--bootstrap", "-1"], "-1 is not a number of resamples"),
        (["--compare", "scopes"], "'raw' fits nothing"),
    ],
)
def test_evaluate__mistakes_of_the_new_options(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    assert main(["evaluate", "--protocol", "raw", "--pred", files[0], "--target", files[1], *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_protocols__only_some_and_their_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "vfdepth"]) == 0
    out = capsys.readouterr().out
    assert "3850 rigs" in out and "median_lower / camera-batch" in out and "kitti" not in out
    assert main(["protocols", "martian"]) == 2
