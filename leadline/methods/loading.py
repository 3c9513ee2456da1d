"""Loading, saving and publishing models: run folders, model folders, `transformers` checkpoints, the model hub.

A model folder holds `config.json` (with `leadline_format`), `model.safetensors` and `README.md`. A folder without
`leadline_format` is read as a `transformers` checkpoint.
"""

import difflib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from leadline import __version__
from leadline.io.atomic import writable_folder
from leadline.io.jsonfile import read_json, write_json
from leadline.io.weights import load_into, save_weights
from leadline.methods.base import Learner, Method
from leadline.methods.card import encoder_card, model_card
from leadline.methods.catalog import build_method
from leadline.methods.predictor import DepthModel, MethodReader, ModelInfo
from leadline.models.hub import PICKLES, download, from_hub, looks_like_path, model_of_run, refuse_pickle, stated_licence
from leadline.models.known import KNOWN_MODELS, known_model
from leadline.types import DepthKind, UserError

FORMAT = 1
WEIGHTS = "model.safetensors"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def load(model: str | Path, *, device: str = "cpu", kind: DepthKind | None = None, options: Mapping[str, Any] | None = None) -> DepthModel:
    """The model `model`: a run folder, a model folder, a `transformers` folder, a name from `leadline models`, or a hub id.

    `kind` says what the model returns, for the checkpoints that do not say it themselves. `options` take the place of those in the
    config.json of a model folder, as far as the method lets them be changed (temperature of briges). Raises UserError for what does not
    exist (suggesting near names), is incomplete, is a pickle, holds weights of another architecture, or is of another kind.
    """
    folder = Path(model)
    if folder.is_dir():
        return _load_folder(folder, device=device, kind=kind, options=options)
    if folder.exists():
        wrong = "is a pickle, which can run code when it is opened" if folder.suffix in PICKLES else "is a file"
        raise UserError(folder, wrong, "give the folder that holds config.json and model.safetensors")
    known = known_model(str(model))
    if known is not None:
        _refuse_options(model, options)
        return _load_transformers(known.hub_id, name=known.name, licence=known.licence, device=device, kind=kind)
    if HUB_ID.fullmatch(str(model)) is None or looks_like_path(str(model)):
        raise UserError(model, "is not a folder, nor a model leadline knows", _suggestion(str(model)))
    return _load_hub_id(str(model), device=device, kind=kind, options=options)


def absolute(place: str | None) -> str | None:
    """`place` as a model folder keeps it: a folder is named so that it is found from everywhere."""
    return str(Path(place).absolute()) if place is not None and Path(place).is_dir() else place


def save_learner(path: str | Path, name: str, learner: Learner, info: ModelInfo) -> None:
    """Write what training has fitted: a method as a model folder, an encoder for other models in the format of `transformers`.

    Raises UserError like `save_model_folder`.
    """
    if isinstance(learner, Method):
        save_model_folder(path, name, learner, info)
    else:
        learner.save(Path(path), encoder_card(info))


