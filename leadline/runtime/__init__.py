"""Exported networks at work: `leadline.runtime.open("net.onnx").predict("photo.jpg")`. NumPy, Pillow and the file's own runtime.

Nothing here imports torch but what runs .pt2 files, and nothing transformers.
"""

from leadline.runtime.model import RuntimeModel
from leadline.runtime.model import open_model as open

__all__ = ["RuntimeModel", "open"]
