"""The only door to a data set: `kind:folder` becomes a reader, imported when asked for. One `case` per data set."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from leadline.data.dataset import Dataset
from leadline.types import UserError

if TYPE_CHECKING:
    from leadline.geometry.projection import RasterRule


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
        summary="KITTI raw: stereo, LiDAR, GPS/IMU poses; with depth_source=improved the denser depth of the depth benchmark",
        needs="DATE/calib_cam_to_cam.txt, DATE/DRIVE/image_02/data/*.png, DATE/DRIVE/velodyne_points or proj_depth",
        layers=("depth", "cam_from_world", "cam_from_rig", "time_s"),
        splits="a text file: 'DATE/DRIVE FRAME l|r' or image paths relative to the root; Eigen's test: 697, 652 with improved depth",
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
    DatasetCard(
        kind="ddad",
        summary="DDAD: six cameras, long-range LiDAR, 10 Hz",
        needs="ddad.json, SCENE/{scene_*.json,calibration,rgb,point_cloud}; optional masks/{mask_idx_dict.json,GROUP/CAMERA_mask.png}",
        layers=("depth", "usable", "cam_from_world", "cam_from_rig", "time_s"),
        splits="train (150 scenes, 12,650 moments), val (50, 3,950), or a text file of scenes, 'SCENE FRAME' or image times",
        licence="CC BY-NC-SA 4.0",
    ),
    DatasetCard(
        kind="nuscenes",
        summary="nuScenes: six cameras, LiDAR, key frames at 2 Hz",
        needs="v1.0-trainval, v1.0-mini or v1.0-test (JSON tables), samples/CAM_*, samples/LIDAR_TOP; optional masks/CAM_*_mask.png",
        layers=("depth", "usable", "cam_from_world", "cam_from_rig", "time_s"),
        splits="train (700 scenes, 28,130 key frames), val (150, 6,019), test (150, 6,008), mini_train (8 scenes), mini_val (2), "
        "or a text file of sample tokens or scenes",
        licence="CC BY-NC-SA 4.0 and the nuScenes terms of use",
    ),
    DatasetCard(
        kind="rig",
        summary="a plain folder with the moments of several cameras",
        needs="rig.json, [SEQUENCE/]MOMENT/CAMERA.jpg; optional CAMERA_depth.png (16 bit), moment.json (time_s, world_from_rig)",
        layers=("depth", "usable", "cam_from_world", "cam_from_rig", "time_s"),
        splits="a text file: folders of moments or sequences relative to the root",
        licence="yours",
    ),
)
DEPTH_SOURCES = {"rendered": ("dense", "lidar"), "kitti": ("lidar", "improved")}
"""What `depth_source` may be, the default first; other data sets have one kind of depth."""
RASTERISED = ("ddad", "nuscenes")
"""Data sets whose depth is LiDAR that is projected when read."""
KINDS = tuple(card.kind for card in CARDS)


def open_dataset(spec: str, split: str | None = None, *, depth_source: str | None = None, rasterise: "RasterRule | None" = None) -> Dataset:
    """The data set that `spec` = "kind:folder" names; only its index is read.

    `split` is one of the names or files that `leadline datasets` lists; None takes everything. `depth_source` is
    "dense" or "lidar" for rendered, "lidar" or "improved" for kitti. `rasterise` says which of several LiDAR points on
    one pixel stays, "nearest" (the default) or "last_write", for ddad and nuscenes. Raises UserError for an unknown kind,
    a folder that is not there or lacks what the data set must have, and a split that selects nothing.
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
    if depth_source is not None and kind not in DEPTH_SOURCES:
        raise UserError(spec, f"has one kind of depth, so '{depth_source}' cannot be chosen", "leave depth_source out")
    if rasterise is not None and kind not in RASTERISED:
        raise UserError(spec, f"projects no LiDAR, so '{rasterise}' cannot be chosen", "leave rasterise out")
    if rasterise not in (None, "nearest", "last_write"):
        raise UserError(spec, f"'{rasterise}' is no way to rasterise", "choose nearest or last_write")
    return _open(kind, root, split, depth_source, rasterise or "nearest")


def _open(kind: str, root: Path, split: str | None, depth_source: str | None, rasterise: "RasterRule") -> Dataset:
    match kind:
        case "rendered":
            from leadline.data.datasets.rendered import Rendered

            return Rendered(root, split=split, depth_source=depth_source or "dense")
        case "kitti":
            from leadline.data.datasets.kitti.dataset import Kitti

            return Kitti(root, split=split, depth_source=depth_source or "lidar")
        case "nyu":
            from leadline.data.datasets.nyu import Nyu

            return Nyu(root, split=split)
        case "middlebury":
            from leadline.data.datasets.middlebury import Middlebury

            return Middlebury(root, split=split)
        case "ddad":
            from leadline.data.datasets.ddad import Ddad

            return Ddad(root, split=split, rasterise=rasterise)
        case "nuscenes":
            from leadline.data.datasets.nuscenes.dataset import NuScenes

            return NuScenes(root, split=split, rasterise=rasterise)
        case "rig":
            from leadline.data.datasets.rig_folder import RigFolder

            return RigFolder(root, split=split)
        case _:
            raise AssertionError(f"{kind} has a card but no reader")
