"""The units of `leadline reproduce`: one variant and seed trained, scored and written at a time; what is there is not made again."""

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import torch

from leadline.cli.features import FeatureOptions, write_all
from leadline.cli.label import LabelOptions, write_labels
from leadline.cli.reproduce_pictures import reflection_pictures
from leadline.cli.reproduce_ring import ring_pictures
from leadline.cli.reproduce_table import DISAGREEMENT
from leadline.cli.reproduce_thin import thin_pictures
from leadline.cli.temperature import VALUES, scores_by_temperature, set_temperature
from leadline.cli.worlds import row_median, scored, trained_on, training_sets
from leadline.data.cache import ViewCache
from leadline.data.catalog import open_dataset
from leadline.data.dataset import Dataset
from leadline.data.features import KEPT
from leadline.data.misleading import MISLEADING
from leadline.evaluation.reflections import WithReflections
from leadline.evaluation.regions import REFLECTIONS
from leadline.evaluation.result import Evaluation
from leadline.io.jsonfile import read_json, write_json
from leadline.io.weights import fingerprint
from leadline.methods.base import Method
from leadline.methods.catalog import BrigesConfig, LearnerConfig, SegmentsConfig, method_name
from leadline.methods.loading import load
from leadline.methods.predictor import DepthModel
from leadline.models.semantic import load_semantic
from leadline.recipes.claims import Claim, Variant
from leadline.training.config import TrainConfig
from leadline.training.measure import mean_logs
from leadline.training.run import train
from leadline.types import UserError
from leadline.viewer.report import Pictures

TEST_CACHE_BYTES = 2 * 10**9
"""For test views with their regions, which take longer to find than to score."""

STARTS_FROM = "pretrained"
"""The option that names an encoder, which gives no depth."""
SECONDS = "seconds.json"
"""In the folder of a run: how long it has been trained."""
Row = dict[str, Any]


