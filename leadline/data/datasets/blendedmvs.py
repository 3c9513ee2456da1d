"""BlendedMVS: pictures rendered from textured reconstructions and blended with the photos. Yao et al., CVPR 2020.

ROOT/PID/blended_images/00000000.jpg (and 00000000_masked.jpg), rendered_depth_maps/00000000.pfm, cams/00000000_cam.txt
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leadline.data.card import FIXTURE_ONLY, DatasetCard
from leadline.data.dataset import Record, View
from leadline.data.reading import fitting_camera, numbered, rigid, same_size
from leadline.data.splits import choose
from leadline.io.depth import read_depth
from leadline.io.image import read_image
from leadline.io.source import existing_file
from leadline.types import UserError

CARD = DatasetCard(
    kind="blendedmvs",
    summary="BlendedMVS: rendered reconstructions of objects, buildings, landscapes",
    needs="PID/{blended_images/00000000.jpg,rendered_depth_maps/00000000.pfm,cams/00000000_cam.txt}",
    layers=("inverse_depth", "cam_from_world"),
    splits="a text file: PIDs (training_list.txt, validation_list.txt) or image paths",
    units="PFM, depth in the unit of each reconstruction, which is not the metre: read as relative inverse depth",
    invalid="0",
    camera="cams/*_cam.txt, taken as published; its pixel-centre convention is not stated",
    licence="CC BY 4.0",
    get="github.com/YoYo000/BlendedMVS (768x576, 27.5 GB, or 2048x1536)",
    status=FIXTURE_ONLY,
    counts={"all": 17818},
)
CAMERA = "camera"


class BlendedMvs:
    """Reconstructions below `root`. Raises UserError naming what was looked for when there are none.

    `inverse_depth` and the translations of `cam_from_world` share the unknown unit of their reconstruction.
    """

    layers = frozenset(CARD.layers)

    def __init__(self, root: Path, *, split: str | None = None) -> None:
        self._root = root
        self.moments: Sequence[Record] = [
            Record(sequence=folder.parent.name, frame=frame, cameras=(CAMERA,))
            for folder in sorted(root.glob("*/blended_images"))
            for frame in numbered(folder, r"(\d{8})\.jpg")
        ]
        if not self.moments:
            raise CARD.absent(root, "holds no PID/blended_images/00000000.jpg")
        self.records = choose(split, self.moments, root=root, image_path=self._image_path)

    @property
    def name(self) -> str:
        """DATASET:ROOT."""
        return f"blendedmvs:{self._root}"

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        """Read one picture. Raises UserError for a missing or broken file or sizes that differ."""
        folder, path = self._root / record.sequence, self._image_path(record, camera)
        image = read_image(path)
        calibration = folder / f"cams/{record.frame:08d}_cam.txt"
        cam_from_world, K = read_cam(calibration)
        inverse_depth = None
        if "inverse_depth" in layers:
            depth_path = folder / f"rendered_depth_maps/{record.frame:08d}.pfm"
            depth = same_size(read_depth(depth_path).values, image, path=depth_path)
            inverse_depth = np.divide(1, depth, out=np.zeros_like(depth), where=depth > 0)
        return View(
            image=image,
            camera=fitting_camera(K, image, path=path, subject=calibration, name=camera),
            path=path,
            inverse_depth=inverse_depth,
            cam_from_world=cam_from_world if "cam_from_world" in layers else None,
        )

    def _image_path(self, record: Record, camera: str) -> Path:
        return self._root / record.sequence / f"blended_images/{record.frame:08d}.jpg"


def read_cam(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """cam_from_world (4, 4) and K (3, 3) of an MVSNet camera file. Raises UserError for anything else."""
    words = existing_file(path, what="camera file").read_text(encoding="utf-8", errors="replace").split()
    try:
        extrinsic, intrinsic = words.index("extrinsic") + 1, words.index("intrinsic") + 1
        pose = np.array(words[extrinsic : extrinsic + 16], dtype=np.float64).reshape(4, 4)
        K = np.array(words[intrinsic : intrinsic + 9], dtype=np.float64).reshape(3, 3)
    except ValueError as error:
        raise UserError(path, f"is no MVSNet camera ({error})", "it holds 'extrinsic' and 4x4, then 'intrinsic' and 3x3 numbers") from error
    return rigid(pose, path=path), K
