"""Published ways to distil, as baselines for CKD and VRKD: each a pure function that is 0 where student and teacher agree.

They were made for classification; here a bin is a class and a pixel, or a picture, is an example. Constants are the published
ones unless said otherwise. Teachers get no gradient, half precision is lifted to float32, and a loss that has nothing to compare
is exactly 0. Call them outside autocast.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from leadline.losses.masked import full_precision, masked_mean, mean_over_images
from leadline.losses.pixel import l1_loss, log_l1_loss
from leadline.losses.scale_shift import scale_shift_invariant_loss
from leadline.methods.surround.ckd import kept, probability_loss, tempered
from leadline.methods.surround.config import ResponseKind
from leadline.methods.surround.relations import structure_loss, to_cells, unit

FLAT = 1e-4
"""Spread of probabilities below which nothing varies: the root of DIST's epsilon, 1e-8, which stands beside a product of spreads."""


def response_loss(
    *,
    depth: Float[Tensor, "n h w"],
    teacher_depth: Float[Tensor, "n h w"],
    keep: Bool[Tensor, "n h w"],
    kind: ResponseKind = "log_l1",
) -> Float[Tensor, ""]:
    """Difference of the depths [m] over the pixels to `keep`: of their logarithms, in metres, or after the best scale and shift."""
    losses = {"log_l1": log_l1_loss, "l1": l1_loss, "scale_shift": scale_shift_invariant_loss}
    return losses[kind](pred=depth, target=teacher_depth.detach(), valid=keep)


def kd_loss(
    *,
    logits: Float[Tensor, "n k h w"],
    teacher_probs: Float[Tensor, "n k h w"],
    keep: Bool[Tensor, "n h w"],
    temperature: float = 4.0,
) -> Float[Tensor, ""]:
    """tau^2 times the divergence of the softened probabilities, the mean over the pixels to `keep`.

    Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, arXiv 1503.02531, section 2. The teacher's logits are the
    logarithms of its probabilities, so this is `probability_loss` at another temperature. The paper's cross entropy with hard
    labels has no place here: true depth is learnt by SILog.
    """
    return probability_loss(logits=logits, teacher_probs=teacher_probs, keep=keep, temperature=temperature)


def dkd_loss(
    *,
    logits: Float[Tensor, "n k h w"],
    teacher_probs: Float[Tensor, "n k h w"],
    target_bin: Int[Tensor, "n h w"],
    temperature: float = 4.0,
    alpha: float = 1.0,
    beta: float = 8.0,
) -> Float[Tensor, ""]:
    """tau^2 (alpha TCKD + beta NCKD): the bin of the true depth against all others, and the others among themselves.

    Zhao et al., "Decoupled Knowledge Distillation", CVPR 2022, arXiv 2203.08679, equation 7. Pixels whose `target_bin` is negative
    are left out. Ours: a bin for a class, the mean over pixels as in `probability_loss`, no warm-up, and the other bins are
    normalised exactly where the authors push the target's logit to -1000.
    """
    known = target_bin >= 0
    logits, teacher_probs = kept(logits, teacher_probs, known)
    bins = torch.arange(logits.shape[1], device=logits.device)
    is_target = bins[:, None, None] == target_bin.clamp(min=0)[:, None]
    hit, miss, others = _decoupled(torch.log_softmax(logits / temperature, dim=1), is_target)
    hit_t, miss_t, others_t = _decoupled(tempered(teacher_probs, temperature), is_target)
    target_term = hit_t.exp() * (hit_t - hit) + miss_t.exp() * (miss_t - miss)
    other_term = (others_t.exp() * (others_t - others)).sum(dim=1)
    per_pixel = alpha * target_term + beta * other_term
    return temperature**2 * mean_over_images(masked_mean(per_pixel, known), known)


def dist_loss(
    *,
    logits: Float[Tensor, "n k h w"],
    teacher_probs: Float[Tensor, "n k h w"],
    keep: Bool[Tensor, "n h w"],
    beta: float = 1.0,
    gamma: float = 1.0,
) -> Float[Tensor, ""]:
    """beta (1 - correlation over the bins of each pixel) + gamma (1 - correlation over the pixels of each bin).

    Huang et al., "Knowledge Distillation from A Stronger Teacher", NeurIPS 2022, arXiv 2205.10536, section 3: Pearson's
    correlation of probabilities without a temperature. The pixels to `keep` of the whole batch are the examples, as where the
    authors segment. Ours: pixels and bins in which the teacher does not vary have no correlation and are not counted; the authors
    count them as 1, a constant.
    """
    ours = torch.softmax(full_precision(logits.movedim(1, -1)[keep]), dim=-1)
    theirs = full_precision(teacher_probs.detach().movedim(1, -1)[keep])
    return beta * _uncorrelated(ours, theirs, dim=1) + gamma * _uncorrelated(ours, theirs, dim=0)


