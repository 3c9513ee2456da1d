"""Intrinsic images that fit each other across views, and the mask they give: picture = diffuse * residual.

Choi et al., "Intrinsic Image Decomposition for Robust Self-supervised Monocular Depth Estimation on Reflective Surfaces", AAAI
2025, arXiv 2503.22209; numbers in brackets are its equations. The residual holds what depends on the view. Colours, diffuse and
residual images are in [0, 1]; everything is compared in logarithms, of values not below a floor.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.losses.masked import full_precision, masked_mean, mean_over_images

LOG_FLOOR = 1e-3
"""Smallest value whose logarithm is taken; our default, the paper names none."""
MARGIN = 5.0
"""The paper's delta: diffuse images of two sequences may differ by more than this, in the L2 norm of the whole image."""
UNCERTAIN = 0.1
"""Standard deviation of log depth from which networks disagree: about a tenth of the depth. Our default, not tuned."""
_TINY = 1e-12
"""In square roots, so that their gradient at zero is zero; and added to variances."""


def log_image(image: Float[Tensor, "*b c h w"], *, floor: float = LOG_FLOOR) -> Float[Tensor, "*b c h w"]:
    """Logarithm of an image in [0, 1]; below the floor it is constant and has no gradient."""
    return full_precision(image).clamp(min=floor).log()


def decomposition_error(
    *, image: Float[Tensor, "*b 3 h w"], diffuse: Float[Tensor, "*b 3 h w"], residual: Float[Tensor, "*b _c h w"], floor: float = LOG_FLOOR
) -> Float[Tensor, "*b h w"]:
    """|log image - log diffuse - log residual|, mean over the channels: (3), and (5) where `diffuse` was warped from a source.

    A residual of one channel counts for all three.
    """
    parts = log_image(diffuse, floor=floor) + log_image(residual, floor=floor)
    return (log_image(image, floor=floor) - parts).abs().mean(dim=-3)


