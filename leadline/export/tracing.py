"""What must be otherwise while torch traces a network: parts of torch and transformers that cannot know what is known here."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, cast

import torch


@contextmanager
def tracing(*, is_fixed: bool) -> Iterator[None]:
    """All of it, while it lasts; `is_fixed` says that no size is open."""
    with nullcontext() if is_fixed else _sizes_stay_open(), _no_masks(), _no_autocast(), _modules_left_by_exceptions():
        yield


@contextmanager
def _sizes_stay_open() -> Iterator[None]:
    """While it lasts, networks of `transformers` leave a size open that is open.

    NOTE: the head of Depth Anything says int(rows * patch). Of an open size that is the number in the example, without a word: the file
    would answer every picture at the size of the first one. And DINOv2 takes its position codes as they are where the picture has the
    size of their training, which would be a question to the example; told that it is traced, it always resizes them.
    """
    from transformers.models.depth_anything import modeling_depth_anything as modeling

    module, jit = cast(Any, modeling), cast(Any, torch.jit)
    is_tracing = jit.is_tracing
    module.int, jit.is_tracing = torch.sym_int, lambda: True
    try:
        yield
    finally:
        jit.is_tracing = is_tracing
        del module.int


@contextmanager
def _no_masks() -> Iterator[None]:
    """While it lasts, encoders of `transformers` that mask nothing make no mask.

    In a trace they would make one of ones, since they cannot know, and no runtime fuses attention with a mask. A version that asks in
    another way traces as before: slower files, which a test notices.
    """
    from transformers import masking_utils

    utils, name = cast(Any, masking_utils), "_ignore_bidirectional_mask_sdpa"
    is_needless = getattr(utils, name, None)
    if is_needless is None:
        yield
        return
    setattr(utils, name, _masks_nothing)
    try:
        yield
    finally:
        setattr(utils, name, is_needless)


def _masks_nothing(padding_mask: Any, kv_length: int, local_attention_size: int | None = None) -> bool:
    return padding_mask is None and (local_attention_size is None or kv_length < local_attention_size)


@contextmanager
def _no_autocast() -> Iterator[None]:
    """While it lasts, regions without autocast are no regions: nothing is cast in a trace, and not every exporter knows them."""
    entered, left = torch.autocast.__enter__, torch.autocast.__exit__
    autocast = cast(Any, torch.autocast)
    autocast.__enter__, autocast.__exit__ = lambda self: self, lambda self, *_: None
    try:
        yield
    finally:
        autocast.__enter__, autocast.__exit__ = entered, left


@contextmanager
def _modules_left_by_exceptions() -> Iterator[None]:
    """While it lasts, the tracer knows which module it is in also after one was left by an exception, as frozen trunks are
    (models/features.py)."""
    tracer = cast(Any, torch.fx.Tracer)
    call_module = tracer.call_module

    def called(self: Any, *arguments: Any) -> Any:
        depth = len(self.module_stack)
        try:
            return call_module(self, *arguments)
        finally:
            while len(self.module_stack) > depth:
                self.module_stack.popitem()

    tracer.call_module = called
    try:
        yield
    finally:
        tracer.call_module = call_module
