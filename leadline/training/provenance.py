"""Where a run comes from: code, versions, machine, command. Kept beside the config; every start and resume adds an entry."""

import os
import platform
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from leadline import __version__
from leadline.data.source import Replaced
from leadline.io.jsonfile import read_json, write_json

RECORDED_PACKAGES = ("lightning", "transformers", "numpy")


def record_start(path: Path, *, seed: int, step: int) -> None:
    """Add what is known about this start, which continues after `step`, to the JSON list at `path`."""
    starts = read_json(path) if path.exists() else []
    write_json(path, [*starts, {"step": step, "seed": seed, **provenance()}])


def record_replaced(path: Path, replaced: Replaced) -> None:
    """Add to the last entry of the list at `path` what broken files have cost since that start."""
    *before, last = read_json(path)
    write_json(path, [*before, last | asdict(replaced)])


def replaced_in_all(path: Path) -> Replaced:
    """What broken files have cost over all starts that the list at `path` tells of."""
    starts = read_json(path) if path.exists() else []
    return Replaced(
        num_skipped=sum(start.get("num_skipped", 0) for start in starts),
        num_blanked=sum(start.get("num_blanked", 0) for start in starts),
        num_incomplete=max((start.get("num_incomplete", 0) for start in starts), default=0),  # found anew at every start
    )


def provenance() -> dict[str, Any]:
    """Commit (None outside a git checkout), versions, machine and command of this process."""
    return {
        "time_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "commit": git_commit(),
        "leadline": __version__,
        "python": platform.python_version(),
        "packages": {"torch": torch.__version__} | {name: _version(name) for name in RECORDED_PACKAGES},  # torch with its build
        "machine": {
            "system": platform.platform(),
            "cpu": torch.backends.cpu.get_cpu_capability(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        },
    }


def git_commit() -> str | None:
    """Commit of the checkout that leadline is imported from, with "+" when files were changed since."""
    here = Path(__file__).parent
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain", "-uno", "."], cwd=here, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+" if changed.strip() else "")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
