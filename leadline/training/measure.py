"""What a method logs beside its loss, as means over a data set: for numbers that need neighbours in time, such as those of a mask."""

from dataclasses import replace
from statistics import fmean

import torch

from leadline.data.dataset import Dataset
from leadline.data.derived import with_derived
from leadline.data.order import one_pass
from leadline.data.sample import collate
from leadline.data.source import SampleSource
from leadline.data.transforms import Transform
from leadline.methods.base import Method

BATCH_SIZE = 8


@torch.no_grad()
def mean_logs(method: Method, dataset: Dataset, *, height: int, width: int, layers: frozenset[str] = frozenset()) -> dict[str, float]:
    """Means over all samples of `dataset` of what `method.loss` logs, not augmented, in evaluation mode.

    The samples have `layers` beside what the method needs. Raises UserError for a data set that lacks them.
    """
    needs = replace(method.needs, layers=method.needs.layers | layers)
    source = SampleSource(with_derived(dataset, needs), needs, Transform(height, width))
    training, device = method.training, next(method.parameters()).device
    method.eval()
    logs: dict[str, list[float]] = {}
    try:
        torch.manual_seed(0)
        for batch in one_pass(len(source), batch_size=BATCH_SIZE):
            found = method.loss(collate([source[address] for address in batch]).to(device)).logs
            for name, value in found.items():
                logs.setdefault(name, []).extend([float(value)] * len(batch))
    finally:
        method.train(training)
    return {name: fmean(values) for name, values in logs.items()}
