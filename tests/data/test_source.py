"""Samples are a function of (seed, epoch, index); what is missing or broken is said, by file."""

import logging

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from leadline.data.augment import Augment
from leadline.data.dataset import Record, iter_views
from leadline.data.order import BatchOrder
from leadline.data.sample import Needs, collate
from leadline.data.source import SampleSource
from leadline.data.transforms import Transform
from leadline.types import UserError

TRANSFORM = Transform(16, 24, Augment(smallest_crop=0.7, brightness=0.2))


def test_source__one_camera_each_or_the_whole_rig(ring):
    single = SampleSource(ring, Needs(), TRANSFORM)
    rig = SampleSource(ring, Needs(rig=True), TRANSFORM)
    assert len(single) == 2 * 4 * 6 and len(rig) == 2 * 4
    assert single[0, 0].image.shape == (1, 1, 3, 16, 24)
    assert rig[0, 0].image.shape == (1, 6, 3, 16, 24)
    assert single[0, 3].name == ("/drive0/0/cam3.jpg",)


def test_source__moments_without_neighbours_are_left_out(ring):
    source = SampleSource(ring, Needs(layers=frozenset({"time_s"}), frames=(0, -1, 1), rig=True), TRANSFORM)
    assert len(source) == 2 * 2
    times = source[0, 0].time_s
    assert times is not None
    np.testing.assert_allclose(times[:, 0].numpy(), [0.1, 0.0, 0.2], atol=1e-6)
    assert {source[0, i].name[0] for i in range(4)} == {f"/drive{s}/{f}/cam0.jpg" for s in (0, 1) for f in (1, 2)}


def test_source__neighbours_come_from_outside_the_split(ring):
    ring.moments = ring.records
    ring.records = [ring.records[2]]
    assert len(SampleSource(ring, Needs(frames=(0, 1)), TRANSFORM)) == 6


def test_source__neighbour_that_lacks_the_camera_is_no_neighbour(ring):
    ring.records[1] = Record("drive0", 1, ("cam0",))
    assert len(SampleSource(ring, Needs(frames=(0, 1)), TRANSFORM)) == 1 + 1 + 6 + 3 * 6


def test_source__same_address_same_sample(ring):
    first, again = (SampleSource(ring, Needs(), TRANSFORM, seed=5)[3, 7] for _ in range(2))
    other_epoch, other_seed = SampleSource(ring, Needs(), TRANSFORM, seed=5)[4, 7], SampleSource(ring, Needs(), TRANSFORM, seed=6)[3, 7]
    assert torch.equal(first.image, again.image) and torch.equal(first.K, again.K)
    assert not torch.equal(first.image, other_epoch.image) and not torch.equal(first.image, other_seed.image)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_source__workers_change_nothing(ring, workers):
    source = SampleSource(ring, Needs(), TRANSFORM, cache_bytes=10**6)
    order = BatchOrder(source.sizes, batch_size=5, num_batches=4, seed=1)
    batches = list(DataLoader(source, batch_sampler=order, collate_fn=collate, num_workers=workers))
    expected = [collate([source[address] for address in batch]) for batch in order]
    for batch, same in zip(batches, expected, strict=True):
        assert batch.image.shape == (5, 1, 1, 3, 16, 24)
        assert torch.equal(batch.image, same.image) and batch.name == same.name


def test_source__layer_that_is_not_there_is_refused(ring):
    with pytest.raises(UserError, match=r"ring:memory: has no normals.*cam_from_rig"):
        SampleSource(ring, Needs(layers=frozenset({"depth", "normals"})), TRANSFORM)


def test_source__usable_is_always_there(ring):
    ring.layers = frozenset({"depth"})
    sample = SampleSource(ring, Needs(layers=frozenset({"usable"})), TRANSFORM)[0, 0]
    assert sample.usable is not None and sample.usable.dtype == torch.bool


def test_source__too_short_sequences_are_refused(ring):
    with pytest.raises(UserError, match=r"no frame has neighbours at -3, \+3"):
        SampleSource(ring, Needs(frames=(0, -3, 3)), TRANSFORM)


def test_source__rigs_of_different_sizes_are_refused(ring, make_ring):
    small = make_ring(cameras=3)
    assert len(SampleSource([ring, small], Needs(), TRANSFORM)) == 48 + 24
    with pytest.raises(UserError, match=r"3 cameras .* 6 cameras"):
        SampleSource([ring, small], Needs(rig=True), TRANSFORM)


