"""View synthesis: what the reference camera would see if its surfaces carried the colours of the source image.

Convention: depth is z [m] of the reference view; source_from_ref maps its points into the source camera. `grid_sample`
with align_corners=False puts the first pixel's centre half a pixel from the border, which is leadline's convention.
After SfMLearner (Zhou et al. 2017, arXiv 1704.07813, equation 2).
"""

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from leadline.geometry.pose import transform
from leadline.geometry.projection import NEAREST_DEPTH_M, project, unproject


def warp(
    source_image: Float[Tensor, "b c h_src w_src"],
    depth: Float[Tensor, "b h w"],
    K_ref: Float[Tensor, "b 3 3"],
    K_src: Float[Tensor, "b 3 3"],
    source_from_ref: Float[Tensor, "b 4 4"],
) -> tuple[Float[Tensor, "b c h w"], Bool[Tensor, "b h w"]]:
    """The source image sampled bilinearly where each reference pixel of known depth [m] falls, and whether it falls inside.

    `in_view` is False for unknown depth (0), for points behind the source camera and outside its image, where the
    sampled border colour means nothing. Occlusion is not found here. The two images may differ in size.
    """
    height, width = source_image.shape[-2:]
    # K and poses are float32 or better, so coordinates are too, whatever the network's precision is.
    uv, depth_src = project(transform(source_from_ref, unproject(depth, K_ref)), K_src)
    size = uv.new_tensor([width, height])
    in_view = (depth > 0) & (depth_src > NEAREST_DEPTH_M) & ((uv >= 0) & (uv <= size)).all(dim=-1)
    grid = uv / size * 2 - 1
    image = functional.grid_sample(source_image.to(grid.dtype), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return image.to(source_image.dtype), in_view
