"""Sizes that are promised to stay open do: Depth Anything's, which torch's exporter freezes, and what freezes is refused."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch.export import Dim
from torch.nn import functional

from leadline.export.graph import Graph, example, trace
from leadline.export.pictures import graph_inputs, rendered
from leadline.export.plan import settle
from leadline.export.run import eager_run, export_model
from leadline.runtime.session import open_session
from leadline.types import UserError
from tests.fixtures.tiny_exportable import depth_anything, plan

SIZES = [(64, 64), (64, 112), (96, 80)]


def test_depth_anything__open_size_is_followed(tmp_path: Path) -> None:
    """The exporter writes int(rows * patch) as the number of the example: another size then gets an answer of the first one's."""
    model = depth_anything(tmp_path / "model")
    out = tmp_path / "da.onnx"
    parity = export_model(model, plan(dynamic=("size",)), out)
    assert {one.shape for one in parity.compared} == {(1, 64, 64), (1, 96, 80), (1, 48, 112)}
    session = open_session(out)
    eager = eager_run(Graph(model, parity.about))
    for size in SIZES:
        case = rendered(7, views=1, height=size[0], width=size[1])
        inputs = graph_inputs(parity.about, [case], size=size)
        found = session.run(**inputs)["values"]
        assert found.shape == (1, *size)
        np.testing.assert_allclose(found, eager(inputs)["values"], rtol=1e-3, atol=1e-4)


class Frozen(torch.nn.Module):
    """What an exporter makes of a network whose output size it has frozen."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(image.mean(dim=1, keepdim=True), size=(64, 64))[:, 0]


def test_depth_anything__frozen_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with the defect is written nowhere."""

    def freezing(graph: Graph) -> Any:
        return torch.export.export(
            Frozen(), (example(graph.about)["image"],), dynamic_shapes={"image": {2: Dim("rows"), 3: Dim("columns")}}
        )

    monkeypatch.setattr("leadline.export.run.trace", freezing)
    model = depth_anything(tmp_path / "model")
    with pytest.raises(UserError, match=r"da\.pt2: .*of shape \(1, 64, 64\).*nothing was written.*leave --dynamic out"):
        export_model(model, plan("torch", dynamic=("size",)), tmp_path / "da.pt2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]


@pytest.mark.parametrize("dynamic", [(), ("size",)])
def test_trace__attention_without_a_mask(dynamic: Any, tmp_path: Path) -> None:
    """Of ones, it would change nothing, and no runtime would fuse the attention."""
    model = depth_anything(tmp_path / "model")
    program = trace(Graph(model, settle(model, plan(dynamic=dynamic, height=64, width=96), subject="da.onnx")))
    attention = [node for node in program.graph.nodes if "scaled_dot_product" in str(node.target)]
    assert attention and not any(node.args[3:] or "attn_mask" in node.kwargs for node in attention)


def test_settle__sides_that_are_no_multiple(tmp_path: Path) -> None:
    model = depth_anything(tmp_path / "model")
    with pytest.raises(UserError, match="cannot take 100x64 px; give multiples of 16"):
        settle(model, plan(height=64, width=100), subject="da.onnx")
    about = settle(model, plan(height=64, width=96), subject="da.onnx")
    assert (about.size_multiple, about.sizing, about.resample) == (16, "nearest", "bicubic")
    assert about.mean == pytest.approx((0.485, 0.456, 0.406)) and cast(Any, about).kind.value == "affine_invariant_inverse"
