"""Memory of this process, for verbs that say what they have used."""

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def largest_mb() -> float:
    """The most that this process has held at once. What the operating system tells its parent may hold pages of the parent."""
    if _STATUS.exists():
        return _stated_mb("VmHWM")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20) if sys.platform == "darwin" else most / 1024


def resident_mb() -> float | None:
    """What it holds now; None where the system does not tell."""
    return _stated_mb("VmRSS") if _STATUS.exists() else None


def _stated_mb(name: str) -> float:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024
