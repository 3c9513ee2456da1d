"""What is done to views before a network sees them: crop, resize, flip and colour, with K, poses and depth in step.

Convention: pixel centres at half integers, so a window is whole pixels and K follows by `Camera`. Pictures (image,
diffuse, albedo) are resampled with an antialiased triangle filter. Everything measured (depth, material, normals, ...) is
never averaged, because the mean of a foreground and a background depth lies where nothing is: each new pixel takes the
old pixel under its centre. Sparse depth (LiDAR) moves point by point instead, so that shrinking keeps the points; where
two meet on a pixel the nearer stays. A flip mirrors the world with the image: poses are conjugated with a reflection
(x of the camera, y of the rig, x of the world), so relative poses stay rigid and views stay consistent. What a teacher has said of
a view (`taught`) belongs to the whole of it: it is mirrored with it, and a view that has it is neither cut nor resized.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from leadline.data.augment import Augment
from leadline.data.dataset import View
from leadline.data.sample import Sample
from leadline.geometry.pose import invert
from leadline.geometry.raster import splat_depth
from leadline.geometry.rig import ring_order
from leadline.types import UserError

PICTURES = ("image", "diffuse", "albedo")
MEASURED = ("inverse_depth", "usable", "material", "misleading", "stereo", "closed", "normals", "instance", "classes")
"""Layers that are picked, never averaged. `depth` is one of them unless it is sparse."""
FEATURES = frozenset({"semantic", "tokens"})
"""Layers that frozen encoders have made of the picture and of the picture mirrored: mirroring swaps the two."""
MIRROR_X = np.diag([-1.0, 1.0, 1.0, 1.0])
WHOLE = "give --data.augment.smallest-crop 1, and height and width of the kept answers"
GREY = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luma (ITU-R BT.601)."""
_YIQ_FROM_RGB = np.array([GREY, (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135)])


@dataclass(frozen=True)
class Window:
    """Part of an image: its corner and size as shares of height and width, the same for views of different sizes."""

    top: float = 0.0
    left: float = 0.0
    height: float = 1.0
    width: float = 1.0


@dataclass(frozen=True)
class Transform:
    """From the views of a sample to tensors of `height` x `width` [px].

    Images of another aspect are cut in the centre; with `stretch` they are squeezed instead, as monodepth2 does. Without
    `augment` nothing is random.
    """

    height: int
    width: int
    augment: Augment | None = None
    stretch: bool = False

    def __call__(self, views: Sequence[Sequence[View]], layers: frozenset[str], rng: np.random.Generator) -> Sample:
        """Sample `t v ...` of `views[t][v]` with the optional `layers`. Views of a rig stay in ring order."""
        augment = self.augment or Augment(flip=0.0)
        # All numbers are drawn here and in this order, so that one switch does not move the others.
        draws = rng.random(8)
        scale = augment.smallest_crop + (1.0 - augment.smallest_crop) * draws[0]
        placed = [[self._placed(view, scale=scale, down=draws[1], right=draws[2]) for view in frame] for frame in views]
        if draws[3] < augment.flip:
            placed = flip_views(placed)
        sample = to_sample(placed, layers)
        color = color_matrix(
            brightness=1.0 + augment.brightness * (2.0 * draws[4] - 1.0),
            saturation=1.0 + augment.saturation * (2.0 * draws[5] - 1.0),
            hue=augment.hue * (2.0 * draws[6] - 1.0),
        )
        return change_colors(sample, color, contrast=1.0 + augment.contrast * (2.0 * draws[7] - 1.0))

    def _placed(self, view: View, *, scale: float, down: float, right: float) -> View:
        height, width = view.image.shape[:2]
        window = Window() if self.stretch else centre_window(height, width, aspect=self.width / self.height)
        inner_height, inner_width = window.height * scale, window.width * scale
        window = Window(
            top=window.top + down * (window.height - inner_height),
            left=window.left + right * (window.width - inner_width),
            height=inner_height,
            width=inner_width,
        )
        return resize_view(crop_view(view, window), height=self.height, width=self.width)


def centre_window(height: int, width: int, *, aspect: float) -> Window:
    """The largest window of the `aspect` (width / height) in the centre of an image."""
    share_x = min(1.0, height * aspect / width)
    share_y = min(1.0, width / aspect / height)
    return Window(top=(1.0 - share_y) / 2.0, left=(1.0 - share_x) / 2.0, height=share_y, width=share_x)


def crop_view(view: View, window: Window) -> View:
    """The view through `window`, rounded to whole pixels."""
    height, width = view.image.shape[:2]
    rows = _whole_pixels(window.top, window.height, height)
    columns = _whole_pixels(window.left, window.width, width)
    if view.taught is not None and (rows, columns) != (slice(0, height), slice(0, width)):
        raise UserError(view.path, "is cut, and what a teacher said of it belongs to the whole picture", WHOLE)
    cut = {name: getattr(view, name)[rows, columns] for name in _layers_of(view)}
    size = {"height": rows.stop - rows.start, "width": columns.stop - columns.start}
    return replace(view, **cut, camera=view.camera.cropped(top=rows.start, left=columns.start, **size))


