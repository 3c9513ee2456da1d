"""What exporting a network gives: every way to run it in one interleaved run, and out/deploy.json with the ratios that are asked for.

Networks of surround are those that `leadline reproduce surround --out out/surround` has trained, where it has, else random ones: time
does not know, int8 does. Depth Anything V2 Small is random; it sees 518 rows, as it was trained. Ratios are of medians per picture.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image
from transformers import pipeline

import leadline.runtime
from benchmarks._live import from_jpeg_to_png, write_noise
from benchmarks._networks import TRAINED, save_depth_anything, surround
from leadline.cli.bench_contenders import Contest, Engine, Entry, build
from leadline.cli.bench_peak import NAME as PEAK
from leadline.cli.bench_peak import peaks
from leadline.cli.bench_rounds import Row, peak_gflops, rows_of, timed
from leadline.cli.worlds import render_all
from leadline.export.parity import relative_error
from leadline.export.plan import Plan
from leadline.export.run import export_model
from leadline.io.exported import Precision
from leadline.io.image import read_image
from leadline.io.jsonfile import write_json
from leadline.methods.loading import load
from leadline.recipes.worlds import WorldSet
from leadline.training.provenance import git_commit, provenance
from leadline.types import DepthKind

OUT = Path("out")
HEIGHT, WIDTH, ROUNDS = 384, 640, 7
LARGE = (518, 868)
"""Of Depth Anything, for pictures of HEIGHT x WIDTH."""
PHOTO, NUM_PHOTOS = (480, 640), 6
"""Size and number of the pictures that go from JPEG to PNG."""
WORLDS = (
    WorldSet("streets", "val", scenes=4, frames=1, rig="nuscenes6", part="calibration"),
    WorldSet("streets", "val", scenes=6, frames=1, rig="nuscenes6", first=4, part="scored"),
)
"""What int8 is calibrated on, and what it is scored on."""
TARGETS = {
    "r18_bf16_over_eager": 2.5,
    "r18_int8_over_eager": 4.5,
    "r18_best_over_dav2s_eager": 12.0,
    "tiny_best_over_dav2s_eager": 40.0,
    "dav2s_runtime_over_pipeline": 2.0,
    "r18_share_of_peak": 0.6,
}
Figure = tuple[str, float, str, str]


def run() -> Iterator[Figure]:
    """Parity of the exports, then times, shares of the peak and ratios."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        models = {name: surround(folder / name, name) for name in TRAINED}
        models["depth-anything-v2-small"] = save_depth_anything(folder / "depth-anything-v2-small", "small")
        worlds = render_all(WORLDS, folder / "worlds")
        files: dict[str, dict[Precision, Path]] = {}
        for name, path in models.items():
            files[name] = {}
            yield from _exported(name, path, worlds, folder, files[name])
        contests = [
            Contest(Entry(name, str(where)), engine, precision, size, 1, None)
            for name, path in models.items()
            for size in [LARGE if name.startswith("depth") else (HEIGHT, WIDTH)]
            for engine, precision, where in _ways(path, files[name])
        ]
        contenders = [build(contest) for contest in contests]
        every = [*contenders, *peaks(["fp32", "bf16", "int8"], threads=None)]
        seconds = timed(every, rounds=ROUNDS, warm=2, advance=lambda units: None)
        rows = rows_of(every, seconds, {}, peak_gflops(every, seconds))
        for row in rows:
            label = f"{row.name}, {row.engine} {row.precision}, {row.height}x{row.width}"
            yield label, row.p50_ms, "ms", ""
            if row.share_of_peak is not None and row.name != PEAK:
                yield f"{label}: share of the peak", row.share_of_peak, "", ""
        chain, error = _chains(models["depth-anything-v2-small"], folder)
        yield "depth-anything-v2-small, bf16 beside fp32: mean relative error", error, "", "<= 0.01"
        yield from (
            (f"JPEG to 16-bit PNG, {name}, a picture of {PHOTO[0]}x{PHOTO[1]}", 1000 * median(s), "ms", "") for name, s in chain.items()
        )
        ratios = _ratios(rows, chain)
        yield from ((name, value, "", f">= {TARGETS[name]:g}") for name, value in ratios.items())
        write_json(OUT / "deploy.json", _record(rows, seconds, chain, ratios))


def _exported(name: str, model: Path, worlds: Mapping[str, Path], folder: Path, files: dict[Precision, Path]) -> Iterator[Figure]:
    """Files in all precisions, at the size that is timed, put into `files`; and the largest, mean and metric error of each."""
    size = LARGE if name.startswith("depth") else (HEIGHT, WIDTH)
    network = load(str(model))
    calibration, scored = worlds["streets-calibration"], f"rendered:{worlds['streets-scored']}"
    foundation = name.startswith("depth")  # random: bf16 is asked of it in `_chains`, and rendered rooms are enough
    precisions: list[Precision] = ["fp32"] if foundation else ["fp32", "bf16", "int8"]
    for precision in precisions:
        path = folder / f"{name}-{precision}.xml"
        plan = Plan(format="openvino", precision=precision, height=size[0], width=size[1], views=1)
        parity = export_model(network, plan if foundation else replace(plan, calibration=calibration, data=scored), path)
        files[precision] = path
        yield f"{name}, {precision}: largest relative error", parity.largest, "", "<= 0.001" if precision == "fp32" else ""
        yield f"{name}, {precision}: mean relative error", parity.mean, "", "<= 0.01" if precision == "bf16" else ""
        if parity.cost is not None:
            yield f"{name}, {precision}: change of abs_rel", 100 * parity.cost.change, "%", "<= 2" if precision == "int8" else ""
    if "int8" in precisions:  # once more at the size that it has learnt
        plan = Plan(format="openvino", precision="int8", calibration=calibration, data=scored, views=1)
        parity = export_model(network, plan, folder / f"{name}-small.xml")
        assert parity.cost is not None
        yield f"{name}, int8 at the size of its training: change of abs_rel", 100 * parity.cost.change, "%", "<= 2"
        yield f"{name}, int8 at the size of its training: layers in floating point", sum(layer.kept for layer in parity.layers), "", ""


def _ways(model: Path, files: Mapping[Precision, Path]) -> Sequence[tuple[Engine, Precision, Path]]:
    half: Sequence[tuple[Engine, Precision, Path]] = [("eager", "fp32", model), ("eager", "bf16", model)]
    return [*half, *(("openvino", precision, path) for precision, path in {"bf16": files["fp32"], **files}.items())]


def _chains(model: Path, folder: Path) -> tuple[dict[str, list[float]], float]:
    """Seconds a picture from JPEG to 16-bit PNG, in turns: the pipeline of transformers, and `leadline live` on the exported file; and the
    mean relative error of bf16 beside fp32."""
    photos = write_noise(folder / "photos", NUM_PHOTOS, *PHOTO)
    path = folder / "photos.xml"
    export_model(load(str(model)), Plan(format="openvino", height=518, width=686), path)
    precisions: tuple[Precision, ...] = ("fp32", "bf16")
    opened = {precision: leadline.runtime.open(path, precision=precision) for precision in precisions}
    theirs = pipeline("depth-estimation", model=str(model), device="cpu")
    ways: dict[str, Callable[[], object]] = {
        "pipeline of transformers, fp32": lambda: _by_pipeline(theirs, photos, folder / "theirs"),
        **{f"leadline.runtime, {p}": (lambda m=m, p=p: from_jpeg_to_png(m, [photos], folder / f"ours-{p}")) for p, m in opened.items()},
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-1, 5):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            if number >= 0:
                found[name].append((time.perf_counter() - begin) / NUM_PHOTOS)
    pictures = [read_image(path) for path in sorted(photos.iterdir())]
    exact, half = ([prediction.values for prediction in model.predict_batch(pictures)] for model in opened.values())
    errors = [relative_error(a, b, DepthKind.AFFINE_INVARIANT_INVERSE).mean() for a, b in zip(exact, half, strict=True)]
    return found, float(np.mean(errors))


def _by_pipeline(estimate: Any, photos: Path, out: Path) -> None:
    out.mkdir(exist_ok=True)
    for path in sorted(photos.iterdir()):
        values = estimate(str(path))["predicted_depth"].numpy()
        low, high = values.min(), values.max()
        Image.fromarray(((values - low) / (high - low) * 65535).astype(np.uint16)).save(out / f"{path.stem}.png")


def _ratios(rows: Sequence[Row], chain: Mapping[str, Sequence[float]]) -> dict[str, float]:
    times = {(row.name, row.engine, row.precision): row.p50_ms for row in rows}
    eager = {name: times[name, "eager", "fp32"] for name in {row.name for row in rows} - {PEAK}}
    best = {name: min(time for key, time in times.items() if key[0] == name) for name in eager}
    reference = eager["depth-anything-v2-small"]
    fastest = min((row for row in rows if row.name == "surround-r18"), key=lambda row: row.p50_ms)
    pipe, *ours = (median(seconds) for seconds in chain.values())
    return {
        "r18_bf16_over_eager": eager["surround-r18"] / times["surround-r18", "openvino", "bf16"],
        "r18_int8_over_eager": eager["surround-r18"] / times["surround-r18", "openvino", "int8"],
        "r18_best_over_dav2s_eager": reference / best["surround-r18"],
        "tiny_best_over_dav2s_eager": reference / best["surround-tiny"],
        "dav2s_runtime_over_pipeline": pipe / min(ours),
        "r18_share_of_peak": fastest.share_of_peak or float("nan"),
    }


def _record(
    rows: Sequence[Row], seconds: Sequence[np.ndarray], chain: Mapping[str, Sequence[float]], ratios: Mapping[str, float]
) -> dict[str, Any]:
    timings = [[1000 * float(s) / row.cameras for s in times] for row, times in zip(rows, seconds, strict=True)]
    return {
        "command": "python -m benchmarks deploy",
        "commit": git_commit(),
        "machine": provenance()["machine"],
        "rows": [asdict(row) | {"timings_ms": times} for row, times in zip(rows, timings, strict=True)],
        "chains_ms": {name: [1000 * s for s in each] for name, each in chain.items()},
        "ratios": dict(ratios),
    }
