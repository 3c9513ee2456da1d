"""The intrinsic losses on their own: hand values, gradients, silence without valid pixels, statistics, controls, pseudo-depth."""

import math

import pytest
import torch

from leadline.losses.intrinsic import (
    above_mean_error,
    chosen_depth,
    closing_loss,
    contrastive_loss,
    decomposition_error,
    error_difference,
    is_reflective,
    log_image,
    mesh_where_uncertain,
    pixel_loss,
    pseudo_diffuse,
    random_share,
    standardised,
)


def rand(*shape: int, seed: int = 0, low: float = 0.0) -> torch.Tensor:
    return low + (1 - low) * torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


ALL = torch.ones(2, 8, 10, dtype=torch.bool)


def test_reconstruction__recovers_a_picture_that_was_made_of_its_parts() -> None:
    diffuse, residual = rand(2, 3, 8, 10, low=0.2), rand(2, 3, 8, 10, seed=1, low=0.2)
    assert decomposition_error(image=diffuse * residual, diffuse=diffuse, residual=residual).max() < 1e-12


def test_decomposition__by_hand_and_below_the_floor() -> None:
    image, diffuse, residual = (torch.full((3, 1, 1), value) for value in (0.5, 0.5, 0.25))
    assert decomposition_error(image=image, diffuse=diffuse, residual=residual).item() == pytest.approx(math.log(4))
    black = torch.zeros(3, 1, 1, requires_grad=True)
    error = decomposition_error(image=torch.zeros(3, 1, 1), diffuse=black, residual=torch.ones(1, 1, 1))
    assert error.item() == 0
    error.sum().backward()
    assert torch.isfinite(black.grad if black.grad is not None else torch.tensor(math.nan)).all()
    assert log_image(torch.zeros(3, 1, 1)).min().item() == pytest.approx(math.log(1e-3))


def test_pixel_loss__mean_sum_and_silence() -> None:
    error, valid = torch.full((2, 8, 10), 2.0), ALL.clone()
    valid[1, 4:] = False
    assert pixel_loss(error, valid).item() == 2 and pixel_loss(error, valid, total=True).item() == 2 * (80 + 40) / 2
    assert pixel_loss(torch.full((2, 8, 10), math.nan), torch.zeros_like(valid)).item() == 0


def test_contrast__zero_for_two_random_images_delta_for_identical_ones_and_a_finite_gradient_there() -> None:
    apart = ~torch.eye(2, dtype=torch.bool)
    some = rand(2, 3, 96, 96)
    assert contrastive_loss(warped=some, diffuse=some.flip(0).roll(5, -1), apart=apart).item() == 0
    same = torch.full((2, 3, 8, 10), 0.5, dtype=torch.float64, requires_grad=True)
    loss = contrastive_loss(warped=same, diffuse=same.detach().clone(), apart=apart)
    assert loss.item() == pytest.approx(2 * 5, abs=1e-4)
    loss.backward()
    assert same.grad is not None and torch.isfinite(same.grad).all()
    assert contrastive_loss(warped=same, diffuse=same, apart=apart, mean=True).item() == pytest.approx(5, abs=1e-4)
    assert contrastive_loss(warped=some, diffuse=some, apart=torch.zeros(2, 2, dtype=torch.bool)).item() == 0
    assert contrastive_loss(warped=some, diffuse=1 - some, apart=apart, per_value=True).item() > 2 * 4  # never more than 1 apart


def test_contrast__gradcheck_near_collapse() -> None:
    warped, diffuse = (0.5 + 0.01 * rand(2, 3, 3, 4, seed=seed) for seed in (1, 2))
    apart = ~torch.eye(2, dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda w: contrastive_loss(warped=w, diffuse=diffuse, apart=apart), warped.requires_grad_())


def test_pseudo_diffuse__divides_out_the_residual() -> None:
    diffuse, residual = rand(2, 3, 8, 10), rand(2, 1, 8, 10, seed=1, low=0.2)
    torch.testing.assert_close(pseudo_diffuse(diffuse * residual, residual), diffuse)
    dark = torch.zeros(2, 1, 8, 10, dtype=torch.float64)
    assert pseudo_diffuse(diffuse, dark).max() <= 1 and pseudo_diffuse(diffuse, dark, clamp=False).max() > 100


def test_standardised__one_channel_is_distance_in_standard_deviations() -> None:
    errors, valid = rand(2, 1, 8, 10), rand(2, 8, 10, seed=2) < 0.7
    got = standardised(errors, valid)
    for n in range(2):
        known = errors[n, 0][valid[n]]
        torch.testing.assert_close(got[n], (errors[n, 0] - known.mean()).abs() / known.std(correction=0), rtol=1e-6, atol=1e-6)


