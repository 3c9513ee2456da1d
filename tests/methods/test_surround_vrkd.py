"""VRKD on a ring: equality, rotation, swaps and flips (tests 3 and 4 of the specification), dead cameras, and which sides meet."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from leadline.data.dataset import View
from leadline.data.transforms import flip_views
from leadline.geometry.camera import Camera
from leadline.geometry.pose import invert, transform
from leadline.geometry.projection import project
from leadline.geometry.rig import ring_pairs
from leadline.io.rig import read_rig
from leadline.methods.surround.relations import to_cells
from leadline.methods.surround.vrkd import OUTER_COLUMNS, Relation, compared, relation_loss
from leadline.models.bins.answer import Bins
from tests.fixtures import plain_distillation as plain

RELATIONS = get_args(Relation)
RING_RELATIONS = [name for name in RELATIONS if name != "pooled"]
YAWS_DEG = (2.0, 57.0, 118.0, 181.0, -121.0, -58.0)
every_relation = pytest.mark.parametrize("relation", RELATIONS)


def maps(seed: int, *, b: int = 1, v: int = 6, e: int = 4, size: tuple[int, int] = (12, 20), dtype: Any = torch.float64) -> Tensor:
    """Maps of a rig, each camera with a tint of its own; positive, so that they serve as probabilities too."""
    generator = torch.Generator().manual_seed(seed)
    tint, noise = (torch.rand(b, v, e, *shape, generator=generator, dtype=dtype) for shape in ((1, 1), size))
    return tint + noise / 2


def all_alive(student: Tensor) -> Tensor:
    return torch.ones(student.shape[:2], dtype=torch.bool)


def loss_of(student: Tensor, teacher: Tensor, relation: Relation, alive: Tensor | None = None) -> Tensor:
    return relation_loss(student=student, teacher=teacher, relation=relation, alive=all_alive(student) if alive is None else alive)


@every_relation
def test_relation_loss__is_zero_at_equality(relation: Relation):
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 2e-5)):
        student = maps(0, dtype=dtype).requires_grad_()
        loss = loss_of(student, student, relation)
        loss.backward()
        assert abs(loss.item()) < tolerance
        assert student.grad is not None and student.grad.abs().max() < tolerance


@every_relation
def test_relation_loss__is_unchanged_when_the_ring_is_rotated(relation: Relation):
    student, teacher = maps(0), maps(1)
    expected = loss_of(student, teacher, relation)
    assert expected > 1e-4
    torch.testing.assert_close(loss_of(student.roll(2, dims=1), teacher.roll(2, dims=1), relation), expected)


@pytest.mark.parametrize("relation", RING_RELATIONS)
def test_relation_loss__changes_when_two_cameras_are_swapped(relation: Relation):
    student, teacher, swapped = maps(0), maps(1), [0, 3, 2, 1, 4, 5]
    expected = loss_of(student, teacher, relation)
    assert abs(loss_of(student[:, swapped], teacher[:, swapped], relation) / expected - 1) > 1e-3
    assert abs(loss_of(student[:, swapped], teacher, relation) / expected - 1) > 1e-3


def view(yaw_deg: float, seed: int) -> View:
    """A picture of noise and the camera that took it."""
    yaw = np.radians(yaw_deg)
    pose = np.eye(4)
    pose[:3, :3] = np.column_stack([[np.sin(yaw), -np.cos(yaw), 0], [0, 0, -1], [np.cos(yaw), np.sin(yaw), 0]])
    camera = Camera.from_fov(60, width=40, height=24)
    image = np.random.default_rng(seed).integers(0, 255, (24, 40, 3), dtype=np.uint8)
    return View(image=image, camera=Camera(camera.K, 40, 24, rig_from_cam=pose), path=Path("picture.png"))


@every_relation
@pytest.mark.parametrize(
    "yaws", [YAWS_DEG, YAWS_DEG[:2], (2.0, -58.0), (0.0, 120.0, -100.0)], ids=["six", "left pair", "right pair", "three"]
)
def test_relation_loss__of_the_flipped_rig_is_that_of_the_original(relation: Relation, yaws: tuple[float, ...]):
    """Every view is mirrored and the ring runs the other way; the networks see one pixel at a time, so they cannot tell."""
    frame = [view(yaw, seed) for seed, yaw in enumerate(yaws)]
    student, teacher = (torch.randn(5, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in (1, 2))

    def of(frame: list[View]) -> Tensor:
        pictures = torch.from_numpy(np.stack([one.image for one in frame])).double() / 255
        ours, theirs = (torch.einsum("ec,vyxc->veyx", network, pictures).exp()[None] for network in (student, teacher))
        return loss_of(ours, theirs, relation)

    torch.testing.assert_close(of(flip_views([frame])[0]), of(frame))


@pytest.mark.parametrize("relation", RING_RELATIONS)
@pytest.mark.parametrize(("v", "pairs"), [(3, ((0, 1), (1, 2), (2, 0))), (2, ((0, 1),))])
def test_relation_loss__by_a_plain_twin(relation: Relation, v: int, pairs: tuple[tuple[int, int], ...]):
    """Student and teacher differ in channels and resolution, some sizes are odd, and a camera is dead."""
    student, teacher = maps(0, b=2, v=v, size=(13, 31)), maps(1, b=2, v=v, e=3, size=(7, 40))
    alive = torch.ones(2, v, dtype=torch.bool)
    alive[1, v - 1] = False
    pairs = (*pairs, (1, 0)) if (v, relation) == (2, "overlap") else pairs  # two cameras are compared at both borders
    expected = plain.vrkd(student.numpy(), teacher.numpy(), pairs, relation, alive.numpy())
    assert loss_of(student, teacher, relation, alive).item() == pytest.approx(expected, rel=1e-9)
    assert loss_of(student.float(), teacher.float(), relation, alive).item() == pytest.approx(expected, rel=1e-4)


def test_relation_loss__pooled_by_a_plain_twin():
    student, teacher = maps(0, b=2, v=4, size=(24, 20)), maps(1, b=2, v=4, e=3)
    alive = torch.tensor([[True, True, True, True], [True, False, True, True]])
    ours, theirs = (rigs.mean(dim=(-2, -1)).numpy() for rigs in (student, teacher))
    # the mean of distances and that of angles is per rig, then over rigs, and so is their sum
    expected = np.mean([plain.rkd(ours[b][alive[b].numpy()], theirs[b][alive[b].numpy()]) for b in range(2)])
    assert loss_of(student, teacher, "pooled", alive).item() == pytest.approx(expected, rel=1e-9)


@every_relation
@pytest.mark.parametrize("content", [0.0, 1e9, torch.nan, torch.inf])
def test_relation_loss__dead_cameras_do_not_exist(relation: Relation, content: float):
    student, teacher = maps(0, b=2, dtype=torch.float32), maps(1, b=2, dtype=torch.float32)
    alive = torch.tensor([[True, True, True, False, True, True], [True, False, True, False, True, False]])
    expected = loss_of(student, teacher, relation, alive)
    assert expected > 0
    dead = ~alive[:, :, None, None, None]
    student, teacher = student.masked_fill(dead, content).requires_grad_(), teacher.masked_fill(dead, content)
    loss = loss_of(student, teacher, relation, alive)
    loss.backward()
    torch.testing.assert_close(loss, expected)
    assert student.grad is not None and torch.isfinite(student.grad).all() and (student.grad[~alive] == 0).all()
    if relation != "pooled":  # the second rig has no pair of neighbours left
        assert (student.grad[1] == 0).all() and (student.grad[0] != 0).any()


@every_relation
@pytest.mark.parametrize(("v", "alive"), [(1, True), (6, False), (1, False)])
def test_relation_loss__without_a_pair_is_exactly_zero(relation: Relation, v: int, alive: bool):
    student = maps(0, v=v, dtype=torch.float32).requires_grad_()
    loss = loss_of(student, maps(1, v=v, dtype=torch.float32), relation, torch.full((1, v), alive))
    loss.backward()
    assert loss.item() == 0 and student.grad is not None and (student.grad == 0).all()


@every_relation
def test_relation_loss__teaches_the_student_alone_and_lifts_half_precision(relation: Relation):
    student, teacher = maps(0, dtype=torch.float16).requires_grad_(), maps(1, dtype=torch.float16).requires_grad_()
    loss = loss_of(student, teacher, relation)
    loss.backward()
    assert loss.dtype == torch.float32 and teacher.grad is None
    assert student.grad is not None and torch.isfinite(student.grad).all()
    torch.testing.assert_close(loss, loss_of(student.float(), teacher.float(), relation))


@every_relation
def test_relation_loss__cells_without_a_direction_send_finite_gradients(relation: Relation):
    """Embeddings end in a ReLU in some heads, and pictures may be black."""
    student = torch.zeros(1, 6, 4, 12, 20, requires_grad=True)
    loss_of(student, maps(1, dtype=torch.float32), relation).backward()
    assert student.grad is not None and torch.isfinite(student.grad).all()


def test_relation_loss__maps_that_were_kept_as_cells_are_those_that_were_not():
    student, teacher = maps(0, size=(24, 40)), maps(1, e=3, size=(48, 60))
    kept = to_cells(teacher[0])[None]
    torch.testing.assert_close(loss_of(student, kept, "cosine"), loss_of(student, teacher, "cosine"))
    assert torch.equal(to_cells(kept[0]), kept[0])
    assert to_cells(torch.ones(2, 3, 5, 7)).shape == (2, 3, 12, 20)


@pytest.mark.parametrize("name", ["ddad6", "nuscenes6"])
def test_overlap__compares_the_columns_in_which_neighbours_see_the_same(name: str):
    """Points that both of a pair see lie on the side of each picture whose columns the loss looks at."""
    rig = read_rig(name)
    assert rig.neighbours() == ring_pairs(6)
    for i, j in rig.neighbours():
        towards = [seen_at(rig.cameras[c], rig.cameras[j if c == i else i]) for c in (i, j)]
        assert towards[0] < 0.5 < towards[1], "the left of a camera faces the next one"
        student = maps(0, dtype=torch.float32).requires_grad_()
        alive = torch.zeros(1, 6, dtype=torch.bool)
        alive[:, [i, j]] = True
        loss_of(student, maps(1, dtype=torch.float32), "overlap", alive).backward()
        assert student.grad is not None
        columns = (student.grad[0] != 0).any(dim=1).any(dim=1)  # (v, 20)
        assert columns[i].nonzero().flatten().tolist() == list(range(OUTER_COLUMNS))
        assert columns[j].nonzero().flatten().tolist() == list(range(20 - OUTER_COLUMNS, 20))
        assert columns.sum() == 2 * OUTER_COLUMNS


def seen_at(camera: Camera, other: Camera) -> float:
    """Share of the width at which `camera` sees, on the mean, what the `other` sees too, 30 m around the rig."""
    yaw = torch.linspace(0, 2 * torch.pi, 721, dtype=torch.float64)[:-1]
    points = torch.stack([30 * yaw.cos(), 30 * yaw.sin(), torch.full_like(yaw, 1.5)], dim=1)
    columns, both = [], torch.ones(len(points), dtype=torch.bool)
    for one in (camera, other):
        assert one.rig_from_cam is not None
        uv, depth = project(transform(torch.from_numpy(invert(one.rig_from_cam)), points), torch.from_numpy(one.K))
        columns.append(uv[:, 0] / one.width)
        both &= (depth > 0) & (columns[-1] > 0) & (columns[-1] < 1)
    assert both.any()
    return columns[0][both].mean().item()


def test_compared__takes_probabilities_or_embeddings():
    bins = Bins(logits=torch.randn(2, 5, 6, 8), centres=torch.ones(2, 5, 1, 1), embedding=torch.randn(2, 4, 6, 8))
    taught: Any = SimpleNamespace(probs=torch.rand(2, 5, 3, 4), embedding=torch.rand(2, 7, 12, 20))
    ours, theirs = compared(bins, taught, "probabilities")
    assert torch.equal(ours, bins.probs) and theirs is taught.probs
    for relation in ("cosine", "softmax", "overlap", "pooled"):
        ours, theirs = compared(bins, taught, relation)
        assert ours is bins.embedding and theirs is taught.embedding