class Units:
    """The units of one claim, in `folder`. `scores` says which sets are scored; `samples` holds real recordings to show."""

    def __init__(
        self,
        chosen: Claim,
        roots: Mapping[str, Path],
        out: Path,
        *,
        scores: Literal["test", "val"] = "test",
        samples: Path | None = None,
    ) -> None:
        self._chosen, self._roots, self._out = chosen, roots, out
        self.folder = out / ("units" if scores == "test" else "search")
        self._data_sha = {name: _sha_of(root) for name, root in roots.items()}
        self._tests = {name: self._opened(root) for name, root in roots.items() if name.endswith(f"-{scores}")}
        self._samples = {} if samples is None else {name: samples / name for name in chosen.samples if (samples / name).is_dir()}
        self._device = "cuda" if torch.cuda.is_available() else "cpu"

    def do(self, variant: str, seed: int) -> None:
        """One unit, unless it is done."""
        unit = self.folder / f"{variant}-s{seed}.json"
        if unit.exists():
            return
        print(f"{variant}, seed {seed}", file=sys.stderr, flush=True)
        write_json(unit, self._rows(variant, seed))

    def pictures(self) -> dict[str, list[Pictures]]:
        """Of the first seed, by heading: what the variants of `pictured` make of some test views."""
        seed, tests = self._chosen.seeds[0], list(self._tests.items())
        models = {name: self._model_of(name, seed) for name in self._chosen.pictured}
        there = {name: load(model, device=self._device) for name, model in models.items() if self._is_made(name, seed)}
        if not there:
            return {}
        if REFLECTIONS in self._chosen.regions:
            return {"Where pictures mislead, unseen scenes": reflection_pictures(tests[0][1], there)}
        if self._chosen.rigs:
            return {"All around, unseen scenes": ring_pictures(tests[0][1], there)}
        return {f"Thin structures, {name}": thin_pictures(test, there) for name, test in tests}

    def _opened(self, root: Path) -> Dataset:
        dataset = open_dataset(f"rendered:{root}")
        return ViewCache(WithReflections(dataset) if REFLECTIONS in self._chosen.regions else dataset, TEST_CACHE_BYTES)

    def _rows(self, variant: str, seed: int) -> list[Row]:
        """Train and score one variant and seed: one row per test set and region."""
        about, config = self._chosen.variants[variant], self._config(variant, seed)
        seconds = 0.0 if config is None else timed_training(config, self._run(variant, seed))
        if not about.scored:
            return []
        model = self._load(variant, seed)
        shared = {
            "variant": variant,
            "network": "none" if model is None else _network_of(model),
            "seed": seed,
            "steps": 0 if config is None else config.steps,
            "teacher_sha": self._teachers_of(variant, seed, model),
            "data_sha": [self._data_sha[world] for world in sorted(training_sets(self._roots, about.worlds))],
            "train_seconds": seconds,
            "device": torch.cuda.get_device_name() if self._device == "cuda" else "cpu",
        }
        temperatures = self._tempered(model) if model is not None and about.tempered is not None else {}
        rows = [row for name in self._tests for row in self._scored(model, name, shared, temperatures.get(name, {}))]
        return rows + [row for name in self._samples if model is not None for row in self._shown(model, name, shared)]

    def _scored(self, model: DepthModel | None, name: str, shared: Row, temperatures: Row) -> Iterator[Row]:
        """The rows of one test set."""
        chosen, test = self._chosen, self._tests[name]
        predictor = model or row_median(self._roots[f"{name.rsplit('-', 1)[0]}-train"])
        evaluation = scored(predictor, test, protocol=chosen.protocol, regions=chosen.regions, surround=chosen.rigs)
        of_mask = {} if model is None else self._mask(model, name)
        rig = next(world.rig for world in chosen.worlds if world.name == name)
        for region in _regions(evaluation):
            yield shared | {"split": name, "rig": rig} | temperatures | region | (of_mask if region["region"] == "misleading" else {})

    def _shown(self, model: DepthModel, name: str, shared: Row) -> Iterator[Row]:
        """The rows of real recordings, too few to be counted."""
        evaluation = scored(model, open_dataset(f"{name}:{self._samples[name]}"), protocol=self._chosen.samples[name], regions=())
        split = f"{name} ({evaluation.num_images} photos, not counted)"
        for region in _regions(evaluation):
            yield shared | {"split": split, "rig": None, "counted": False} | region

    def _tempered(self, model: DepthModel) -> dict[str, Row]:
        """The model at the temperature that is best on the validation scenes; for each test set that, and the scores at all of them."""
        held_out = [self._opened(root) for name, root in self._roots.items() if name.endswith("-val")]
        given = {"protocol": self._chosen.protocol, "values": VALUES, "batch_size": 12}
        found = scores_by_temperature(model, held_out, **given)
        tests = {name: scores_by_temperature(model, [test], **given) for name, test in self._tests.items()}
        best = min(found, key=lambda value: found[value])
        set_temperature(model, best)
        about = {"temperature": best, "temperatures_on_validation": _by_name(found)}
        return {name: about | {"temperatures": _by_name(scores)} for name, scores in tests.items()}

    def _config(self, variant: str, seed: int) -> TrainConfig | None:
        """The whole config of a unit: its data, its seed, its teachers, what others have seen beforehand."""
        about = self._chosen.variants[variant]
        if about.config is None:
            return None
        config = replace(trained_on(about.config, self._roots, about.worlds), seed=seed)
        config = replace(config, data=replace(config.data, derived=str(self._out / "derived")))
        config = replace(config, method=replace(config.method, **self._teachers(variant, seed)))
        if about.features:
            config = replace(config, data=replace(config.data, features=self._features(about, seed, config)))
        if about.taught is not None:
            config = replace(config, data=replace(config.data, taught=self._taught(about.taught, seed, config)))
        return config if about.mesh_of is None else replace(config, data=replace(config.data, labels=self._labels(variant, config)))

    def _features(self, about: Variant, seed: int, config: TrainConfig) -> tuple[str, ...]:
        """The folders of what a pair has seen of the training sets; what is missing in them is written."""
        depth, semantic = (self._model_of(about.features[role], seed) for role in ("depth", "semantic"))
        data, folders = config.data, []
        for root in data.root:
            out = self._out / "features" / "+".join(about.features.values()) / Path(root).name
            options = FeatureOptions(
                root, out, depth, semantic, data.height, data.width, tokens=True, split=data.split, device=self._device
            )
            if not KEPT.finished(out) and write_all(options) != 0:
                raise UserError(out, "lacks the features of broken frames", "remove the worlds that hold them, and repeat the command")
            folders.append(str(out))
        return tuple(folders)

    def _labels(self, variant: str, config: TrainConfig) -> tuple[str, ...]:
        """The folders of labels that all seeds of `variant` learn from."""
        return self._said(self._out / "labels" / variant, config, mesh=tuple(str(model) for model in self._fused(variant)))

    def _taught(self, teacher: str, seed: int, config: TrainConfig) -> tuple[str, ...]:
        """The folders of what the model of `teacher` answers."""
        unit = f"{teacher}-s{self._chosen.teacher_seed(teacher, seed)}"
        return self._said(self._out / "taught" / unit, config, bins=self._model_of(teacher, seed))

    def _said(self, folder: Path, config: TrainConfig, **by: Any) -> tuple[str, ...]:
        """Folders below `folder`, one for each training set, of what teachers say of it; what is missing in them is written."""
        data, folders = config.data, []
        for root in data.root:
            out = folder / Path(root).name
            options = LabelOptions(root, out, split=data.split, height=data.height, width=data.width, device=self._device, **by)
            if write_labels(options) != 0:
                raise UserError(out, "lacks the labels of broken frames", "remove the worlds that hold them, and repeat the command")
            folders.append(str(out))
        return tuple(folders)

    def _fused(self, variant: str) -> list[str]:
        """Models whose depth is fused to teach `variant`."""
        of = self._chosen.variants[variant].mesh_of
        return [] if of is None else [self._model_of(of, seed) for seed in self._chosen.seeds_of(of)]

    def _run(self, variant: str, seed: int) -> Path:
        return self._out / "runs" / f"{variant}-s{seed}"

    def _model_of(self, variant: str, seed: int) -> str:
        """Where the model of a variant is for one of `seed`: in its run, or published."""
        chosen = self._chosen
        return chosen.variants[variant].model or str(self._run(variant, chosen.teacher_seed(variant, seed)) / "model")

    def _is_made(self, variant: str, seed: int) -> bool:
        return self._chosen.variants[variant].model is not None or Path(self._model_of(variant, seed)).exists()

    def _load(self, variant: str, seed: int) -> DepthModel | None:
        """What a unit scores; None is the row-median baseline."""
        about = self._chosen.variants[variant]
        if about.config is None and about.model is None and about.tempered is None:
            return None
        place = self._model_of(variant if about.tempered is None else about.tempered, seed)
        return load(place, device=self._device)

    def _teachers(self, variant: str, seed: int) -> dict[str, str]:
        """Option of the method -> model."""
        return {option: self._model_of(other, seed) for option, other in self._chosen.variants[variant].teachers.items()}

    def _teachers_of(self, variant: str, seed: int, model: DepthModel | None) -> list[str] | None:
        """Fingerprints of all that it has learnt from and stands on; a frozen part says its own, which may be no depth model."""
        frozen = model.network.frozen if model is not None and isinstance(model.network, Method) else {}
        taught = {option: place for option, place in self._teachers(variant, seed).items() if option not in frozen}
        teachers = [place for option, place in taught.items() if option != STARTS_FROM]
        kept = self._chosen.variants[variant].taught
        read = [] if kept is None else [self._model_of(kept, seed)]
        asked = [load(place).fingerprint for place in (*teachers, *read, *self._fused(variant))]
        began = [fingerprint(load_semantic(taught[STARTS_FROM]).network.state_dict())] if STARTS_FROM in taught else []
        return [*(who["fingerprint"] for who in frozen.values()), *began, *asked] or None

    def _mask(self, model: DepthModel, test: str) -> dict[str, float]:
        """Precision, recall and drop rate of the mask of `intrinsic` against what misleads; nothing where it drops nothing."""
        if REFLECTIONS not in self._chosen.regions or not isinstance(model.network, Method) or method_of(model) != "intrinsic":
            return {}
        logs = mean_logs(model.network, self._tests[test], height=model.info.height, width=model.info.width, layers=frozenset({MISLEADING}))
        dropped, hit = logs.get("mask/dropped_share", 0.0), logs.get("mask/hit_share", 0.0)
        if not dropped:
            return {}
        return {"precision": hit / dropped, "recall": hit / logs["mask/misleading_share"], "drop_rate": dropped}


