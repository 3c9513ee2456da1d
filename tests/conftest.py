"""Fixtures shared by all rooms."""

import os
import signal
from pathlib import Path

import pytest

# A job in the background ignores Ctrl-C, and so would every process that a test starts to interrupt it.
signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def samples() -> Path:
    """Folder of real recordings, which are licensed apart and lie outside the repository."""
    folder = Path(os.environ.get("LEADLINE_SAMPLES", REPOSITORY.parent / "shared" / "samples"))
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder}: set LEADLINE_SAMPLES to the folder that holds kitti/, nyu/, middlebury/")
    return folder
