"""Configs survive JSON, know their first difference, and refuse what no type refuses."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from leadline.io.jsonfile import read_json, write_json
from leadline.methods.catalog import default_config
from leadline.recipes import recipe, recipe_names
from leadline.training.config import DataConfig, OptimConfig, TrainConfig, check_same_run, config_dict, first_difference
from leadline.types import DepthKind, UserError


@pytest.mark.parametrize("name", recipe_names())
def test_config_dict__survives_json(name: str, tmp_path: Path) -> None:
    config = config_dict(recipe(name))
    write_json(tmp_path / "config.json", config)
    assert first_difference(read_json(tmp_path / "config.json"), config) is None
    assert json.loads(json.dumps(config)) == config


def test_first_difference__names_nested_fields() -> None:
    old = TrainConfig(method=default_config("supervised"))
    new = replace(old, method=replace(old.method, kind=DepthKind.SCALE_INVARIANT))
    difference = first_difference(config_dict(old), config_dict(new))
    assert difference is not None
    assert (difference.field, difference.old, difference.new) == ("method.kind", "metric", "scale_invariant")


def test_first_difference__fields_of_another_version_count() -> None:
    config = config_dict(recipe("supervised-rooms"))
    older = {key: value for key, value in config.items() if key != "accumulate"}
    assert getattr(first_difference(older, config), "field", None) == "accumulate"
    assert getattr(first_difference(config, older), "field", None) == "accumulate"


def test_check_same_run__says_what_to_do(tmp_path: Path) -> None:
    config = recipe("supervised-rooms")
    check_same_run(tmp_path, config)
    write_json(tmp_path / "config.json", config_dict(config))
    check_same_run(tmp_path, config)
    with pytest.raises(UserError, match=r"optim\.lr = .*, now 0\.5 is asked for; give the same options"):
        check_same_run(tmp_path, replace(config, optim=replace(config.optim, lr=0.5)))


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"steps": 0}, "--steps"),
        ({"accumulate": 0}, "--accumulate"),
        ({"ema_decay": 1.0}, "--ema-decay"),
        ({"optim": OptimConfig(lr=-1.0)}, "--optim.lr"),
        ({"data": DataConfig(batch_size=0)}, "--data.batch-size"),
    ],
)
def test_config__refuses_impossible_numbers(changes: dict[str, object], option: str) -> None:
    with pytest.raises(UserError, match=option):
        replace(recipe("supervised-rooms"), **changes)  # pyright: ignore[reportArgumentType]


def test_specs__bare_folders_get_the_data_set_of_the_recipe() -> None:
    data = DataConfig(dataset="kitti")
    assert data.specs(("/data/kitti", "nyu:/data/nyu", "C:/kitti")) == ["kitti:/data/kitti", "nyu:/data/nyu", "kitti:C:/kitti"]


def test_recipe__suggests_near_names() -> None:
    with pytest.raises(UserError, match="supervised-rooms"):
        recipe("supervized-room")
