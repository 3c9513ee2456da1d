"""The rectangles that published evaluations cut out of an image, by name. A crop refuses a size that it was not made for.

Sizes are (height, width) of the target; a window is (top, bottom, left, right) with exclusive ends. Fractions are those of the
published code, digit for digit, because int() of another rounding moves a row.
"""

from dataclasses import dataclass

from leadline.types import UserError

KITTI_SIZES = ((375, 1242), (376, 1241), (374, 1238), (370, 1226), (370, 1224))
KB_SIZE = (352, 1216)
NYU_SIZE = (480, 640)


@dataclass(frozen=True)
class Window:
    """Rows top..bottom and columns left..right, ends exclusive."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """For indexing an array (h, w)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True)
class Crop:
    """A named rectangle: either fixed pixels, fractions of the size, or a fixed size at the bottom centre."""

    summary: str
    sizes: tuple[tuple[int, int], ...]
    pixels: tuple[int, int, int, int] | None = None
    fractions: tuple[float, float, float, float] | None = None
    bottom_centre: tuple[int, int] | None = None


CROPS: dict[str, Crop] = {
    "garg": Crop(
        "Garg et al.'s rectangle of KITTI images",
        (*KITTI_SIZES, KB_SIZE),
        fractions=(0.40810811, 0.99189189, 0.03594771, 0.96405229),
    ),
    "eigen": Crop(
        "Eigen et al.'s rectangle of KITTI images",
        (*KITTI_SIZES, KB_SIZE),
        fractions=(0.3324324, 0.91351351, 0.0359477, 0.96405229),
    ),
    "nyu_eigen": Crop("Eigen et al.'s rectangle of NYUv2 images", (NYU_SIZE,), pixels=(45, 471, 41, 601)),
    "nyu_border20": Crop("NYUv2 images without a border of about 20 pixels", (NYU_SIZE,), pixels=(20, 459, 24, 615)),
    "kitti_columns": Crop("columns 43 to 1196 of KITTI images", KITTI_SIZES, pixels=(0, 376, 43, 1197)),
    "kb": Crop("the KITTI benchmark's input, 352x1216 at the bottom centre", KITTI_SIZES, bottom_centre=KB_SIZE),
}


def crop_window(name: str, *, height: int, width: int, any_size: bool = False) -> Window:
    """Window of the crop `name` in a target of `height` x `width` [px].

    Raises UserError for a size the crop was not made for, unless `any_size`, which is for protocols that published exactly that.
    """
    crop = CROPS[name]
    if (height, width) not in crop.sizes and not any_size:
        made_for = ", ".join(f"{h}x{w}" for h, w in crop.sizes)
        raise UserError(
            f"crop {name}", f"was not made for {height}x{width} (height x width)", f"it fits {made_for}; choose another protocol"
        )
    if crop.fractions is not None:
        top, bottom, left, right = crop.fractions
        return Window(int(top * height), int(bottom * height), int(left * width), int(right * width))
    if crop.bottom_centre is not None:
        inner_height, inner_width = crop.bottom_centre
        if height < inner_height or width < inner_width:
            raise UserError(f"crop {name}", f"{height}x{width} is smaller than {inner_height}x{inner_width}", "choose another protocol")
        top, left = height - inner_height, int((width - inner_width) / 2)
        return Window(top, height, left, left + inner_width)
    assert crop.pixels is not None
    top, bottom, left, right = crop.pixels
    return Window(top, min(bottom, height), left, min(right, width))