def test_standardised__does_not_depend_on_unit_or_mixture_of_channels() -> None:
    errors = rand(2, 3, 8, 10)
    mixed = torch.einsum("cd,ndhw->nchw", rand(3, 3, seed=4) + torch.eye(3, dtype=torch.float64), errors)
    torch.testing.assert_close(standardised(100 * mixed + 3, ALL, batch=True), standardised(errors, ALL, batch=True), rtol=1e-5, atol=1e-5)
    assert standardised(torch.full((2, 1, 8, 10), 0.3, dtype=torch.float64), ALL).max() < 1e-3


def test_is_reflective__a_few_strong_outliers_that_the_diffuse_pictures_lack() -> None:
    error = 0.02 + 0.02 * rand(1, 1, 40, 50)
    diffuse = error.clone()
    error[..., 10:14, 10:35] = 0.5
    valid = torch.ones(1, 40, 50, dtype=torch.bool)
    difference = error_difference(picture_errors=error, diffuse_errors=diffuse, valid=valid)
    found = is_reflective(difference=difference, error=error[:, 0], valid=valid, above_mean=True)
    assert found[0, 10:14, 10:35].float().mean() > 0.95 and found.sum() < 105
    literal = is_reflective(difference=difference, error=error[:, 0], valid=valid)
    assert literal[0, 10:14, 10:35].float().mean() > 0.9
    assert not error_difference(picture_errors=error, diffuse_errors=error, valid=valid).any(), "equal pictures differ nowhere"
    assert not is_reflective(difference=difference, error=error[:, 0], valid=valid, least_pixels=2001).any()


def test_random_share__as_many_as_the_other_among_the_candidates_and_the_same_every_time() -> None:
    error, like = rand(2, 8, 10), torch.zeros(2, 8, 10, dtype=torch.bool)
    like[0, :2] = True
    candidates = above_mean_error(error, ALL)
    first, again = (random_share(candidates, like, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    other = random_share(candidates, like, generator=torch.Generator().manual_seed(4))
    assert first[0].sum() == 20 and not first[1].any() and not (first & ~candidates).any()
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(random_share(candidates, ALL, generator=torch.Generator()), candidates)


def test_closing__pulls_closed_pixels_and_them_only() -> None:
    depth = (2 + rand(2, 3, 8, 10)).requires_grad_()
    closed = torch.zeros(2, 8, 10, dtype=torch.float64)
    closed[0, 2:4, 3:8] = 1.5
    loss = closing_loss(depth=depth, closed=closed, counts=ALL)
    by_hand = (depth[0, :, 2:4, 3:8] / 1.5).log().abs().mean(dim=0).sum() / 80 / 2
    torch.testing.assert_close(loss, by_hand)
    (gradient,) = torch.autograd.grad(loss, depth)
    assert (gradient[0, :, 2:4, 3:8] > 0).all() and gradient.count_nonzero() == 3 * 10
    assert closing_loss(depth=depth, closed=closed, counts=torch.zeros_like(ALL)).item() == 0


def test_distillation__mask_chooses_the_teacher_and_the_margin_mixes_them() -> None:
    plain, robust = torch.full((1, 2, 2), 8.0), torch.full((1, 2, 2), 2.0)
    keep = torch.tensor([[[True, False], [True, False]]])
    chosen = chosen_depth(keep=keep, where_kept=plain, where_dropped=robust)
    assert torch.equal(chosen[keep], plain[keep]) and torch.equal(chosen[~keep], robust[~keep])
    difference = torch.tensor([[[0.05, -0.05], [0.5, -0.5]]])
    mixed = chosen_depth(keep=keep, where_kept=plain, where_dropped=robust, difference=difference, margin=0.1)
    torch.testing.assert_close(mixed, torch.tensor([[[4.0, 4.0], [8.0, 2.0]]]))


def test_mesh_where_uncertain__by_hand() -> None:
    """Four pixels: sure, unsure with a mesh, unsure without one, sure beside a mesh that says something else."""
    depths = torch.tensor([[[[2.0, 1.0, 1.0, 3.0]]], [[[2.0, 4.0, 4.0, 3.1]]]])
    mesh = torch.tensor([[[0.0, 7.0, 0.0, 7.0]]])
    expected = torch.tensor([[[2.0, 7.0, 2.0, (3.0 * 3.1) ** 0.5]]])
    torch.testing.assert_close(mesh_where_uncertain(depths, mesh, 0.1), expected)
    torch.testing.assert_close(mesh_where_uncertain(depths, mesh, threshold=0.0), torch.where(mesh > 0, mesh, expected))
    assert (
        mesh_where_uncertain(depths, mesh, threshold=math.log(4) / 2 + 1e-3) < 7
    ).all()  # the s.d. of 1 and 4 in logarithms is log(4) / 2
    with pytest.raises(ValueError, match="at least two"):
        mesh_where_uncertain(depths[:1], mesh, 0.1)
