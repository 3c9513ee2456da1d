"""The method `supervised`: its losses, its kinds, canonical focal scaling."""

from dataclasses import replace

import pytest
import torch

from leadline.data.sample import Sample
from leadline.methods.catalog import build_method
from leadline.methods.supervised.config import SupervisedConfig
from leadline.models.known import NETWORKS
from leadline.types import DepthKind, UserError

TINY = SupervisedConfig(encoder="resnet-tiny", decoder_width=0.5)
HEIGHT, WIDTH = 64, 96


def sample(focal_px: float, *, depth_m: float = 5.0, batch: int = 1) -> Sample:
    K = torch.eye(3).repeat(batch, 1, 1, 1, 1)
    K[..., 0, 0] = K[..., 1, 1] = focal_px
    image = torch.rand(batch, 1, 1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
    return Sample(image=image, K=K, depth=torch.full((batch, 1, 1, HEIGHT, WIDTH), depth_m))


def test_supervised__metres_follow_the_focal_length() -> None:
    """The same picture through twice the focal length shows things twice as far away."""
    method = build_method("supervised", TINY).eval()
    near, far = sample(40.0), sample(80.0)
    with torch.inference_mode():
        ratio = method(far.image[:, 0], far.K[:, 0]) / method(near.image[:, 0], near.K[:, 0])
    torch.testing.assert_close(ratio, torch.full_like(ratio, 2.0))


def test_supervised__metres_do_not_follow_the_resolution() -> None:
    """K in pixels and the width change together when an image is resized: only the network's own answer may change."""
    method = build_method("supervised", TINY).eval()
    small = sample(80.0)
    double = Sample(image=small.image.repeat_interleave(2, -1).repeat_interleave(2, -2), K=small.K * torch.tensor([[2.0], [2.0], [1.0]]))
    with torch.inference_mode():
        factor = method(small.image[:, 0], small.K[:, 0]) / method(small.image[:, 0], double.K[:, 0] / 2)
        raw_small = method.network(small.image[:, 0, 0])[0]
        values = method(double.image[:, 0], double.K[:, 0])
        raw = method.network(double.image[:, 0, 0])[0]
    assert factor.isfinite().all() and raw_small.shape[-1] * 2 == raw.shape[-1]
    canonical = values / (80.0 / (0.8 * WIDTH))
    again = method(double.image[:, 0], double.K[:, 0] * torch.tensor([[0.8 * WIDTH / 80.0], [1.0], [1.0]]))
    torch.testing.assert_close(canonical, again)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_supervised__answers_for_every_pixel_whatever_the_stride(stride: int) -> None:
    method = build_method("supervised", replace(TINY, output_stride=stride)).eval()
    given = sample(40.0)
    with torch.inference_mode():
        values = method(given.image[:, 0], given.K[:, 0])
        coarse = method.network.head(method.network.decoder(method.network.encoder(given.image[:, 0, 0])))[0]
    assert values.shape == (1, 1, HEIGHT, WIDTH)
    assert coarse.shape[-2:] == (HEIGHT // stride, WIDTH // stride)


def test_supervised__dpt_knows_one_stride_only() -> None:
    with pytest.raises(UserError, match="output_stride"):
        build_method("supervised", replace(TINY, decoder="dpt", output_stride=2))


def test_supervised__sparse_depth_counts_only_where_it_is_known() -> None:
    """Garbage in pixels without depth changes nothing."""
    method = build_method("supervised", TINY).train()
    dense = sample(60.0, batch=2)
    assert dense.depth is not None
    known = torch.rand(dense.depth.shape, generator=torch.Generator().manual_seed(1)) < 0.05
    sparse = replace(dense, depth=torch.where(known, dense.depth, 0.0))
    unusable = replace(dense, depth=torch.where(known, dense.depth, 77.0), usable=known)
    torch.testing.assert_close(method.loss(sparse).total, method.loss(unusable).total)


def test_supervised__depth_outside_the_range_is_not_supervision() -> None:
    method = build_method("supervised", replace(TINY, max_depth_m=4.0)).train()
    assert method.loss(sample(60.0, depth_m=5.0)).total.item() == 0
    assert method.loss(sample(60.0, depth_m=3.0)).total.item() > 0


def test_supervised__answers_stay_inside_the_range() -> None:
    method = build_method("supervised", replace(TINY, min_depth_m=1.0, max_depth_m=2.0)).eval()
    far = sample(10_000.0)
    with torch.inference_mode():
        assert method(far.image[:, 0], far.K[:, 0]).max().item() == 2.0


def test_supervised__scale_invariant_forgives_the_scale() -> None:
    method = build_method("supervised", replace(TINY, kind=DepthKind.SCALE_INVARIANT)).train()
    torch.testing.assert_close(method.loss(sample(60.0, depth_m=3.0)).total, method.loss(sample(60.0, depth_m=6.0)).total)


def test_supervised__relative_data_sets_train_relative_networks() -> None:
    config = replace(TINY, kind=DepthKind.AFFINE_INVARIANT_INVERSE, target="inverse_depth")
    method = build_method("supervised", config).train()
    dense = sample(60.0)
    ramp = torch.linspace(0.1, 1.0, WIDTH).expand(1, 1, 1, HEIGHT, WIDTH)
    relative = replace(dense, depth=None, inverse_depth=ramp)
    assert method.needs.layers == {"inverse_depth"}
    assert method.loss(relative).total.item() > 0


def test_supervised__trains_in_bfloat16() -> None:
    method = build_method("supervised", TINY).to(memory_format=torch.channels_last).train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = method.loss(sample(60.0, batch=2))
    assert loss.total.dtype is torch.float32
    loss.total.backward()
    assert all(torch.isfinite(p.grad).all() for p in method.parameters() if p.grad is not None)


def test_supervised__published_network_decides_its_parts_and_says_so() -> None:
    """Whatever the recipe says of encoder and decoder; the configuration that is saved with the model is true."""
    recipe = replace(TINY, decoder_norm="batch", output_stride=2)
    method = build_method("supervised", replace(recipe, network="hrdepth"))
    assert method.config == SupervisedConfig(network="hrdepth", encoder="resnet18", decoder="hrdepth")
    assert build_method("supervised", recipe).config == recipe


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_supervised__published_networks_learn_one_batch(name: str) -> None:
    """Forty steps on one picture of a step in depth, at their published size."""
    torch.manual_seed(0)
    method = build_method("supervised", SupervisedConfig(network=name)).train()  # pyright: ignore[reportArgumentType]
    given = sample(60.0, batch=2)
    assert given.depth is not None
    given.depth[..., WIDTH // 2 :] = 2.0
    given.image[..., WIDTH // 2 :] *= 0.5
    optimizer = torch.optim.AdamW(method.trained_parameters(), lr=1e-3)
    totals = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = method.loss(given).total
        loss.backward()
        optimizer.step()
        totals.append(loss.item())
    assert sum(totals[-5:]) / 5 < totals[0] / 4, totals
