"""What a run leaves behind, and what it says when it cannot be."""

import resource
import signal
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from leadline.io.image import read_image
from leadline.io.jsonfile import read_json
from leadline.io.weights import load_weights
from leadline.methods.loading import load
from leadline.training.callbacks import Ema
from leadline.training.config import DataConfig, LogConfig, TrainConfig
from leadline.training.run import Run, dry_run, train
from leadline.types import DepthKind, UserError


def test_train__leaves_a_run_folder_that_other_verbs_accept(config: TrainConfig, planes: Path, tmp_path: Path) -> None:
    data = replace(config.data, val_root=config.data.root)
    config = replace(config, data=data, steps=6, val_every=3, val_images=2, keep_every=3, log=LogConfig(every=2, panels=2, panels_every=5))
    trained = train(config, tmp_path / "run")
    assert read_json(tmp_path / "run" / "config.json")["method"]["encoder"] == "resnet-tiny"
    (start,) = read_json(tmp_path / "run" / "provenance.json")
    assert start["seed"] == 0 and start["packages"]["torch"] == torch.__version__ and start["command"]
    assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == [
        "last.ckpt",
        "step-000003.ckpt",
        "step-000006.ckpt",
    ]
    assert [row["step"] for row in trained.history] == [1, 2, 3, 4, 6, 6]
    assert trained.history[2]["val/abs_rel"] > 0
    assert sorted(path.name for path in (tmp_path / "run" / "panels").iterdir()) == ["train-000005.png", "val-000003.png", "val-000006.png"]
    for name in ("train-000005.png", "val-000003.png"):
        assert read_image(tmp_path / "run" / "panels" / name).shape == (2 * 64, 3 * 64, 3)
    assert list((tmp_path / "run" / "logs" / "tensorboard").iterdir())
    assert trained.metrics == read_json(tmp_path / "run" / "metrics.json")
    model = load(tmp_path / "run")
    assert model.kind is DepthKind.METRIC
    published = "".join((tmp_path / "run" / "model" / name).read_text() for name in ("README.md", "config.json"))
    assert str(tmp_path) not in published and f":{Path(config.data.root[0]).name}" in published
    prediction = model.predict(planes / "000.png")
    assert np.isfinite(prediction.depth_m()).all()
    assert not list((tmp_path / "run").rglob(".leadline-*")), "temporary files stayed"


def test_train__exports_and_validates_the_averaged_weights(config: TrainConfig, tmp_path: Path) -> None:
    run = Run(replace(config, data=replace(config.data, val_root=config.data.root), ema_decay=0.9), tmp_path)
    run.fit()
    last = {name: value.clone() for name, value in run.method.state_dict().items()}
    run.finish()
    exported = load_weights(tmp_path / "model" / "model.safetensors")
    assert run.ema is not None
    averaged = run.ema.state_dict()
    assert all(torch.equal(exported[name], value) for name, value in averaged.items() if name in exported)
    assert any(not torch.equal(last[name], value) for name, value in averaged.items() if name in last)
    assert all(torch.equal(value, last[name]) for name, value in run.method.state_dict().items()), "the last weights came back"


def test_ema__is_the_mean_written_out(config: TrainConfig, tmp_path: Path) -> None:
    run = Run(replace(config, steps=3, ema_decay=0.3, checkpoint_every=1, keep_every=1), tmp_path)
    name = next(iter(dict(run.method.named_parameters())))
    mean = run.method.get_parameter(name).detach().clone()
    run.fit()
    for step in (1, 2, 3):
        weights = torch.load(tmp_path / "checkpoints" / f"step-{step:06d}.ckpt", weights_only=True)["state_dict"][f"method.{name}"]
        decay = min(0.3, (1 + step) / (10 + step))
        mean = decay * mean + (1 - decay) * weights
    assert run.ema is not None
    torch.testing.assert_close(run.ema.state_dict()[name], mean)


def test_ema__swap_is_undone_when_validation_fails(config: TrainConfig, tmp_path: Path) -> None:
    run = Run(config, tmp_path)
    ema = Ema(run.method, 0.5)
    with torch.no_grad():
        parameter = next(run.method.parameters()).add_(1.0)
    before = parameter.detach().clone()
    with pytest.raises(RuntimeError), ema.swapped_in(run.method):
        assert not torch.equal(parameter, before)
        raise RuntimeError
    assert torch.equal(parameter, before)


