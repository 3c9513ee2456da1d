"""Point clouds and meshes as PLY (points as they are) and GLB (glTF: y up, looking along -z), through trimesh."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from leadline.io.atomic import write_bytes
from leadline.io.source import existing_file
from leadline.types import UserError

if TYPE_CHECKING:
    import trimesh

Frame = Literal["camera", "vehicle"]
"""camera: x right, y down, z forward. vehicle: x forward, y left, z up."""

_GLTF_FROM: dict[Frame, np.ndarray] = {
    "camera": np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]]),
    "vehicle": np.array([[0.0, -1, 0], [0, 0, 1], [-1, 0, 0]]),
}


def write_points(path: str | Path, points: np.ndarray, colors: np.ndarray | None = None, *, frame: Frame = "camera") -> None:
    """Write points (n, 3) with `colors` uint8 (n, 3) as binary PLY or GLB, by the ending of `path`.

    PLY keeps the coordinates; GLB turns them from `frame` into the axes of glTF, so that viewers show them upright.
    Raises UserError when there are no points, for another ending, or where the file cannot be written.
    """
    points = _checked(points)
    if colors is not None and (colors.shape != points.shape or colors.dtype != np.uint8):
        raise ValueError(f"colors must be uint8 {points.shape}, got {colors.dtype} {colors.shape}")
    if not len(points):
        raise UserError(path, "would have no points, because no pixel is valid", "choose another input")
    import trimesh  # seconds on a cold disk, and only users of point clouds should pay them

    _write(Path(path), trimesh.PointCloud(points, colors=colors), frame)


def write_mesh(path: str | Path, vertices: np.ndarray, faces: np.ndarray, *, frame: Frame = "camera") -> None:
    """Write a surface of triangles, `vertices` (n, 3) and `faces` (m, 3) of their indices, as `write_points` does points.

    Raises UserError when there is no face, for another ending, or where the file cannot be written.
    """
    vertices = _checked(vertices)
    if not len(faces):
        raise UserError(path, "would have no surface", "choose another input")
    import trimesh

    _write(Path(path), trimesh.Trimesh(vertices, faces, process=False), frame)


def read_points(path: str | Path, *, frame: Frame = "camera") -> tuple[np.ndarray, np.ndarray | None]:
    """Points float32 (n, 3) of a PLY or GLB file, and their colours uint8 (n, 3) if it has any.

    GLB is turned from the axes of glTF into `frame`. Raises UserError when the file is missing, broken or holds no points.
    """
    import trimesh

    path = existing_file(path, what="point cloud")
    suffix = path.suffix.lower()
    if suffix not in (".ply", ".glb"):
        raise _unknown_ending(path)
    try:
        scene = trimesh.load_scene(io.BytesIO(path.read_bytes()), file_type=suffix[1:], process=False)
        placed = scene.dump()  # with the poses of the scene graph applied
        clouds = [cloud for cloud in placed if isinstance(cloud, trimesh.PointCloud | trimesh.Trimesh) and len(cloud.vertices)]
        points = np.concatenate([np.asarray(cloud.vertices, dtype=np.float32) for cloud in clouds])
        colors = [_colors_of(cloud) for cloud in clouds]
    except Exception as error:  # trimesh lets out whatever a broken file provokes
        raise UserError(path, "is not a readable point cloud", "give a PLY or GLB file, or write it again") from error
    if suffix == ".glb":
        points = points @ _GLTF_FROM[frame].astype(np.float32)  # the inverse of a rotation is its transpose
    known = [color for color in colors if color is not None]
    return points, np.concatenate(known) if len(known) == len(colors) else None


def _checked(points: np.ndarray) -> np.ndarray:
    points = np.asarray(points, dtype=np.float32)
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise ValueError(f"points must be finite numbers (n, 3), got {points.shape}")
    return points


def _write(path: Path, shape: "trimesh.PointCloud | trimesh.Trimesh", frame: Frame) -> None:
    match path.suffix.lower():
        case ".ply":
            content = shape.export(file_type="ply")
        case ".glb":
            turn = np.eye(4)
            turn[:3, :3] = _GLTF_FROM[frame]
            content = shape.apply_transform(turn).scene().export(file_type="glb")
        case _:
            raise _unknown_ending(path)
    write_bytes(path, content)  # pyright: ignore[reportArgumentType]


def _colors_of(cloud: "trimesh.PointCloud | trimesh.Trimesh") -> np.ndarray | None:
    rgba = np.asarray(getattr(cloud.visual, "vertex_colors", ()))
    is_colored = getattr(cloud.visual, "kind", None) == "vertex" and rgba.shape == (len(cloud.vertices), 4)
    return rgba[:, :3].astype(np.uint8) if is_colored else None


def _unknown_ending(path: Path) -> UserError:
    return UserError(path, f"'{path.suffix}' is not a format for points", "use .ply or .glb")
