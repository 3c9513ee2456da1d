"""AdamW in parameter groups, and learning rate schedules that are pure functions of the step."""

import math

from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from leadline.methods.base import Learner
from leadline.training.config import OptimConfig


def parameter_groups(method: Learner, optim: OptimConfig) -> list[dict[str, object]]:
    """Split the trained parameters four ways: encoder or not, decayed or not (norms, biases and other vectors are not).

    The encoder is whatever hangs below an attribute called `encoder` of the method or of one of its parts.
    """
    trained = {id(p) for p in method.trained_parameters()}
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in method.named_parameters():
        if id(parameter) in trained:
            key = ("encoder" in name.split(".")[:-1], parameter.ndim > 1)
            groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": optim.lr * (optim.encoder_lr_factor if in_encoder else 1.0),
            "weight_decay": optim.weight_decay if decayed else 0.0,
        }
        for (in_encoder, decayed), parameters in sorted(groups.items())
    ]


def schedule_factor(step: int, *, steps: int, optim: OptimConfig) -> float:
    """Learning rate of `step` (the first is 0) as a share of the highest, in a run of `steps` steps.

    After a linear (one-cycle: cosine, Smith 2018, arXiv 1708.07120) rise over `warmup`: one-cycle and cosine fall to
    `final_factor` along half a cosine, step drops at `drops`, constant stays.
    """
    rise = max(1, round(optim.warmup * steps))
    if step < rise:
        share = (step + 1) / rise
        if optim.schedule == "one-cycle":
            start = 1 / 25  # the customary initial division factor
            return start + (1 - start) * _half_cosine(share)
        return share
    if optim.schedule in ("one-cycle", "cosine"):
        share = min(1.0, (step - rise) / max(1, steps - 1 - rise))
        return 1 - (1 - optim.final_factor) * _half_cosine(share)
    if optim.schedule == "step":
        return optim.drop_factor ** sum(step >= drop * steps for drop in optim.drops)
    return 1.0


def build_optimizer(method: Learner, optim: OptimConfig, *, steps: int, fused: bool) -> tuple[AdamW, LambdaLR]:
    """The optimizer and its schedule. `fused` is faster wherever nothing unscales gradients in between (fp16 does)."""
    optimizer = AdamW(parameter_groups(method, optim), betas=optim.betas, fused=fused)
    return optimizer, LambdaLR(optimizer, lambda step: schedule_factor(step, steps=steps, optim=optim))


def _half_cosine(share: float) -> float:
    return 0.5 - 0.5 * math.cos(math.pi * share)
