"""DA-2K: pictures of every kind with pairs of points, of which one is closer. Yang et al., arXiv 2406.09414.

ROOT/annotations.json: {"images/indoor/NAME.jpg": [{"point1": [row, column], "point2": [...], "closer_point": "point1"}]}
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leadline.data.card import FIXTURE_ONLY, DatasetCard
from leadline.data.dataset import PointPair, Record, View
from leadline.data.faults import one_record
from leadline.data.reading import ASSUMED_FOV_X_DEG, path_inside
from leadline.data.splits import choose
from leadline.geometry.camera import Camera
from leadline.io.image import read_image
from leadline.io.jsonfile import read_json
from leadline.types import UserError

CARD = DatasetCard(
    kind="da2k",
    summary="DA-2K: pairs of points, which of them is closer",
    needs="annotations.json and the images/TYPE/*.jpg that it names",
    layers=("pairs",),
    splits="one of the eight types of scene, or a text file: image paths",
    units="pixels (row, column) from the top left; no depth",
    invalid="none",
    camera="none published: 60 degrees are assumed",
    licence="Apache-2.0",
    get="huggingface.co/datasets/depth-anything/DA-2K",
    status=FIXTURE_ONLY,
    counts={"images (about)": 1000, "pairs (about)": 2000},
)
CAMERA = "picture"
TYPES = ("indoor", "outdoor", "non_real", "transparent_reflective", "adverse_style", "aerial", "underwater", "object")


class Da2k:
    """Pictures with pairs below `root`; a sequence is a type of scene. Raises UserError for annotations that do not fit.

    The layer `pairs` of a view holds every pair of its picture.
    """

    layers = frozenset(CARD.layers)

    def __init__(self, root: Path, *, split: str | None = None) -> None:
        self._root = root
        listed = root / "annotations.json"
        if not listed.exists():
            raise CARD.absent(root, "holds no annotations.json")
        annotations = read_json(listed)
        if not isinstance(annotations, dict) or not annotations:
            raise UserError(listed, "lists no picture", "download it again")
        self._pictures: dict[str, list[tuple[Path, tuple[PointPair, ...]]]] = {}
        for name in sorted(annotations):
            with one_record():
                path = path_inside(root, name, listed_in=listed)
                self._pictures.setdefault(path.parent.name, []).append((path, _pairs(annotations[name], name, listed)))
        self.moments: Sequence[Record] = [
            Record(sequence=kind, frame=frame, cameras=(CAMERA,))
            for kind, of_kind in sorted(self._pictures.items())
            for frame in range(len(of_kind))
        ]
        named = {kind: lambda record, kind=kind: record.sequence == kind for kind in TYPES}
        self.records = choose(split, self.moments, root=root, image_path=self._image_path, named=named)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"da2k:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one picture. Raises UserError when it is missing or broken, or a point lies outside it."""
        path, pairs = self._pictures[record.sequence][record.frame]
        image = read_image(path)
        height, width = image.shape[:2]
        for row, column in (point for pair in pairs for point in (pair.closer, pair.farther)):
            if not (0 <= row < height and 0 <= column < width):
                wrong = f"is {width}x{height}, but annotations.json has a point in row {row}, column {column}"
                raise UserError(path, wrong, "give the pictures at their original size")
        seen_by = Camera.from_fov(ASSUMED_FOV_X_DEG, width=width, height=height, name=camera)
        return View(image=image, camera=seen_by, path=path, pairs=pairs if "pairs" in layers else None)

    def _image_path(self, record: Record, camera: str) -> Path:
        return self._pictures[record.sequence][record.frame][0]


def _pairs(annotation: Any, name: str, path: Path) -> tuple[PointPair, ...]:
    try:
        return tuple(_pair(pair) for pair in annotation)
    except (KeyError, TypeError, ValueError) as error:
        wrong = f"has a pair of '{name}' that is none ({type(error).__name__}: {error})"
        raise UserError(path, wrong, "a pair has point1, point2 [row, column] and closer_point") from error


def _pair(said: dict[str, Any]) -> PointPair:
    points = {}
    for name in ("point1", "point2"):
        row, column = said[name]
        points[name] = int(row), int(column)
    closer = points.pop(said["closer_point"])
    (farther,) = points.values()
    return PointPair(closer=closer, farther=farther)
