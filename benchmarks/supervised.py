"""`leadline reproduce supervised --size small` from nothing: worlds rendered, a network trained, unseen scenes scored."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


def run() -> Iterator[tuple[str, float, str, str]]:
    """Wall time, and depth of unseen scenes beside the baseline's."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "leadline", "reproduce", "supervised", "--size", "small", "--out", folder], check=True)
        yield "reproduce supervised, small", (time.perf_counter() - started) / 60, "min", "<= 30"
        summary = json.loads((Path(folder) / "results.json").read_text())["summary"]
    for split, regions in summary.items():
        figures = regions["all"]["supervised"]
        yield f"{split}: abs_rel", figures["mean"]["abs_rel"], "", ""
        yield f"{split}: abs_rel over the baseline's", figures["abs_rel_over_baseline"], "", "<= 0.5"
        yield f"{split}: delta1", figures["mean"]["delta1"], "", ">= 0.80"
