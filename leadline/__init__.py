"""leadline: depth from cameras, in real units. Importing it costs nothing; names are resolved on first use."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leadline.geometry.camera import Camera
    from leadline.geometry.rig import Rig
    from leadline.methods.loading import load
    from leadline.prediction import Prediction
    from leadline.types import DepthKind, KindError, Material, UserError

__version__ = "0.1.0"
__all__ = ["Camera", "DepthKind", "KindError", "Material", "Prediction", "Rig", "UserError", "load"]

_HOMES = {
    "Camera": "leadline.geometry.camera",
    "DepthKind": "leadline.types",
    "KindError": "leadline.types",
    "Material": "leadline.types",
    "Prediction": "leadline.prediction",
    "Rig": "leadline.geometry.rig",
    "UserError": "leadline.types",
    "load": "leadline.methods.loading",
}


def __getattr__(name: str) -> object:
    """Import the home of a public name when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'leadline' has no attribute {name!r}")
