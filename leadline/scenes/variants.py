"""Which build of Mitsuba to render with: `scalar` works everywhere, `llvm` is faster but aborts the process with an old LLVM.

The LLVM build is therefore tried in a process of its own before it is used.
"""

import os
import re
import subprocess
import sys
from functools import cache
from glob import glob

from leadline.types import UserError

VARIANTS = ("scalar", "llvm", "auto")
LLVM_PAYS_FROM = 384 * 640
"""Pixels of a picture from which LLVM was measured to be faster in spite of compiling for every scene (docs/LOG.md, 2026-11-24)."""
_OLDEST_LLVM = 17
_ENVIRONMENT = "DRJIT_LIBLLVM_PATH"
_PROBE = """
import mitsuba
mitsuba.set_variant("llvm_ad_rgb")
scene = mitsuba.load_dict({"type": "scene", "integrator": {"type": "path"}, "light": {"type": "constant"}, "thing": {"type": "sphere"},
    "sensor": {"type": "perspective", "film": {"type": "hdrfilm", "width": 8, "height": 8}}})
import numpy
assert numpy.isfinite(numpy.array(mitsuba.render(scene, spp=1))).all()
"""


def choose_variant(asked: str, *, pixels: int = LLVM_PAYS_FROM) -> str:
    """ "scalar" or "llvm" for `asked`, which may be "auto": LLVM where it is safe and pictures of `pixels` are large enough for it.

    Raises UserError for "llvm" where it is not safe.
    """
    if asked not in VARIANTS:
        raise UserError("--variant", f"there is no variant '{asked}'", f"choose from {', '.join(VARIANTS)}")
    if asked == "scalar" or (asked == "auto" and pixels < LLVM_PAYS_FROM):
        return "scalar"
    trouble = _llvm_trouble()
    if asked == "llvm" and trouble is not None:
        raise UserError(
            "--variant llvm",
            trouble,
            f"install LLVM {_OLDEST_LLVM} or newer and set {_ENVIRONMENT} to its libLLVM, or use --variant scalar",
        )
    return "scalar" if trouble is not None else "llvm"


@cache
def _llvm_trouble() -> str | None:
    """Why LLVM cannot be used here, None where it can. Sets the environment variable that Mitsuba reads."""
    library = os.environ.get(_ENVIRONMENT) or _find_library()
    if library is None:
        return f"no libLLVM of version {_OLDEST_LLVM} or newer was found"
    environment = os.environ | {_ENVIRONMENT: library}
    try:
        probe = subprocess.run([sys.executable, "-c", _PROBE], env=environment, capture_output=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return f"{library} did not answer within two minutes"
    if probe.returncode != 0:
        return f"{library} failed a test render (exit code {probe.returncode})"
    os.environ[_ENVIRONMENT] = library
    return None


def _find_library() -> str | None:
    found = []
    for path in glob("/usr/lib/*/libLLVM*.so*") + glob("/usr/lib/llvm-*/lib/libLLVM*.so*"):
        version = re.search(r"libLLVM(?:-|\.so\.)(\d+)", path)
        if version and int(version.group(1)) >= _OLDEST_LLVM:
            found.append((int(version.group(1)), path))
    return max(found)[1] if found else None
