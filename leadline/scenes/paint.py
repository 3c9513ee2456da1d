"""Many plain colours on one mesh: a strip of swatches as texture, so that small matte pieces cost one part, not ten."""

from collections.abc import Sequence

import numpy as np

from leadline.scenes import shapes
from leadline.scenes.exposure import srgb_from_linear
from leadline.scenes.world import Mesh, Surface
from leadline.types import Material


def painted(pieces: Sequence[tuple[Mesh, Sequence[float] | np.ndarray]]) -> tuple[Mesh, Surface]:
    """One matte part of `pieces`, each a mesh and its linear RGB colour (3,) in [0, 1]."""
    colors: dict[tuple[float, ...], int] = {}
    numbers = [colors.setdefault(tuple(float(c) for c in color), len(colors)) for _, color in pieces]
    mesh = shapes.merge([piece for piece, _ in pieces])
    swatch = np.repeat(numbers, [len(piece.vertices) if mesh.normals is None else _num_vertices(piece) for piece, _ in pieces])
    uv = np.stack([(swatch + 0.5) / len(colors), np.full(len(swatch), 0.5)], axis=1)
    strip = srgb_from_linear(np.array(list(colors)))[None].repeat(2, axis=0).repeat(2, axis=1)
    return Mesh(mesh.vertices, mesh.faces, uv, mesh.normals), Surface(Material.DIFFUSE, strip)


def _num_vertices(piece: Mesh) -> int:
    """How many vertices `piece` has beside smooth ones: there flat meshes get three for every face."""
    return len(piece.vertices) if piece.normals is not None else 3 * len(piece.faces)