def timed_training(config: TrainConfig, run: Path) -> float:
    """Train in the folder `run`. Returns the seconds it took, those of sittings that were interrupted included."""
    kept, started = run / SECONDS, time.monotonic()
    before = float(read_json(kept)) if kept.exists() else 0.0
    try:
        train(config, run)
    finally:
        seconds = round(before + time.monotonic() - started, 1)
        if run.is_dir():
            write_json(kept, seconds)
    return seconds


def method_of(model: DepthModel) -> str:
    """Name of the method of a model of ours."""
    assert isinstance(model.network, Method)
    return method_name(model.network.config)


def _regions(evaluation: Evaluation) -> Iterator[Row]:
    apart = None if evaluation.surround is None else evaluation.surround.overall
    metrics = evaluation.metrics if apart is None else {**evaluation.metrics, DISAGREEMENT: apart.abs_rel}
    yield {"region": "all", "images": evaluation.num_images, "num_pixels": evaluation.num_pixels, "metrics": metrics}
    for name, region in evaluation.regions.items():
        yield {"region": name, "images": region.num_images, "num_pixels": region.num_pixels, "metrics": region.metrics}


def _network_of(model: DepthModel) -> str:
    """The network in a word: its published name, else its encoder, else its method."""
    if not isinstance(model.network, Method):
        return model.name
    config: LearnerConfig = model.network.config
    if isinstance(config, BrigesConfig | SegmentsConfig):
        return method_name(config)
    return config.encoder if config.network == "none" else config.network


def _by_name(scores: Mapping[float, float]) -> dict[str, float]:
    return {f"{value:g}": score for value, score in scores.items()}


def _sha_of(root: Path) -> str:
    """SHA-256 over names and bytes of a rendered set, or of its archive: equal hashes are equal data."""
    digest = sha256(root.read_bytes() if root.is_file() else b"")
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
