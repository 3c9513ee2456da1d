"""Memory that is freed and asked for again, in a process of its own: what a heap does depends on what was in it before."""

import ctypes
import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library has no mallopt")
PAGES_MOST = 2_000
"""Of the 16,384 of 4 kB that 64 MiB have; fewer where pages are larger."""
SCRIPT = """
import json, resource, torch
from leadline.training.heap import kept_heap
def faults():
    torch.ones(2**24)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
usual = faults()
with kept_heap():
    kept = min(faults() for _ in range(12))  # the heap settles after some rounds
print(json.dumps([usual, kept, faults()]))
"""
"""Pages that the kernel hands out for 64 MiB that were used and freed just before: as it comes, inside, afterwards."""


def test_kept_heap__a_block_is_used_again_inside_and_given_back_after() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    usual, kept, after = json.loads(done.stdout)
    if usual < 2 * PAGES_MOST:
        pytest.skip("pages are large here: blocks cost next to nothing anyway")
    assert kept < PAGES_MOST
    assert after > 2 * PAGES_MOST
