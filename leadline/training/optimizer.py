"""AdamW, and Muon where it is asked for, in parameter groups; learning rate schedules that are pure functions of the step."""

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import nn
from torch.optim import AdamW, Muon, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from leadline.methods.base import Learner
from leadline.training.config import OptimConfig


class MuonAndAdamW(Optimizer):
    """Two optimizers as one: each steps its own groups, and `param_groups` are those of both."""

    def __init__(self, muon: Muon, adamw: AdamW) -> None:
        self.parts = (muon, adamw)
        super().__init__([*muon.param_groups, *adamw.param_groups], {})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Both, for the gradients that `closure` leaves."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Those of both."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Of a `state_dict`."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def parameter_groups(method: Learner, optim: OptimConfig) -> list[dict[str, object]]:
    """Split the trained parameters: matrix for Muon or not, encoder or not, decayed or not (norms, biases and other vectors are not).

    The encoder is whatever hangs below an attribute called `encoder` of the method or of one of its parts. Those for Muon come last.
    """
    trained = {id(p) for p in method.trained_parameters()}
    groups: dict[tuple[bool, bool, bool], list[nn.Parameter]] = {}
    for name, parameter in method.named_parameters():
        if id(parameter) in trained:
            key = (_for_muon(parameter, optim), "encoder" in name.split(".")[:-1], parameter.ndim > 1)
            groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": (optim.muon_lr if by_muon else optim.lr) * (optim.encoder_lr_factor if in_encoder else 1.0),
            "weight_decay": optim.weight_decay if decayed else 0.0,
        }
        for (by_muon, in_encoder, decayed), parameters in sorted(groups.items())
    ]


def _for_muon(parameter: nn.Parameter, optim: OptimConfig) -> bool:
    """Convolutions have more than two axes, and what is added to tokens has one more than a matrix."""
    return optim.muon_lr > 0 and parameter.ndim == 2


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


def build_optimizer(method: Learner, optim: OptimConfig, *, steps: int, fused: bool) -> tuple[Optimizer, LambdaLR]:
    """The optimizer and its schedule. `fused` is faster wherever nothing unscales gradients in between (fp16 does)."""
    groups = parameter_groups(method, optim)
    matrices = [group for group in groups if _for_muon(cast(list[nn.Parameter], group["params"])[0], optim)]
    optimizer = AdamW(groups[: len(groups) - len(matrices)], betas=optim.betas, fused=fused)
    if matrices:
        # Its update is then as large as AdamW's of the same rate (Liu et al. 2025, arXiv 2502.16982).
        optimizer = MuonAndAdamW(Muon(matrices, adjust_lr_fn="match_rms_adamw"), optimizer)
    return optimizer, LambdaLR(optimizer, lambda step: schedule_factor(step, steps=steps, optim=optim))


def _half_cosine(share: float) -> float:
    return 0.5 - 0.5 * math.cos(math.pi * share)
