"""Initial weights of plain transformers that are trained from scratch on few pictures.

Random attention looks everywhere alike, and a small training ends before it has found out what neighbours are. Here it begins as in
trained transformers: tokens look at tokens near them and of their kind (W_q W_k^T near the identity, positions as sines), and take what
they find off themselves (W_v W_o near minus the identity). Trockman & Kolter 2023, "Mimetic Initialization of Self-Attention Layers",
arXiv 2305.09828; they factor noisy multiples of the identity, here queries and keys are equal and values end where they came from.
"""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

TAKEN_OFF = 0.4
"""Share of what a token finds that it loses: theirs."""
SLOWEST, FASTEST = -2.0, 3.5
"""Exponents of two: waves of the positions across the picture."""


@torch.no_grad()
def begin_mimetic(network: Any, *, width: int) -> None:
    """Set the weights of a DINOv2 of `transformers` (model or backbone) of `width` channels. Draws random numbers."""
    table = network.embeddings.position_embeddings
    side = math.isqrt(table.shape[1] - 1)
    table[:, 1:] = sine_positions(side, side, width)
    for layer in network.encoder.layer:
        for linear in layer.modules():
            if isinstance(linear, nn.Linear):
                nn.init.trunc_normal_(linear.weight, std=width**-0.5)
        attention = layer.attention
        attention.k_proj.weight.copy_(attention.q_proj.weight)
        turned = nn.init.orthogonal_(torch.empty(width, width)) * math.sqrt(TAKEN_OFF)
        attention.v_proj.weight.copy_(turned)
        attention.o_proj.weight.copy_(-turned.T)


def sine_positions(rows: int, columns: int, width: int) -> Float[Tensor, "n d"]:
    """Sines and cosines of the centres of a grid of `rows` x `columns` tokens, row by row; `width` is a multiple of 4."""
    y, x = torch.meshgrid(*((torch.arange(side) + 0.5) / side for side in (rows, columns)), indexing="ij")
    # NOTE: no torch.linspace, which transformers replaces by one that is always on the CPU.
    waves = 2 * math.pi * (SLOWEST + (FASTEST - SLOWEST) * torch.arange(width // 4) / (width // 4 - 1)).exp2()
    angles = [axis.flatten()[:, None] * waves for axis in (y, x)]
    return torch.cat([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], dim=1)
