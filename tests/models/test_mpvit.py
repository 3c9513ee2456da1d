"""MPViT: published sizes, its attention against plain loops, dropped branches, published checkpoints."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from leadline.io.weights import save_weights
from leadline.models.encoders import build_encoder, starting_weights
from leadline.models.mpvit import HEADS, WINDOWS, FactorisedAttention, MPViT, MPViTSpec, RelativePosition, TransformerBlock, load_mpvit
from leadline.types import UserError

TINY = MPViTSpec(widths=(16, 16, 24, 24), depths=(1, 1, 2, 1), mlp_ratio=2)


@pytest.mark.parametrize(("name", "published"), [("mpvit-tiny", 5_843_736), ("mpvit-xsmall", 10_573_448), ("mpvit-small", 22_892_400)])
def test_mpvit__published_parameter_counts(name: str, published: int) -> None:
    """As published for classifiers: the last width times 1000 classes, and their biases, are theirs alone."""
    with torch.device("meta"):
        encoder = build_encoder(name)
    assert sum(p.numel() for p in encoder.parameters()) + (encoder.channels[-1] + 1) * 1000 == published


def test_mpvit__maps_halve() -> None:
    backbone = MPViT(TINY).eval()
    with torch.inference_mode():
        maps = backbone(torch.rand(1, 3, 64, 96))
    assert [tuple(m.shape) for m in maps] == [(1, c, 64 // s, 96 // s) for c, s in zip(TINY.channels, (2, 4, 8, 16, 32), strict=True)]


def test_factorised_attention__equals_the_formula_pixel_by_pixel() -> None:
    """CoaT's equations in loops over heads, pixels and window offsets, in float64, with nothing of the module but its weights."""
    torch.manual_seed(0)
    height, width, channels = 3, 4, 16
    depth = channels // HEADS
    attention, relative = FactorisedAttention(channels).double(), RelativePosition(channels).double()
    tokens = torch.rand(1, height, width, channels, dtype=torch.float64)
    state = attention.state_dict()
    flat = tokens.view(-1, channels)
    q, k, v = (flat @ state["qkv.weight"].T + state["qkv.bias"]).split(channels, dim=1)
    heads_per_window = [window for window, heads in WINDOWS.items() for _ in range(heads)]
    gathered = torch.zeros(height * width, channels, dtype=torch.float64)
    for head, window in enumerate(heads_per_window):
        group = list(WINDOWS).index(window)
        kernels = relative.state_dict()[f"convolutions.{group}.weight"]
        biases = relative.state_dict()[f"convolutions.{group}.bias"]
        before = sum(heads for w, heads in WINDOWS.items() if w < window)
        span = range(head * depth, (head + 1) * depth)
        weights = torch.stack([k[:, c].exp() / k[:, c].exp().sum() for c in span], dim=1)
        context = torch.stack([torch.stack([(weights[:, i] * v[:, c]).sum() for c in span]) for i in range(depth)])
        for pixel in range(height * width):
            y, x = divmod(pixel, width)
            for j, c in enumerate(span):
                whole = sum(q[pixel, span[i]] * context[i, j] for i in range(depth)) / depth**0.5
                kernel, near = kernels[(head - before) * depth + j, 0], biases[(head - before) * depth + j].clone()
                for dy in range(window):
                    for dx in range(window):
                        at_y, at_x = y + dy - window // 2, x + dx - window // 2
                        if 0 <= at_y < height and 0 <= at_x < width:
                            near += kernel[dy, dx] * v[at_y * width + at_x, c]
                gathered[pixel, c] = whole + q[pixel, c] * near
    expected = (gathered @ state["project.weight"].T + state["project.bias"]).view(1, height, width, channels)
    torch.testing.assert_close(attention(tokens, relative), expected)


def test_transformer_block__drops_whole_branches_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    block, relative = TransformerBlock(16, mlp_ratio=2, drop=0.25), RelativePosition(16)
    branch = torch.ones(4000, 1, 1, 16)
    dropped = block.train()._dropped(branch)
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert (dropped == dropped[..., :1]).all()
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.05)
    tokens = torch.rand(2, 2, 3, 16)
    assert torch.equal(block.eval()(tokens, relative), block(tokens, relative))


def test_mpvit__drop_rates_rise_linearly() -> None:
    """Every path of a block has the block's rate."""
    rates = [module.drop for module in MPViT(TINY).modules() if isinstance(module, TransformerBlock)]
    by_block = [(2, 0.0), (3, 0.05), (3, 0.1), (3, 0.15), (3, 0.2)]
    assert sorted(rates) == pytest.approx([rate for num_paths, rate in by_block for _ in range(num_paths)])


