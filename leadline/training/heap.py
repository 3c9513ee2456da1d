"""Memory that a step has freed stays with the process for the next one.

glibc gives every large block back to the kernel, which hands it out again page by page and zeroed: on a processor that can be a third of
the time of a step (docs/LOG.md). Elsewhere, and in other C libraries, nothing is changed.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
"""Parameters of mallopt, as malloc.h numbers them."""
USUAL = {TRIM_THRESHOLD: 128 * 2**10, TOP_PAD: 128 * 2**10, MMAP_MAX: 65_536}
KEEPING = {TRIM_THRESHOLD: 2**31 - 1, TOP_PAD: 64 * 2**20, MMAP_MAX: 0}
"""No block of its own for anything, and nothing given back below 2 GiB at the end of the heap."""


@contextmanager
def kept_heap() -> Iterator[None]:
    """Inside, freed memory stays; afterwards what is free goes back."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        yield
        return
    _set(library, KEEPING)
    try:
        yield
    finally:
        _set(library, USUAL)
        library.malloc_trim(0)


def _set(library: ctypes.CDLL, options: dict[int, int]) -> None:
    for parameter, value in options.items():
        library.mallopt(parameter, value)
