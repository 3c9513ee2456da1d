"""`leadline bench`: every way to run every model, in one run of rounds; figures that can be counted by hand."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from leadline.cli.bench_contenders import Contender, Contest, Entry, build, contests
from leadline.cli.bench_peak import peaks
from leadline.cli.bench_rounds import peak_gflops, rows_of, timed
from leadline.cli.main import main
from leadline.types import UserError
from tests.fixtures.tiny_exports import HEIGHT, PLAIN, WIDTH, with_camera, write_foreign, write_onnx, write_openvino

ALL = ("eager", "graph", "onnx", "openvino", "torch", "callable")


def contest(model: str, engine: str = "onnx", precision: str = "fp32", *, num: int = 1, size: tuple[int, int] | None = None) -> Contest:
    entry = Entry.parse(model)
    return Contest(entry, engine, precision, entry.size or size, num, 1)


def convolution(path: Path) -> Path:
    """A foreign network of one convolution: 4 of 3 channels by 3x3 windows, then their mean, at 16x24 px."""
    weight = numpy_helper.from_array(np.ones((4, 3, 3, 3), dtype=np.float32), "weight")
    matrix = numpy_helper.from_array(np.ones((24, 24), dtype=np.float32), "matrix")
    axes = numpy_helper.from_array(np.array([1], dtype=np.int64), "axes")
    nodes = [
        helper.make_node("Conv", ["image", "weight"], ["maps"], pads=[1, 1, 1, 1]),
        helper.make_node("ReduceMean", ["maps", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "matrix"], ["depth"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 16, 24])
    depth = helper.make_tensor_value_info("depth", TensorProto.FLOAT, [1, 16, 24])
    graph = helper.make_graph(nodes, "convolution", [image], [depth], [weight, matrix, axes])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(path))
    return path


def test_entry__name_model_and_size() -> None:
    assert Entry.parse("out/net.onnx") == Entry("net", "out/net.onnx")
    assert Entry.parse("peer=out/net.onnx@518x686") == Entry("peer", "out/net.onnx", (518, 686))
    assert Entry.parse("peers:fast").engines == ("callable",)
    assert Entry.parse("org/model").engines == ("eager", "graph", "compiled")
    assert Entry.parse("a.pt2").engines == ("torch",)


def test_contests__every_way_that_there_is(tmp_path: Path) -> None:
    full = write_onnx(tmp_path / "full.onnx", PLAIN)
    eight = write_onnx(tmp_path / "eight.onnx", with_camera(precision="int8"))
    entries = [Entry.parse(str(full)), Entry.parse(str(eight)), Entry.parse("org/model")]
    found = contests(entries, engines=ALL, precisions=("fp32", "bf16", "int8"), size=None, num=1, threads=1)
    ways = [(one.entry.name, one.engine, one.precision) for one in found]
    assert ways == [
        ("full", "onnx", "fp32"),
        ("full", "openvino", "fp32"),
        ("full", "openvino", "bf16"),
        ("eight", "onnx", "int8"),
        ("eight", "openvino", "int8"),
        ("model", "eager", "fp32"),
        ("model", "eager", "bf16"),
    ]
    cuda = contests(entries[2:], engines=ALL, precisions=("bf16", "fp16", "int8"), size=None, num=1, threads=1, device="cuda")
    assert [(one.engine, one.precision) for one in cuda] == [("eager", "bf16"), ("eager", "fp16"), ("graph", "bf16"), ("graph", "fp16")]
    with pytest.raises(UserError, match="is not run by onnx in bf16 on cpu; it is by onnx or openvino"):
        contests(entries[:1], engines=("onnx",), precisions=("bf16",), size=None, num=1, threads=1)


def test_build__operations_and_parameters_by_hand(tmp_path: Path) -> None:
    one = build(contest(str(convolution(tmp_path / "net.onnx"))))
    assert (one.height, one.width) == (16, 24)
    assert one.operations == 16 * 24 * 4 * 27 + 16 * 24 * 24
    assert one.parameters == 4 * 27 + 24 * 24


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_build__batches_rigs_bytes_and_sizes(tmp_path: Path, engine: str) -> None:
    several = write_onnx(tmp_path / "several.onnx", with_camera(dynamic=("batch", "size")))
    one = build(contest(f"{several}@128x160", engine, num=3))
    assert (one.num, one.height, one.width) == (3, 128, 160)
    assert one.run()["values"].shape == (3, 128, 160)
    joint = write_onnx(tmp_path / "joint.onnx", with_camera(views=4))
    assert build(contest(str(joint), engine, num=4)).run()["values"].shape == (1, 4, HEIGHT, WIDTH)
    inside = write_onnx(tmp_path / "inside.onnx", with_camera(preprocess="inside", dynamic=("size",)))
    assert build(contest(str(inside), engine)).run()["values"].shape == (1, HEIGHT, WIDTH)
    foreign = write_foreign(tmp_path / "foreign.onnx", ["n", HEIGHT, WIDTH, 3])
    assert build(contest(str(foreign), engine, num=2)).run()["values"].shape == (2, HEIGHT, WIDTH)


def test_build__what_a_fixed_graph_does_not_take(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "net.onnx", PLAIN)
    with pytest.raises(UserError, match="takes 64x96 px alone, not 128x160; leave its size out"):
        build(contest(f"{path}@128x160"))
    with pytest.raises(UserError, match="always takes 1 pictures at once, not 6; give --cameras 1"):
        build(contest(str(path), num=6))
    with pytest.raises(UserError, match="cannot be imported"):
        build(contest("nowhere:fast", "callable", size=(8, 8)))


def test_build__a_function_that_fails_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "peers_that_fail.py").write_text("def deep(images):\n    return images[9]\n")
    (tmp_path / "peers_that_are_none.py").write_text("def broken(:\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"peers_that_fail:deep: fails on float32 \(1, 3, 8, 8\) \(IndexError: .*\); let it take RGB"):
        build(contest("peers_that_fail:deep", "callable", size=(8, 8)))
    with pytest.raises(UserError, match="peers_that_are_none:broken: cannot be imported"):
        build(contest("peers_that_are_none:broken", "callable", size=(8, 8)))


def test_timed__takes_all_in_turn_and_drops_the_warm_ones() -> None:
    seen: list[str] = []
    made = [Contender(name, "e", "fp32", 8, 8, 2, lambda name=name: seen.append(name), 1e6) for name in ("a", "b")]
    seconds = timed(made, rounds=3, warm=1, advance=lambda units: None)
    assert seen in (["a", "b", "b", "a", "a", "b", "b", "a"], ["b", "a", "a", "b", "b", "a", "a", "b"])
    assert [len(times) for times in seconds] == [3, 3]


def test_rows__by_hand() -> None:
    made = [
        Contender("first", "e", "fp32", 8, 8, 2, list, 4e9, 3_000_000),
        Contender("second", "e", "fp32", 8, 8, 2, list),
        Contender("peak", "product", "fp32", 8, 8, 1, list, 10e9),
    ]
    seconds = [np.array([0.1, 0.2, 0.4]), np.array([0.05, 0.05, 0.05]), np.array([0.1, 0.1, 0.1])]
    peak = peak_gflops(made, seconds)
    assert peak == {"fp32": pytest.approx(200.0)}
    first, second, _ = rows_of(made, seconds, {made[0].label: 12.0}, peak)
    assert (first.p50_ms, first.per_second, first.gmacs, first.parameters_m) == pytest.approx((100.0, 10.0, 2.0, 3.0))
    assert (first.gflops, first.share_of_peak, first.memory_mb, first.times_first) == pytest.approx((40.0, 0.2, 12.0, 1.0))
    assert second.times_first == pytest.approx(4.0)
    assert (second.gflops, second.share_of_peak, second.memory_mb) == (None, None, None)


def test_peaks__run_in_every_precision() -> None:
    made = peaks(("fp32", "bf16", "int8"), threads=None, small=True)
    for one in made:
        one.run()
    assert {(one.engine.split()[0], one.precision) for one in made} == {
        ("torch", "fp32"),
        ("openvino", "fp32"),
        ("torch", "bf16"),
        ("openvino", "bf16"),
        ("openvino", "int8"),
    }


def test_bench__table_json_and_page(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> None:
    (tmp_path / "peers_of_ours.py").write_text("def fast(images):\n    return images.mean(axis=1)\n")
    monkeypatch.chdir(tmp_path)
    file = write_onnx(tmp_path / "net.onnx", with_camera(dynamic=("batch",)))
    models = [f"ours={tiny_model}", str(file), "peer=peers_of_ours:fast"]
    command = ["bench", *models, "--precision", "fp32", "--size", f"{HEIGHT}x{WIDTH}", "--cameras", "2", "--rounds", "3", "--no-peak"]
    assert main([*command, "--no-memory", "--threads", "1", "--json", "bench.json", "--html", "bench.html"]) == 0
    printed = capsys.readouterr().out
    assert "ours" in printed and "openvino" in printed and "callable" in printed
    said = json.loads((tmp_path / "bench.json").read_text())
    assert [(row["name"], row["engine"]) for row in said["rows"]] == [
        ("ours", "eager"),
        ("net", "onnx"),
        ("net", "openvino"),
        ("peer", "callable"),
    ]
    assert said["command"].startswith("leadline bench ours=") and said["rows"][0]["times_first"] == 1.0
    assert said["rows"][0]["gmacs"] > 0 and said["rows"][0]["parameters_m"] > 0
    page = (tmp_path / "bench.html").read_text()
    assert "<svg" in page and "ours, eager fp32, 64x96" in page and "http" not in page.replace("http-equiv", "")


@pytest.mark.slow
def test_bench__memory_of_a_process_of_its_own(tmp_path: Path) -> None:
    from leadline.cli.bench_rounds import memory_of

    assert 20 < memory_of(contest(str(write_openvino(tmp_path / "net.xml", PLAIN)), "openvino")) < 2000
    assert memory_of(contest(str(tmp_path / "nowhere.onnx"))) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no model was given"),
        (["a=x.onnx", "a=y.onnx"], "two models are called a"),
        (["x.onnx", "--runtime", "abacus"], "--runtime: 'abacus' is none"),
        (["x.onnx", "--precision", ""], "--precision: '' is none"),
        (["x.onnx", "--size", "large"], "'large' is no size"),
        (["x.onnx", "--cameras", "0"], "--cameras: 0 is too few"),
        (["x.onnx", "--warm", "-1"], "--warm: -1 is too few; give 0 or more"),
        (["x.onnx"], "x.onnx: does not exist"),
    ],
)
def test_bench__wrong_options(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert main(["bench", *arguments]) == 2
    assert words in capsys.readouterr().err
