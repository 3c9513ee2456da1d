"""The door: verbs, exit codes, one-line messages, and how fast it opens."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from leadline.cli import main as door
from leadline.types import UserError


def _leadline(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "leadline", *arguments], capture_output=True, text=True, cwd=cwd, check=False)


def test_main__help_lists_every_verb_and_imports_nothing_heavy() -> None:
    heavy = "[m for m in ('torch', 'tyro', 'numpy') if m in sys.modules]"
    code = f"import sys; from leadline.cli.main import main; main(['--help']); print({heavy})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip().endswith("[]")
    assert all(f"  {verb} " in result.stdout for verb in door.VERBS)


@pytest.mark.parametrize("verb", door.VERBS)
def test_verbs__exist(verb: str) -> None:
    assert find_spec(door.VERBS[verb][0]) is not None


@pytest.mark.parametrize("verb", ["predict", "evaluate", "train", "scenes", "demo", "data", "label"])
def test_verbs__explain_themselves(verb: str) -> None:
    result = _leadline(verb, *(["check"] if verb == "data" else []), "--help")
    assert result.returncode == 0
    assert "usage" in result.stdout.lower()


def test_main__an_unknown_verb_gets_a_near_one_and_exit_2() -> None:
    result = _leadline("predcit")
    assert result.returncode == 2
    assert result.stderr.splitlines() == ["leadline: there is no verb 'predcit'; did you mean predict?"]


def test_main__version() -> None:
    from leadline import __version__

    assert _leadline("--version").stdout.strip() == f"leadline {__version__}"


def test_main__a_mistake_of_the_user_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.cli.models.run", _raising(UserError("photo.jpg", "is not an image", "give a photo")))
    assert door.main(["models"]) == 2
    assert capsys.readouterr().err == "leadline models: photo.jpg: is not an image; give a photo\n"


def test_main__an_interrupt_is_130_and_says_that_it_can_go_on(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.cli.models.run", _raising(KeyboardInterrupt()))
    assert door.main(["models"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_main__a_defect_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.cli.models.run", _raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        door.main(["models"])


def _raising(error: BaseException) -> object:
    def run(argv: list[str]) -> int:
        raise error

    return run