THEIR_NAMES = (
    (r"stages\.(\d)\.embeddings\.(\d)\.0\.", r"patch_embed_stages.\1.patch_embeds.\2.patch_conv.dwconv."),
    (r"stages\.(\d)\.embeddings\.(\d)\.1\.0\.", r"patch_embed_stages.\1.patch_embeds.\2.patch_conv.pwconv."),
    (r"stages\.(\d)\.embeddings\.(\d)\.1\.1\.", r"patch_embed_stages.\1.patch_embeds.\2.patch_conv.bn."),
    (r"stages\.(\d)\.local\.before\.", r"mhca_stages.\1.InvRes.conv1."),
    (r"stages\.(\d)\.local\.neighbours\.0\.", r"mhca_stages.\1.InvRes.dwconv."),
    (r"stages\.(\d)\.local\.neighbours\.1\.", r"mhca_stages.\1.InvRes.norm."),
    (r"stages\.(\d)\.local\.after\.", r"mhca_stages.\1.InvRes.conv2."),
    (r"stages\.(\d)\.join\.", r"mhca_stages.\1.aggregate."),
    (r"(stem\.\d|conv1|conv2|aggregate)\.0\.", r"\1.conv."),
    (r"(stem\.\d|conv1|conv2|aggregate)\.1\.", r"\1.bn."),
    (r"stages\.(\d)\.paths\.(\d)\.position\.", r"mhca_stages.\1.mhca_blks.\2.cpe.proj."),
    (r"stages\.(\d)\.paths\.(\d)\.relative\.convolutions\.", r"mhca_stages.\1.mhca_blks.\2.crpe.conv_list."),
    (r"stages\.(\d)\.paths\.(\d)\.blocks\.(\d)\.", r"mhca_stages.\1.mhca_blks.\2.MHCA_layers.\3."),
    (r"attention\.qkv\.", "factoratt_crpe.qkv."),
    (r"attention\.project\.", "factoratt_crpe.proj."),
    (r"attention_norm\.", "norm1."),
    (r"mlp_norm\.", "norm2."),
    (r"mlp\.0\.", "mlp.fc1."),
    (r"mlp\.2\.", "mlp.fc2."),
)


def published(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """`state` of our backbone as a published checkpoint: their names, shared encodings again in every block, a classifier."""
    theirs = {"cls_head.cls.weight": torch.zeros(1000, 24), "cls_head.cls.bias": torch.zeros(1000)}
    for name, tensor in state.items():
        for ours, their in THEIR_NAMES:
            name = re.sub(ours, their, name)
        theirs[name] = tensor
    for name, tensor in list(theirs.items()):
        if ".crpe." in name or ".cpe." in name:
            theirs[name.replace(".crpe.", ".MHCA_layers.0.crpe.").replace(".cpe.", ".MHCA_layers.0.cpe.")] = tensor
            theirs[name.replace(".crpe.", ".MHCA_layers.0.factoratt_crpe.crpe.")] = tensor
    return theirs


def test_load_mpvit__published_checkpoint_converted_to_safetensors(tmp_path: Path) -> None:
    torch.manual_seed(0)
    saved, loaded = MPViT(TINY), MPViT(TINY)
    theirs = published(saved.state_dict())
    assert not set(theirs) & {name for name in saved.state_dict() if not name.startswith("stem.")}
    assert "mhca_stages.2.mhca_blks.1.MHCA_layers.0.factoratt_crpe.crpe.conv_list.2.weight" in theirs
    assert "patch_embed_stages.3.patch_embeds.2.patch_conv.bn.running_var" in theirs
    save_weights(tmp_path / "model.safetensors", theirs)
    load_mpvit(loaded, tmp_path)
    assert all(torch.equal(tensor, saved.state_dict()[name]) for name, tensor in loaded.state_dict().items())


def test_build_encoder__mpvit_from_a_folder_keeps_its_licence(tmp_path: Path) -> None:
    torch.manual_seed(0)
    saved = build_encoder("mpvit-tiny").backbone.state_dict()
    save_weights(tmp_path / "model.safetensors", saved)
    (tmp_path / "README.md").write_text("---\nlicense: gpl-3.0\n---\n")
    encoder = build_encoder("mpvit-tiny", str(tmp_path))
    assert all(torch.equal(tensor, saved[name]) for name, tensor in encoder.backbone.state_dict().items())
    assert [(start.weights, start.licence) for start in starting_weights(encoder)] == [(str(tmp_path), "gpl-3.0")]


def test_build_encoder__mpvit_of_another_size(tmp_path: Path) -> None:
    save_weights(tmp_path / "model.safetensors", MPViT(TINY).state_dict())
    with pytest.raises(UserError, match="of another shape"):
        build_encoder("mpvit-tiny", str(tmp_path))


def test_build_encoder__mpvit_as_published_is_a_pickle_and_the_advice_converts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("FOLDER").mkdir()
    torch.manual_seed(0)
    saved = build_encoder("mpvit-micro").backbone.state_dict()
    theirs = published(saved)
    torch.save({"model": theirs, "epoch": 299}, "mpvit_small.pth")
    with pytest.raises(UserError, match=r"is not a folder with model\.safetensors") as error:
        build_encoder("mpvit-micro", "FOLDER")
    program = str(error.value).split('python -c "')[1].rstrip('"')
    subprocess.run([sys.executable, "-c", program], check=True)
    loaded = build_encoder("mpvit-micro", "FOLDER").backbone.state_dict()
    assert all(torch.equal(tensor, saved[name]) for name, tensor in loaded.items())
