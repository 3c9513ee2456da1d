"""View-relational distillation: how alike the cells of neighbouring cameras are, as the teacher sees it.

In the spirit of VRKD, Hwang et al., arXiv 2512.08700, of which we know the abstract: every formula here is ours. It is the idea of
similarity-preserving distillation (arXiv 1907.09682) carried across the views of a ring. Relations are compared, not features, so
the channels of the two networks need not agree.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.geometry.rig import ring_pairs
from leadline.losses.masked import mean_over_images
from leadline.methods.surround.config import Relation
from leadline.methods.surround.relations import CELLS, structure_loss, to_cells, unit
from leadline.models.bins.answer import Bins

if TYPE_CHECKING:
    from leadline.methods.surround.teacher import Taught

SOFTMAX_TEMPERATURE = 0.1
OUTER_COLUMNS = CELLS[1] // 4
"""Columns of cells that the neighbour on that side may see as well: a quarter."""


def compared(bins: Bins, taught: "Taught", relation: Relation) -> tuple[Float[Tensor, "n _c _y _x"], Float[Tensor, "n _d _p _q"]]:
    """The maps of student and teacher between whose cells `relation` is taken, each at its own resolution."""
    return (bins.probs, taught.probs) if relation == "probabilities" else (bins.embedding, taught.embedding)


def relation_loss(
    *,
    student: Float[Tensor, "b v _c _y _x"],
    teacher: Float[Tensor, "b v _d _p _q"],
    relation: Relation,
    alive: Bool[Tensor, "b v"],
) -> Float[Tensor, ""]:
    """L_VRKD: how far the relations between neighbours in the ring are from the teacher's, the mean over pairs that are `alive`.

    All maps are averaged over 12 x 20 cells, so sizes may differ. F_i is the map of camera i with cells of length 1, and
    R = F_i^T F_(i+1) holds the cosine of every cell of i and every cell of i + 1 (240 x 240). Ours, all of them:

        cosine          mean (R^S - R^T)^2
        softmax         KL of softmax(R^T / 0.1) and softmax(R^S / 0.1), the mean over rows and over columns; without the columns
                        the loss would depend on which way round the ring runs, and a flip would change it
        probabilities   like cosine, of maps of probabilities
        overlap         like cosine, of the quarter of columns on either side of the border that the two share: the ring runs
                        counter-clockwise, so the left columns of i and the right ones of i + 1
        pooled          RKD (`structure_loss`) of one mean vector per camera, all cameras of a rig against all

    A pair counts if both cameras are alive; without any the loss is 0 and sends no gradient. One camera has no pair, two are one
    pair. Only in `overlap` two are compared at both of their borders, as nobody here knows on which side the second stands.
    """
    student, teacher = (_cells(maps, alive) for maps in (student, teacher.detach()))
    if relation == "pooled":
        return structure_loss(points=student.mean(dim=(-2, -1)), teacher_points=teacher.mean(dim=(-2, -1)), alive=alive)
    pairs = ring_pairs(alive.shape[1])
    if relation == "overlap" and len(pairs) == 1:
        pairs = ((0, 1), (1, 0))
    ours, theirs = (_likeness(cells, pairs, relation) for cells in (student, teacher))
    error = _softmax_divergence(ours, theirs) if relation == "softmax" else (ours - theirs).square().mean(dim=(-2, -1))
    live = torch.stack([alive[:, i] & alive[:, j] for i, j in pairs], dim=1) if pairs else alive[:, :0]
    return mean_over_images(error.flatten(), live.flatten()[:, None, None])


def _cells(maps: Float[Tensor, "b v c _y _x"], alive: Bool[Tensor, "b v"]) -> Float[Tensor, "b v c 12 20"]:
    seen = torch.where(alive[:, :, None, None, None], maps, 0)
    return to_cells(seen.flatten(0, 1)).unflatten(0, alive.shape)


def _likeness(cells: Float[Tensor, "b v c y x"], pairs: Sequence[tuple[int, int]], relation: Relation) -> Float[Tensor, "b pairs _q _r"]:
    """Cosines of all cells of the first with all cells of the second camera of each pair."""
    directions = unit(cells, dim=2)
    first, second = directions[:, [i for i, _ in pairs]], directions[:, [j for _, j in pairs]]
    if relation == "overlap":
        first, second = first[..., :OUTER_COLUMNS], second[..., -OUTER_COLUMNS:]
    return first.flatten(3).mT @ second.flatten(3)


def _softmax_divergence(ours: Float[Tensor, "b p q q"], theirs: Float[Tensor, "b p q q"]) -> Float[Tensor, "b p"]:
    """KL of where each cell finds its like in the other camera, seen from the first and from the second."""
    total = ours.new_zeros(ours.shape[:2])
    for dim in (-1, -2):
        target, answer = (torch.log_softmax(likeness / SOFTMAX_TEMPERATURE, dim=dim) for likeness in (theirs, ours))
        total = total + (target.exp() * (target - answer)).sum(dim=dim).mean(dim=-1) / 2
    return total
