"""Transformers from scratch begin with attention to what is near and alike; weights of others stay theirs."""

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch.nn import functional

from leadline.models.encoders import build_encoder
from leadline.models.mimetic import TAKEN_OFF, sine_positions

WIDTH = 64


def tiny() -> Any:
    torch.manual_seed(0)
    return cast(Any, build_encoder("dinov2-tiny").backbone)


def test_sine_positions__the_nearer_the_more_alike() -> None:
    places = functional.normalize(sine_positions(9, 9, WIDTH), dim=1)
    alike = (places @ places[4 * 9 + 4]).view(9, 9)
    assert alike[4, 4] == pytest.approx(1.0)
    assert (alike[4, 4] > alike[4, 5]) and (alike[4, 5] > alike[4, 6]) and (alike[5, 4] > alike[6, 4])
    assert alike[4, 5] == pytest.approx(float(alike[5, 4]), abs=1e-5)


def test_begin_mimetic__a_flat_picture_is_attended_to_nearby() -> None:
    backbone = tiny()
    layer = backbone.encoder.layer[0]
    with torch.no_grad():
        tokens = layer.norm1(backbone.embeddings(torch.zeros(1, 3, 126, 210)))[0, 1:]
        queries, keys = (linear(tokens).unflatten(1, (4, -1)) for linear in (layer.attention.q_proj, layer.attention.k_proj))
        seen = torch.softmax(torch.einsum("nhd,mhd->hnm", queries, keys) / 4, dim=2).mean(0)
    middle = seen[4 * 15 + 7].view(9, 15)
    assert middle.argmax() == 4 * 15 + 7
    assert middle[3:6, 6:9].sum() > 2 * 9 / (9 * 15), "twice what nine of 135 tokens would have by chance"


def test_begin_mimetic__what_is_found_is_taken_off() -> None:
    attention = tiny().encoder.layer[1].attention
    whole = attention.o_proj.weight @ attention.v_proj.weight
    torch.testing.assert_close(whole, -TAKEN_OFF * torch.eye(WIDTH), atol=1e-5, rtol=0)
    assert torch.equal(attention.q_proj.weight, attention.k_proj.weight)


def test_build_encoder__weights_of_a_folder_are_left_alone(tmp_path: Path) -> None:
    made = tiny()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.fill_(0.25)
    made.save_pretrained(tmp_path)
    loaded = build_encoder("dinov2-tiny", str(tmp_path)).backbone
    assert all(bool((parameter == 0.25).all()) for parameter in loaded.parameters())
