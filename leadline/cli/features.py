"""`leadline features DATASET:ROOT --depth MODEL --semantic MODEL --out DIR`: what frozen encoders see in every picture. Resumes.

For training the gates of briges without running its encoders in every epoch (`--data.features DIR --method.cached semantic`, or both).
The format is in data/features.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from leadline.cli.written_work import begin
from leadline.data.footage import FootageOptions
from leadline.training.config import MOVING

if TYPE_CHECKING:
    from leadline.data.sample import Needs, Sample
    from leadline.methods.base import Method


@dataclass(frozen=True)
class FeatureOptions:
    """Write the map of a segmentation encoder, and with --tokens the tokens of a depth encoder too, for every picture of a data set.

    Repeat the command to continue: finished pictures are skipped.
    """

    dataset: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="DATASET:ROOT")]
    """For example rendered:out/rooms; `leadline datasets` lists them."""
    out: Path
    """Folder for the features; made when missing."""
    depth: str
    """The depth model of the method, as for --method.depth."""
    semantic: str
    """Its segmentation encoder, as for --method.semantic."""
    height: int
    """Height of the training images [px]."""
    width: int
    """Width of the training images [px]."""
    tokens: bool = False
    """The depth encoder's tokens too, for --method.cached both: much larger files."""
    fit: Literal["stretch", "pad"] = "stretch"
    """As for --method.fit."""
    split: str | None = None
    """Name or file of a split; everything without it."""
    footage: FootageOptions = MOVING
    """For video: its camera, and which frames count; as in training."""
    batch: int = 4
    """Pictures at once."""
    device: str = "cpu"
    """Where the encoders run: cpu or cuda."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    return write_all(tyro.cli(FeatureOptions, args=argv, prog="leadline features"))


def write_all(options: FeatureOptions) -> int:
    """All features that are missing. Returns the exit code, 2 when a file was broken. Raises UserError for what cannot be done at all."""
    from leadline.data.catalog import open_to_learn
    from leadline.data.features import KEPT
    from leadline.methods.catalog import build_method

    footage = options.footage if options.dataset.startswith("video:") else None
    dataset = open_to_learn(options.dataset, options.split, footage=footage)
    # The gates of this method see nothing: a projection fits any two widths, and one head divides every one.
    pair = {"depth": options.depth, "semantic": options.semantic, "fit": options.fit, "projection": True, "heads": 1}
    encoders = Encoders(build_method("briges", pair).eval().to(options.device), options)
    work = begin(options, dataset, encoders, KEPT)
    work.claim_folder()
    return work.write_all(encoders.write)


@dataclass(frozen=True, eq=False)
class Encoders:
    """The frozen encoders of a method, asked about pictures one by one."""

    method: "Method"
    options: FeatureOptions

    @property
    def needs(self) -> "Needs":
        """Pictures alone."""
        from leadline.data.sample import Needs

        return Needs(layers=frozenset())

    @property
    def size(self) -> tuple[int, int]:
        """That of the training, which must be said."""
        return self.options.height, self.options.width

    @property
    def size_multiple(self) -> int:
        """A patch of the depth encoder."""
        return self.method.size_multiple

    @property
    def together(self) -> None:
        """Every picture is for itself."""
        return None

    @property
    def provenance(self) -> dict[str, Any]:
        """How pictures become SAM's, and which encoder has made each layer."""
        return {"fit": self.options.fit, "made_by": {name: self.method.encoders[name] for name in self._layers}}

    def write(self, batch: "Sample", paths: Sequence[Path | None]) -> None:
        """Write the features of the pictures of a batch, and of the same mirrored."""
        import torch

        from leadline.data.features import write_features

        image = batch.image[:, 0].flatten(0, 1)
        seen, mirrored = self.method.features(image), self.method.features(image.flip(-1))
        kept = {name: torch.stack([seen[name], mirrored[name]], dim=1).float().cpu().numpy() for name in self._layers}
        for position, path in enumerate(paths):
            if path is not None:
                write_features(path, {name: values[position] for name, values in kept.items()})

    @property
    def _layers(self) -> tuple[str, ...]:
        return ("semantic", "tokens") if self.options.tokens else ("semantic",)
