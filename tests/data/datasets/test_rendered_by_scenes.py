"""The writer in `scenes` and the reader in `data` meet in a format: what one writes, the other reads."""

import numpy as np
import pytest

from leadline.data.catalog import open_dataset
from leadline.data.check import check_dataset
from leadline.geometry.camera import Camera
from leadline.geometry.pose import invert, pose_from_q_t
from leadline.geometry.rig import Lidar, Rig

pytest.importorskip("mitsuba", reason="rendering needs the extra leadline[scenes]")
from leadline.scenes.produce import produce


def two_cameras() -> Rig:
    ahead = np.array([0.5, -0.5, 0.5, -0.5])
    K = np.array([[24.0, 0.0, 24.0], [0.0, 24.0, 16.0], [0.0, 0.0, 1.0]])
    front = pose_from_q_t(ahead, np.array([1.5, 0.0, 1.5]))
    back = np.diag([-1.0, -1.0, 1.0, 1.0]) @ front
    cameras = tuple(Camera(K=K, width=48, height=32, name=name, rig_from_cam=pose) for name, pose in (("back", back), ("front", front)))
    lidar = Lidar(
        rig_from_lidar=pose_from_q_t(np.array([1.0, 0.0, 0.0, 0.0]), np.array([1.0, 0.0, 1.8])),
        elevations_deg=tuple(np.linspace(-25.0, 5.0, 16)),
        num_columns=180,
        max_range_m=80.0,
    )
    return Rig(cameras, lidar=lidar)


def test_streets__views_poses_and_lidar_agree(tmp_path):
    produce("streets", tmp_path, scenes=1, frames=1, height=32, width=48, seed=10000, rig=two_cameras(), spp=1, workers=1, variant="scalar")
    dense, sparse = (open_dataset(f"rendered:{tmp_path}", "validation", depth_source=source) for source in ("dense", "lidar"))
    assert [record.cameras for record in dense.records] == [("front", "back")]
    assert not check_dataset(dense).broken and not check_dataset(sparse).broken
    for record in dense.records:
        rigs = []
        for camera in record.cameras:
            view = dense.view(record, camera, dense.layers)
            points = sparse.view(record, camera, frozenset({"depth"})).depth
            assert (
                view.depth is not None and points is not None and view.cam_from_world is not None and view.camera.rig_from_cam is not None
            )
            rigs.append(invert(view.cam_from_world) @ invert(view.camera.rig_from_cam))
            both = (points > 0) & (view.depth > 0)
            assert both.sum() > 50
            # The LiDAR sits beside the cameras and a pixel of ground spans a tenth of its depth; halves of it remain.
            assert np.median(np.abs(points - view.depth)[both] / view.depth[both]) < 0.04
            assert view.normals is not None and (view.normals[..., 2] <= 0.9).all()
        np.testing.assert_allclose(rigs[0], rigs[1], atol=1e-6)


def test_rooms__every_layer_comes_back(tmp_path):
    produce("rooms", tmp_path, scenes=1, frames=1, height=24, width=40, seed=3, spp=1, workers=1, variant="scalar")
    dataset = open_dataset(f"rendered:{tmp_path}", "train")
    view = dataset.view(dataset.records[0], dataset.records[0].cameras[0], dataset.layers)
    assert {"depth", "normals", "albedo", "diffuse", "instance", "material", "cam_from_world", "time_s"} == dataset.layers
    assert view.depth is not None and view.material is not None and view.normals is not None
    assert (view.depth > 0).mean() > 0.95 and view.depth.max() < 30
    np.testing.assert_allclose(np.linalg.norm(view.normals[view.depth > 0], axis=1), 1.0, atol=0.02)
