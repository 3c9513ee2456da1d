"""Weights: safetensors in and out, pickles left closed, wrong architectures told by their first keys."""

from pathlib import Path

import pytest
import torch
from torch import nn

from leadline.io.weights import load_into, load_weights, save_weights
from leadline.types import UserError
from tests.fixtures import bad_files


def _network(width: int = 4) -> nn.Module:
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Linear(width, 2))


def test_load_into__brings_back_what_was_saved(tmp_path: Path) -> None:
    first, second = _network(), _network()
    save_weights(tmp_path / "new" / "model.safetensors", first.state_dict())
    load_into(second, tmp_path / "new" / "model.safetensors")
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name


def test_save_weights__readable_by_others(tmp_path: Path) -> None:
    save_weights(tmp_path / "model.safetensors", _network().state_dict())
    (tmp_path / "plain").write_bytes(b"x")
    assert (tmp_path / "model.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_save_weights__tied_and_strided(tmp_path: Path) -> None:
    weight = torch.arange(6.0).reshape(2, 3)
    save_weights(tmp_path / "a.safetensors", {"a": weight, "b": weight, "c": weight.T, "d": weight[:, 1]})
    again = load_weights(tmp_path / "a.safetensors")
    assert torch.equal(again["a"], weight)
    assert torch.equal(again["b"], weight)
    assert torch.equal(again["c"], weight.T)
    assert torch.equal(again["d"], weight[:, 1])


@pytest.mark.parametrize("name", ["model.pth", "model.pt", "model.ckpt", "pytorch_model.bin", "model.safetensors"])
def test_load_weights__pickle_is_not_opened(tmp_path: Path, name: str) -> None:
    path, marker = bad_files.pickle_with_code(tmp_path, name=name)
    with pytest.raises(UserError, match="so it was not opened; convert it where you trust it: python -c"):
        load_weights(path)
    assert not marker.exists()


def test_load_weights__torch_archive_under_another_name(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="is a pickle"):
        load_weights(tmp_path / "model.safetensors")


def test_load_weights__broken(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_weights(path, _network().state_dict())
    whole = path.read_bytes()
    for content, sentence in (
        (whole[:-10], "is not a whole safetensors file"),
        (b"hello, this is no network", "is not a whole safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"", "is empty"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=sentence):
            load_weights(path)
    with pytest.raises(UserError, match="does not exist"):
        load_weights(tmp_path / "missing.safetensors")
    with pytest.raises(UserError, match="is a folder"):
        load_weights(tmp_path)


def test_load_into__names_the_first_keys_that_differ(tmp_path: Path) -> None:
    save_weights(tmp_path / "a.safetensors", _network(5).state_dict() | {f"teacher.{i}": torch.ones(1) for i in range(5)})
    network = nn.Sequential(*_network(4), nn.Linear(2, 2))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(UserError) as caught:
        load_into(network, tmp_path / "a.safetensors")
    line = str(caught.value)
    assert "does not fit Sequential: missing 3.weight, 3.bias, unexpected teacher.0, teacher.1, teacher.2 and 2 more" in line
    assert "0.weight is (5, 3) in the file and (4, 3) in the model" in line
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
