"""Weights as safetensors, and nothing else: a pickle can run code when it is opened, so it is not opened."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from leadline.io.atomic import write_bytes
from leadline.io.source import existing_file
from leadline.types import UserError

_PICKLE_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle", ".tar")
_PICKLE_MAGIC = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_NUM_NAMED = 3
"""Keys named per kind of mismatch; a wrong architecture differs in hundreds."""


def fingerprint(state_dict: Mapping[str, Tensor], words: Sequence[str] = ()) -> str:
    """The first 16 digits of a SHA-256 over names and values of weights, and over `words` that say what they are used with."""
    digest = sha256()
    for name, tensor in sorted(state_dict.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    for word in words:
        digest.update(word.encode())
    return digest.hexdigest()[:16]


def save_weights(path: str | Path, state_dict: dict[str, Tensor]) -> None:
    """Write `state_dict` as safetensors. Raises UserError where it cannot be written."""
    seen: set[int] = set()
    tensors: dict[str, Tensor] = {}
    for name, tensor in state_dict.items():
        own = tensor.detach().to("cpu").contiguous()
        # Safetensors refuses tensors that share memory, as tied weights do: each name gets its own copy.
        storage = own.untyped_storage().data_ptr()
        tensors[name] = own.clone() if storage in seen else own
        seen.add(storage)
    # Through memory, because the file that the library writes itself can be read by its owner only.
    write_bytes(path, save(tensors, metadata={"format": "pt"}))


def load_weights(path: str | Path) -> dict[str, Tensor]:
    """The tensors in the safetensors file `path`, on the CPU.

    Raises UserError for a pickle, under whatever name (it is not opened), and for a missing or broken file.
    """
    path = existing_file(path, what="weights file")
    with path.open("rb") as file:
        start = file.read(16)
    if path.suffix.lower() in _PICKLE_SUFFIXES or start.startswith(_PICKLE_MAGIC):
        convert = f"s.save_file(torch.load('{path}', weights_only=True), 'model.safetensors')"
        raise UserError(
            path,
            "is a pickle, which can run code when it is opened, so it was not opened",
            f'convert it where you trust it: python -c "import torch, safetensors.torch as s; {convert}"',
        )
    if start.startswith(b"version https://"):
        raise UserError(path, "is a Git LFS pointer, not the weights", "fetch the file itself with `git lfs pull`")
    try:
        return load_file(path, device="cpu")
    except (SafetensorError, OSError) as error:
        raise UserError(path, f"is not a whole safetensors file ({error})", "copy or download it again") from error


def load_into(module: nn.Module, path: str | Path) -> None:
    """Copy the weights in `path` into `module`, all of them.

    Raises UserError like `load_weights`, and naming the first keys that are missing, unexpected or of another shape.
    """
    load_state(module, load_weights(path), path)


def load_state(module: nn.Module, tensors: dict[str, Tensor], path: str | Path) -> None:
    """Copy `tensors`, which were read from `path`, into `module`, all of them. Raises UserError like `load_into`."""
    expected = module.state_dict()
    reshaped = [
        f"{name} is {tuple(tensors[name].shape)} in the file and {tuple(tensor.shape)} in the model"
        for name, tensor in expected.items()
        if name in tensors and tensors[name].shape != tensor.shape
    ]
    differences = (
        _named("missing", [name for name in expected if name not in tensors]),
        _named("unexpected", [name for name in tensors if name not in expected]),
        _named("of another shape", reshaped),
    )
    if any(differences):
        raise UserError(
            path,
            f"does not fit {type(module).__name__}: {', '.join(filter(None, differences))}",
            "load it into the architecture it was trained with",
        )
    module.load_state_dict(tensors, strict=True)


def _named(what: str, names: list[str]) -> str:
    if not names:
        return ""
    others = f" and {len(names) - _NUM_NAMED} more" if len(names) > _NUM_NAMED else ""
    return f"{what} {', '.join(names[:_NUM_NAMED])}{others}"
