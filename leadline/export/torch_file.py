"""Torch's own files of traced programs (.pt2): they need torch to run, and no code of the model."""

import io
from typing import Any, cast

import torch
from torch.export import ExportedProgram

from leadline.export.quiet import quiet
from leadline.io.exported import EXTRA_FILE, Exported


def torch_bytes(program: ExportedProgram, about: Exported) -> bytes:
    """What is written to disk."""
    buffer = io.BytesIO()
    with quiet():
        torch.export.save(program, cast(Any, buffer), extra_files={EXTRA_FILE: about.as_json()})
    return buffer.getvalue()
