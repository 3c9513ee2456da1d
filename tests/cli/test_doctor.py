"""`leadline doctor` as a user types it: what it finds, what it advises, and its exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from leadline.cli import doctor
from leadline.cli.main import main


def _doctor(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "leadline", "doctor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"} | environment)


def test_doctor__prints_what_it_finds_and_writes_the_same(tmp_path: Path) -> None:
    result = _doctor("--json", str(tmp_path / "findings.json"))
    assert result.returncode == 0, result.stdout
    findings = json.loads((tmp_path / "findings.json").read_text())
    assert [finding["subject"] for finding in findings][:3] == ["machine", "torch", "torchvision"]
    for finding in findings:
        assert finding["subject"] in result.stdout and finding["state"] in result.stdout
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}" in result.stdout


def test_doctor__recognises_a_broken_torchvision(tmp_path: Path) -> None:
    """As on a CPU build of torch beside the torchvision of the package index."""
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')\n")
    result = _doctor(PYTHONPATH=str(tmp_path))
    assert result.returncode == 2
    line = next(line for line in result.stdout.splitlines() if "torchvision" in line)
    assert "broken" in line and "nms does not exist" in line and "pip uninstall torchvision" in line


def test_doctor__a_missing_extra_is_no_fault(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(doctor, "EXTRAS", {"scenes": ("no-such-package",)})
    assert main(["doctor"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "extra scenes" in line)
    assert "missing" in line and "no-such-package" in line and "pip install 'leadline[scenes]'" in line
