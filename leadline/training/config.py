"""Everything a training run is told, as frozen dataclasses; how a run folder keeps it, and how two of them differ."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from leadline.data.augment import USUAL, Augment
from leadline.data.catalog import spec_of
from leadline.data.footage import FootageOptions
from leadline.data.motion import STILL
from leadline.io.jsonfile import read_json
from leadline.methods.catalog import LearnerConfig, method_name
from leadline.types import UserError

Precision = Literal["auto", "fp32", "bf16", "fp16"]
Schedule = Literal["one-cycle", "cosine", "constant", "step"]
MOVING = FootageOptions(min_motion=STILL)
"""Training leaves out frames that stand still: they teach that everything is infinitely far."""


@dataclass(frozen=True)
class DataConfig:
    """Where samples come from and what is done to them."""

    root: tuple[str, ...] = ()
    """Data sets to train on, each DATASET:ROOT, or a bare folder of the recipe's data set, a video file or a folder of frames."""
    val_root: tuple[str, ...] = ()
    """Data sets to validate on; without any, nothing is validated."""
    dataset: str = "rendered"
    """The data set that bare folders belong to."""
    split: str | None = None
    """Split of `root`, by name or as a file (see `leadline datasets`); None takes everything."""
    val_split: str | None = None
    """Split of `val_root`."""
    depth_source: tuple[Literal["dense", "lidar", "improved"], ...] = ()
    """Which depth supervises, for data sets that offer several, one for all or one for each of `root`: rendered has dense and lidar,
    kitti lidar and improved."""
    depth_share: float = 1.0
    """Share of the sequences whose depth is used, as where few cars carry a LiDAR; the others are there without it."""
    labels: tuple[str, ...] = ()
    """Folders that `leadline label` has written, one for each of `root`: their depth takes the place of the data sets' own."""
    taught: tuple[str, ...] = ()
    """Folders that `leadline label --bins` has written, one for each of `root`: what a teacher said stands in for the teacher itself."""
    features: tuple[str, ...] = ()
    """Folders that `leadline features` has written, one for each of `root`, for methods that read features from files."""
    footage: FootageOptions = MOVING
    """For video files and folders of frames of one's own: their camera, and which frames count."""
    weights: tuple[float, ...] = ()
    """Share of each of `root` in every epoch; without any, they count by their sizes."""
    height: int = 96
    """Height of the training images [px]."""
    width: int = 160
    """Width of the training images [px]."""
    batch_size: int = 12
    """Samples per step and device, before accumulation."""
    workers: int = 1
    """Processes that read samples; 0 reads them in the training process."""
    cache_gb: float = 1.0
    """Decoded files kept in memory, up to this size [GB]."""
    derived: str | None = None
    """Folder in which layers that are made of several frames (masks of intrinsic) are kept for later runs; None makes them anew."""
    on_corrupt: Literal["raise", "skip", "blank"] = "raise"
    """What a broken file does: stop the run; be reported and replaced by the next sample; or, in a rig, cost its own camera only, which
    becomes a grey picture in which nothing is usable. The run counts both."""
    augment: Augment = USUAL

    def specs(self, roots: tuple[str, ...]) -> list[str]:
        """`roots` as DATASET:ROOT."""
        return [spec_of(root, usual=self.dataset) for root in roots]


@dataclass(frozen=True)
class OptimConfig:
    """AdamW with one learning rate for what is new, another for the encoder, and a schedule over all steps; Muon for matrices if asked."""

    lr: float = 3e-4
    """Highest learning rate."""
    encoder_lr_factor: float = 1.0
    """The encoder's learning rate as a share of `lr`; below 1 for pretrained encoders."""
    muon_lr: float = 0.0
    """Highest learning rate of Muon for all weights that are matrices, as those of transformers are; 0 leaves them to AdamW. Transformers
    that start from random weights learn faster with it (docs/LOG.md)."""
    weight_decay: float = 0.01
    """Decoupled weight decay; norms and biases have none."""
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: Schedule = "one-cycle"
    """one-cycle and cosine end at `final_factor`; constant and step stay up after the warm-up."""
    warmup: float = 0.1
    """Share of all steps in which the learning rate rises."""
    final_factor: float = 0.01
    """Learning rate at the end, as a share of `lr`, for one-cycle and cosine."""
    drops: tuple[float, ...] = (0.75,)
    """Shares of all steps after which the schedule "step" multiplies the learning rate by `drop_factor`."""
    drop_factor: float = 0.1


