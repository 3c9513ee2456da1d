"""Sixty seconds of six cameras: a rendered drive, played by `leadline live` at a pace that the machine holds and at one that it does not.

Both networks of surround at 384x640 in OpenVINO in bf16, trained where `leadline reproduce surround --out out/surround` has, else random.
The paces follow from what the machine does when nothing is dropped, so that each machine shows both; depth is written as 16-bit PNG.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks._networks import TRAINED, export_surround, surround
from leadline.cli.worlds import render_all
from leadline.io.jsonfile import read_json
from leadline.recipes.worlds import WorldSet

RIG = "nuscenes6"
DRIVE = WorldSet("streets", "val", scenes=3, frames=5, height=192, width=320, rig=RIG, first=900, part="drive")
SECONDS, UNPACED_SECONDS = 60, 20
PACES = {"holds": 0.6, "does not hold": 2.0}
"""Moments a second, of those that the machine does when nothing is dropped."""
MOST_GROWTH_MB, MOST_STEPS = 50, 3
"""Growth of the memory after ten seconds; age of depth in steps of the network: the one before, its own, and reading and writing."""
Figure = tuple[str, float, str, str]


def run() -> Iterator[Figure]:
    """What the machine does at most; then latency, dropped pictures and memory of a minute at each pace."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        drive = _moments(render_all((DRIVE,), folder / "worlds")[DRIVE.name], folder / "drive")
        for name in TRAINED:
            file = export_surround(surround(folder / name, name), folder / f"{name}.xml")
            most = _played(file, drive, folder / name, seconds=UNPACED_SECONDS)["moments_per_s"]
            yield f"{name}: nothing dropped", most, "moments/s", ""
            for pace, share in PACES.items():
                record = _played(file, drive, folder / name / pace, seconds=SECONDS, fps=share * most)
                yield from _figures(f"{name}, {share * most:.2f} moments/s, which {pace}", record, holds=share < 1)


def _moments(world: Path, out: Path) -> Path:
    """All frames of all scenes in a row, as `leadline live --rig` plays them. Returns `out`."""
    out.mkdir()
    for i, frame in enumerate(sorted(world.glob("scene_*/frame_*"))):
        (out / f"{i:04}").symlink_to(frame)
    return out


def _played(file: Path, drive: Path, out: Path, *, seconds: float, fps: float | None = None) -> dict[str, Any]:
    """What `leadline live` says of one run."""
    said = out.with_suffix(".json")
    pace = [] if fps is None else ["--fps", f"{fps:.3f}"]
    command = [sys.executable, "-m", "leadline", "live", str(file), str(drive), "--rig", RIG, "--precision", "bf16", *pace]
    subprocess.run([*command, "--seconds", str(seconds), "--out", str(out), "--json", str(said)], check=True)
    return read_json(said)


def _figures(label: str, record: dict[str, Any], *, holds: bool) -> Iterator[Figure]:
    total, step, memory = record["latency_ms"]["total"], record["latency_ms"]["infer"], record["memory_mb"]
    for name in ("p50", "p95", "p99"):
        yield f"{label}: from camera to file, {name}", total[name], "ms", ""
    yield f"{label}: the same in steps of the network, p50", total["p50"] / step["p50"], "", f"<= {MOST_STEPS}"
    yield f"{label}: moments", record["moments"], "", ""
    dropped = sum(camera["dropped"] for camera in record["cameras"].values())
    yield f"{label}: pictures dropped", dropped, "", "0" if holds else "> 0"
    yield f"{label}: memory after 10 s", memory["settled"], "MB", ""
    yield f"{label}: memory at the end", memory["end"], "MB", ""
    yield f"{label}: growth", memory["end"] - memory["settled"], "MB", f"<= {MOST_GROWTH_MB}"
