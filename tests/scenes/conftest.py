"""The renderer, set up once for all tests of the room."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("mitsuba", reason="rendering needs the extra leadline[scenes]")


@pytest.fixture(scope="session")
def worlds() -> ModuleType:
    """The module of small worlds."""
    path = Path(__file__).with_name("worlds.py")
    spec = importlib.util.spec_from_file_location("scenes_worlds", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["scenes_worlds"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", autouse=True)
def scalar() -> None:
    """Every test renders with the variant that works everywhere."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from leadline.scenes import render

    render.start("scalar", threads=1)
