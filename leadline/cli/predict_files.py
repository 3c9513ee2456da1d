"""The files that `leadline predict` writes for one image, and whether they are there already."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from leadline.io.color import colorize
from leadline.io.image import write_image
from leadline.io.jsonfile import read_json, write_json
from leadline.prediction import Prediction
from leadline.types import DepthKind, UserError

if TYPE_CHECKING:
    from leadline.methods.predictor import DepthModel
    from leadline.runtime.model import RuntimeModel

ENDINGS = {
    "png16": ".png",
    "npz": ".npz",
    "exr": ".exr",
    "npy": ".npy",
    "pfm": ".pfm",
    "tiff": ".tiff",
    "color": ".color.png",
    "ply": ".ply",
    "glb": ".glb",
}


@dataclass(frozen=True)
class Job:
    """One image and where its results go, without an ending."""

    image: Path
    stem: Path


@dataclass(frozen=True)
class Files:
    """What is the same for all images of a command: who predicts, which files are written, and what else decides the result."""

    model: "DepthModel | RuntimeModel"
    endings: Mapping[str, str]
    """Endings by the names of --format."""
    asked: Mapping[str, Any]
    """Options that decide the result; plain values for the provenance."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What else the provenance should say; equal requests may differ in it."""

    def of(self, *, asked: Mapping[str, Any], about: Mapping[str, Any]) -> "Files":
        """The same with more to say."""
        return replace(self, asked={**self.asked, **asked}, about={**self.about, **about})

    def write(self, job: Job, image: np.ndarray, prediction: Prediction) -> None:
        """All files of one image, and last the provenance, whose presence means that the others are whole."""
        for name, ending in self.endings.items():
            path = job.stem.with_name(job.stem.name + ending)
            if name == "color":
                inverse = prediction.kind is DepthKind.AFFINE_INVARIANT_INVERSE
                write_image(path, colorize(prediction.values, valid=prediction.usable, inverse=inverse))
            else:
                prediction.save(path, image=image)
        record = self._request(job) | {
            "unit": prediction.unit,
            "scale_source": prediction.scale_source.value,
            "K_used": None if prediction.K is None else prediction.K.tolist(),
            "notes": list(prediction.notes),
            "licence": self.model.licence,
            "files": [job.stem.name + ending for ending in self.endings.values()],
            **self.about,
        }
        write_json(_provenance_path(job), record)

    def finished(self, job: Job) -> bool:
        """Whether an equal request has written all files of this image."""
        path = _provenance_path(job)
        if not path.exists() or not job.image.exists():
            return False
        try:
            record = read_json(path)
        except UserError:
            return False
        same = all(record.get(key) == value for key, value in self._request(job).items())
        return same and all((path.parent / name).exists() for name in record["files"])

    def _request(self, job: Job) -> dict[str, Any]:
        """What decides the result; equal requests need no second run."""
        from leadline import __version__

        state = job.image.stat()
        return {
            "leadline_version": __version__,
            "input": str(job.image),
            "input_bytes": state.st_size,
            "input_mtime_ns": state.st_mtime_ns,
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "kind": self.model.kind.value,
            "formats": sorted(self.endings),
            **self.asked,
        }


def _provenance_path(job: Job) -> Path:
    return job.stem.with_name(job.stem.name + ".provenance.json")
