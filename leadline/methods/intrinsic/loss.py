"""The intrinsic losses, equations 3, 5, 6 and 7 of arXiv 2503.22209, on the parts of references and sources."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.geometry.warp import sample_at
from leadline.losses.intrinsic import contrastive_loss, decomposition_error, pixel_loss
from leadline.losses.reprojection import Neighbours, Reprojection
from leadline.methods.intrinsic.config import IntrinsicConfig
from leadline.methods.intrinsic.network import Parts


def intrinsic_terms(
    scales: Sequence[Parts], near: Neighbours, seen: Reprojection, apart: Bool[Tensor, "n n"], config: IntrinsicConfig
) -> dict[str, Float[Tensor, ""]]:
    """Weighted terms, means over the scales. Sources are warped as the finest depth of `seen` says."""
    grid, inside = seen.grid[:, :, 0], seen.inside[:, :, 0]
    if not config.cross_trains_depth:
        grid = grid.detach()
    counts = seen.counts[:, :, 0] if config.cross_pixels == "all" else seen.counts[:, :, 0] & inside
    counted = [_terms(parts, near, grid, counts.detach(), apart, config) for parts in scales]
    weights = config.reconstruction_weight, config.cross_weight, config.contrastive_weight
    means = (weight * torch.stack(terms).mean() for weight, terms in zip(weights, zip(*counted, strict=True), strict=True))
    return dict(zip(("reconstruction", "cross", "contrastive"), means, strict=True))


def apart_in(sequences: Sequence[str], usable: Bool[Tensor, "n h w"] | None, *, num: int) -> Bool[Tensor, "n n"]:
    """Pairs of the n pictures of a batch that show different sequences, and something at all; n / len(sequences) each in turn.

    Without `sequences` only a picture is not apart from itself.
    """
    owner = (
        torch.arange(num)
        if not sequences
        else torch.tensor([sequences.index(one) for one in sequences]).repeat_interleave(num // len(sequences))
    )
    apart = owner[:, None] != owner
    if usable is None:
        return apart
    shows = usable.flatten(1).any(dim=1)
    return apart.to(shows.device) & shows & shows[:, None]


def _terms(parts: Parts, near: Neighbours, grid: Tensor, counts: Tensor, apart: Tensor, config: IntrinsicConfig) -> tuple[Tensor, ...]:
    total = config.reduction == "sum"
    usable = torch.ones_like(counts[0]) if near.usable is None else near.usable
    error = decomposition_error(image=near.image, diffuse=parts.diffuse, residual=parts.residual, floor=config.log_floor)
    reconstruction = pixel_loss(error, usable, total=total)
    if config.reconstruct_sources:
        errors = decomposition_error(image=near.sources, diffuse=parts.diffuse_src, residual=parts.residual_src, floor=config.log_floor)
        usable_src = torch.ones_like(counts) if near.usable_src is None else near.usable_src
        of_sources = pixel_loss(errors.flatten(0, 1), usable_src.flatten(0, 1), total=total)
        reconstruction = (reconstruction + len(errors) * of_sources) / (1 + len(errors))
    warped = sample_at(parts.diffuse_src.flatten(0, 1), grid.flatten(0, 1)).unflatten(0, grid.shape[:2])
    errors = decomposition_error(image=near.image, diffuse=warped, residual=parts.residual, floor=config.log_floor)
    if config.cross_sources == "smallest":
        smallest = torch.where(counts, errors, torch.inf).amin(dim=0)
        cross = pixel_loss(smallest, counts.any(dim=0), total=total)
    else:
        cross = pixel_loss(errors.flatten(0, 1), counts.flatten(0, 1), total=total)
    return reconstruction, cross, _contrast(warped, parts.diffuse, apart, config)


def _contrast(warped: Tensor, diffuse: Tensor, apart: Tensor, config: IntrinsicConfig) -> Tensor:
    """Equation 6, mean over the sources."""
    per_value, mean = config.contrastive_norm == "value", config.contrastive_pairs == "mean"
    options = {"apart": apart.to(diffuse.device), "margin": config.contrastive_margin, "per_value": per_value, "mean": mean}
    return torch.stack([contrastive_loss(warped=one, diffuse=diffuse, **options) for one in warped]).mean()
