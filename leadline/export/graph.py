"""A model as one module that can leave Python, and the program that torch traces of it.

    graph(image, K) -> values         shapes as in io/exported.py; K only where depth follows the camera

Preparation and the way back to the picture's size are inside if asked for (resampling.py).
"""

import math
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from leadline.export.plan import look_of
from leadline.export.resampling import inwards, outwards, placed
from leadline.export.tracing import tracing
from leadline.io.exported import Exported
from leadline.methods.base import Method
from leadline.methods.predictor import DepthModel
from leadline.models.pretrained import DepthProReader
from leadline.models.reader import Reader
from leadline.types import DepthKind

EXAMPLE_BATCH = 2
"""Pictures in the example of an open batch: torch takes one, and none, for a special case."""
EXAMPLE_PICTURE = (90, 130)
"""Size (height, width) [px] of the picture in the example of an open size with preparation inside."""
SURE = 0.999
"""Of the farthest depth, what is still told from all that is farther."""


class Graph(nn.Module):
    """What is exported: the network, its reading, and preparation if it is inside."""

    def __init__(self, model: DepthModel, about: Exported) -> None:
        super().__init__()
        self.about = about
        self.network = model.network
        # Frozen parts are no modules of their method: here they must be, or their weights would be no weights of the graph.
        self.beside = nn.ModuleList(model.network.frozen_parts if isinstance(model.network, Method) else ())
        self._reader = model.reader
        self._rounds = look_of(model).rounds
        self.register_buffer("mean", torch.tensor(about.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(about.std).view(3, 1, 1), persistent=False)
        self.eval()

    def forward(self, image: Tensor, K: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """Values of the model's kind, float32, and where asked for, which of them are depth, bool."""
        joint = self.about.views > 1
        pictures = image if joint else image[:, None]
        cameras = K if joint or K is None else K[:, None]
        if self.about.preprocess == "inside":
            values = self._from_pictures(pictures.movedim(-1, -3).float(), cameras)
        else:
            values = _values(self._reader, pictures, cameras)
        answers = values if joint else values[:, 0]
        return (answers, self._valid(answers)) if "valid" in self.about.outputs else answers

    def _valid(self, values: Tensor) -> Tensor:
        """Finite, and of depth, positive and nearer than the farthest that the network can say, where it says it of all that is farther."""
        if self.about.kind is not DepthKind.METRIC:
            return values.isfinite()
        farthest = self.about.max_depth_m or math.inf
        return values.isfinite() & (values > 0) & (values < SURE * farthest)

    def _from_pictures(self, pictures: Tensor, cameras: Tensor | None) -> Tensor:
        about = self.about
        source, target = (pictures.shape[-2], pictures.shape[-1]), (about.height, about.width)
        places = placed(source, target, about.fit)
        sides = list(zip(places, source, target, strict=True))
        rows, columns = (inwards(place, source=s, target=t, kernel=about.resample) for place, s, t in sides)
        # Pillow makes the columns first, unless they grow where rows shrink, and whole numbers of both.
        resized = self._whole(rows @ self._whole(pictures @ columns.T)) if self._rounds else (rows @ pictures) @ columns.T
        inputs = (resized.clamp(0.0, 255.0) / 255 - cast(Tensor, self.mean)) / cast(Tensor, self.std)
        values = _values(self._reader, inputs, cameras)
        back = about.resample if about.fit == "stretch" else "bilinear"
        rows, columns = (outwards(place, source=s, target=t, kernel=back) for place, s, t in sides)
        return rows @ values @ columns.T

    def _whole(self, pixels: Tensor) -> Tensor:
        return (pixels.clamp(0.0, 255.0) + 0.5).floor()


def _values(reader: Reader, inputs: Tensor, cameras: Tensor | None) -> Tensor:
    values = reader.run(inputs, cameras).values.float()
    # Depth Pro's answers are turned into depth after they are resized, which `restore` does elsewhere.
    return 1 / values.clamp(1e-4, 1e4) if isinstance(reader, DepthProReader) else values


def example(about: Exported) -> dict[str, Tensor]:
    """Inputs of the graph, for tracing."""
    batch = (EXAMPLE_BATCH if "batch" in about.dynamic else 1,)
    axes = (*batch, about.views) if about.views > 1 else batch
    if about.preprocess == "inside":
        size = (about.height, about.width) if about.is_fixed else EXAMPLE_PICTURE
        inputs = {"image": torch.randint(0, 256, (*axes, *size, 3), dtype=torch.uint8)}
    else:
        inputs = {"image": torch.rand(*axes, 3, about.height, about.width)}
    if about.needs_camera:
        focal = 0.8 * about.width
        K = torch.tensor([[focal, 0, about.width / 2], [0, focal, about.height / 2], [0, 0, 1.0]])
        inputs["K"] = K.expand(*axes, 3, 3).clone()
    return inputs


def trace(graph: Graph) -> ExportedProgram:
    """The program of `graph` with the open axes of its description. Raises what torch raises for one that cannot be traced."""
    inputs = example(graph.about)
    shapes = _open_axes(graph.about)
    with torch.no_grad(), tracing(is_fixed=graph.about.is_fixed):
        return torch.export.export(graph, tuple(inputs.values()), dynamic_shapes={name: shapes[name] for name in inputs}, strict=False)


def _open_axes(about: Exported) -> Mapping[str, dict[int, Any]]:
    """For each input its open axes."""
    front: dict[int, Any] = {0: Dim("batch")} if "batch" in about.dynamic else {}
    if "views" in about.dynamic:
        front[1] = Dim("views")
    image = dict(front)
    if "size" in about.dynamic:
        first = (2 if about.views > 1 else 1) + (about.preprocess == "outside")
        multiple = 1 if about.preprocess == "inside" else about.size_multiple
        for axis, name in ((first, "rows"), (first + 1, "columns")):
            image[axis] = Dim(name, min=2) if multiple == 1 else multiple * Dim(name, min=2)
    return {"image": image, "K": front}
