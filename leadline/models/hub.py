"""Weights from the model hub or a local folder, with the failures of `transformers` turned into one clear sentence."""

import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

from huggingface_hub import constants, hf_hub_download

from leadline.types import UserError

T = TypeVar("T")
Place = TypeVar("Place", str, Path)

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")

HOW_TO_CONVERT = (
    "convert it once, where you trust it: load it with `use_safetensors=False` in transformers, "
    "`save_pretrained(FOLDER)` writes safetensors, and give FOLDER"
)


def from_hub(source: str, read: Callable[[bool], T], *, remedy: str = "") -> T:
    """The result of `read(local_only)`, which fetches from `source`, a hub id or a folder.

    `local_only` is true when the hub cannot be reached, so that nothing waits for it in vain. Raises UserError when the
    name does not exist, access is not granted, the network is missing, the folder is incomplete or holds only a pickle;
    `remedy` is said in place of the usual advice about a name that does not exist.
    """
    folder = Path(source)
    if folder.is_dir():
        refuse_pickle(folder)
    elif looks_like_path(source):
        raise UserError(source, "no such folder", "give a folder with config.json and model.safetensors, or a hub id such as owner/name")
    local_only = not folder.is_dir() and not hub_is_reachable()
    try:
        return read(local_only)
    except (OSError, ValueError) as error:
        raise UserError(source, *_explain(folder, str(error), local_only=local_only, remedy=remedy)) from error


def model_of_run(place: Place) -> Place:
    """The model folder inside a run folder; any other folder, and a hub id, as it is."""
    inside = Path(place, "model")
    return type(place)(inside) if (inside / "config.json").is_file() else place


@contextmanager
def no_progress_bar() -> Iterator[None]:
    """Keeps `transformers` from drawing a bar for weights that are read in an instant. Downloads keep theirs."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.enable_progress_bar()


def looks_like_path(source: str) -> bool:
    """Whether `source` can only be a path: a hub id has at most one slash and no leading dot, tilde or slash."""
    return source.startswith((".", "/", "~")) or source.count("/") > 1 or (os.sep != "/" and os.sep in source)


@lru_cache(maxsize=1)
def hub_is_reachable() -> bool:
    """Whether the hub, or the proxy in front of it, answers within 3 s. Its own client would retry for a minute."""
    if constants.is_offline_mode():
        return False
    address = urlsplit(getproxies().get("https") or constants.ENDPOINT)
    try:
        socket.create_connection((address.hostname or "", address.port or 443), timeout=3.0).close()
    except OSError:
        return False
    return True


def download(hub_id: str, name: str, *, remedy: str = "") -> Path:
    """Local path of the file `name` of the hub repository `hub_id`, fetched when it is not in the cache.

    Raises UserError like `from_hub`.
    """
    return Path(from_hub(hub_id, lambda local_only: hf_hub_download(hub_id, name, local_files_only=local_only), remedy=remedy))


def stated_licence(source: str) -> str:
    """The licence in the card (README.md) of the hub repository or folder `source`, "unknown" when none says it or there is no card."""
    if Path(source).is_dir():
        return licence_of_card(Path(source) / "README.md")
    try:
        return licence_of_card(download(source, "README.md"))
    except UserError:
        return "unknown"


def licence_of_card(path: Path) -> str:
    """The licence that the metadata block of a card states, "unknown" without one."""
    if not path.is_file():
        return "unknown"
    text = path.read_text(encoding="utf-8", errors="replace")
    block = re.match(r"---\n(.*?)\n---", text, flags=re.DOTALL)
    stated = dict(re.findall(r"^(license(?:_name)?):[ \t]*(\S.*)$", block.group(1), flags=re.MULTILINE)) if block else {}
    # "license: other" has its name beside it
    return (stated.get("license_name") or stated.get("license") or "unknown").strip().strip("'\"")


def refuse_pickle(folder: Path) -> None:
    """Raise UserError when `folder` has weights as a pickle and no others: opening one could run code."""
    pickles = sorted(path for path in folder.iterdir() if path.suffix in PICKLES)
    if pickles and not any(folder.glob("*.safetensors")):
        raise UserError(pickles[0], "is a pickle, which can run code when it is opened, and was not opened", HOW_TO_CONVERT)


def _explain(folder: Path, message: str, *, local_only: bool, remedy: str) -> tuple[str, str]:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    first = lines[0] if lines else "no reason given"
    if folder.is_dir():
        return f"cannot be loaded ({first})", "give a folder with a complete config.json and model.safetensors"
    if local_only:
        tail = f"; or {remedy}" if remedy else ""
        return (
            "is not on this machine, and the model hub cannot be reached",
            f"check the network, or give the path of a downloaded folder{tail}",
        )
    if "safetensors" in message and "does not appear to have" in message:
        return "has no safetensors weights on the hub", HOW_TO_CONVERT
    if any(sign in message for sign in ("gated", "401", "404", "not a valid model identifier", "not a local folder")):
        return "is not on the model hub, or its access is not granted to you", remedy or "check the name, or log in with `hf auth login`"
    return f"cannot be fetched from the model hub ({first})", "check the network, or give the path of a downloaded folder"
