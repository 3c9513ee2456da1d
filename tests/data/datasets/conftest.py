"""Recordings of rigs for these tests."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


@pytest.fixture(scope="session")
def rigs() -> ModuleType:
    """The module that writes tiny recordings of rigs in the real formats."""
    spec = importlib.util.spec_from_file_location("tiny_rigs", FIXTURES / "tiny_rigs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
