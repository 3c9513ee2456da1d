"""Folders that `leadline label` and `leadline features` write for a data set: a file for each view, and a JSON file about them all.

ABOUT.json                    how they were made: data set, size, teachers; how many views there are when it is finished
SEQUENCE/FRAME/CAMERA.ending  what was said of one view
"""

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline.data.catalog import bare_name
from leadline.data.dataset import Dataset, Record, View
from leadline.data.footage import FootageOptions
from leadline.data.transforms import centre_window, crop_view, resize_view
from leadline.io.jsonfile import read_json
from leadline.types import UserError


@dataclass(frozen=True)
class Written:
    """One kind of such folders."""

    about: str
    """Name of the JSON file."""
    format: int
    what: str
    """What the files are, in messages: labels."""
    ending: str
    """Of the files, with its dot."""
    verb: str = "label"
    """What writes them."""

    @property
    def count(self) -> str:
        """The key under which the JSON file says how many files there are; None there means unfinished."""
        return f"num_{self.what}"

    def path(self, folder: Path, record: Record, camera: str) -> Path:
        """Where the file of one view is."""
        return folder / record.sequence / f"{record.frame:06d}" / f"{camera}{self.ending}"

    def there(self, folder: Path) -> Set[Path]:
        """The files of a folder, as `path` names them below it."""
        return {path.relative_to(folder) for path in folder.rglob(f"*{self.ending}")}

    def finished(self, folder: Path) -> bool:
        """Whether the folder is there and whole."""
        return (folder / self.about).is_file() and self.read(folder)[self.count] is not None

    def read(self, folder: Path) -> dict[str, Any]:
        """What the JSON file says. Raises UserError for a folder that has none, or one of another format."""
        path = folder / self.about
        if not path.is_file():
            raise UserError(folder, f"has no {self.about}", f"give a folder that `leadline {self.verb}` has written")
        about = read_json(path)
        if not isinstance(about, dict) or about.get("format") != self.format:
            found = about.get("format") if isinstance(about, dict) else type(about).__name__
            wrong = f"has format {found!r}, this version reads {self.format}"
            raise UserError(path, wrong, f"write the {self.what} again, or update leadline")
        missing = [key for key in ("data", "footage", "height", "width", self.count) if key not in about]
        if missing:
            raise UserError(path, f"lacks {', '.join(missing)}", f"write the {self.what} again")
        return about

    def opened(self, folder: Path, dataset: Dataset, footage: FootageOptions) -> dict[str, Any]:
        """What the JSON file says. Raises UserError like `read`, for a folder that is not finished, and for one of other data."""
        about = self.read(folder)
        expected = written_for(dataset, footage)
        for key, value in expected.items():
            if about[key] != value:
                wrong = f"holds {self.what} of {about['data']} with {key} {about[key]}, not of {expected['data']} with {key} {value}"
                raise UserError(folder, wrong, f"give the {self.what} that were written for this data set")
        if about[self.count] is None:
            raise UserError(folder, "is not finished", f"the `leadline {self.verb}` command that began it continues it")
        return about


def written_for(dataset: Dataset, footage: FootageOptions) -> dict[str, Any]:
    """What such a folder belongs to: the data set without the folders above it and, as frames of footage are counted anew, which."""
    is_video = dataset.name.startswith("video:")
    chosen = {"stride": footage.stride, "min_motion": footage.min_motion} if is_video else None
    return {"data": bare_name(dataset.name), "footage": chosen}


def as_written(view: View, *, height: int, width: int) -> View:
    """A view as teachers have seen it: cut in the centre to the aspect of `height` x `width` [px], and resized to that."""
    return resize_view(crop_view(view, centre_window(*view.image.shape[:2], aspect=width / height)), height=height, width=width)
