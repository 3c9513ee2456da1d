"""Intel Open Image Denoise on rendered radiance, guided by albedo and normals."""

import sys

import numpy as np

from leadline.types import UserError

# pyoidn imports torch where it finds it, seconds and hundreds of megabytes in every process, and works without.
_hide_torch = "torch" not in sys.modules
if _hide_torch:
    sys.modules["torch"] = None  # type: ignore[assignment]
try:
    import pyoidn
except ImportError as error:
    raise UserError("leadline.scenes", f"pyoidn cannot be imported ({error})", "pip install 'leadline[scenes]'") from error
finally:
    if _hide_torch:
        del sys.modules["torch"]


class Denoiser:
    """A filter for images of one size: the network is compiled once."""

    def __init__(self, height: int, width: int) -> None:
        self._device = pyoidn.Device()
        self._device.set_int("numThreads", 1)  # as many processes as cores render at the same time
        self._device.set_bool("setAffinity", False)
        self._device.commit()
        self._images = {name: np.zeros((height, width, 3), dtype=np.float32) for name in ("color", "albedo", "normal", "output")}
        self._filter = pyoidn.Filter(self._device, pyoidn.OIDN_FILTER_TYPE_RT)
        for name, image in self._images.items():
            self._filter.set_image(name, image, pyoidn.OIDN_FORMAT_FLOAT3)
        self._filter.set_bool("hdr", True)
        self._filter.set_quality(pyoidn.OIDN_QUALITY_FAST)  # equal error at 4 samples, half the time
        self._filter.commit()
        self._check()

    def __call__(self, color: np.ndarray, *, albedo: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Linear radiance without noise, (h, w, 3) float32. The guides are in [0, 1] and [-1, 1]."""
        for name, image in (("color", color), ("albedo", albedo), ("normal", normals)):
            self._images[name][...] = image
        self._filter.execute()
        self._check()
        return self._images["output"].copy()

    def _check(self) -> None:
        message = self._device.get_error()
        if message is not None:
            raise RuntimeError(f"Open Image Denoise: {message}")
