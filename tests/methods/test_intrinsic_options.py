"""What `intrinsic` refuses, and half precision."""

from dataclasses import replace

import pytest
import torch

from leadline.methods.catalog import build_method
from leadline.types import UserError
from tests.methods.test_intrinsic import TINY, fresh, loss_of, scene


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"closing_weight": 1.0}, "use --method.closing-weight 0"),
        ({"closing_weight": 1.0, "mask": "stereo", "poses": "learned"}, "closing_weight with learned poses"),
        ({"intrinsic_encoder": "separate", "intrinsic_trains_encoder": False}, "a separate encoder that nothing trains"),
        ({"log_floor": 0.0}, "log_floor 0.0"),
        ({"decompose": False}, "leave decompose on"),
        ({"decompose": False, "mask": "trimmed", "trimmed_like": "literal"}, "leave decompose on"),
        ({"mask": "mahalanobis"}, "choose from literal"),
        ({"max_depth_m": 0.05}, "depth range"),
    ],
)
def test_build_method__options_that_cannot_be_met(options: dict[str, object], line: str) -> None:
    with pytest.raises(UserError, match=line):
        build_method("intrinsic", {"encoder": "resnet-tiny", "decoder_width": 0.25} | options)


def test_loss__is_finite_in_bfloat16_and_its_masks_are_exact() -> None:
    method = fresh(replace(TINY, mask="stereo"))
    with torch.autocast("cpu", torch.bfloat16):
        loss = loss_of(method, scene())
    assert loss.total.dtype is torch.float32 and torch.isfinite(loss.total)
    loss.total.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in method.parameters())
