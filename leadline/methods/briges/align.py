"""From a semantic map of any size to one token for each token of a depth encoder."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def aligned(semantic: Float[Tensor, "b d y x"], *, rows: int, columns: int) -> Float[Tensor, "b n d"]:
    """Tokens of the grid `rows` x `columns`, row by row: bilinear to twice the grid, then the largest of every 2 x 2 (the authors' way)."""
    twice = functional.interpolate(semantic, size=(2 * rows, 2 * columns), mode="bilinear", align_corners=False)
    return functional.max_pool2d(twice, 2).flatten(2).transpose(1, 2)
