"""Memory that is freed and asked for again."""

import ctypes
import resource

import pytest
import torch

from leadline.training.heap import kept_heap

pytestmark = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library has no mallopt")
PAGES_MOST = 2_000
"""Of the 16,384 of 4 kB that 64 MiB have; fewer where pages are larger."""


def _faults() -> int:
    """Pages that the kernel hands out for 64 MiB that were used and freed just before."""
    torch.ones(2**24)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_kept_heap__a_block_is_used_again_inside_and_given_back_after() -> None:
    usual = _faults()
    if usual < 2 * PAGES_MOST:
        pytest.skip("pages are large here: blocks cost next to nothing anyway")
    with kept_heap():
        assert _faults() < PAGES_MOST
    assert _faults() > 2 * PAGES_MOST
