"""A student that learns the depth of teachers: of one (self-teaching), of two and a mask, or of files that they have written.

The second stage of Choi et al., AAAI 2025, arXiv 2503.22209. Teachers and their choice are in methods/teachers.py: they are no
part of the student, neither among its parameters nor in its model folder, and are not opened before it learns.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from leadline.data.sample import Needs, Sample
from leadline.io.weights import load_state
from leadline.methods.base import Loss, Method
from leadline.methods.distil.config import DistilConfig
from leadline.methods.distil.loss import relative_teaching_loss, teaching_loss
from leadline.methods.loading import load
from leadline.methods.network import build_network, full_size, inverse_depths, settled
from leadline.methods.stereo_teachers import StereoTeacher, load_stereo_teacher
from leadline.methods.teachers import PseudoDepth, Teachers, check_alone, load_teachers, who
from leadline.types import DepthKind, UserError

NAME = "method distil"
KINDS = (DepthKind.METRIC, DepthKind.AFFINE_INVARIANT_INVERSE)


@final
class Distil(Method):
    """One depth network, of the kind that selfsup has."""

    def __init__(self, config: DistilConfig) -> None:
        super().__init__()
        _check(config)
        self._places = config.plain, config.robust, config.stereo
        config = settled(config, subject=NAME)
        # The model folder keeps the configuration, and where the teachers lay is nobody's business.
        plain, robust, stereo = (_last_part(place) for place in self._places)
        self.config = replace(config, plain=plain, robust=robust, stereo=stereo, start=None)
        self.network = build_network(config, num_outputs=2 if config.uncertainty else 1)
        self._loaded: Teachers | StereoTeacher | None = None
        self._began = {} if config.start is None else {"start": self._begin_with(config.start)}

    @property
    def kind(self) -> DepthKind:
        """That of its teachers."""
        return self.config.kind

    @property
    def needs(self) -> Needs:
        """What the teachers read; without any, depth. Raises UserError for teachers that cannot be opened."""
        needs = self.teachers.needs if self._is_taught else Needs(layers=frozenset({"depth", "usable"}))
        return needs if self.config.robust is not None else replace(needs, frames=self.config.frames)

    @property
    def teachers(self) -> Teachers | StereoTeacher:
        """Opened when they are first asked for: a trained student does without them. Raises UserError like `load_teachers`."""
        if self._loaded is None:
            (plain, robust, stereo), config = self._places, self.config
            if stereo is not None:
                self._loaded = load_stereo_teacher(stereo)
            else:
                assert plain is not None
                self._loaded = load_teachers(plain, robust, kind=config.kind, dropped=config.dropped, margin=config.margin)
        return self._loaded

    @property
    def details(self) -> dict[str, Any]:
        """Its teachers, if it has any, and what it began with: names, weights and licences, and how teachers are put together."""
        return self._began | (self.teachers.provenance if self._is_taught else {})

    @property
    def size_multiple(self) -> int:
        """Of the network."""
        return self.network.size_multiple

    @property
    def joint_views(self) -> bool:
        """Never: the depth of a picture comes from that picture alone."""
        return False

    @property
    def needs_camera(self) -> bool:
        """Whether depth follows the focal length."""
        return self._is_metric and self.config.canonical_focal is not None

    def forward(self, image: Float[Tensor, "b v 3 h w"], K: Float[Tensor, "b v 3 3"]) -> Float[Tensor, "b v h w"]:
        """Depth [m], or inverse depth up to scale and shift, from the finest scale."""
        finest = self._inverse(self.network(image.flatten(0, 1)), K.flatten(0, 1))[0]
        return (1 / finest if self._is_metric else finest).unflatten(0, image.shape[:2])

    def loss(self, sample: Sample) -> Loss:
        """Distance to the pseudo-depth over all scales at full size. Raises UserError for teachers that cannot be opened."""
        image, K = sample.image[:, 0].flatten(0, 1), sample.K[:, 0].flatten(0, 1)
        size = {"height": image.shape[-2], "width": image.shape[-1]}
        raw = self.network(image)
        pseudo = self._pseudo_depth(sample)
        valid = pseudo.depth > 0 if self._is_metric else torch.ones_like(pseudo.depth, dtype=torch.bool)
        if sample.usable is not None:
            valid = valid & sample.usable[:, 0].flatten(0, 1)
        with torch.autocast(image.device.type, enabled=False):
            inverse = full_size(self._inverse(raw, K), **size)
            log_sigma = full_size([one[:, 1] for one in raw], **size) if self.config.uncertainty else None
            maps = {"inverse_depth": inverse, "pseudo": pseudo.depth, "valid": valid}
            term = teaching_loss(**maps, log_sigma=log_sigma) if self._is_metric else relative_teaching_loss(**maps)
        logs = {"valid_share": valid.float().mean()}
        if pseudo.keep is not None:
            logs["mask/dropped_share"] = 1 - pseudo.keep.float().mean()
        if log_sigma is not None:
            logs["sigma_mean"] = log_sigma[:, 0].detach().exp().mean()
        values = inverse[:, :1].detach()
        panels = {"image": image, "values": 1 / values if self._is_metric else values, "target": (pseudo.depth * valid)[:, None]}
        return Loss(terms={"teaching": term}, logs=logs, panels=panels)

    @property
    def _is_taught(self) -> bool:
        """By teachers that are asked here, not by files."""
        return self.config.plain is not None or self.config.stereo is not None

    @property
    def _is_metric(self) -> bool:
        return self.config.kind is DepthKind.METRIC

    def _inverse(self, raw: list[Tensor], K: Tensor) -> list[Tensor]:
        """Inverse depth (n, y, x) at every scale: [1/m], or, without metres, the network's maps as they are."""
        return inverse_depths(raw, K, self.config) if self._is_metric else [one[:, 0] for one in raw]

    def _pseudo_depth(self, sample: Sample) -> PseudoDepth:
        if self._is_taught:
            return self.teachers.pseudo(sample)
        assert sample.depth is not None
        return PseudoDepth(sample.depth[:, 0].flatten(0, 1))

    def _begin_with(self, start: str) -> dict[str, str]:
        """Take over the weights of a model of the same network; says whose they are."""
        model = load(start)
        load_state(self, model.network.state_dict(), start)
        return who(model)


def _last_part(place: str | None) -> str | None:
    return None if place is None else Path(place).absolute().name


def _check(config: DistilConfig) -> None:
    """Raise UserError for options that do not go together; what only the teachers can tell, they are asked when they are opened."""
    if config.kind not in KINDS:
        raise UserError(NAME, f"kind {config.kind.value}", f"choose {' or '.join(KINDS)}")
    if config.kind is not DepthKind.METRIC and (config.plain is None or config.robust is not None or config.uncertainty):
        wrong = f"a student of {config.kind.value} values learns from one plain teacher, without uncertainty"
        raise UserError(NAME, wrong, "give --method.plain alone")
    if config.stereo is not None and (config.plain is not None or config.robust is not None):
        raise UserError(NAME, "--method.stereo stands in place of both other teachers", "leave --method.plain and --method.robust out")
    if config.plain is None and config.robust is not None:
        raise UserError(NAME, "a robust teacher without a plain one", "give --method.plain too: it teaches where the mask keeps pixels")
    if config.robust is None:
        check_alone(dropped=config.dropped, margin=config.margin)
    if config.margin < 0:
        raise UserError(NAME, f"margin {config.margin}", "give a number of at least 0")
