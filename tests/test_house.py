"""The house keeps its own rules: short files, names that say what is inside, a first line, no forbidden imports."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE_FILES = sorted((REPOSITORY / "leadline").rglob("*.py"))
ALL_FILES = PACKAGE_FILES + sorted((REPOSITORY / "tests").rglob("*.py")) + sorted((REPOSITORY / "benchmarks").rglob("*.py"))
DRAWERS = re.compile(r"(^|_)(utils?|misc|common|tools?|old|legacy|new|v2|help\w*)($|_)")


def _id(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@pytest.mark.parametrize("path", ALL_FILES, ids=_id)
def test_file__is_short_and_named_for_what_is_inside(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
    for part in path.relative_to(REPOSITORY).with_suffix("").parts:
        assert not DRAWERS.search(part), f"{part} does not say what is inside"


@pytest.mark.parametrize("path", [p for p in ALL_FILES if p.read_text().strip()], ids=_id)
def test_file__opens_with_what_lives_here(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "the first line says what lives in the file"


@pytest.mark.parametrize("path", PACKAGE_FILES, ids=_id)
def test_file__imports_nothing_forbidden(path: Path) -> None:
    tree = ast.parse(path.read_text())
    names = {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not names & {"torchvision", "timm", "__future__"}
    assert not re.search(r"pickle\.loads?\(|allow_pickle=True|torch\.load\([^)]*weights_only=False", path.read_text()), "pickles run code"


def test_import__drags_in_nothing_heavy() -> None:
    code = "import sys, leadline; print([m for m in ('torch', 'transformers', 'numpy', 'lightning') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["leadline.prediction", "leadline.io.depth", "leadline.io.image", "leadline.geometry.rig"])
def test_import__runtime_rooms_need_no_torch(module: str) -> None:
    code = f"import sys, {module}; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