def pixel_loss(error: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"], *, total: bool = False) -> Float[Tensor, ""]:
    """Mean over the valid pixels of each image, or with `total` their sum, then the mean over the images that have any."""
    per_image = torch.where(valid, error, 0).sum(dim=(1, 2)) if total else masked_mean(error, valid)
    return mean_over_images(per_image, valid)


def contrastive_loss(
    *,
    warped: Float[Tensor, "n 3 h w"],
    diffuse: Float[Tensor, "n 3 h w"],
    apart: Bool[Tensor, "n n"],
    margin: float = MARGIN,
    per_value: bool = False,
    mean: bool = False,
) -> Float[Tensor, ""]:
    """(6): sum over pairs i, j that are `apart` of max(margin - ||warped_i - diffuse_j||, 0); 0 without any.

    The norm is that of the whole image, or with `per_value` the root of its mean square; with `mean` the pairs are averaged.
    """
    warped = full_precision(warped)
    a, b = warped.flatten(1).double(), diffuse.flatten(1).double()
    # By products, in double precision: the difference of every pair would be n * n whole images.
    squared = (a.square().sum(dim=1)[:, None] + b.square().sum(dim=1) - 2 * a @ b.mT).clamp(min=0)
    distance = ((squared / a.shape[1] if per_value else squared) + _TINY).sqrt()
    hinge = (margin - distance).clamp(min=0).to(warped)
    total = torch.where(apart, hinge, 0).sum()
    return total / apart.sum().clamp(min=1) if mean else total


def pseudo_diffuse(
    image: Float[Tensor, "*b 3 h w"], residual: Float[Tensor, "*b _c h w"], *, floor: float = LOG_FLOOR, clamp: bool = True
) -> Float[Tensor, "*b 3 h w"]:
    """(9): the picture without its residual, image / residual, cut to [0, 1]. It keeps the detail that a predicted image loses."""
    diffuse = full_precision(image) / full_precision(residual).clamp(min=floor)
    return diffuse.clamp(max=1) if clamp else diffuse


def standardised(errors: Float[Tensor, "n c h w"], valid: Bool[Tensor, "n h w"], *, batch: bool = False) -> Float[Tensor, "n h w"]:
    """Mahalanobis distance of the errors of each pixel to their mean (10): |error - mean| / s.d. where c = 1.

    Mean and covariance are those of the valid pixels of each image, or with `batch` of all images together.
    """
    values = full_precision(errors).movedim(1, -1)
    n, height, width, channels = values.shape
    rows = values.reshape(1 if batch else n, -1, channels)
    weight = valid.reshape(len(rows), -1, 1).to(rows)
    weight = weight / weight.sum(dim=1, keepdim=True).clamp(min=1)
    offset = rows - (rows * weight).sum(dim=1, keepdim=True)
    covariance = (offset * weight).mT @ offset
    covariance = covariance + _TINY * torch.eye(channels, dtype=rows.dtype, device=rows.device)
    squared = (offset * torch.linalg.solve(covariance, offset.mT).mT).sum(dim=-1)
    return squared.clamp(min=0).sqrt().reshape(n, height, width)


def error_difference(
    *,
    picture_errors: Float[Tensor, "n c h w"],
    diffuse_errors: Float[Tensor, "n c h w"],
    valid: Bool[Tensor, "n h w"],
    diffuse_valid: Bool[Tensor, "n h w"] | None = None,
    batch: bool = False,
) -> Float[Tensor, "n h w"]:
    """Standardised error of the pseudo-diffuse pictures less that of the pictures; `valid` are the pixels of the statistics.

    `diffuse_valid` are those of the diffuse errors where they differ.
    """
    far = standardised(picture_errors, valid, batch=batch)
    return standardised(diffuse_errors, valid if diffuse_valid is None else diffuse_valid, batch=batch) - far


def is_reflective(
    *,
    difference: Float[Tensor, "n h w"],
    error: Float[Tensor, "n h w"],
    valid: Bool[Tensor, "n h w"],
    batch: bool = False,
    least_pixels: int = 100,
    above_mean: bool = False,
) -> Bool[Tensor, "n h w"]:
    """Where the standardised error of the pseudo-diffuse pictures is smaller than that of the pictures (10), per pixel, no margin.

    `difference` is what `error_difference` found for the `error` of the pictures; outside `valid` nothing is reflective. Images,
    or with `batch` batches, of fewer than `least_pixels` have no statistics and nothing reflective. With `above_mean` (not the
    paper's) a pixel's error must also exceed the mean: without it the rule calls pixels reflective whose error is unusually
    small, because the distance has no sign.
    """
    found = valid & (difference < 0)
    if above_mean:
        found = found & above_mean_error(error, valid, batch=batch)
    counted = valid.sum() if batch else valid.sum(dim=(1, 2))[:, None, None]
    return found & (counted >= least_pixels)


def above_mean_error(error: Float[Tensor, "n h w"], valid: Bool[Tensor, "n h w"], *, batch: bool = False) -> Bool[Tensor, "n h w"]:
    """Valid pixels whose error is larger than the mean of the valid ones of its image, or with `batch` of all of them."""
    if batch:
        return valid & (error > torch.where(valid, error, 0).sum() / valid.sum().clamp(min=1))
    return valid & (error > masked_mean(error, valid)[:, None, None])


def random_share(candidates: Bool[Tensor, "n h w"], like: Bool[Tensor, "n h w"], *, generator: torch.Generator) -> Bool[Tensor, "n h w"]:
    """As many random pixels of `candidates` as `like` marks in the same image, or all of them: the control of a mask.

    `generator` lives on the CPU, so that every machine draws the same.
    """
    draws = torch.rand(candidates.shape, generator=generator).to(candidates.device)
    order = torch.where(candidates, draws, 2.0).flatten(1).argsort(dim=1).argsort(dim=1).reshape(candidates.shape)
    return candidates & (order < like.sum(dim=(1, 2))[:, None, None])


def closing_loss(*, depth: Float[Tensor, "n k h w"], closed: Float[Tensor, "n h w"], counts: Bool[Tensor, "n h w"]) -> Float[Tensor, ""]:
    """|log depth - log closed| where `closed` is known, as a mean over all pixels that count, so that small openings weigh little.

    Our own: `closed` [m] is the surface that stereo sees through (geometry/openings.py), 0 elsewhere, and gets no gradient.
    """
    known = (closed > 0) & counts
    error = (full_precision(depth).log() - torch.where(known, closed, 1)[:, None].log()).abs()
    error = torch.where(known[:, None], error, 0).flatten(0, 1)
    valid = counts.repeat_interleave(depth.shape[1], dim=0)
    return mean_over_images(masked_mean(error, valid), valid)


def chosen_depth(
    *,
    keep: Bool[Tensor, "n h w"],
    where_kept: Float[Tensor, "n h w"],
    where_dropped: Float[Tensor, "n h w"],
    difference: Float[Tensor, "n h w"] | None = None,
    margin: float = 0.0,
) -> Float[Tensor, "n h w"]:
    """Pseudo-depth [m] of two teachers: the plain one's where the mask keeps pixels, the robust one's where it drops them.

    The paper's own procedure is in an appendix we have not seen; this is our reading. With a `margin`, pixels whose
    `difference` of standardised errors is smaller than it take the mean of both teachers in log depth.
    """
    chosen = torch.where(keep, where_kept, where_dropped)
    if difference is None or margin <= 0:
        return chosen
    between = (where_kept.log() + where_dropped.log()).mul(0.5).exp()
    return torch.where(difference.abs() < margin, between, chosen)


def mesh_where_uncertain(
    depths: Float[Tensor, "m f h w"], mesh_depth: Float[Tensor, "f h w"], threshold: float = UNCERTAIN
) -> Float[Tensor, "f h w"]:
    """Pseudo-depth [m] of m networks: their mean in log depth, and where they disagree the depth of a mesh made of all frames.

    After 3D Distillation (Shi et al., ICCV 2023), whose own rule and weights we do not know: that a pixel is uncertain where the standard
    deviation of log depth over the networks is at least `threshold`, and the threshold itself, are ours. Where there is no mesh
    (`mesh_depth` 0) the mean stays. `depths` are positive. Raises ValueError for fewer than two networks, which cannot disagree.
    """
    if len(depths) < 2:
        raise ValueError(f"{len(depths)} network cannot disagree: give at least two")
    logs = full_precision(depths).log()
    uncertain = logs.std(dim=0, correction=0) >= threshold
    return torch.where(uncertain & (mesh_depth > 0), mesh_depth, logs.mean(dim=0).exp())
