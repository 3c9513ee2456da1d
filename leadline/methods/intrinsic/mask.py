"""The reflective mask: which pixels depth does not learn from, by any of the rules, and how right they are.

Everything here is a constant to the networks: no gradient flows through a mask.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.geometry.warp import sample_at
from leadline.losses.intrinsic import above_mean_error, error_difference, is_reflective, pseudo_diffuse, random_share
from leadline.losses.photometric import photometric_error
from leadline.losses.reprojection import Neighbours, still_error
from leadline.methods.intrinsic.config import IntrinsicConfig, Rule
from leadline.methods.intrinsic.network import Parts
from leadline.methods.selfsup.loss import Explanation


@dataclass(frozen=True)
class ReflectiveMask:
    """Pixels that depth learns from, and what is known of the others."""

    keep: Bool[Tensor, "n h w"]
    closed: Float[Tensor, "n h w"] | None = None
    """Depth [m] of the surface that the others are seen through, 0 elsewhere; None for rules that know no surfaces."""
    difference: Float[Tensor, "n h w"] | None = None
    """Of the standardised errors that the literal rules compare, below 0 where a pixel may be dropped; infinite where they do not
    look. None for other rules."""


@torch.no_grad()
def reflective_mask(
    found: Explanation,
    near: Neighbours,
    parts: Parts | None,
    config: IntrinsicConfig,
    *,
    truth: Bool[Tensor, "n h w"] | None = None,
    closed: Float[Tensor, "n h w"] | None = None,
    seed: int = 0,
) -> ReflectiveMask:
    """The mask of `config.mask` on the finest scale.

    Only the literal rules read `parts`, only the mask true `truth`, the pixels that mislead, and only stereo `closed` [m], the
    surfaces that frames see through, 0 elsewhere. `seed` decides what trimmed draws.
    """
    match config.mask:
        case "none":
            return ReflectiveMask(torch.ones_like(found.counts[:, 0]))
        case "true":
            assert truth is not None
            return ReflectiveMask(~truth)
        case "trimmed":
            like = ~_judged(config.trimmed_like, found, near, parts, closed, config).keep & found.moving[:, 0]
            candidates = above_mean_error(found.smallest[:, 0], found.moving[:, 0])
            return ReflectiveMask(~random_share(candidates, like, generator=torch.Generator().manual_seed(seed)))
        case rule:
            return _judged(rule, found, near, parts, closed, config)


def stereo_mask(closed: Float[Tensor, "n h w"]) -> ReflectiveMask:
    """The mask `stereo`, which was found before: what is seen through a surface at `closed` [m], 0 elsewhere."""
    return ReflectiveMask(closed == 0, closed)


def mask_logs(
    keep: Bool[Tensor, "n h w"], learns: Bool[Tensor, "n h w"], truth: Bool[Tensor, "n h w"] | None
) -> dict[str, Float[Tensor, ""]]:
    """Share of the pixels where depth could learn that the mask drops; with the truth its precision and recall there.

    Precision of an empty mask, and recall of nothing, are 0. Over many batches divide the means of the shares instead:
    precision is hit / dropped, recall hit / misleading.
    """
    dropped, num = ~keep & learns, learns.sum().clamp(min=1)
    logs = {"mask/dropped_share": dropped.sum() / num}
    if truth is None:
        return logs
    misleading = truth & learns
    hit = (dropped & misleading).sum()
    return logs | {
        "mask/misleading_share": misleading.sum() / num,
        "mask/hit_share": hit / num,
        "mask/precision": hit / dropped.sum().clamp(min=1),
        "mask/recall": hit / misleading.sum().clamp(min=1),
    }


def _judged(
    rule: Rule, found: Explanation, near: Neighbours, parts: Parts | None, closed: Tensor | None, config: IntrinsicConfig
) -> ReflectiveMask:
    if rule == "stereo":
        assert closed is not None
        return stereo_mask(closed)
    assert parts is not None
    return _literal_mask(found, near, parts, config, above_mean=rule == "literal-above-mean")


def _literal_mask(found: Explanation, near: Neighbours, parts: Parts, config: IntrinsicConfig, *, above_mean: bool) -> ReflectiveMask:
    """Equations 8 to 10."""
    diffuse = _diffuse_pictures(near, parts, config)
    errors, diffuse_errors = (_errors(pictures, found, config) for pictures in (near, diffuse))
    source = errors.mean(dim=2).argmin(dim=0)
    own = diffuse_errors.mean(dim=2).argmin(dim=0) if config.diffuse_sources == "own" else source
    error, diffuse_error = _of_source(errors, source), _of_source(diffuse_errors, own)
    moving = diffuse_moving = found.moving[:, 0]
    if config.diffuse_automask == "own" and config.automask:
        still = still_error(diffuse, ssim_share=config.ssim_share)
        if still is not None:
            diffuse_moving = found.counts[:, 0] & (diffuse_error.mean(dim=1) < still)
    valid, diffuse_valid = moving, diffuse_moving
    if config.statistics_pixels == "all":
        valid = diffuse_valid = found.counts[:, 0]
        error, diffuse_error = error * moving[:, None], diffuse_error * diffuse_moving[:, None]
    batch = config.statistics == "batch"
    difference = error_difference(picture_errors=error, diffuse_errors=diffuse_error, valid=valid, diffuse_valid=diffuse_valid, batch=batch)
    dropped = is_reflective(
        difference=difference,
        error=error.mean(dim=1),
        valid=valid,
        batch=batch,
        least_pixels=config.mask_least_pixels,
        above_mean=above_mean,
    )
    return ReflectiveMask(~(dropped & moving), difference=torch.where(moving, difference, torch.inf))


def _diffuse_pictures(near: Neighbours, parts: Parts, config: IntrinsicConfig) -> Neighbours:
    """References and sources without their residual, each made in its own frame (equation 9)."""
    if config.diffuse_image == "predicted":
        return replace(near, image=parts.diffuse.detach(), sources=parts.diffuse_src.detach())
    pairs = (near.image, parts.residual), (near.sources, parts.residual_src)
    image, sources = (pseudo_diffuse(x, r, floor=config.log_floor, clamp=config.diffuse_clamp) for x, r in pairs)
    return replace(near, image=image, sources=sources)


def _errors(pictures: Neighbours, found: Explanation, config: IntrinsicConfig) -> Tensor:
    """Photometric errors (s n c h w) of `pictures`, warped as the finest depth says; infinite where a source does not count.

    Pictures and diffuse pictures both come through here, so that equal pictures have equal errors to the last digit.
    """
    grid, counts = found.seen.grid[:, :, 0], found.seen.counts[:, :, 0]
    warped = sample_at(pictures.sources.flatten(0, 1), grid.flatten(0, 1)).unflatten(0, grid.shape[:2])
    reference = pictures.image
    if config.error_channels == 3:  # colours as pictures of one channel
        warped, reference = warped[..., None, :, :], reference[..., None, :, :]
    errors = photometric_error(pred=warped, target=reference, ssim_share=config.ssim_share)
    errors = errors if config.error_channels == 3 else errors[:, :, None]
    return torch.where(counts[:, :, None], errors, torch.inf)


def _of_source(errors: Tensor, source: Tensor) -> Tensor:
    """(n c h w) of (s n c h w): the errors of one source per pixel, 0 where it does not count."""
    index = source[None, :, None].expand(1, *errors.shape[1:])
    chosen = errors.gather(0, index)[0]
    return torch.where(chosen.isfinite(), chosen, 0)