def save_model_folder(path: str | Path, method_name: str, method: Method, info: ModelInfo) -> None:
    """Write `method` as a model folder at `path`, replacing what is there only when the new folder is complete.

    Raises UserError when the folder cannot be written or something that is not a model folder is in its place.
    """
    path = Path(path)
    if path.exists() and not (path / "config.json").is_file() and not (path.is_dir() and not any(path.iterdir())):
        raise UserError(path, "exists and is not a model folder", "choose another place")
    config = _folder_config(method_name, method, _with_start(info, method))
    fresh = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=writable_folder(path.parent)))
    try:
        kept = {name: value for name, value in method.state_dict().items() if not name.startswith(method.loss_only)}
        save_weights(fresh / WEIGHTS, kept)
        (fresh / "README.md").write_text(model_card(config), encoding="utf-8")
        write_json(fresh / "config.json", config)
        fresh.chmod(0o755)
        _swap(fresh, path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def method_model(method: Method, info: ModelInfo, *, device: str = "cpu") -> DepthModel:
    """`method` as it is in memory, ready to predict."""
    reader = MethodReader(method, height=info.height, width=info.width)
    return DepthModel(reader, method, info, device=device, rig=method.joint_views)


def push_to_hub(folder: str | Path, repo_id: str, *, private: bool = False, api: Any = None) -> str:
    """Upload the model folder (or the model of the run folder) `folder` to the hub as `repo_id`; returns its address.

    `api` is a `huggingface_hub.HfApi`, for another endpoint or token than the logged-in one. Afterwards `load(repo_id)`
    gives the same model.
    """
    folder = model_of_run(Path(folder))
    if not (folder / "config.json").is_file() or "leadline_format" not in read_json(folder / "config.json"):
        raise UserError(folder, "is not a model folder", "give a run folder or the model folder inside it")
    if api is None:
        from huggingface_hub import HfApi

        api = HfApi()
    from_hub(repo_id, lambda _: api.create_repo(repo_id, private=private, exist_ok=True))
    wanted = ["config.json", WEIGHTS, "README.md"]
    return str(from_hub(repo_id, lambda _: api.upload_folder(repo_id=repo_id, folder_path=str(folder), allow_patterns=wanted)))


def from_pretrained(source: str | Path, *, device: str = "cpu") -> DepthModel:
    """The model that `push_to_hub` or `save_model_folder` stored: another word for `load`."""
    return load(source, device=device)


def _load_folder(folder: Path, *, device: str, kind: DepthKind | None, options: Mapping[str, Any] | None) -> DepthModel:
    folder = model_of_run(folder)
    if not (folder / "config.json").is_file():
        refuse_pickle(folder)
        raise UserError(folder, "has no config.json", "give a run folder with model/, a model folder, or a transformers checkpoint")
    config = read_json(folder / "config.json")
    if not isinstance(config, dict):
        raise UserError(folder / "config.json", "is not a configuration", "give a model folder")
    if "leadline_format" in config:
        return _load_model_folder(folder, config, device=device, kind=kind, options=options or {})
    if "model_type" not in config:
        wrong = "is a run that has not written its model yet" if "method_name" in config else "has a config.json of no known kind"
        raise UserError(folder, wrong, "give a run folder with model/, a model folder, or a transformers checkpoint")
    _refuse_options(folder, options)
    return _load_transformers(str(folder), name=folder.name, licence=stated_licence(str(folder)), device=device, kind=kind)


def _load_model_folder(
    folder: Path, config: Mapping[str, Any], *, device: str, kind: DepthKind | None, options: Mapping[str, Any]
) -> DepthModel:
    if config["leadline_format"] != FORMAT:
        raise UserError(folder, f"has format {config['leadline_format']}, this leadline reads {FORMAT}", "install a newer leadline")
    refuse_pickle(folder)
    try:
        method = _built(folder, config, options)
        size = config["input"]
        info = ModelInfo(
            name=config["name"],
            height=size["height"],
            width=size["width"],
            licence=config["licence"],
            data=tuple(config["data"]),
            details=config["details"],
        )
    except (KeyError, TypeError) as error:
        raise UserError(folder / "config.json", f"is incomplete ({error})", "save the model again") from error
    fixed = [name for name in options if name not in method.adjustable]
    if fixed:
        can = f"options of {config['method']} that can change: {', '.join(method.adjustable) or 'none'}"
        raise UserError(folder, f"its option {fixed[0]} is settled by its training", can)
    if kind not in (None, method.kind):
        raise UserError(folder, f"gives {method.kind.value} values, not {kind.value}", "leave the kind out")
    load_into(method, folder / WEIGHTS)
    return method_model(method, info, device=device)


def _built(folder: Path, config: Mapping[str, Any], options: Mapping[str, Any]) -> Method:
    """The method of a model folder, still without its weights. Its frozen trunk, if it has one, must be what it was trained on."""
    base = config["config"].get("base")
    try:
        # The encoder's own weights are in the file: they must not be fetched again.
        own = {"pretrained": "none"} if "pretrained" in config["config"] else {}
        method = build_method(config["method"], {**config["config"], **own, **options})
    except UserError as error:
        if base is None or not error.subject.startswith(base):
            raise
        remedy = "put that model there again, or write in config.json, at base, where it is now"
        raise UserError(folder, f"reads the features of another model, which cannot be opened ({error})", remedy) from error
    then = config["details"].get("frozen", {})
    for role, now in method.frozen.items():
        before = then.get(role, {}).get("fingerprint")
        if before != now["fingerprint"]:
            wrong = f"was trained on the features of {now['name']} when its weights were {before}, and now they are {now['fingerprint']}"
            raise UserError(folder, wrong, "put the old weights there again, or train it anew")
    return method


def _load_hub_id(hub_id: str, *, device: str, kind: DepthKind | None, options: Mapping[str, Any] | None) -> DepthModel:
    config = read_json(download(hub_id, "config.json", remedy=_suggestion(hub_id)))
    if "leadline_format" in config:
        return _load_folder(download(hub_id, WEIGHTS).parent, device=device, kind=kind, options=options)
    _refuse_options(hub_id, options)
    return _load_transformers(hub_id, name=hub_id, licence=stated_licence(hub_id), device=device, kind=kind)


def _load_transformers(source: str, *, name: str, licence: str, device: str, kind: DepthKind | None) -> DepthModel:
    from leadline.models.pretrained import load_pretrained

    reader, network = load_pretrained(source, kind)
    return DepthModel(reader, network, ModelInfo(name=name, licence=licence, details={"source": source}), device=device)


def _refuse_options(model: str | Path, options: Mapping[str, Any] | None) -> None:
    if options:
        raise UserError(model, f"is a published checkpoint, which has no option {next(iter(options))}", "leave it out")


def _suggestion(name: str) -> str:
    """Known names near `name`, by the last part of a path or hub id."""
    names = [model.name for model in KNOWN_MODELS] + [model.hub_id for model in KNOWN_MODELS]
    by_last_part = {n.rsplit("/", 1)[-1].lower(): n for n in reversed(names)}
    near = difflib.get_close_matches(name.rsplit("/", 1)[-1].lower(), by_last_part, n=3, cutoff=0.5)
    listed = ", ".join(by_last_part[n] for n in near)
    return f"did you mean {listed}?" if near else "give a folder, a hub id (owner/name), or a name from `leadline models`"


def _swap(fresh: Path, path: Path) -> None:
    """Put `fresh` in the place of `path`. A folder cannot be replaced in one step: the old one steps aside first."""
    if not path.exists():
        os.replace(fresh, path)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
    os.replace(path, aside / path.name)
    os.replace(fresh, path)
    shutil.rmtree(aside, ignore_errors=True)


def _with_start(info: ModelInfo, method: Method) -> ModelInfo:
    """`info` with what the encoders started from and whose features are read, whose licence the whole takes over unless `info` has one."""
    from leadline.models.encoders import starting_weights  # imports transformers, which not every model needs

    starts = info.details.get("starts_from") or [asdict(start) for start in starting_weights(method)]
    if not starts and not method.frozen:
        return info
    licences = sorted({part["licence"] for part in [*starts, *method.frozen.values()]})
    inherited = "unknown" if "unknown" in licences else " and ".join(licences)
    licence = inherited if info.licence == "unknown" else info.licence
    parts = {name: part for name, part in (("starts_from", starts), ("frozen", method.frozen)) if part}
    return replace(info, licence=licence, details=dict(info.details) | parts)


def _folder_config(method_name: str, method: Method, info: ModelInfo) -> dict[str, Any]:
    return {
        "leadline_format": FORMAT,
        "leadline_version": __version__,
        "name": info.name,
        "method": method_name,
        "config": asdict(method.config),
        "kind": method.kind.value,
        "unit": "m" if method.kind is DepthKind.METRIC else "",
        "input": {"height": info.height, "width": info.width},
        "parameters": sum(p.numel() for p in method.parameters()),
        "data": list(info.data),
        "licence": info.licence,
        "details": dict(info.details),
    }