@dataclass(frozen=True)
class LogConfig:
    """What is written down while training."""

    every: int = 10
    """Steps between two rows of losses."""
    tensorboard: bool = True
    """Write logs/tensorboard beside logs/metrics.csv."""
    panels: int = 4
    """Images drawn at once, into panels/ and TensorBoard; 0 draws none."""
    panels_every: int = 500
    """Steps between drawings of the training batch; validation images are drawn at every validation."""


@dataclass(frozen=True)
class TrainConfig:
    """A whole training run. The same config, seed and machine give the same losses, killed and resumed or not."""

    method: LearnerConfig
    """Which method learns, and its settings."""
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()
    log: LogConfig = LogConfig()
    steps: int = 10_000
    """Optimizer steps."""
    coarse_share: float = 0.0
    """Share of the steps, from the first on, taken with smaller images: they cost less, and how a scene is laid out is learnt there."""
    coarse_scale: float = 0.65
    """Sides of those images as a share of the full ones, rounded to what the network takes."""
    accumulate: int = 1
    """Batches whose gradients are averaged into one optimizer step."""
    precision: Precision = "auto"
    """auto is bf16 where the hardware is fast at it and fp32 elsewhere; fp16 needs a GPU."""
    clip_norm: float = 1.0
    """Largest norm of the gradient; 0 clips nothing."""
    ema_decay: float = 0.999
    """Decay of the averaged weights, which are the ones validated and exported; 0 turns averaging off."""
    val_every: int = 1_000
    """Steps between validations; 0 validates at the end only."""
    val_images: int = 64
    """Validation images scored during training, spread evenly; 0 is all of them. The last validation takes all."""
    protocol: str = "rendered"
    """Evaluation protocol of the validation."""
    checkpoint_every: int = 200
    """Steps between two writings of checkpoints/last.ckpt."""
    keep_every: int = 0
    """Steps between checkpoints that are kept beside the last one; 0 keeps none."""
    seed: int = 0
    """Fixes initial weights, order, augmentation and dropout."""
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    devices: int = 1
    """Processes on this machine, one per device; more than one trains with DDP."""

    def __post_init__(self) -> None:
        """Check what no type says. Raises UserError naming the option."""
        counts = {
            "steps": self.steps,
            "accumulate": self.accumulate,
            "devices": self.devices,
            "checkpoint-every": self.checkpoint_every,
            "log.every": self.log.every,
            "data.batch-size": self.data.batch_size,
            "data.height": self.data.height,
            "data.width": self.data.width,
        }
        for option, value in counts.items():
            if value < 1:
                raise UserError(f"--{option}", f"{value} is too small", "give a number of at least 1")
        shares = {"coarse-share": self.coarse_share, "coarse-scale": self.coarse_scale, "data.depth-share": self.data.depth_share}
        for option, share in shares.items():
            if not 0 <= share <= 1:
                raise UserError(f"--{option}", f"{share} is not a share", "give a number from 0 to 1")
        if not 0 <= self.ema_decay < 1:
            raise UserError("--ema-decay", f"{self.ema_decay} is not a decay", "give a number from 0 up to, not including, 1")
        if not self.optim.lr > 0:
            raise UserError("--optim.lr", f"{self.optim.lr} is not a learning rate", "give a positive number")


@dataclass(frozen=True)
class Difference:
    """The first field in which two configs differ."""

    field: str
    old: Any
    new: Any


def config_dict(config: TrainConfig) -> dict[str, Any]:
    """The config as plain values that JSON keeps (tuples become lists, enumerations their values)."""
    return {"method_name": method_name(config.method), **_plain(asdict(config))}


def first_difference(old: dict[str, Any], new: dict[str, Any]) -> Difference | None:
    """The first field, in the order of `new`, whose value is not the same; None when there is none."""
    flat_old, flat_new = dict(_flatten(old)), dict(_flatten(new))
    for name in [*flat_new, *flat_old]:
        if name not in flat_old or name not in flat_new or flat_old[name] != flat_new[name]:
            return Difference(name, flat_old.get(name), flat_new.get(name))
    return None


def check_same_run(run_dir: Path, config: TrainConfig) -> None:
    """Raise UserError when `run_dir` belongs to a run with another config, naming the first field that differs."""
    path = run_dir / "config.json"
    if not path.exists():
        return
    difference = first_difference(read_json(path), config_dict(config))
    if difference is not None:
        raise UserError(
            path,
            f"this run has {difference.field} = {difference.old!r}, now {difference.new!r} is asked for",
            "give the same options to resume it, or another --run for a new one",
        )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(v) for v in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    return str(value)


def _flatten(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _flatten(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner
