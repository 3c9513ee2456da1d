"""The only door to a data set: `kind:folder` becomes a reader, imported when asked for. One `case` per data set."""

import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TypedDict, Unpack

from leadline.data.card import DatasetCard
from leadline.data.dataset import Dataset
from leadline.data.footage import FootageOptions
from leadline.io.image import SUFFIXES as PICTURES
from leadline.io.video import SUFFIXES as VIDEOS
from leadline.types import UserError

KINDS = (
    "rendered",
    "kitti",
    "nyu",
    "middlebury",
    "ddad",
    "nuscenes",
    "rig",
    "scannet",
    "7scenes",
    "booster",
    "eth3d",
    "diode",
    "da2k",
    "hypersim",
    "vkitti2",
    "tartanair",
    "blendedmvs",
    "hrwsi",
    "irs",
    "folder",
    "video",
)
ONE_FILE = ("rendered", "video")
"""Data sets that may be one file: an archive, which is read without unpacking, or a video."""


class DatasetChoices(TypedDict, total=False):
    """The options of `open_dataset` that a data set may offer; None for its default."""

    depth_source: str | None
    rasterise: str | None
    sweeps: int | None
    footage: FootageOptions | None


def open_dataset(spec: str, split: str | None = None, **choices: Unpack[DatasetChoices]) -> Dataset:
    """The data set that `spec` = "kind:folder", or "rendered:archive.zip", names; only its index is read.

    `split` is one of the names or files that `leadline datasets` lists; None takes everything. The other options are
    those of the data set's card, None for its default: `depth_source`, which of several kinds of depth; `rasterise`, which of
    several LiDAR points on one pixel stays; `sweeps`, how many scans make one depth map; `footage`, the camera and frames of
    a video. Raises UserError for an unknown kind, an option that the data set does not have, a folder that is not there or
    lacks what the data set must have, and a split that selects nothing.
    """
    kind, root = split_spec(spec)
    card, reader = _reader(kind)
    if not root.is_dir() and not (kind in ONE_FILE and root.is_file()):
        state = "is a file, not a folder" if root.exists() else "does not exist"
        raise UserError(root, state, f"give the folder of the {kind} data set (get it: {card.get})")
    chosen = {name: value for name, value in choices.items() if value is not None}
    for name, value in chosen.items():
        if name not in card.options:
            offers = f"it offers {', '.join(card.options)}" if card.options else "it has no options"
            raise UserError(spec, f"has no choice of {name}", f"leave it out: {offers}")
        if card.options[name] and str(value) not in card.options[name]:
            raise UserError(spec, f"its {name} cannot be '{value}'", f"choose from {', '.join(card.options[name])}")
    return reader(root, split=split, **chosen)


def open_to_learn(spec: str, split: str | None = None, **choices: Unpack[DatasetChoices]) -> Dataset:
    """As `open_dataset`, for data that something is trained on, tuned on or fitted to.

    Raises UserError for rendered worlds of a zero-shot family too: what has learnt from them cannot be scored on them as unseen.
    """
    kind, root = split_spec(spec)
    if kind == "rendered" and root.exists():
        from leadline.data.datasets.rendered import ZERO_SHOT, family_of

        family = family_of(root)
        if family in ZERO_SHOT:
            wrong = f"holds worlds of {family}, a zero-shot family, on which nothing is trained or tuned"
            raise UserError(root, wrong, "train and validate on rooms or streets, and score this with `leadline evaluate`")
    return open_dataset(spec, split, **choices)


def read_card(kind: str) -> DatasetCard:
    """The facts of one of KINDS."""
    return _reader(kind)[0]


def split_spec(spec: str) -> tuple[str, Path]:
    """Kind and folder of "kind:folder". Raises UserError when it is written otherwise or there is no such kind."""
    kind, colon, folder = spec.partition(":")
    if not colon or not folder:
        raise UserError(spec, "does not name a data set", f"write KIND:FOLDER, such as rendered:out/rooms (kinds: {', '.join(KINDS)})")
    if kind not in KINDS:
        near = get_close_matches(kind.lower(), KINDS, n=1)
        hint = f"did you mean {near[0]}:{folder}?" if near else f"choose from {', '.join(KINDS)}"
        raise UserError(spec, f"there is no data set '{kind}'", hint)
    return kind, Path(folder).expanduser()


