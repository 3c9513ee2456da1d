"""The claim of `briges` on tiny worlds: stand-ins first, features written once, temperature from validation, photos shown uncounted."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline.cli.main import main
from leadline.cli.reproduce_table import show, summarise, with_means
from leadline.cli.reproduce_thin import thin
from leadline.io.depth import DepthFile, write_depth
from leadline.io.image import write_image
from leadline.methods.catalog import BrigesConfig, DistilConfig, SegmentsConfig
from leadline.recipes.briges import briges_student, briges_worlds, foundation
from leadline.recipes.claims import Claim
from leadline.recipes.claims.briges import briges, with_pair
from leadline.recipes.worlds import WorldSet
from leadline.training.config import TrainConfig
from tests.fixtures.tiny_pairs import save_depth_anything, save_sam

SIZE: dict[str, Any] = {"height": 56, "width": 56, "layers": ("instance",)}
WORLDS = (
    WorldSet("rooms", "train", scenes=1, frames=1, part="foundation", **SIZE),
    WorldSet("rooms", "train", scenes=2, frames=1, first=1, **SIZE),
    WorldSet("rooms", "val", scenes=1, frames=1, **SIZE),
    WorldSet("objects", "test", scenes=1, frames=1, **SIZE),
)
KEPT = ("start", "frozen", "segments", "briges", "briges-tau", "gates-zero-semantics", "briges-distilled")


def tiny(config: TrainConfig) -> TrainConfig:
    """Two steps of the smallest networks that fit each other."""
    match config.method:
        case BrigesConfig():
            method = replace(config.method, heads=2)
        case SegmentsConfig():
            method = replace(config.method, width=64, blocks=4, heads=4, longer_side=56, num_points=32)
        case DistilConfig() as options:
            method = replace(options, encoder="dinov2-tiny", decoder_width=0.25)
        case _:
            method = replace(config.method, encoder="dinov2-tiny", decoder_width=0.25)
    data = replace(config.data, batch_size=2, workers=0, height=56, width=56)
    return replace(config, method=method, data=data, steps=2, precision="fp32", log=replace(config.log, panels=0, tensorboard=False))


@pytest.fixture
def tiny_claim(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Claim:
    whole = briges("small")
    chosen = {name: whole.variants[name] for name in KEPT}
    variants = {
        name: about if about.config is None else replace(about, config=tiny(about.config), worlds=about.worlds[:1])
        for name, about in chosen.items()
    }
    claim = replace(
        whole, worlds=WORLDS, variants=variants, seeds=(0, 1), means={"zero-shot mean": ("objects-test",)}, pictured=("frozen", "briges")
    )
    monkeypatch.setattr("leadline.cli.reproduce.claim_of", lambda name, size: claim)
    monkeypatch.setattr("leadline.cli.reproduce_units.VALUES", (0.5, 2.0))
    return claim


def write_photo(root: Path) -> None:
    root.mkdir(parents=True)
    rng = np.random.default_rng(0)
    write_image(root / "0.png", rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
    write_depth(root / "depth_0.png", DepthFile(values=(2 + 0.02 * np.mgrid[:48, :64][1]).astype(np.float32)), png_scale=1000.0)
    K = {"fx": 50.0, "fy": 50.0, "cx": 32.0, "cy": 24.0}
    files = [{"rgb": "0.png", "depth": "depth_0.png", "depth_scale": 1000, "intrinsics": K}]
    (root / "annotations.json").write_text(json.dumps({"files": files}))


def test_reproduce_briges__from_stand_ins_to_the_table(tiny_claim: Claim, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_photo(tmp_path / "samples" / "nyu")
    out = tmp_path / "out"
    command = ["reproduce", "briges", "--out", str(out), "--samples", str(tmp_path / "samples")]
    assert main([*command, "--only", "briges-tau", "--seed", "1"]) == 0
    units = {path.stem for path in (out / "units").iterdir()}
    assert units == {"start-s0", "frozen-s0", "segments-s0", "briges-s1", "briges-tau-s1"}
    features = sorted((out / "features" / "frozen+segments" / "rooms-train").rglob("*.npz"))
    written = [path.stat().st_mtime_ns for path in features]
    assert len(features) == 2
    assert main(command) == 0
    assert [path.stat().st_mtime_ns for path in features] == written, "once for every variant and seed"
    results = json.loads((out / "results.json").read_text())
    rows = results["rows"]
    assert {row["variant"] for row in rows} == set(KEPT) - {"start", "segments"}, "what gives no depth has no row"
    assert results["protocol"] == "rendered-affine-disp"
    splits = {row["split"] for row in rows}
    assert splits == {"objects-test", "nyu (1 photos, not counted)"}
    assert all("boundary_f1" in row["metrics"] for row in rows if row.get("counted", True))
    frozen = {(row["variant"], row["seed"]): row for row in rows if row["split"] == "objects-test"}
    assert frozen["briges", 0]["data_sha"] != frozen["frozen", 0]["data_sha"]
    stands_on = frozen["briges", 0]["teacher_sha"]
    assert len(frozen["frozen", 0]["teacher_sha"]) == 1, "the encoder that it began from"
    assert len(stands_on) == 2 and stands_on == frozen["briges", 1]["teacher_sha"]
    assert frozen["gates-zero-semantics", 0]["teacher_sha"] == stands_on[:1] == frozen["briges-distilled", 1]["teacher_sha"][1:]
    entry = results["summary"]["zero-shot mean"]["all"]["briges"]
    base = results["summary"]["objects-test"]["all"]["frozen"]["mean"]["abs_rel"]
    assert (
        entry["abs_rel_over_baseline_of_seeds"] == {s: e / base for s, e in entry["abs_rel_of_seeds"].items()} and entry["num_seeds"] == 2
    )
    tau = json.loads((out / "tau.json").read_text())
    for seed in ("0", "1"):
        scores = tau[seed]["validation"]
        assert set(scores) == {"0.5", "2"} == set(tau[seed]["objects-test"])
        assert f"{tau[seed]['best']:g}" == min(scores, key=scores.get)
        row = frozen["briges-tau", int(seed)]
        assert row["metrics"]["abs_rel"] == pytest.approx(tau[seed]["objects-test"][f"{row['temperature']:g}"])
    page, report = (out / "results.md").read_text(), (out / "report.html").read_text()
    assert "### Temperature of the attention" in page and "not counted" in page and "separation:3" in page
    assert "Thin structures, objects-test" in report
    capsys.readouterr()
    assert main(command) == 0
    assert "seed" not in capsys.readouterr().err


def test_reproduce_briges__a_published_pair_in_place_of_the_stand_ins(tiny_claim: Claim, tmp_path: Path) -> None:
    pair = {"depth": save_depth_anything(tmp_path / "depth", patch=14), "semantic": save_sam(tmp_path / "sam")}
    out, options = tmp_path / "out", [word for option, place in pair.items() for word in (f"--{option}", place)]
    assert main(["reproduce", "briges", "--out", str(out), *options, "--only", "frozen,briges,gates-zero-semantics", "--seed", "0"]) == 0
    assert {path.name for path in (out / "runs").iterdir()} == {"briges-s0", "gates-zero-semantics-s0"}, "the pair is not trained"
    assert not (out / "worlds" / "rooms-foundation").exists(), "nobody would learn from it"
    rows = {row["variant"]: row for row in json.loads((out / "results.json").read_text())["rows"]}
    assert (rows["frozen"]["steps"], rows["briges"]["steps"]) == (0, 2)
    assert rows["gates-zero-semantics"]["teacher_sha"] == rows["briges"]["teacher_sha"][:1]


def test_reproduce__half_a_pair_and_a_folder_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, line in (
        (["briges", "--depth", "x"], "give both to briges, or none"),
        (["surround", "--depth", "x", "--semantic", "y"], "give both to briges, or none"),
        (["briges", "--samples", str(tmp_path / "nowhere"), "--only", "x"], "'x' is no variant of briges"),
    ):
        assert main(["reproduce", *arguments, "--out", str(tmp_path)]) == 2
        assert line in capsys.readouterr().err


@pytest.mark.parametrize("size", ["small", "full"])
def test_briges__everything_learns_from_the_same_pictures_for_as_long(size: str) -> None:
    claim = briges(size)
    trained = {
        name: about
        for name, about in claim.variants.items()
        if about.config and name not in ("start", "frozen", "segments", "segments-weak", "segments-long")
    }
    configs = [about.config for about in trained.values() if about.config]
    assert len({(config.steps, config.data) for config in configs}) == 1
    gates = [config for config in configs if isinstance(config.method, BrigesConfig) and config.method.trained == "gates"]
    assert len(gates) > 8 and len({config.optim for config in gates}) == 1
    recipe = briges_worlds()
    ours = gates[0].method
    assert isinstance(ours, BrigesConfig) and replace(ours, cached="nothing") == recipe.method, "the recipe is what was found to be best"
    assert (gates[0].optim.lr, gates[0].optim.muon_lr) == pytest.approx((recipe.optim.lr, recipe.optim.muon_lr))
    assert [name for name, about in trained.items() if about.config and not about.config.optim.muon_lr] == ["briges-distilled"], (
        "a whole encoder"
    )
    units = claim.units(claim.variants)
    assert units[:4] == [("start", 0), ("frozen", 0), ("segments", 0), ("briges", 0)]
    assert [name for name, about in trained.items() if not about.once] == [
        name for name, seed in units if seed == 2 and name != "briges-tau"
    ]
    assert len([name for name in claim.searched if name.startswith("briges-")]) == len(claim.searched) // 2 - 1, "equal search"


def test_student__has_the_network_of_the_stand_in_that_it_begins_as() -> None:
    student, stand_in = briges_student().method, foundation().method
    for option in ("encoder", "decoder", "decoder_width", "decoder_norm", "kind"):
        assert getattr(student, option) == getattr(stand_in, option), option


@pytest.mark.parametrize("size", ["small", "full"])
def test_briges__gates_see_no_scene_that_the_frozen_pair_has_learnt(size: str) -> None:
    claim = briges(size)
    scenes = {world.name: {(world.family, world.seed + i) for i in range(world.scenes)} for world in claim.worlds}
    for name in ("start", "frozen", "segments", "segments-weak", "segments-long"):
        learnt = set().union(*(scenes[world] for world in claim.variants[name].worlds))
        assert learnt and not learnt & (scenes["rooms-train"] | scenes["streets-train"])
    assert not claim.variants["briges"].worlds, "all that are called -train"


def test_with_pair__replaces_the_stand_ins() -> None:
    claim = with_pair(briges("small"), depth="some/depth", semantic="some/sam")
    assert (claim.variants["frozen"].model, claim.variants["segments"].model) == ("some/depth", "some/sam")
    assert not [world.name for world in claim.worlds if world.name.endswith(("-foundation", "-segments"))], "nobody learns from them"
    assert not [name for name in claim.variants if "weak" in name or "long" in name]
    gates, student = claim.variants["briges"].config, claim.variants["briges-distilled"]
    assert gates is not None and isinstance(gates.method, BrigesConfig) and gates.method.heads == 16
    assert (gates.optim.lr, gates.optim.muon_lr) == (pytest.approx(5e-5), 0.0)
    searched = [about.config.optim.lr for name, about in claim.searched.items() if name.startswith("briges-zoedepth") and about.config]
    assert sorted(rate / searched[0] for rate in searched) == pytest.approx([1, 10 / 3, 10, 100 / 3]), "factors are of the authors' rate"
    assert student.teachers == {"plain": "briges"}


def _row(variant: str, seed: int, split: str, abs_rel: float, f1: float) -> dict[str, Any]:
    metrics = dict.fromkeys(("sq_rel", "rmse", "rmse_log", "delta1", "delta2", "delta3"), 0.5) | {"abs_rel": abs_rel, "boundary_f1": f1}
    return {"variant": variant, "seed": seed, "split": split, "region": "all", "metrics": metrics}


def test_summary__one_row_stands_beside_every_seed_and_sets_have_a_mean() -> None:
    rows = [_row("frozen", 0, "a", 0.2, 0.1), _row("frozen", 0, "b", 0.4, 0.3)]
    rows += [_row("net", seed, split, error, 0.4) for seed, split, error in ((0, "a", 0.1), (0, "b", 0.4), (1, "a", 0.3))]
    whole = with_means(rows, {"both": ("a", "b")})
    summary = summarise(whole, baseline="frozen", once=["frozen"], also=["boundary_f1"])
    apart = summary["a"]["all"]["net"]
    assert apart["abs_rel_over_baseline_of_seeds"] == pytest.approx({"0": 0.5, "1": 1.5}) and apart["worst_over_baseline"] == pytest.approx(
        1.5
    )
    assert apart["abs_rel_over_baseline"] == pytest.approx(1.0)
    both = summary["both"]["all"]
    assert both["net"]["num_seeds"] == 1, "the second seed lacks a set"
    assert both["net"]["mean"]["abs_rel"] == pytest.approx(0.25) and both["net"]["abs_rel_over_baseline"] == pytest.approx(0.25 / 0.3)
    assert both["net"]["boundary_f1_over_baseline"] == pytest.approx(2.0)


def test_show__a_narrow_terminal_has_whole_names_and_figures(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [_row("frozen", 0, "a", 0.2, 0.1), _row("gates-zero-semantics", 0, "a", 0.15, 0.4)]
    summary = summarise(rows, baseline="frozen", also=["boundary_f1"])
    for width, has_all in (("80", False), ("200", True)):
        monkeypatch.setenv("COLUMNS", width)
        show(summary)
        printed = capsys.readouterr().out
        assert "gates-zero-semantics" in printed and "0.150" in printed and "…" not in printed
        assert ("boundary_f1" in printed) == has_all


def test_thin__is_narrow_and_in_front() -> None:
    depth = np.full((30, 40), 4.0)
    depth[:, 10:12], depth[:, 20:30], depth[5, 35] = 2.0, 2.0, 6.0
    found = thin(depth)
    assert found[:, 10:12].all() and found.sum() == 60, "neither what is wide nor a hole"
