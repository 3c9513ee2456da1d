"""Pictures of a run: what the method wants seen of a training batch, and validation images beside target and prediction."""

from collections.abc import Mapping
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
from jaxtyping import Float
from torch import Tensor

from leadline.data.dataset import View
from leadline.io.color import colorize
from leadline.io.image import write_image
from leadline.methods.base import Method
from leadline.prediction import Prediction
from leadline.training.callbacks import AfterStep, Rows
from leadline.training.config import LogConfig
from leadline.training.module import FitModule
from leadline.types import DepthKind


class Panels(AfterStep):
    """Draws some samples of the training batch every few steps."""

    def __init__(self, config: LogConfig, rows: Rows, run_dir: Path) -> None:
        super().__init__()
        self.config = config
        self.rows = rows
        self.folder = run_dir / "panels"

    def after_step(self, trainer: pl.Trainer, module: FitModule, step: int) -> None:
        """Draw when it is time, in the first process."""
        config, journal = self.config, self.rows.journal
        if journal is None or not config.panels or not config.panels_every or step % config.panels_every or not module.panels:
            return
        sheet = batch_sheet(
            module.panels, num_samples=config.panels, inverse=isinstance(module.method, Method) and is_inverse(module.method.kind)
        )
        write_image(self.folder / f"train-{step:06d}.png", sheet)
        journal.write_picture("train", step, sheet)


def batch_sheet(panels: Mapping[str, Float[Tensor, "b _c h w"]], *, num_samples: int, inverse: bool) -> np.ndarray:
    """uint8 (h, w, 3): a row per sample and a column per panel; three channels are RGB in [0, 1], one is depth, 0 where unknown."""
    columns = []
    for panel in panels.values():
        values = panel[:num_samples].detach().float().cpu().numpy()
        columns.append(np.concatenate([_picture(value, inverse=inverse) for value in values]))
    return np.concatenate(columns, axis=1)


def view_row(view: View, prediction: Prediction) -> np.ndarray:
    """uint8 (h, 3 w, 3): image, target and prediction side by side; metres share one range of colours."""
    target = view.depth if view.depth is not None else view.inverse_depth
    assert target is not None
    known = target > 0
    low, high = np.percentile(target[known], [2, 98]) if known.any() else (None, None)
    truth = colorize(target, valid=known, inverse=view.depth is None, low=low, high=high)
    if prediction.kind is not DepthKind.METRIC:  # its values share no range with the target
        low = high = None
    predicted = colorize(prediction.values, valid=prediction.usable, inverse=is_inverse(prediction.kind), low=low, high=high)
    return np.concatenate([view.image, truth, predicted], axis=1)


def is_inverse(kind: DepthKind) -> bool:
    """Whether large values are near."""
    return kind is DepthKind.AFFINE_INVARIANT_INVERSE


def _picture(value: np.ndarray, *, inverse: bool) -> np.ndarray:
    if len(value) == 3:
        return (255 * value.clip(0, 1)).round().astype(np.uint8).transpose(1, 2, 0)
    return colorize(value[0], valid=value[0] != 0, inverse=inverse)
