"""Parts of an image that are scored by themselves: by camera, by the classes of any mask layer, by a protocol's own classes, and the
overlapping regions of reflections (reflections.py)."""

from collections.abc import Collection, Mapping

import numpy as np

from leadline.data.dataset import View
from leadline.evaluation.protocol import Protocol
from leadline.types import Material, UserError

MOST_CLASSES = 64
"""A layer with more values in one image numbers things, not classes."""
MATERIAL = "material:"
"""Begins the name of a region that is a material."""
REFLECTIONS = "reflections"
"""The layer of rendered sets whose bits are regions, which overlap."""
_REFLECTIVE, _MISLEADING, _IMAGE = 1, 2, 4


def region_layers(regions: Collection[str], protocol: Protocol) -> frozenset[str]:
    """Names of the layers that the asked-for regions and the protocol's classes are read from."""
    return frozenset((set(regions) - {"camera"}) | ({protocol.class_layer} if protocol.classes else set()))


def layers_of(view: View, names: Collection[str]) -> dict[str, np.ndarray]:
    """The mask layers of a view by name. Raises UserError for one that it does not have or that holds no classes."""
    layers = {}
    for name in names:
        layer = getattr(view, name, None)
        if layer is None:
            raise UserError(view.path, f"has no layer '{name}'", "choose regions that the data set gives")
        layers[name] = checked_layer(layer, name=name, subject=str(view.path))
    return layers


def checked_layer(layer: np.ndarray, *, name: str, subject: str) -> np.ndarray:
    """`layer` if it is a map of classes or a mask. Raises UserError otherwise."""
    if layer.ndim != 2 or layer.dtype.kind not in "bui":
        raise UserError(subject, f"'{name}' is {layer.dtype} of shape {layer.shape}, not a map of classes", "choose a mask layer")
    return layer


def classes_of(layers: Mapping[str, np.ndarray], regions: Collection[str], protocol: Protocol, *, subject: str) -> dict[str, np.ndarray]:
    """Boolean maps by name: `LAYER:CLASS` of the asked-for layers, and the classes of the protocol by their own names.

    A mask gives `LAYER` and `not LAYER`; the classes of `material` have names, others their numbers; `reflections`
    gives the regions of `reflection_maps`.
    """
    maps = {name: np.isin(layers[protocol.class_layer], ids) for name, ids in protocol.classes if protocol.class_layer in layers}
    for name in regions:
        if name == "camera":
            continue
        layer = layers[name]
        if name == REFLECTIONS:
            maps |= reflection_maps(layer)
        elif name == "material":
            maps |= {f"{MATERIAL}{m.name.lower()}": layer == m for m in Material}
        elif layer.dtype == bool:
            maps |= {name: layer, f"not {name}": ~layer}
        else:
            found = np.unique(layer)
            if found.size > MOST_CLASSES:
                raise UserError(subject, f"'{name}' holds {found.size} different values", "choose a layer of classes, not of single things")
            maps |= {f"{name}:{value}": layer == value for value in found.tolist()}
    return maps


def reflection_bits(reflective: np.ndarray, misleading: np.ndarray, *, in_reflective_image: bool) -> np.ndarray:
    """The layer `reflections`, uint8 (h, w), of two boolean maps and whether the image counts as reflective."""
    return (_REFLECTIVE * reflective + _MISLEADING * misleading + _IMAGE * in_reflective_image).astype(np.uint8)


def reflection_maps(layer: np.ndarray) -> dict[str, np.ndarray]:
    """The regions as boolean maps (h, w) by name, from the layer `reflections`."""
    is_reflective, is_misleading = (layer & _REFLECTIVE) > 0, (layer & _MISLEADING) > 0
    return {
        "misleading": is_misleading,
        "reflective": is_reflective,
        "other": ~(is_misleading | is_reflective),
        "all-reflective-images": (layer & _IMAGE) > 0,
    }
