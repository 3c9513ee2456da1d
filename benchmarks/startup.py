"""How long a user waits before anything happens: `leadline --help`, and what `import leadline` drags in."""

import statistics
import subprocess
import sys
import time

Row = tuple[str, float, str, str]


def run() -> list[Row]:
    """Median wall time of whole processes."""
    heavy = "import sys, leadline; print(sum(m in sys.modules for m in ('torch', 'transformers', 'numpy')))"
    loaded = int(subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True).stdout)
    return [
        ("leadline --help", _median_s([sys.executable, "-m", "leadline", "--help"]), "s", "< 0.3"),
        ("leadline predict --help", _median_s([sys.executable, "-m", "leadline", "predict", "--help"]), "s", ""),
        ("heavy modules after import leadline", float(loaded), "modules", "0"),
    ]


def _median_s(command: list[str], runs: int = 7) -> float:
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)