def resize_view(view: View, *, height: int, width: int) -> View:
    """The view resampled to `height` x `width`."""
    old_height, old_width = view.image.shape[:2]
    if (old_height, old_width) == (height, width):
        return view
    if view.taught is not None:
        wrong = f"is asked for at {width}x{height} px, and what a teacher said of it at {old_width}x{old_height}"
        raise UserError(view.path, wrong, f"give --data.height {old_height} --data.width {old_width}")
    rows = _under_centres(height, old_height)
    columns = _under_centres(width, old_width)
    resized = {}
    for name in _layers_of(view):
        layer = getattr(view, name)
        if name in PICTURES:
            resized[name] = _resample_picture(layer, height, width)
        elif name == "depth" and view.sparse:
            resized[name] = _move_points(layer, height, width)
        else:
            resized[name] = layer.take(rows, axis=0).take(columns, axis=1)
    return replace(view, **resized, camera=view.camera.resized(height=height, width=width))


def flip_view(view: View) -> View:
    """The view of the world mirrored left to right: columns reversed, K and poses in step."""
    flipped: dict[str, Any] = {name: _mirrored(getattr(view, name)) for name in _layers_of(view)}
    for name in FEATURES:
        features = getattr(view, name)
        if features is not None:
            flipped[name] = features[::-1]
    if view.normals is not None:
        flipped["normals"] = flipped["normals"] * np.array([-1.0, 1.0, 1.0], dtype=np.float32)
    if view.cam_from_world is not None:
        flipped["cam_from_world"] = MIRROR_X @ view.cam_from_world @ MIRROR_X
    if view.taught is not None:
        flipped["taught"] = {name: values[..., ::-1] for name, values in view.taught.items()}
    return replace(view, **flipped, camera=view.camera.flipped())


def flip_views(views: Sequence[Sequence[View]]) -> list[list[View]]:
    """All frames and views flipped. A mirrored rig turns the other way, so its views are put into ring order again."""
    flipped = [[flip_view(view) for view in frame] for frame in views]
    if len(flipped[0]) == 1:
        return flipped
    order = ring_order(np.array([view.camera.yaw_deg for view in flipped[0]]))
    return [[frame[v] for v in order] for frame in flipped]


def to_sample(views: Sequence[Sequence[View]], layers: frozenset[str]) -> Sample:
    """Tensors `t v ...` of views of one size, with the optional `layers`; a view without a mask is usable everywhere."""
    tensors: dict[str, Any] = {}
    for name in layers:
        match name:
            case "diffuse":
                tensors[name] = _picture_tensor(_stack(views, lambda view: view.diffuse))
            case "usable":
                tensors[name] = torch.from_numpy(_stack(views, _usable))
            case "cam_from_rig":
                tensors[name] = _float_tensor(_stack(views, _cam_from_rig))
            case "depth" | "inverse_depth" | "cam_from_world" | "time_s":
                tensors[name] = _float_tensor(_stack(views, lambda view, name=name: getattr(view, name)))
            case "stereo":
                tensors[name] = _float_tensor(_stack(views[:1], lambda view: view.stereo))
            case "closed":
                tensors[name] = _float_tensor(_stack(views[:1], lambda view: view.closed))
            case "misleading":
                tensors[name] = torch.from_numpy(_stack(views[:1], lambda view: view.misleading))
            case "taught":
                tensors[name] = _taught(views[:1])
            case "semantic" | "tokens":
                # Half precision, as it comes from the files: it is twice as many bytes otherwise.
                tensors[name] = torch.from_numpy(_stack(views[:1], lambda view, name=name: getattr(view, name)[0]))
            case "instance":
                tensors[name] = torch.from_numpy(_stack(views, lambda view: view.instance).astype(np.int32))
            case "material":
                tensors[name] = torch.from_numpy(_stack(views, lambda view: view.material))
            case _:
                raise ValueError(f"a Sample has no layer '{name}'")
    return Sample(
        image=_picture_tensor(_stack(views, lambda view: view.image)),
        K=_float_tensor(_stack(views, lambda view: view.camera.K)),
        name=(str(views[0][0].path),),
        sequence=(),  # the source knows it
        **tensors,
    )


