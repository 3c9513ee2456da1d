"""L_p of cross-interaction distillation: the student's probabilities over bins follow the teacher's.

In the spirit of CKD, Hwang et al., arXiv 2512.08700, of which we know the abstract: every formula here is ours. The abstract says
that probabilities, which have no scale, come from the teacher and metric centres from the true depth. L_p is the first half: it
sends gradient to the student's probabilities alone. The second, L_x, is SILog of the depth from the teacher's probabilities and the
student's centres (distillation.py): it sends gradient to the centres alone. L_CKD = L_p + L_x.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import full_precision, masked_mean, mean_over_images

SMALLEST = torch.finfo(torch.float32).tiny
"""Probability that stands for 0 under a logarithm. A larger one would do harm: at temperature 4 a bin of 1e-6 weighs 3 % of the peak,
and sharp distributions have dozens of bins below that."""


def probability_loss(
    *,
    logits: Float[Tensor, "n k h w"],
    teacher_probs: Float[Tensor, "n k h w"],
    keep: Bool[Tensor, "n h w"],
    temperature: float = 1.0,
) -> Float[Tensor, ""]:
    """L_p = tau^2 mean KL(p^T || p^S) over the pixels to `keep`, of softmax(logits / tau) from the teacher's p^(1/tau) / sum.

    Ours, in the spirit of CKD. It needs no true depth, so every pixel that is not hidden can count; the mean is over the pixels of
    a picture, then over the pictures that have any.
    """
    logits, teacher_probs = kept(logits, teacher_probs, keep)
    theirs = tempered(teacher_probs, temperature)
    ours = torch.log_softmax(logits / temperature, dim=1)
    divergence = (theirs.exp() * (theirs - ours)).sum(dim=1)
    return temperature**2 * mean_over_images(masked_mean(divergence, keep), keep)


def kept(
    logits: Float[Tensor, "n k h w"], teacher_probs: Float[Tensor, "n k h w"], keep: Bool[Tensor, "n h w"]
) -> tuple[Float[Tensor, "n k h w"], Float[Tensor, "n k h w"]]:
    """Both in full precision, the teacher's without gradient, and alike where not to `keep`, whatever stood there."""
    logits, teacher_probs = full_precision(logits), full_precision(teacher_probs.detach())
    return torch.where(keep[:, None], logits, 0), torch.where(keep[:, None], teacher_probs, 1)


def tempered(probs: Float[Tensor, "n k h w"], temperature: float) -> Float[Tensor, "n k h w"]:
    """log of p^(1/tau) / sum_k p^(1/tau): what softmax(logits / tau) is for whoever has only the probabilities."""
    return torch.log_softmax(probs.clamp(min=SMALLEST).log() / temperature, dim=1)
