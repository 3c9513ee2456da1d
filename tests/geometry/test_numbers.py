"""Whole numbers where a length, a ratio or an angle is due, with types and shapes checked at run time."""

import subprocess
import sys

CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
"""As `make check-all` runs the tests of geometry and losses: an int is a float, as the language has it."""

CALLS = f"""
from jaxtyping import install_import_hook
install_import_hook(["leadline.geometry", "leadline.losses"], {CHECKER!r})
import numpy as np, torch
from leadline.geometry.align import Alignment
from leadline.geometry.camera import Camera, crop_K, flip_K, scale_K
from leadline.geometry.depth import disparity_to_depth
from leadline.geometry.rig import Lidar
from leadline.losses.silog import silog_loss

camera = Camera.from_fov(90, width=100, height=60)
assert np.isclose(camera.K[0, 0], 50)
assert crop_K(camera.K, top=4, left=10)[0, 2] == 40
assert scale_K(camera.K, sx=2, sy=2)[0, 2] == 100
assert flip_K(camera.K, width=100)[0, 2] == 50
assert camera.cropped(top=4, left=10, height=20, width=30).K[1, 2] == 26
assert Alignment(2, 1).scale == 2
assert Lidar(np.eye(4), (0, 1), 360, max_range_m=100, dropout=0, turn_s=0).max_range_m == 100
disparity = torch.full((1, 2, 3), 10.0)
assert torch.allclose(disparity_to_depth(disparity, fx=700, baseline=1, offset_px=4), torch.tensor(50.0))
assert silog_loss(pred=disparity, target=disparity, valid=disparity > 0, variance_focus=1) < 1e-3
try:
    crop_K(camera.K, top="4", left=10)
except Exception as error:
    print(type(error).__name__)
"""


def test_public_functions__take_whole_numbers_under_the_checks() -> None:
    result = subprocess.run([sys.executable, "-c", CALLS], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "TypeCheckError", "the hook was at work"