def resize_sample(sample: Sample, *, height: int, width: int) -> Sample:
    """A sample or batch at another size, K with it. Pictures are averaged, every other layer takes the nearest pixel.

    For batches on their way into a network; views are resized by `resize_view`, which also moves sparse points. What a teacher said
    of the pictures (`taught`) stays as it is: it has a size of its own, and its bins know no pixels (focal lengths count in widths).
    """
    old_height, old_width = sample.image.shape[-2:]
    resized: dict[str, Tensor] = {}
    for layer in ("image", "diffuse", "depth", "inverse_depth", "usable", "material", "instance", "misleading", "stereo", "closed"):
        values = getattr(sample, layer)
        if values is None:
            continue
        flat = values.reshape(-1, 1, old_height, old_width)
        if layer in ("image", "diffuse"):
            flat = functional.interpolate(flat, (height, width), mode="bilinear", antialias=True)
        else:
            rows, columns = (torch.from_numpy(_under_centres(*counts)) for counts in ((height, old_height), (width, old_width)))
            flat = flat[:, :, rows][..., columns]
        resized[layer] = flat.reshape(*values.shape[:-2], height, width)
    scale = sample.K.new_tensor([[width / old_width], [height / old_height], [1.0]])
    return replace(sample, K=sample.K * scale, **resized)


def color_matrix(*, brightness: float = 1.0, saturation: float = 1.0, hue: float = 0.0) -> np.ndarray:
    """RGB from RGB (3, 3): a factor on all values, on the distance from grey, and a turn of the hue [turns] in YIQ.

    Being linear and the same for all frames, it keeps two views of one point equal in colour.
    """
    angle = 2.0 * math.pi * hue
    cos, sin = math.cos(angle), math.sin(angle)
    chroma = saturation * np.array([[cos, -sin], [sin, cos]])
    turn = np.eye(3)
    turn[1:, 1:] = chroma
    return brightness * np.linalg.inv(_YIQ_FROM_RGB) @ turn @ _YIQ_FROM_RGB


def change_colors(sample: Sample, matrix: np.ndarray, *, contrast: float = 1.0) -> Sample:
    """The sample with `matrix` applied to its colours, then `contrast` as a factor on the distance from its mean grey."""
    if contrast == 1.0 and np.allclose(matrix, np.eye(3)):
        return sample
    mean_rgb = sample.image.mean(dim=(0, 1, 3, 4)).double().numpy()
    mean_grey = float(np.array(GREY) @ matrix @ mean_rgb)
    factors = torch.from_numpy(contrast * matrix).float()
    offset = (1.0 - contrast) * mean_grey
    changed = {"image": _recolored(sample.image, factors, offset)}
    if sample.diffuse is not None:
        changed["diffuse"] = _recolored(sample.diffuse, factors, offset)
    return replace(sample, **changed)


def _recolored(image: Float[Tensor, "t v 3 h w"], factors: Float[Tensor, "3 3"], offset: float) -> Float[Tensor, "t v 3 h w"]:
    flat = image.reshape(-1, 3, image.shape[-2] * image.shape[-1])
    return (factors @ flat).add_(offset).clamp_(0.0, 1.0).reshape(image.shape)


def _layers_of(view: View) -> list[str]:
    return [name for name in (*PICTURES, "depth", *MEASURED) if getattr(view, name) is not None]


def _mirrored(layer: np.ndarray) -> np.ndarray:
    # torch turns the columns of a picture around many times faster than NumPy copies them later.
    return torch.from_numpy(layer).flip(1).numpy() if layer.dtype == np.uint8 else layer[:, ::-1]


def _whole_pixels(start: float, share: float, size: int) -> slice:
    count = min(max(round(share * size), 1), size)
    first = min(round(start * size), size - count)
    return slice(first, first + count)


def _under_centres(count: int, old_count: int) -> np.ndarray:
    """Old pixel under the centre of each new one."""
    return np.minimum(((np.arange(count) + 0.5) * (old_count / count)).astype(np.intp), old_count - 1)


def _resample_picture(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    channels_last = torch.from_numpy(picture).permute(2, 0, 1)[None]
    return functional.interpolate(channels_last, (height, width), mode="bilinear", antialias=True)[0].permute(1, 2, 0).numpy()


def _move_points(depth: np.ndarray, height: int, width: int) -> np.ndarray:
    rows, columns = np.nonzero(depth)
    uv = np.stack([(columns + 0.5) * (width / depth.shape[1]), (rows + 0.5) * (height / depth.shape[0])], axis=1)
    return splat_depth(uv, depth[rows, columns], height=height, width=width)


def _stack(views: Sequence[Sequence[View]], pick: Callable[[View], Any]) -> np.ndarray:
    return np.stack([np.stack([pick(view) for view in frame]) for frame in views])


def _usable(view: View) -> np.ndarray:
    return np.ones(view.image.shape[:2], dtype=bool) if view.usable is None else view.usable


def _cam_from_rig(view: View) -> np.ndarray:
    assert view.camera.rig_from_cam is not None
    return invert(view.camera.rig_from_cam)


def _taught(views: Sequence[Sequence[View]]) -> dict[str, Tensor]:
    answers = [[view.taught or {} for view in frame] for frame in views]
    return {name: _float_tensor(np.stack([np.stack([answer[name] for answer in frame]) for frame in answers])) for name in answers[0][0]}


def _picture_tensor(pictures: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 1, 4, 2, 3))).float().div_(255.0)


def _float_tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