def test_train__bf16_learns(config: TrainConfig, tmp_path: Path) -> None:
    history = train(replace(config, precision="bf16", steps=12, ema_decay=0.0), tmp_path).history
    assert history[-1]["loss"] < history[0]["loss"]


def test_train__validation_does_not_change_the_training(config: TrainConfig, tmp_path: Path) -> None:
    watched = replace(config, val_every=2, val_images=2, data=replace(config.data, val_root=config.data.root))
    with_, without = train(watched, tmp_path / "with").history, train(config, tmp_path / "without").history
    assert [row["loss"] for row in with_ if "loss" in row] == [row["loss"] for row in without]


def test_train__workers_change_nothing(config: TrainConfig, tmp_path: Path) -> None:
    two = train(replace(config, steps=4, data=replace(config.data, workers=2)), tmp_path / "two").history
    none = train(replace(config, steps=4), tmp_path / "none").history
    assert [row["loss"] for row in two] == [row["loss"] for row in none]


def test_dry_run__plans_and_writes_nothing(config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = dry_run(replace(config, steps=100_000, data=replace(config.data, val_root=config.data.root)))
    assert "100000 of 2 samples" in plan["steps"]
    assert "12 images" in plan["validation"]
    assert not list(tmp_path.iterdir())


def without_data(config: TrainConfig) -> TrainConfig:
    return replace(config, data=DataConfig())


def wrong_size(config: TrainConfig) -> TrainConfig:
    return replace(config, data=replace(config.data, height=100))


def wrong_protocol(config: TrainConfig) -> TrainConfig:
    return replace(config, protocol="affine-disp-marigol", data=replace(config.data, val_root=config.data.root))


def wrong_kind(config: TrainConfig) -> TrainConfig:
    relative = replace(config.method, kind=DepthKind.AFFINE_INVARIANT_INVERSE)
    return replace(config, method=relative, data=replace(config.data, val_root=config.data.root))


def fp16_without_gpu(config: TrainConfig) -> TrainConfig:
    return replace(config, precision="fp16", accelerator="cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_data, r"--data\.root: no data set to train on; give DATASET:ROOT"),
        (wrong_size, r"--data\.height: 100 px .* multiples of 32; give 96"),
        (wrong_protocol, "did you mean affine-disp-marigold"),
        (wrong_kind, "affine_invariant_inverse predictions cannot be scored under 'raw'"),
        (fp16_without_gpu, "--precision: fp16 needs a GPU"),
    ],
)
def test_train__refuses_before_it_starts(config: TrainConfig, tmp_path: Path, change: object, message: str) -> None:
    assert callable(change)
    with pytest.raises(UserError, match=message):
        train(change(config), tmp_path)


def test_train__names_a_broken_picture_of_a_worker(config: TrainConfig, planes: Path, tmp_path: Path) -> None:
    import shutil

    broken = tmp_path / "planes"
    shutil.copytree(planes, broken)
    (broken / "005.png").write_bytes(b"")
    data = replace(config.data, root=(f"nyu:{broken}",), workers=1)
    with pytest.raises(UserError, match=r"005\.png"):
        train(replace(config, data=data), tmp_path / "run")
    skipping = replace(config, data=replace(data, on_corrupt="skip"), steps=6)
    trained = train(skipping, tmp_path / "skipping")
    assert len(trained.history) == 6 and trained.replaced.num_skipped > 0 == trained.replaced.num_blanked
    (start,) = read_json(tmp_path / "skipping" / "provenance.json")
    assert start["num_skipped"] == trained.replaced.num_skipped == train(skipping, tmp_path / "skipping").replaced.num_skipped
    assert load(tmp_path / "skipping").info.details["broken_files"]["num_skipped"] == trained.replaced.num_skipped


@contextmanager
def largest_file(num_bytes: int):
    """What a full disk looks like to a program: writing more than so much fails."""
    old_limit, old_handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, old_limit[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old_limit)
        signal.signal(signal.SIGXFSZ, old_handler)


def test_train__full_disk_keeps_the_last_checkpoint(config: TrainConfig, tmp_path: Path) -> None:
    train(replace(config, steps=4), tmp_path / "whole")
    size = (tmp_path / "whole" / "checkpoints" / "last.ckpt").stat().st_size
    with largest_file(size // 2), pytest.raises(UserError, match=r"last\.ckpt: cannot be written"):
        train(replace(config, steps=4), tmp_path / "full")
    assert not list((tmp_path / "full" / "checkpoints").iterdir())
