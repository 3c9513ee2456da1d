"""What a protocol does to an image before it is predicted, and to predictions of its mirror image after."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Protocol as TypingProtocol
from typing import runtime_checkable

import numpy as np
from PIL import Image

from leadline.data.dataset import View
from leadline.evaluation.crops import crop_window
from leadline.evaluation.protocol import Protocol
from leadline.prediction import Prediction, Predictor
from leadline.types import DepthKind

BLEND_FROM, BLEND_STEEPNESS = 0.05, 20.0
"""monodepth2's blend: one of the two predictions alone in the outer 5 %, their mean from 10 % on."""


@runtime_checkable
class ViewPredictor(TypingProtocol):
    """A predictor that looks at more of a view than image and K: the camera's name, other cameras of the moment."""

    @property
    def name(self) -> str:
        """Who predicts."""
        ...

    @property
    def kind(self) -> DepthKind:
        """What its predictions are."""
        ...

    def predict_views(self, views: Sequence[View]) -> list[Prediction]:
        """One prediction per view."""
        ...


@runtime_checkable
class _BatchPredictor(TypingProtocol):
    def predict_batch(self, images: Sequence[np.ndarray], K: Sequence[np.ndarray | None] | None = None) -> list[Prediction]: ...


def cropped(view: View, protocol: Protocol) -> View:
    """The view after the protocol's input crop; its camera follows. Raises UserError for a size that the crop was not made for."""
    if protocol.input_crop is None:
        return view
    window = crop_window(protocol.input_crop, height=view.camera.height, width=view.camera.width)
    height, width = window.bottom - window.top, window.right - window.left
    camera = view.camera.cropped(top=window.top, left=window.left, height=height, width=width)
    return replace(view, camera=camera, **{name: layer[window.slices] for name, layer in _maps(view).items()})


def thinned(view: View, protocol: Protocol) -> View:
    """The view with the pixels of its truth that the protocol keeps; its camera follows, its image does not."""
    every = protocol.target_every
    if every == 1:
        return view
    height, width = view.camera.height // every, view.camera.width // every
    kept = slice(0, height * every, every), slice(0, width * every, every)
    maps = {name: layer[kept] for name, layer in _maps(view).items() if name != "image"}
    return replace(view, camera=view.camera.resized(height=height, width=width), **maps)


def _maps(view: View) -> dict[str, np.ndarray]:
    """Every layer of a view that has a value for each of its pixels."""
    size = view.camera.height, view.camera.width
    layers = {f.name: getattr(view, f.name) for f in fields(view)}
    return {name: layer for name, layer in layers.items() if isinstance(layer, np.ndarray) and layer.shape[:2] == size}


def predicted(predictor: Predictor | ViewPredictor, views: Sequence[View], protocol: Protocol) -> list[Prediction]:
    """Predictions of cropped views as the protocol wants them made: blanked, resized, flipped and averaged."""
    inputs = [_input(view, protocol) for view in views]
    predictions = _predict(predictor, inputs)
    if protocol.tta == "none":
        return predictions
    mirrored = _predict(predictor, [_mirrored(view) for view in inputs])
    merge = _flip_mean if protocol.tta == "flip_mean" else _flip_blend
    return [merge(a, b) for a, b in zip(predictions, mirrored, strict=True)]


def _predict(predictor: Predictor | ViewPredictor, views: Sequence[View]) -> list[Prediction]:
    if isinstance(predictor, ViewPredictor):
        return predictor.predict_views(views)
    if isinstance(predictor, _BatchPredictor) and len(views) > 1:
        return predictor.predict_batch([view.image for view in views], [view.camera.K for view in views])
    return [predictor.predict(view.image, view.camera.K) for view in views]


def _input(view: View, protocol: Protocol) -> View:
    image, camera = view.image, view.camera
    if protocol.input_camera is not None:
        fx, fy, cx, cy = protocol.input_camera
        camera = replace(camera, K=np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]))
    if protocol.blank_border:
        inner = slice(protocol.blank_border, -protocol.blank_border)
        blanked = np.zeros_like(image)
        blanked[inner, inner] = image[inner, inner]
        image = blanked
    if protocol.input_size is not None and image.shape[:2] != protocol.input_size:
        height, width = protocol.input_size
        image = np.array(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
        camera = camera.resized(height=height, width=width)
    return view if image is view.image and camera is view.camera else replace(view, image=image, camera=camera)


def _mirrored(view: View) -> View:
    return replace(view, image=np.ascontiguousarray(view.image[:, ::-1]), camera=view.camera.flipped())


def _flip_mean(prediction: Prediction, mirrored: Prediction) -> Prediction:
    values = 0.5 * (prediction.values + mirrored.values[:, ::-1])
    return replace(prediction, values=values, valid=prediction.usable & mirrored.usable[:, ::-1])


def _flip_blend(prediction: Prediction, mirrored: Prediction) -> Prediction:
    """In inverse depth: each near the border that the other one lost, their mean between (monodepth2, batch_post_process_disparity)."""
    inverse = prediction.kind is DepthKind.AFFINE_INVARIANT_INVERSE
    valid = prediction.usable & mirrored.usable[:, ::-1]
    straight, flipped = (np.where(valid, v, 1.0).astype(np.float64) for v in (prediction.values, mirrored.values[:, ::-1]))
    if not inverse:
        straight, flipped = 1.0 / straight, 1.0 / flipped
    at_left = 1.0 - np.clip(BLEND_STEEPNESS * (np.linspace(0.0, 1.0, straight.shape[1]) - BLEND_FROM), 0.0, 1.0)
    at_right = at_left[::-1]
    blended = at_right * straight + at_left * flipped + (1.0 - at_left - at_right) * 0.5 * (straight + flipped)
    return replace(prediction, values=blended if inverse else 1.0 / blended, valid=valid)
