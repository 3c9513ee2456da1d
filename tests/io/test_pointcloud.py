"""Point clouds go to disk and come back, and stand upright in viewers of glTF."""

import io
from pathlib import Path

import numpy as np
import pytest
import trimesh

from leadline.io.pointcloud import Frame, read_points, write_mesh, write_points
from leadline.types import UserError

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(50, 3)).astype(np.float32)
COLORS = RNG.integers(0, 256, (50, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", [".ply", ".glb"])
@pytest.mark.parametrize("frame", ["camera", "vehicle"])
@pytest.mark.parametrize("colors", [None, COLORS])
def test_read_points__brings_back_what_was_written(tmp_path: Path, suffix: str, frame: Frame, colors: np.ndarray | None) -> None:
    write_points(tmp_path / f"a{suffix}", POINTS, colors, frame=frame)
    points, again = read_points(tmp_path / f"a{suffix}", frame=frame)
    assert points.dtype == np.float32
    assert np.array_equal(points, POINTS)
    assert (again is None) == (colors is None)
    assert again is None or np.array_equal(again, COLORS)


@pytest.mark.parametrize(
    ("frame", "right", "up", "forward"),
    [("camera", (1, 0, 0), (0, -1, 0), (0, 0, 1)), ("vehicle", (0, -1, 0), (0, 0, 1), (1, 0, 0))],
)
def test_write_points__glb_has_the_axes_of_gltf(tmp_path: Path, frame: Frame, right: tuple, up: tuple, forward: tuple) -> None:
    write_points(tmp_path / "a.glb", np.array([right, up, forward]), frame=frame)
    (cloud,) = trimesh.load_scene(tmp_path / "a.glb").geometry.values()
    assert np.array_equal(cloud.vertices, [[1, 0, 0], [0, 1, 0], [0, 0, -1]])


def test_write_points__ply_is_binary_and_not_turned(tmp_path: Path) -> None:
    write_points(tmp_path / "a.ply", POINTS)
    content = (tmp_path / "a.ply").read_bytes()
    assert content.startswith(b"ply\nformat binary_little_endian 1.0")
    assert content.endswith(POINTS.astype("<f4").tobytes())


def test_read_points__scene_graph_is_applied(tmp_path: Path) -> None:
    shift = np.eye(4)
    shift[:3, 3] = 1, 2, 3
    scene = trimesh.Scene()
    scene.add_geometry(trimesh.PointCloud(np.zeros((2, 3))), transform=shift)
    (tmp_path / "a.glb").write_bytes(scene.export(file_type="glb"))
    points, _ = read_points(tmp_path / "a.glb")
    np.testing.assert_allclose(points, [[1, -2, -3]] * 2)


def test_read_points__mesh_of_others(tmp_path: Path) -> None:
    mesh = trimesh.creation.box()
    (tmp_path / "a.ply").write_bytes(trimesh.exchange.export.export_mesh(mesh, io.BytesIO(), file_type="ply"))
    assert read_points(tmp_path / "a.ply")[0].shape == (8, 3)


@pytest.mark.parametrize("suffix", [".ply", ".glb"])
def test_write_mesh__keeps_faces_and_which_way_they_look(tmp_path: Path, suffix: str) -> None:
    vertices, faces = np.array([[0.0, 0, 2], [1, 0, 2], [0, 1, 2]]), np.array([[0, 2, 1]])
    write_mesh(tmp_path / f"a{suffix}", vertices, faces)
    assert np.array_equal(read_points(tmp_path / f"a{suffix}")[0], vertices)
    (mesh,) = trimesh.load_scene(tmp_path / f"a{suffix}", process=False).geometry.values()
    assert isinstance(mesh, trimesh.Trimesh)
    # Towards the camera: -z in its own frame, +z in that of glTF.
    np.testing.assert_allclose(mesh.face_normals, [[0, 0, -1 if suffix == ".ply" else 1]])


def test_write_points__refuses(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="would have no points"):
        write_points(tmp_path / "a.ply", np.zeros((0, 3)))
    with pytest.raises(UserError, match=r"'\.obj' is not a format for points; use \.ply or \.glb"):
        write_points(tmp_path / "a.obj", POINTS)
    with pytest.raises(ValueError, match="finite"):
        write_points(tmp_path / "a.ply", np.full((1, 3), np.nan))
    with pytest.raises(ValueError, match="uint8"):
        write_points(tmp_path / "a.ply", POINTS, COLORS[:3])
    with pytest.raises(UserError, match="would have no surface"):
        write_mesh(tmp_path / "a.ply", POINTS, np.zeros((0, 3), dtype=np.int64))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.ply", "a.glb"])
@pytest.mark.parametrize("content", [b"", b"ply or not", b"ply\nformat ascii 1.0\nelement vertex 0\nproperty float x\nend_header\n"])
def test_read_points__broken(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=r"is empty|is not a readable point cloud"):
        read_points(tmp_path / name)
