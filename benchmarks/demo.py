"""`make demo` as a newcomer meets it: a fresh clone of the last commit, an empty environment, one command."""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def run() -> Iterator[tuple[str, float, str, str]]:
    """Wall time with set-up, memory, and depth of unseen scenes beside the baseline's."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "leadline"
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
        started = time.perf_counter()
        subprocess.run(["make", "demo"], cwd=clone, check=True)
        yield "make demo, set-up included", (time.perf_counter() - started) / 60, "min", "<= 10"
        record = json.loads((clone / "out/demo/metrics.json").read_text())
    yield "peak memory", record["peak_memory_mb"] / 1000, "GB", "< 4"
    for family, figures in record["results"].items():
        yield f"{family}: abs_rel", figures["model"]["abs_rel"], "", ""
        yield f"{family}: abs_rel over the baseline's", figures["abs_rel_over_baseline"], "", "<= 0.7"
        yield f"{family}: delta1", figures["model"]["delta1"], "", ">= 0.65"
