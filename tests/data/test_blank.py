"""Dead cameras in training: by choice the sample is refused, skipped, or keeps its other cameras; all of it counted."""

import logging

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from leadline.data.dataset import Record
from leadline.data.sample import Needs, collate
from leadline.data.source import Replaced, SampleSource
from leadline.data.transforms import Transform
from leadline.geometry.pose import invert
from leadline.types import UserError

TRANSFORM = Transform(30, 50)
RIG = Needs(layers=frozenset({"depth", "usable", "cam_from_world", "cam_from_rig", "time_s"}), rig=True)


def got(layer: Tensor | None) -> Tensor:
    assert layer is not None
    return layer


def blanking(ring, needs=RIG):
    return SampleSource(ring, needs, TRANSFORM, on_corrupt="blank")


def test_blank__a_dead_camera_is_grey_unusable_and_at_its_place(ring, caplog):
    whole = blanking(ring)[0, 1]
    ring.broken = {("drive0", 1, "cam2"), ("drive0", 0, "cam2")}
    source = blanking(ring)
    with caplog.at_level(logging.WARNING):
        sample, again = source[0, 1], source[0, 1]
    torch.testing.assert_close(sample.image[0, 2], torch.full((3, 30, 50), 128 / 255))
    assert not got(sample.usable)[0, 2].any() and not got(sample.depth)[0, 2].any() and not sample.valid[0, 2].any()
    others = [0, 1, 3, 4, 5]
    for layer in ("image", "depth", "usable"):
        assert torch.equal(getattr(sample, layer)[:, others], getattr(whole, layer)[:, others])
    for layer in ("K", "cam_from_world", "cam_from_rig", "time_s"):
        torch.testing.assert_close(getattr(sample, layer), getattr(whole, layer), atol=1e-5, rtol=0)
    assert source.replaced == Replaced(num_blanked=2)
    assert torch.equal(sample.image, again.image)
    assert [record.message for record in caplog.records] == ["a grey picture takes its place: /drive0/1/cam2.jpg: is broken; copy it again"]


def test_blank__counts_through_workers(ring):
    ring.broken = {("drive0", 1, "cam2"), ("drive0", 1, "cam4"), ("drive1", 3, "cam0")}
    source = blanking(ring)
    batches = list(DataLoader(source, batch_sampler=[[(0, i) for i in range(8)]], collate_fn=collate, num_workers=1))
    assert source.replaced == Replaced(num_blanked=3)
    assert str(source.replaced) == "3 cameras were blanked because of missing or broken files"
    assert [int((~batch.usable).flatten(-2).all(-1).sum()) for batch in batches] == [3]


def test_blank__a_moment_that_lacks_a_camera_is_filled(ring):
    ring.records[1] = Record("drive0", 1, ("cam0", "cam1", "cam3", "cam4", "cam5"))
    ring.moments = ring.records
    with pytest.raises(UserError, match=r"5 cameras .* 6 cameras .*--data.on-corrupt"):
        SampleSource(ring, RIG, TRANSFORM)
    sample = blanking(ring)[0, 1]
    assert sample.image.shape == (1, 6, 3, 30, 50) and not got(sample.usable)[0, 2].any() and got(sample.usable)[0, 3].any()
    skipping = SampleSource(ring, RIG, TRANSFORM, on_corrupt="skip")
    assert len(skipping) == 7 and skipping.replaced == Replaced(num_incomplete=1)


def test_blank__skips_what_cannot_be_blanked(ring):
    everywhere = {(record.sequence, record.frame, "cam2") for record in ring.records if record.sequence == "drive0"}
    ring.broken = everywhere  # its calibration cannot be read anywhere in this drive
    source = blanking(ring)
    assert source[0, 1].name == ("/drive1/0/cam0.jpg",)
    assert source.replaced == Replaced(num_skipped=3)
    ring.broken = {("drive0", 1, f"cam{i}") for i in range(6)}
    assert blanking(ring)[0, 1].name == ("/drive0/2/cam0.jpg",), "a moment without any camera"
    ring.broken = {("drive0", 1, "cam2")}
    single = blanking(ring, Needs())
    assert single[0, 8].name == ("/drive0/1/cam3.jpg",), "single cameras have nothing left without their picture"
    pictures = blanking(ring, Needs(layers=frozenset(), rig=True))
    assert pictures[0, 1].name == ("/drive0/2/cam0.jpg",), "who reads neither depth nor masks would learn from grey"


def test_blank__is_for_the_reference_frame(ring):
    """What is compared with a grey neighbour in time would be wrong."""
    ring.broken = {("drive0", 2, "cam2")}
    source = blanking(ring, Needs(layers=RIG.layers, frames=(0, 1), rig=True))
    assert not got(source[0, 2].usable)[0, 2].any() and got(source[0, 2].usable)[1, 2].any()
    assert source[0, 1].name == source[0, 2].name and source.replaced.num_skipped == 1


def test_blank__the_world_pose_follows_from_another_camera(ring):
    """The stand-in is at another time in another place: only its place on the vehicle may be taken from there."""
    ring.broken = {("drive1", 3, "cam5")}
    sample = blanking(ring)[0, 7]
    world_from_rig = [
        invert(got(sample.cam_from_world)[0, v].double().numpy()) @ got(sample.cam_from_rig)[0, v].double().numpy() for v in (0, 5)
    ]
    np.testing.assert_allclose(world_from_rig[1], world_from_rig[0], atol=1e-5)