def test_source__data_sets_follow_each_other(ring, make_ring):
    second = make_ring(cameras=1, sequences=1)
    source = SampleSource([ring, second], Needs(), Transform(30, 50))
    assert source.sizes == (48, 4)
    assert source[0, 47].name == ("/drive1/3/cam5.jpg",)
    assert source[0, 48].name == ("/drive0/0/cam0.jpg",)
    assert source[0, 51].name == ("/drive0/3/cam0.jpg",)


def test_source__names_the_sequence_of_every_item(ring, make_ring):
    source = SampleSource([ring, make_ring(cameras=2, sequences=3)], Needs(frames=(0, 1)), TRANSFORM, cache_bytes=10**6)
    assert source.sequences == [source[0, i].sequence[0] for i in range(len(source))]
    assert len(source.sequences) == 2 * 3 * 6 + 3 * 3 * 2 and len(set(source.sequences)) == 3


def test_source__broken_file_raises_with_its_path(ring):
    ring.broken = {("drive0", 0, "cam2")}
    with pytest.raises(UserError, match=r"^/drive0/0/cam2.jpg: is broken; copy it again$"):
        SampleSource(ring, Needs(), TRANSFORM)[0, 2]


def test_source__broken_file_keeps_its_line_through_a_worker(ring):
    ring.broken = {("drive0", 0, "cam2")}
    source = SampleSource(ring, Needs(), TRANSFORM)
    loader = DataLoader(source, batch_sampler=[[(0, 1), (0, 2)]], collate_fn=collate, num_workers=1)
    with pytest.raises(UserError) as caught:
        list(loader)
    assert str(caught.value) == "/drive0/0/cam2.jpg: is broken; copy it again"
    assert caught.value.subject == "/drive0/0/cam2.jpg"


@pytest.mark.parametrize("workers", [0, 1])
def test_source__skipping_is_deterministic_counted_and_told(ring, caplog, workers):
    ring.broken = {("drive0", 0, "cam2"), ("drive0", 0, "cam3")}
    source = SampleSource(ring, Needs(), TRANSFORM, on_corrupt="skip")
    loader = DataLoader(source, batch_sampler=[[(0, 2)], [(0, 2)]], collate_fn=collate, num_workers=workers)
    with caplog.at_level(logging.WARNING):
        batches = list(loader)
    assert [batch.name for batch in batches] == [("/drive0/0/cam4.jpg",)] * 2
    assert source.replaced.num_skipped == 4
    if workers == 0:
        assert [record.message.count("/drive0/0/cam2.jpg: is broken") for record in caplog.records] == [1, 0]


def test_source__skipping_wraps_around_and_gives_up_when_all_are_broken(ring):
    ring.broken = {(r.sequence, r.frame, camera) for r in ring.records for camera in r.cameras} - {("drive0", 0, "cam0")}
    source = SampleSource(ring, Needs(), TRANSFORM, on_corrupt="skip")
    assert source[0, 1].name == ("/drive0/0/cam0.jpg",)
    ring.broken.add(("drive0", 0, "cam0"))
    with pytest.raises(UserError, match="is broken"):
        source[0, 1]


def test_cache__reads_each_file_once_and_stays_within_its_budget(ring):
    one_view = sum(v.nbytes for v in vars(ring.view(ring.records[0], "cam0", frozenset({"depth"}))).values() if isinstance(v, np.ndarray))
    ring.reads = 0
    source = SampleSource(ring, Needs(), TRANSFORM, cache_bytes=10 * one_view)
    first = [source[0, i].image for i in range(len(source))]
    assert ring.reads == 48
    again = [source[0, i].image for i in range(len(source))]
    assert ring.reads == 48 + 38
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))  # and nobody wrote into what is kept


def test_iter_views__walks_in_order_and_hands_over_what_is_broken(ring):
    ring.broken = {("drive0", 0, "cam1")}
    errors: list[UserError] = []
    seen = [(record.frame, camera) for record, camera, _ in iter_views(ring, on_error=errors.append)]
    assert seen[:3] == [(0, "cam0"), (0, "cam2"), (0, "cam3")] and len(seen) == 47
    assert [error.subject for error in errors] == ["/drive0/0/cam1.jpg"]
    with pytest.raises(UserError, match="is broken"):
        list(iter_views(ring))