def bare_name(spec: str) -> str:
    """ "kind:folder" without the folders above it: for what is published, where things lay is nobody's business."""
    kind, _, folder = spec.partition(":")
    return f"{kind}:{Path(folder).absolute().name}"


def spec_of(place: str, *, usual: str) -> str:
    """`place` as "kind:folder": as it is when it says so; else a video file is video, and the rest `usual`.

    Where rendered worlds are usual, a folder of frames without a dataset.json is video too; other data sets may look like that.
    A colon counts only after a plain word, so that C:/data stays a folder.
    """
    if re.match(r"[a-z0-9_]{2,}:", place):
        return place
    path = Path(place).expanduser()
    is_video = path.suffix.lower() in VIDEOS or (usual == "rendered" and _is_folder_of_frames(path))
    return f"{'video' if is_video else usual}:{place}"


def _is_folder_of_frames(path: Path) -> bool:
    """Pictures lie in it or one folder below, and nothing says that it is a rendered data set."""
    if not path.is_dir() or (path / "dataset.json").exists():
        return False
    places = (file for pattern in ("*", "*/*") for file in path.glob(pattern))
    return any(file.suffix.lower() in (*PICTURES, *VIDEOS) for file in places)


def _reader(kind: str) -> tuple[DatasetCard, Callable[..., Dataset]]:
    match kind:
        case "rendered":
            from leadline.data.datasets import rendered

            return rendered.CARD, rendered.Rendered
        case "kitti":
            from leadline.data.datasets.kitti import dataset as kitti

            return kitti.CARD, kitti.Kitti
        case "nyu":
            from leadline.data.datasets import nyu

            return nyu.CARD, nyu.Nyu
        case "middlebury":
            from leadline.data.datasets import middlebury

            return middlebury.CARD, middlebury.Middlebury
        case "ddad":
            from leadline.data.datasets import ddad

            return ddad.CARD, ddad.Ddad
        case "nuscenes":
            from leadline.data.datasets.nuscenes import dataset as nuscenes

            return nuscenes.CARD, nuscenes.NuScenes
        case "rig":
            from leadline.data.datasets import rig_folder

            return rig_folder.CARD, rig_folder.RigFolder
        case "scannet":
            from leadline.data.datasets import scannet

            return scannet.CARD, scannet.ScanNet
        case "7scenes":
            from leadline.data.datasets import sevenscenes

            return sevenscenes.CARD, sevenscenes.SevenScenes
        case "booster":
            from leadline.data.datasets import booster

            return booster.CARD, booster.Booster
        case "eth3d":
            from leadline.data.datasets import eth3d

            return eth3d.CARD, eth3d.Eth3d
        case "diode":
            from leadline.data.datasets import diode

            return diode.CARD, diode.Diode
        case "da2k":
            from leadline.data.datasets import da2k

            return da2k.CARD, da2k.Da2k
        case "hypersim":
            from leadline.data.datasets import hypersim

            return hypersim.CARD, hypersim.Hypersim
        case "vkitti2":
            from leadline.data.datasets import vkitti2

            return vkitti2.CARD, vkitti2.VirtualKitti2
        case "tartanair":
            from leadline.data.datasets import tartanair

            return tartanair.CARD, tartanair.TartanAir
        case "blendedmvs":
            from leadline.data.datasets import blendedmvs

            return blendedmvs.CARD, blendedmvs.BlendedMvs
        case "hrwsi":
            from leadline.data.datasets import hrwsi

            return hrwsi.CARD, hrwsi.Hrwsi
        case "irs":
            from leadline.data.datasets import irs

            return irs.CARD, irs.Irs
        case "folder":
            from leadline.data.datasets import folder

            return folder.CARD, folder.Folder
        case "video":
            from leadline.data.datasets.video import dataset as video

            return video.CARD, video.Video
        case _:
            raise AssertionError(f"{kind} is listed but has no reader")
