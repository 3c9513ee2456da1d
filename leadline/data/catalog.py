"""The only door to a data set: `kind:folder` becomes a reader, imported when asked for. One `case` per data set."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from leadline.data.dataset import Dataset
from leadline.types import UserError


@dataclass(frozen=True)
class DatasetCard:
    """What a person must know before pointing leadline at a folder."""

    kind: str
    summary: str
    needs: str
    """What the folder must hold."""
    layers: tuple[str, ...]
    splits: str
    licence: str


CARDS = (
    DatasetCard(
        kind="rendered",
        summary="worlds written by `leadline scenes`",
        needs="dataset.json, scene_*/frame_*/CAMERA/{rgb.png,depth.png,meta.json,...}",
        layers=("depth", "material", "diffuse", "albedo", "normals", "instance", "cam_from_world", "cam_from_rig", "time_s"),
        splits="train (seeds 0-9999), validation (10000-10999), test (20000-20999)",
        licence="yours",
    ),
    DatasetCard(
        kind="kitti",
        summary="KITTI raw: stereo, LiDAR, GPS/IMU poses",
        needs="DATE/calib_cam_to_cam.txt, DATE/DRIVE/image_02/data/*.png, DATE/DRIVE/velodyne_points or proj_depth",
        layers=("depth", "cam_from_world", "cam_from_rig", "time_s"),
        splits="a text file: 'DATE/DRIVE FRAME l|r' or image paths relative to the root",
        licence="CC BY-NC-SA 3.0",
    ),
    DatasetCard(
        kind="nyu",
        summary="NYU Depth v2: indoor RGB-D pairs",
        needs="rgb/ and depth/ (16-bit PNG, millimetres), or annotations.json that lists the pairs",
        layers=("depth", "usable"),
        splits="a text file: image paths relative to the root",
        licence="research use",
    ),
    DatasetCard(
        kind="middlebury",
        summary="Middlebury Stereo 2014: structured light, two cameras",
        needs="SCENE/{im0.png,im1.png,disp0GT.pfm or disp0.pfm,calib.txt}",
        layers=("depth", "usable", "cam_from_world", "cam_from_rig"),
        splits="a text file: one scene per line",
        licence="research use",
    ),
)
KINDS = tuple(card.kind for card in CARDS)


def open_dataset(spec: str, split: str | None = None, *, depth_source: str | None = None) -> Dataset:
    """The data set that `spec` = "kind:folder" names; only its index is read.

    `split` is one of the names or files that `leadline datasets` lists; None takes everything. `depth_source` is
    "dense" or "lidar" for data sets that offer both. Raises UserError for an unknown kind, a folder that is not there
    or lacks what the data set must have, and a split that selects nothing.
    """
    kind, colon, folder = spec.partition(":")
    if not colon or not folder:
        raise UserError(spec, "does not name a data set", f"write KIND:FOLDER, such as rendered:out/rooms (kinds: {', '.join(KINDS)})")
    if kind not in KINDS:
        near = get_close_matches(kind.lower(), KINDS, n=1)
        hint = f"did you mean {near[0]}:{folder}?" if near else f"choose from {', '.join(KINDS)}"
        raise UserError(spec, f"there is no data set '{kind}'", hint)
    root = Path(folder).expanduser()
    if not root.is_dir():
        state = "is a file, not a folder" if root.exists() else "does not exist"
        raise UserError(root, state, f"give the folder of the {kind} data set")
    if depth_source is not None and kind != "rendered":
        raise UserError(spec, f"has one kind of depth, so '{depth_source}' cannot be chosen", "leave depth_source out")
    return _open(kind, root, split, depth_source)


def _open(kind: str, root: Path, split: str | None, depth_source: str | None) -> Dataset:
    match kind:
        case "rendered":
            from leadline.data.datasets.rendered import Rendered

            return Rendered(root, split=split, depth_source=depth_source or "dense")
        case "kitti":
            from leadline.data.datasets.kitti.dataset import Kitti

            return Kitti(root, split=split)
        case "nyu":
            from leadline.data.datasets.nyu import Nyu

            return Nyu(root, split=split)
        case "middlebury":
            from leadline.data.datasets.middlebury import Middlebury

            return Middlebury(root, split=split)
        case _:
            raise AssertionError(f"{kind} has a card but no reader")
