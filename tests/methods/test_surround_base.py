"""A head of bins on a frozen model: what is learnt and saved, and what happens when the model is gone or another one."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from leadline.methods.loading import load
from leadline.types import UserError
from tests.fixtures.tiny_checkpoints import depth_anything
from tests.fixtures.tiny_surround import build, is_finite, rigs, save


@pytest.fixture
def base(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    depth_anything(tmp_path / "base")
    (tmp_path / "base" / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    return tmp_path / "base"


def config_of(folder: str) -> dict[str, Any]:
    return json.loads((Path(folder) / "config.json").read_text())


def test_base__the_head_alone_is_trained_and_saved(base: Path, tmp_path: Path) -> None:
    method = build(base=str(base)).train()
    assert all(name.startswith("network.head.") for name, _ in method.named_parameters())
    sample = rigs(batch=1, views=3)
    loss = method.loss(sample)
    loss.total.backward()
    assert is_finite(loss.total) and any(p.grad is not None and p.grad.abs().max() > 0 for p in method.parameters())
    folder = save(tmp_path / "teacher", base=str(base))
    assert set(load(folder).network.state_dict()) == set(method.state_dict())
    with torch.no_grad():
        image, K = sample.image[:, 0], sample.K[:, 0]
        assert torch.equal(load(folder).network(image, K), build(base=str(base)).eval()(image, K))


def test_base__is_named_with_its_weights_and_licence(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place is kept as an absolute one: a folder is found from everywhere."""
    monkeypatch.chdir(tmp_path)
    folder = save(Path("teacher"), base="base")
    config = config_of(folder)
    assert config["config"]["base"] == str(base)
    assert config["details"]["frozen"]["base"] == {"name": "base", "fingerprint": load(base).fingerprint, "licence": config["licence"]}
    assert config["licence"].lower() == "cc-by-nc-4.0"
    assert f"| needs beside it | base `base` {load(base).fingerprint}" in (tmp_path / "teacher" / "README.md").read_text()
    monkeypatch.chdir("/")
    load(tmp_path / "teacher")


def test_base__that_is_gone_is_one_line_about_the_folder_that_needs_it(base: Path, tmp_path: Path) -> None:
    folder = save(tmp_path / "teacher", base=str(base))
    shutil.move(base, tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"teacher: reads the features of another model, which cannot be opened \(.*base: is not a folder"):
        load(folder)
    config = config_of(folder)
    config["config"]["base"] = str(tmp_path / "elsewhere")
    (tmp_path / "teacher" / "config.json").write_text(json.dumps(config))
    load(folder)


def test_base__with_other_weights_is_refused(base: Path, tmp_path: Path) -> None:
    folder = save(tmp_path / "teacher", base=str(base))
    before = load(base).fingerprint
    torch.manual_seed(1)
    depth_anything(base)
    with pytest.raises(UserError, match=f"teacher: was trained on the features of .*base when its weights were {before}, and now they are"):
        load(folder)


def test_base__without_maps_is_refused_when_it_is_asked_for(tmp_path: Path) -> None:
    from tests.fixtures.tiny_checkpoints import glpn

    glpn(tmp_path / "glpn")
    with pytest.raises(UserError, match="glpn: is a glpn, which has no maps for a head to read"):
        build(base=str(tmp_path / "glpn"))
