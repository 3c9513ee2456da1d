"""`leadline doctor`: what this installation, or with DATA some footage, can and cannot do, and what to change."""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import tyro

from leadline.data.footage import AS_IT_IS, FootageOptions
from leadline.io.jsonfile import write_json

EXTRAS = {
    "train": ("lightning", "tensorboard"),
    "scenes": ("mitsuba", "pyoidn"),
    "video": ("av",),
    "data": ("h5py",),
    "export": ("onnx", "onnxscript", "onnxruntime", "openvino", "nncf"),
}


@dataclass(frozen=True)
class DoctorOptions:
    """Say what this installation can and cannot do; with DATA, whether self-supervised training can work with it."""

    data: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[DATA]")] = None
    """A video, a folder of frames, or DATASET:ROOT. Exit code 2 when it cannot work."""
    split: str | None = None
    """Split of DATA; everything without it."""
    footage: FootageOptions = AS_IT_IS
    """For a video or folder of frames: its camera, and which frames count."""
    json: Path | None = None
    """Also write the findings to this file."""


@dataclass(frozen=True)
class Finding:
    """One line of the examination. `state` is ok, missing or broken; `remedy` is what to type."""

    subject: str
    state: str
    detail: str
    remedy: str = ""


def run(argv: list[str]) -> int:
    """Entry of the verb. Returns 0 unless something is broken (2); missing extras are no fault."""
    options = tyro.cli(DoctorOptions, args=argv, prog="leadline doctor")
    if options.data is not None:
        from leadline.cli.doctor_data import examine_data

        return examine_data(options.data, split=options.split, footage=options.footage, json=options.json)
    findings = [_machine(), _torch(), _torchvision(), *(_extra(name) for name in EXTRAS), _renderer_variants()]
    _print(findings)
    if options.json is not None:
        write_json(options.json, [vars(finding) for finding in findings])
    return 2 if any(finding.state == "broken" for finding in findings) else 0


def _machine() -> Finding:
    free_gb = shutil.disk_usage(".").free / 1e9
    detail = f"Python {platform.python_version()}, {os.cpu_count()} cores, {free_gb:.0f} GB free here"
    return Finding("machine", "ok", detail)


def _torch() -> Finding:
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU only"
    return Finding("torch", "ok", f"{torch.__version__}, {device}, {torch.get_num_threads()} threads")


def _torchvision() -> Finding:
    """leadline needs no torchvision, but a broken one takes transformers and Lightning down with it."""
    if find_spec("torchvision") is None:
        return Finding("torchvision", "ok", "absent, and not needed")
    tried = subprocess.run([sys.executable, "-c", "import torchvision"], capture_output=True, text=True, check=False)
    if tried.returncode == 0:
        return Finding("torchvision", "ok", "present and healthy; leadline does not use it")
    last = tried.stderr.strip().splitlines()[-1] if tried.stderr.strip() else "it does not import"
    return Finding("torchvision", "broken", last, "pip uninstall torchvision")


def _extra(name: str) -> Finding:
    versions, missing = [], []
    for package in EXTRAS[name]:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        return Finding(f"extra {name}", "missing", ", ".join(missing), f"pip install 'leadline[{name}]'")
    return Finding(f"extra {name}", "ok", ", ".join(versions))


def _renderer_variants() -> Finding:
    if find_spec("mitsuba") is None:
        return Finding("renderer", "missing", "no mitsuba", "pip install 'leadline[scenes]'")
    from leadline.scenes.variants import choose_variant

    if choose_variant("auto") == "llvm":
        return Finding("renderer", "ok", "scalar and llvm variants")
    return Finding("renderer", "ok", "scalar variant; llvm (about twice as fast) needs LLVM 17 or newer in DRJIT_LIBLLVM_PATH")


def _print(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("what", "state", "detail", "remedy")
    colors = {"ok": "green", "missing": "yellow", "broken": "red"}
    for finding in findings:
        table.add_row(finding.subject, Text(finding.state, style=colors[finding.state]), finding.detail, finding.remedy)
    Console(markup=False).print(table)  # else [scenes] in a remedy would be read as a style
