"""A rendered room fused from its true depths and seen again: what fusion loses at 5 cm, with furniture and clutter in it."""

from pathlib import Path

import pytest
import torch

from leadline.data.catalog import open_dataset
from leadline.geometry.tsdf import VOXEL_M, fuse, mesh, render

pytest.importorskip("mitsuba", reason="rendering needs the extra leadline[scenes]")
from leadline.scenes.produce import produce


def test_fuse__a_rendered_room_comes_back(tmp_path: Path) -> None:
    produce("rooms", tmp_path, scenes=1, frames=3, height=48, width=64, seed=3, spp=1, workers=1, variant="scalar")
    dataset = open_dataset(f"rendered:{tmp_path}")
    views = [dataset.view(record, record.cameras[0], frozenset({"depth", "cam_from_world"})) for record in dataset.records]
    depth = torch.stack([torch.as_tensor(view.depth) for view in views])
    K = torch.stack([torch.as_tensor(view.camera.K) for view in views])
    poses = torch.stack([torch.as_tensor(view.cam_from_world) for view in views])
    volume = fuse(depth, K, poses)
    back = render(volume, K[1], poses[1], height=48, width=64)
    known, met = depth[1] > 0, back > 0
    assert volume.voxel_m == VOXEL_M
    assert (met & known).sum() > 0.9 * known.sum()
    error = (back - depth[1])[met & known].abs()
    assert error.median() < 0.1 * VOXEL_M
    assert (error < VOXEL_M).float().mean() > 0.9
    vertices, faces = mesh(volume)
    assert len(faces) > 1000 and faces.max() < len(vertices)
