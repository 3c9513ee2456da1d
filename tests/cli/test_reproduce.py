"""The table of a claim: computed from rows, units skipped when they are there."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leadline.cli.main import main
from leadline.cli.reproduce_jobs import _ready
from leadline.cli.reproduce_table import REQUIRED, markdown, summarise
from leadline.cli.reproduce_units import timed_training
from leadline.methods.catalog import build_method
from leadline.methods.loading import load
from leadline.models.bins.share import share
from leadline.recipes.claims import Claim, Variant
from leadline.recipes.claims.briges import briges
from leadline.recipes.claims.intrinsic import intrinsic
from leadline.recipes.claims.surround import CHOSEN, FACTORS, LIVE, surround
from leadline.recipes.surround import surround_streets
from tests.fixtures.tiny_worlds import TINY_ROOM, TINY_WORLDS, tiny, tiny_recipe, tiny_student


def _row(variant: str, seed: int, abs_rel: float, region: str = "all", split: str = "rooms-test") -> dict[str, Any]:
    metrics = dict.fromkeys(("sq_rel", "rmse", "rmse_log", "delta1", "delta2", "delta3"), 0.5) | {"abs_rel": abs_rel}
    return {"variant": variant, "seed": seed, "split": split, "region": region, "metrics": metrics}


def test_summarise__mean_spread_worst_and_share_of_the_baseline() -> None:
    rows = [_row("base", 0, 0.4), _row("net", 0, 0.1), _row("net", 1, 0.2), _row("net", 1, 9.0, region="material:glass")]
    entry = summarise(rows, baseline="base")["rooms-test"]["all"]["net"]
    assert entry["num_seeds"] == 2
    assert entry["mean"]["abs_rel"] == pytest.approx(0.15)
    assert entry["abs_rel_spread"] == pytest.approx(0.1)
    assert entry["abs_rel_worst"] == 0.2
    assert entry["abs_rel_over_baseline"] == pytest.approx(0.25)  # of seed 0, which both have
    assert entry["abs_rel_of_seeds"] == {"0": 0.1, "1": 0.2}


def test_markdown__has_every_material() -> None:
    rows = [_row("net", seed, error, region="material:mirror") for seed, error in ((0, 0.2), (1, 0.4))] + [_row("net", 0, 0.1)]
    results = {"command": "", "commit": "", "machine": {"cores": 2, "gpus": []}, "rows": rows, "summary": summarise(rows, baseline="base")}
    assert "### rooms-test, abs_rel by material\n\n| variant | mirror |\n| --- | --- |\n| net | 0.300 |" in markdown(results)


def test_summarise__keeps_test_sets_apart_and_does_without_a_baseline() -> None:
    summary = summarise([_row("net", 0, 0.1), _row("net", 0, 0.3, split="streets-test")], baseline="base")
    assert summary["rooms-test"]["all"]["net"]["mean"]["abs_rel"] == 0.1
    assert summary["streets-test"]["all"]["net"]["mean"]["abs_rel"] == 0.3
    assert "abs_rel_over_baseline" not in summary["rooms-test"]["all"]["net"]


def test_summarise__regions_in_their_order_and_the_share_of_what_an_oracle_gains() -> None:
    rows = [
        _row(variant, 0, error, region="misleading") | ({"precision": 0.5} if variant == "net" else {})
        for variant, error in (("base", 0.4), ("net", 0.3), ("oracle", 0.2))
    ]
    rows += [_row(variant, 0, 0.1) for variant in ("base", "net", "oracle")]
    summary = summarise(rows, baseline="base", shown=("misleading", "all"), oracle="oracle")["rooms-test"]
    assert list(summary) == ["misleading", "all"]
    assert summary["misleading"]["net"]["share_of_oracle"] == pytest.approx(0.5)
    assert summary["misleading"]["oracle"]["share_of_oracle"] == pytest.approx(1.0)
    assert summary["misleading"]["net"]["precision"] == 0.5
    assert "precision" not in summary["misleading"]["base"]
    assert "share_of_oracle" not in summary["all"]["net"]  # the oracle gains nothing there


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["supervisd"], "did you mean supervised?"),
        (["supervised", "--only", "row-median,x"], "'x' is no variant of supervised; choose from row-median, supervised"),
        (["supervised", "--worlds", "."], "has no rooms-train and no rooms-train.zip; render it there, or leave out --worlds"),
        (["supervised", "--jobs", "0"], "--jobs: 0 is too small"),
    ],
)
def test_reproduce__wrong_words(arguments: list[str], words: str, tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", *arguments, "--out", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err


@pytest.fixture
def tiny_claim(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    """`supervised` with four tiny worlds, one seed and two steps of a tiny network."""
    claim = Claim(
        "supervised", "Does it run?", TINY_WORLDS, {"row-median": Variant(None), "supervised": Variant(tiny_recipe())}, (0,), "row-median"
    )
    monkeypatch.setattr("leadline.cli.reproduce.claim_of", lambda name, size: claim)


def test_reproduce__unit_by_unit_and_nothing_twice(tiny_claim: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["reproduce", "supervised", "--size", "small", "--out", str(tmp_path)]
    assert main([*command, "--only", "row-median"]) == 0
    first = json.loads((tmp_path / "results.json").read_text())
    assert {row["variant"] for row in first["rows"]} == {"row-median"}
    assert not (tmp_path / "runs").exists()
    assert main([*command, "--jobs", "2", "--worlds", str(tmp_path / "worlds")]) == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert {(row["variant"], row["split"]) for row in results["rows"]} == {
        (variant, split) for variant in ("row-median", "supervised") for split in ("rooms-test", "streets-test")
    }
    assert {"all", "camera:CAM_FRONT", "material:diffuse"} <= {row["region"] for row in results["rows"]}
    assert all(set(REQUIRED) <= row["metrics"].keys() and row["num_pixels"] > 0 for row in results["rows"])
    assert results["summary"] == summarise(results["rows"], baseline="row-median")
    assert results["summary"]["rooms-test"]["all"]["row-median"]["abs_rel_over_baseline"] == 1.0
    assert "supervised" in (tmp_path / "report.html").read_text()
    over = results["summary"]["rooms-test"]["all"]["supervised"]["abs_rel_over_baseline"]
    assert f"{over:.3f}" in next(line for line in (tmp_path / "results.md").read_text().splitlines() if line.startswith("| supervised |"))
    kept = {
        path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.suffix in (".safetensors", ".png") or "units" in path.parts
    }
    capsys.readouterr()
    assert main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert json.loads((tmp_path / "results.json").read_text())["rows"] == results["rows"]
    assert "seed 0" not in capsys.readouterr().err


def test_train_seconds__count_what_an_interrupted_sitting_took(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clock = iter((0.0, 40.0, 100.0, 103.0))

    def train(config: Any, run: Path) -> None:
        if not (run / "seconds.json").exists():
            raise KeyboardInterrupt

    monkeypatch.setattr("leadline.cli.reproduce_units.train", train)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with pytest.raises(KeyboardInterrupt):
        timed_training(tiny_recipe(), tmp_path)
    assert timed_training(tiny_recipe(), tmp_path) == 43.0


@pytest.mark.parametrize("size", ["small", "full"])
def test_intrinsic__nothing_is_trained_before_what_teaches_it(size: str) -> None:
    claim = intrinsic(size)
    units = claim.units(claim.variants)
    assert sorted(units) == sorted((variant, seed) for variant in claim.variants for seed in claim.seeds_of(variant))
    for place, (variant, seed) in enumerate(units):
        about, before = claim.variants[variant], units[:place]
        assert {(teacher, seed) for teacher in about.teachers.values()} <= set(before)
        assert about.mesh_of is None or {(about.mesh_of, each) for each in claim.seeds_of(about.mesh_of)} <= set(before)
    first = [variant for variant, _ in units[: units.index(("selfsup", 1))]]
    assert first == [variant for variant in claim.variants if variant != "mesh-distilled"], "one seed of all that can be had with it"


def test_units__bring_in_what_teaches_them() -> None:
    claim = intrinsic("small")
    assert claim.units(["mesh-distilled"], [1]) == [("selfsup", 0), ("selfsup", 1), ("selfsup", 2), ("mesh-distilled", 1)]
    assert claim.units(["intrinsic-distilled"], [2]) == [("intrinsic", 2), ("intrinsic-distilled", 2)]
    assert claim.units(["distilled-by-mask"]) == [("selfsup", 0), ("intrinsic", 0), ("distilled-by-mask", 0)]
    assert claim.units(["no-mask"]) == [("no-mask", 0)] and claim.units(["no-mask"], [2]) == [("no-mask", 2)]


def test_units__one_teacher_teaches_all_seeds() -> None:
    claim = surround("small")
    units = claim.units(claim.variants)
    assert units[0] == ("teacher", 0) and [unit for unit in units if unit[0] == "teacher"] == [("teacher", 0)]
    assert claim.units(["ckd+vrkd"], [2]) == [("teacher", 0), ("ckd+vrkd", 2)]
    assert claim.variants["teacher"].worlds == ("streets-teacher",), "its scenes are no student's"
    trained = {name for name, about in claim.variants.items() if "streets-teacher" in about.worlds}
    assert trained == {"teacher", "supervised-teacher-data"}


def test_jobs__nothing_begins_before_what_teaches_it_and_no_file_is_written_twice() -> None:
    claim = briges("small")
    wanted = claim.units(["briges", "gates-noise"])
    gates = [unit for unit in wanted if unit[0] in ("briges", "gates-noise")]
    assert _ready(claim, wanted, wanted, []) == [("start", 0), ("segments", 0)]
    assert _ready(claim, wanted, gates, [("segments", 0)]) == []
    assert _ready(claim, wanted, gates, []) == gates[:1], "the first writes the features that all of them read"
    assert _ready(claim, wanted, gates[1:], gates[:1]) == []
    assert _ready(claim, wanted, gates[2:], gates[1:2]) == gates[2:]


@pytest.mark.parametrize("size", ["small", "full"])
def test_surround__a_head_is_shared_where_the_maps_before_it_are_alike(size: str) -> None:
    claim = surround(size)
    teacher, student = (claim.variants[name].config for name in ("teacher", "shared-bins"))
    assert teacher is not None and student is not None
    theirs, ours = (
        build_method("surround", config.method) for config in (teacher, replace(student, method=replace(student.method, share_bins="none")))
    )
    share(ours.network.head, theirs.network.head, "all_after_projector", subject="teacher")  # pyright: ignore[reportAttributeAccessIssue]


def test_jobs__one_unit_writes_what_a_teacher_answers() -> None:
    claim = surround("small")
    wanted = claim.units(["response", "fitnets"])
    students = [unit for unit in wanted if unit[0] != "teacher"]
    assert _ready(claim, wanted, wanted, []) == [("teacher", 0)], "answers on file are its own as well"
    assert _ready(claim, wanted, students, []) == [("response", 0), *(unit for unit in students if unit[0] == "fitnets")]
    assert _ready(claim, wanted, [unit for unit in students if unit != ("response", 0)], []) == students[1:]
    live = {name for name, about in claim.variants.items() if about.teachers}
    assert live == set(LIVE)


def test_search__gives_every_distillation_the_same_factors() -> None:
    claim = surround("small")
    factors = {name: [n for n in claim.searched if n.startswith(f"{name}-x")] for name in ("kd", "fitnets", "ckd", "vrkd", "ckd+vrkd")}
    assert all(len(found) == len(FACTORS) for found in factors.values())
    chosen, tenfold = claim.variants["vrkd"].config, claim.searched["vrkd-x10"].config
    assert chosen is not None and tenfold is not None and tenfold.steps == chosen.steps * 2 // 3
    factor = 10 / CHOSEN["vrkd"]
    assert tenfold.method.relations_weight == factor * chosen.method.relations_weight  # pyright: ignore[reportAttributeAccessIssue]
    assert tenfold.method.silog_weight == chosen.method.silog_weight  # pyright: ignore[reportAttributeAccessIssue]


def test_summarise__mean_gain_over_seven_metrics_and_what_cameras_say_of_each_other() -> None:
    rows = [_row("base", 0, 0.4), _row("net", 0, 0.2)]
    rows[1]["metrics"] |= {"delta1": 0.6, "overlap_disagreement": 0.3}
    entry = summarise(rows, baseline="base")["rooms-test"]["all"]["net"]
    assert entry["mean_gain"] == pytest.approx((0.5 + 0.2) / 7), "half the error, a fifth more of delta1, five times the same"
    assert entry["overlap_disagreement"] == 0.3
    assert "overlap_disagreement" not in summarise(rows, baseline="base")["rooms-test"]["all"]["base"]


@pytest.fixture
def taught_claim(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    """Two seeds of a tiny network, students of their fused depth, and one student of the first alone."""
    variants = {
        "net": Variant(tiny_recipe()),
        "fused": Variant(tiny_student(), mesh_of="net"),
        "taught": Variant(tiny_student(), teachers={"plain": "net"}, once=True),
    }
    claim = Claim("supervised", "Does it teach?", TINY_ROOM, variants, (0, 1), "net")
    monkeypatch.setattr("leadline.cli.reproduce.claim_of", lambda name, size: claim)


def test_reproduce__students_of_one_model_and_of_all_seeds_fused(taught_claim: None, tmp_path: Path) -> None:
    command = ["reproduce", "supervised", "--size", "small", "--out", str(tmp_path)]
    assert main([*command, "--only", "fused", "--seed", "1"]) == 0
    assert {path.stem for path in (tmp_path / "units").iterdir()} == {"net-s0", "net-s1", "fused-s1"}
    labels = tmp_path / "labels" / "fused" / "rooms-train"
    about = json.loads((labels / "labels.json").read_text())
    assert (about["rule"], about["num_labels"], about["height"], about["width"]) == ("mesh", 3, 64, 64)
    kept = {path: path.stat().st_mtime_ns for path in (*labels.rglob("*.png"), *(tmp_path / "units").iterdir())}
    assert main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "the labels of one seed are those of the other"
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert {(row["variant"], row["seed"]) for row in rows} == {("net", 0), ("net", 1), ("fused", 0), ("fused", 1), ("taught", 0)}
    prints = [load(tmp_path / "runs" / f"net-s{seed}" / "model").fingerprint for seed in (0, 1)]
    teachers = {(row["variant"], row["seed"]): row["teacher_sha"] for row in rows}
    assert teachers == {("net", 0): None, ("net", 1): None, ("fused", 0): prints, ("fused", 1): prints, ("taught", 0): prints[:1]}
    assert [who["fingerprint"] for who in about["teachers"].values()] == prints


def test_reproduce__a_student_reads_what_its_teacher_answered(monkeypatch: pytest.MonkeyPatch, one_thread: None, tmp_path: Path) -> None:
    streets = tiny(surround_streets())
    streets = replace(streets, data=replace(streets.data, depth_source=("dense",)))
    student = replace(streets, method=replace(streets.method, probabilities_weight=1.0))
    variants = {"teacher": Variant(streets, once=True), "student": Variant(student, taught="teacher")}
    claim = Claim("supervised", "Does it teach?", TINY_WORLDS[2:], variants, (0, 1), "teacher", pictured=("teacher", "student"), rigs=True)
    monkeypatch.setattr("leadline.cli.reproduce.claim_of", lambda name, size: claim)
    command = ["reproduce", "supervised", "--size", "small", "--out", str(tmp_path), "--seed", "1"]
    assert main(command) == 0
    answers = tmp_path / "taught" / "teacher-s0" / "streets-train"
    assert json.loads((answers / "taught.json").read_text())["num_answers"] == 6
    rows = [row for row in json.loads((tmp_path / "results.json").read_text())["rows"] if row["region"] == "all"]
    teacher = load(tmp_path / "runs" / "teacher-s0" / "model").fingerprint
    assert {(row["variant"], *(row["teacher_sha"] or ())) for row in rows} == {("teacher",), ("student", teacher)}
    assert "All around, unseen scenes" in (tmp_path / "report.html").read_text()
    assert len(list((tmp_path / "pictures").iterdir())) == 1, "of the one moment; the student of the first seed is not there"
    config = json.loads((tmp_path / "runs" / "student-s1" / "config.json").read_text())
    assert config["data"]["taught"] == [str(answers)] and config["method"]["teacher"] is None
