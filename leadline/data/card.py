"""What a person must know before pointing leadline at a folder. Every reader states its own, at the top of its file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from leadline.types import UserError

ON_REAL_FILES = "checked on real files"
FIXTURE_ONLY = "format fixture only"
"""Written after the published description and read back from files made by code; no original has been opened yet."""


@dataclass(frozen=True)
class DatasetCard:
    """The facts of one data set. Nothing here is read from disk."""

    kind: str
    summary: str
    needs: str
    """What the folder must hold."""
    layers: tuple[str, ...]
    splits: str
    licence: str
    units: str
    """What is stored, and how it becomes metres."""
    invalid: str
    """How unknown pixels are stored; leadline gives them depth 0."""
    camera: str
    """Where K comes from."""
    get: str
    """Where the files come from."""
    status: str
    """ON_REAL_FILES or FIXTURE_ONLY."""
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What can be chosen when it is opened, the default first: keyword of the reader and of `open_dataset`, and its values;
    () where there is no list of them."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Published number of images of a split or part."""

    def absent(self, folder: Path, wrong: str) -> UserError:
        """The error for a folder in which something is missing: what is wrong, what belongs there and where to get it."""
        return UserError(folder, wrong, f"{self.kind} needs {self.needs}; get it: {self.get}")
