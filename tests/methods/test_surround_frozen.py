"""Frozen models as trunks: the maps of every family, nothing learnt, nothing kept, and models that have no maps."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from leadline.methods.catalog import build_method
from leadline.methods.loading import load, save_model_folder
from leadline.methods.predictor import ModelInfo
from leadline.methods.surround.frozen import FrozenTrunk, open_trunk
from leadline.types import UserError
from tests.fixtures.tiny_checkpoints import FAMILIES
from tests.fixtures.tiny_teachers import save_plain, save_robust

FUSED = ("depth_anything", "depth_anything_metric", "dpt_midas", "dpt_dinov2", "zoedepth", "zoedepth_two_domains")
IMAGE = torch.rand(2, 3, 3, 45, 75, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("checkpoints")
    for name in (*FUSED, "glpn", "depth_pro"):
        FAMILIES[name][0](root / name)
    return {path.name: path for path in root.iterdir()}


def supervised(folder: Path, **options: Any) -> str:
    method = build_method("supervised", {"encoder": "resnet-tiny", "decoder_width": 0.5} | options).eval()
    save_model_folder(folder, "supervised", method, ModelInfo(name=folder.name, height=32, width=64, licence="Apache-2.0"))
    return str(folder)


def heard(network: Any, image: Tensor) -> tuple[Tensor, list[Tensor]]:
    """What a whole forward pass puts into and takes out of the stage that fuses maps."""
    found: list[Any] = []
    hook = network.neck.fusion_stage.register_forward_hook(lambda _, given, fused: found.extend((given[0][-1], fused)))
    with torch.no_grad():
        network(pixel_values=image)
    hook.remove()
    return found[0], found[1]


@pytest.mark.parametrize("family", FUSED)
def test_open_trunk__fused_maps_fine_to_coarse_and_the_bottleneck(family: str, checkpoints: dict[str, Path]) -> None:
    """45x75 px are 3x5 patches of 14 or 16: a DPT is told that they are no square."""
    trunk = open_trunk(str(checkpoints[family]))
    maps = trunk(IMAGE)
    assert trunk.channels == tuple(one.shape[1] for one in maps) == (8,) * 5
    assert trunk.size_multiple == 1 and all(len(one) == 6 for one in maps)
    heights = [one.shape[-2] for one in maps]
    assert heights == sorted(heights, reverse=True) and tuple(maps[-1].shape[-2:]) == (2, 3)
    assert not torch.equal(maps[0][0], maps[0][1]) and all(torch.isfinite(one).all() for one in maps)


def test_open_trunk__maps_are_those_of_the_whole_network(checkpoints: dict[str, Path]) -> None:
    """On a picture that needs no resizing, normalised by the image processor of the checkpoint."""
    model = load(checkpoints["depth_anything"])
    image = (IMAGE[0, 0, :, :42, :70] * 255).round()
    prepared = model.reader.prepare(image.permute(1, 2, 0).byte().numpy())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model.reader.processor, "do_resize", False)  # pyright: ignore[reportAttributeAccessIssue]
        prepared = model.reader.prepare(image.permute(1, 2, 0).byte().numpy())
    bottleneck, fused = heard(model.network, prepared[None])
    *maps, deepest = open_trunk(str(checkpoints["depth_anything"]))(image[None, None] / 255)
    torch.testing.assert_close(deepest, bottleneck)
    for one, other in zip(maps, reversed(fused), strict=True):
        torch.testing.assert_close(one, other)


def test_open_trunk__values_up_to_255_where_the_processor_leaves_them(checkpoints: dict[str, Path]) -> None:
    """The published DPT on DINOv2 rescales nothing: the mean of its processor is that of bytes."""
    model = load(checkpoints["dpt_dinov2"])
    image = (IMAGE[0, 0, :, :42, :70] * 255).round()
    bottleneck, _ = heard(model.network, model.reader.prepare(image.permute(1, 2, 0).byte().numpy())[None])
    torch.testing.assert_close(open_trunk(str(checkpoints["dpt_dinov2"]))(image[None, None] / 255)[-1], bottleneck)


@pytest.mark.parametrize("save", [supervised, save_plain, save_robust])
def test_open_trunk__decoder_maps_from_stride_4_on_and_the_bottleneck(save: Any, tmp_path: Path) -> None:
    trunk = open_trunk(save(tmp_path / "model"))
    maps = trunk(torch.rand(1, 2, 3, 32, 64))
    assert [tuple(one.shape[-2:]) for one in maps] == [(8, 16), (4, 8), (2, 4), (1, 2)]
    assert trunk.channels == tuple(one.shape[1] for one in maps) and trunk.size_multiple == 32
    assert trunk.who["name"] == "model" and trunk.who["fingerprint"] == load(tmp_path / "model").fingerprint
    assert trunk.who["licence"] == "Apache-2.0"


def test_open_trunk__a_decoder_of_one_map_gives_it(tmp_path: Path) -> None:
    trunk = open_trunk(supervised(tmp_path / "model", decoder="dpt"))
    assert [one.shape[-1] for one in trunk(torch.rand(1, 1, 3, 32, 64))] == [64, 2]


def test_frozen_trunk__learns_nothing_and_belongs_to_nobody(checkpoints: dict[str, Path]) -> None:
    class Holder(nn.Module):
        def __init__(self, trunk: FrozenTrunk) -> None:
            super().__init__()
            self.trunk = trunk
            self.head = nn.Conv2d(8, 1, 1)

    holder = Holder(open_trunk(str(checkpoints["depth_anything"]))).train()
    assert set(holder.state_dict()) == {"head.weight", "head.bias"}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = holder.trunk(IMAGE)
    assert all(one.dtype is torch.float32 and not one.requires_grad for one in maps)
    assert all(torch.equal(one, other) for one, other in zip(maps, holder.trunk(IMAGE), strict=True)), "as in evaluation, without autocast"
    holder.head(maps[0]).mean().backward()


@pytest.mark.parametrize(("family", "kind"), [("glpn", "glpn"), ("depth_pro", "depth_pro")])
def test_open_trunk__models_without_maps_are_refused(family: str, kind: str, checkpoints: dict[str, Path]) -> None:
    with pytest.raises(UserError, match=rf"{family}: is a {kind}, which has no maps for a head to read; give one of depth_anything, dpt"):
        open_trunk(str(checkpoints[family]))


def test_open_trunk__a_place_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: is not a folder, nor a model leadline knows"):
        open_trunk(str(tmp_path / "nowhere"))
