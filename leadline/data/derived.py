"""Layers that no file has and that are made of several frames, for whoever asks for them."""

from leadline.data.dataset import Dataset
from leadline.data.misleading import MISLEADING, WithMisleading
from leadline.data.sample import Needs
from leadline.data.stereo import CLOSED, WithStereo, stereo_step


def with_derived(dataset: Dataset, needs: Needs) -> Dataset:
    """`dataset` with the layers `misleading` and `closed` where `needs` asks for them and it lacks them.

    Raises UserError when they cannot be made of it.
    """
    if MISLEADING in needs.layers - dataset.layers:
        dataset = WithMisleading(dataset)
    if CLOSED in needs.layers - dataset.layers:
        dataset = WithStereo(dataset, step=stereo_step(needs.frames))
    return dataset