def rkd_loss(*, embedding: Float[Tensor, "n _e _y _x"], teacher_embedding: Float[Tensor, "n _f _p _q"]) -> Float[Tensor, ""]:
    """RKD of the pictures of a batch, 25 times distances and 50 times angles (`structure_loss`, arXiv 1904.05068).

    A picture is the point that its embedding makes, flattened. Ours: embeddings are averaged over 12 x 20 cells first, which makes
    those of different resolution comparable and keeps points short; n * n differences of 240 e numbers are held in memory.
    """
    points, teacher_points = (to_cells(maps).flatten(1)[None] for maps in (embedding, teacher_embedding))
    alive = torch.ones(points.shape[:2], dtype=torch.bool, device=points.device)
    return structure_loss(points=points, teacher_points=teacher_points, alive=alive)


def similarity_loss(*, embedding: Float[Tensor, "n _e _y _x"], teacher_embedding: Float[Tensor, "n _f _p _q"]) -> Float[Tensor, ""]:
    """Mean squared difference of the products of all pictures of a batch with each other, each row of length 1.

    Tung and Mori, "Similarity-Preserving Knowledge Distillation", ICCV 2019, arXiv 1907.09682, equations 1 to 4, for one layer.
    Ours: embeddings are averaged over 12 x 20 cells first, so that resolutions may differ.
    """
    ours, theirs = (to_cells(maps).flatten(1) for maps in (embedding, teacher_embedding.detach()))
    return (unit(ours @ ours.T, dim=1) - unit(theirs @ theirs.T, dim=1)).square().mean()


def attention_loss(
    *, maps: Sequence[Float[Tensor, "n _c _y _x"]], teacher_maps: Sequence[Float[Tensor, "n _d _p _q"]]
) -> Float[Tensor, ""]:
    """Sum over pairs of maps of the mean squared difference of their attention, mean_c F^2 flattened to length 1.

    Zagoruyko and Komodakis, "Paying More Attention to Attention", ICLR 2017, arXiv 1612.03928, equation 2 with p = 2. Maps come
    from fine to coarse. The finest of each network, nearest to the picture as a stem is, is left out where there are others. Ours:
    the rest are paired from the coarsest on, and where one network has more of them its finest stay alone; the larger map of a pair
    is averaged to the size of the smaller.
    """
    pairs = zip(reversed(maps[1:] or maps), reversed(teacher_maps[1:] or teacher_maps), strict=False)
    return torch.stack([_attention_difference(ours, theirs.detach()) for ours, theirs in pairs]).sum()


def hint_loss(*, map_: Float[Tensor, "n c _y _x"], teacher_map: Float[Tensor, "n c _p _q"]) -> Float[Tensor, ""]:
    """Mean squared difference of one inner map, behind whatever adapter makes the channels agree, and the teacher's.

    Romero et al., "FitNets: Hints for Thin Deep Nets", ICLR 2015, arXiv 1412.6550, equation 3, beside the other terms instead of in
    a stage of its own. Ours: the teacher's map is resampled to the size of the student's.
    """
    ours, theirs = full_precision(map_), full_precision(teacher_map.detach())
    theirs = functional.interpolate(theirs, size=ours.shape[-2:], mode="bilinear", antialias=True)
    return (ours - theirs).square().mean()


def _decoupled(
    log_probs: Float[Tensor, "n k h w"], is_target: Bool[Tensor, "n k h w"]
) -> tuple[Float[Tensor, "n h w"], Float[Tensor, "n h w"], Float[Tensor, "n k h w"]]:
    """Logarithms of the probability of the target, of all others together, and of each other among them; 0 at the target."""
    hit = torch.where(is_target, log_probs, 0).sum(dim=1)
    miss = log_probs.masked_fill(is_target, -torch.inf).logsumexp(dim=1)
    return hit, miss, torch.where(is_target, 0, log_probs - miss[:, None])


def _uncorrelated(ours: Float[Tensor, "m k"], theirs: Float[Tensor, "m k"], *, dim: int) -> Float[Tensor, ""]:
    """Mean of 1 - Pearson's correlation along `dim`, over those in which `theirs` vary. Without any, 0."""
    ours, theirs = (values - values.mean(dim=dim, keepdim=True) for values in (ours, theirs))
    spread, their_spread = (values.norm(dim=dim).clamp(min=FLAT) for values in (ours, theirs))
    varies = their_spread > FLAT
    correlation = (ours * theirs).sum(dim=dim) / (spread * their_spread)
    return torch.where(varies, 1 - correlation, 0).sum() / varies.sum().clamp(min=1)


def _attention_difference(ours: Float[Tensor, "n _c _y _x"], theirs: Float[Tensor, "n _d _p _q"]) -> Float[Tensor, ""]:
    size = (min(ours.shape[-2], theirs.shape[-2]), min(ours.shape[-1], theirs.shape[-1]))
    energy = [functional.adaptive_avg_pool2d(full_precision(maps), size).square().mean(dim=1).flatten(1) for maps in (ours, theirs)]
    return (unit(energy[0], dim=1) - unit(energy[1], dim=1)).square().mean()
