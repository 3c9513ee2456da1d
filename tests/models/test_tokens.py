"""Depth models in two halves say what they say in one piece."""

from pathlib import Path

import pytest
import torch

from leadline.methods.loading import load
from leadline.models.tokens import open_tokens, tapped_version
from leadline.types import UserError
from tests.fixtures.tiny_pairs import save_depth_anything, save_own_depth


def test_depth_anything__halves_are_the_whole(tmp_path: Path) -> None:
    model = load(save_depth_anything(tmp_path / "da"))
    depth = open_tokens(model.network, subject="da")
    image = torch.rand(2, 3, 48, 80)
    with torch.inference_mode():
        whole = model.network(pixel_values=(image - depth.encoder.mean) / depth.encoder.std).predicted_depth
        tokens = depth.encoder(image)
        assert [tuple(one.shape) for one in tokens] == [(2, 15, 16)] * 4
        torch.testing.assert_close(depth.decoder(tokens, rows=3, columns=5), whole)
    assert (depth.count, depth.width, depth.patch) == (4, 16, 16)


def test_own_network__halves_are_the_whole(tmp_path: Path) -> None:
    model = load(save_own_depth(tmp_path / "own"))
    depth = open_tokens(model.network, subject="own")
    image = torch.rand(1, 1, 3, 42, 70)
    with torch.inference_mode():
        whole = model.network(image, torch.eye(3).expand(1, 1, 3, 3))
        tokens = depth.encoder(image[0])
        assert [tuple(one.shape) for one in tokens] == [(1, 15, 64)] * 4
        torch.testing.assert_close(depth.decoder(tokens, rows=3, columns=5), whole[0])


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_version__is_told_by_the_blocks(tmp_path: Path, version: str) -> None:
    folder = save_depth_anything(tmp_path / version, version=version, blocks=12)
    assert tapped_version(open_tokens(load(folder).network, subject="da")) == version


def test_image__thinner_than_a_patch_is_one_line(tmp_path: Path) -> None:
    depth = open_tokens(load(save_depth_anything(tmp_path / "da")).network, subject="da")
    with pytest.raises(UserError, match="image of 64x8 px: does not fit the depth encoder; give sides that are multiples of 16 px"):
        depth.encoder(torch.rand(1, 3, 8, 64))


def test_open_tokens__what_has_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unet: has no plain transformer with a DPT decoder"):
        open_tokens(load(save_own_depth(tmp_path / "unet", encoder="resnet-tiny", decoder="unet")).network, subject="unet")
