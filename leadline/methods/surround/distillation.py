"""What a student learns from its teacher beside the depth of the sample: one named term for every weight of the configuration.

CKD and VRKD (ckd.py, vrkd.py) are in the spirit of arXiv 2512.08700; the others (baselines.py) are what they are compared with.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from leadline.data.sample import Needs, Sample
from leadline.methods.predictor import DepthModel
from leadline.methods.surround import baselines, ckd, vrkd
from leadline.methods.surround.config import SurroundConfig
from leadline.methods.surround.lesson import Lesson
from leadline.methods.surround.network import Seen, SurroundNetwork
from leadline.methods.surround.teacher import ALIKE, ask, load_teacher, network_of, taught_of
from leadline.methods.teachers import MaskTeacher, load_mask, who
from leadline.models.bins.answer import mean_depth
from leadline.types import UserError

TERMS = (
    "probabilities",
    "cross",
    "opposite",
    "relations",
    "response",
    "kd",
    "dkd",
    "dist",
    "rkd",
    "fitnets",
    "attention",
    "similarity",
)
"""Each has the option NAME_weight."""
OF_MAPS = ("fitnets", "attention")
"""Terms that compare inner maps, which nobody keeps: the teacher itself must be there."""
OF_PICTURES = ("rkd", "similarity", *OF_MAPS)
"""Terms that compare whole pictures, of which those that show nothing are left out."""
HINT = -2
"""The map that FitNets compares, from fine to coarse: the one before the bottleneck."""


class Distillation(nn.Module):
    """A teacher and what of it is learnt. Its only weights are the adapter of FitNets; teachers stay outside."""

    def __init__(self, config: SurroundConfig, student: SurroundNetwork) -> None:
        """Teachers are opened when they are first asked, but for an adapter, which must know their maps."""
        super().__init__()
        self.config = config
        self._teacher: DepthModel | None = None
        self._reflective: MaskTeacher | None = None
        self.adapter = None
        if config.fitnets_weight > 0 and config.teacher is not None:
            theirs = self.network.channels[HINT]
            self.adapter = nn.Conv2d(student.channels[HINT], theirs, kernel_size=1)

    @property
    def wanted(self) -> list[str]:
        """Names of the terms that have a weight."""
        return [name for name in TERMS if self._weight(name) > 0]

    @property
    def teacher(self) -> DepthModel:
        """Raises UserError like `load_teacher`."""
        if self._teacher is None:
            assert self.config.teacher is not None
            self._teacher = load_teacher(self.config.teacher, self.config)
        return self._teacher

    @property
    def network(self) -> SurroundNetwork:
        """The teacher's. Raises UserError like `load_teacher`."""
        return network_of(self.teacher)

    @property
    def reflective(self) -> MaskTeacher | None:
        """Whose mask says what is not to be learnt. Raises UserError like `load_mask`."""
        if self._reflective is None and self.config.exclude_reflective is not None:
            self._reflective = load_mask(self.config.exclude_reflective)
        return self._reflective

    def needs(self, plain: Needs) -> Needs:
        """`plain`, and what the terms read beside it. Raises UserError for a teacher that is missing or cannot be opened."""
        if not self.wanted:
            return plain
        if self.config.teacher is not None:
            _ = self.teacher
        else:
            live = [name for name in self.wanted if name in OF_MAPS]
            if live:
                wrong = f"{live[0]} compares maps inside the teacher, and there is none"
                raise UserError("method surround", wrong, "give --method.teacher MODEL")
            taught_by = tuple((option, getattr(self.config, option)) for option in ALIKE)
            plain = replace(plain, layers=plain.layers | {"taught"}, taught_by=taught_by)
        if self.reflective is None:
            return plain
        judging = self.reflective.needs
        return replace(plain, layers=plain.layers | judging.layers, frames=judging.frames, optional=judging.optional)

    @property
    def provenance(self) -> dict[str, Any]:
        """The teachers, if any was asked: names, weights and licences."""
        roles = {"teacher": self._teacher, "reflective": None if self._reflective is None else self._reflective.model}
        teachers = {role: who(model) for role, model in roles.items() if model is not None}
        return {"teachers": teachers} if teachers else {}

    def terms(self, seen: Seen, sample: Sample, *, target: Tensor, valid: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Named terms, weighted, and numbers worth watching; target [m] and valid are (n, h, w)."""
        if not self.wanted:
            return {}, {}
        taught = ask(self.teacher, sample) if self.config.teacher is not None else taught_of(sample)
        keep = torch.ones_like(valid) if sample.usable is None else sample.usable[:, 0].flatten(0, 1)
        logs: dict[str, Tensor] = {}
        if self.reflective is not None:
            kept = self.reflective.kept(sample)
            keep = keep & kept
            logs["mask/dropped_share"] = 1 - kept.float().mean()
        lesson = Lesson(
            seen=seen,
            taught=taught,
            K=sample.K[:, 0].flatten(0, 1),
            target=target,
            valid=valid,
            keep=keep,
            num_views=sample.image.shape[2],
            canonical_focal=self.config.canonical_focal,
        )
        return {name: self._weight(name) * self._term(name, lesson) for name in self.wanted}, logs

    def _weight(self, name: str) -> float:
        return getattr(self.config, f"{name}_weight")

    def _term(self, name: str, lesson: Lesson) -> Tensor:
        config, bins, taught, alive = self.config, lesson.seen.bins, lesson.taught, lesson.alive
        answers: dict[str, Any] = {"logits": bins.logits, "teacher_probs": lesson.probs}
        if name in OF_PICTURES and not alive.any():
            return bins.logits.sum() * 0
        embeddings = {"embedding": bins.embedding[alive], "teacher_embedding": taught.embedding[alive]}
        match name:
            case "probabilities":
                return ckd.probability_loss(**answers, keep=lesson.keep_at_head, temperature=config.temperature)
            case "cross":
                return lesson.silog(mean_depth(lesson.probs, bins.centres))
            case "opposite":
                return lesson.silog(mean_depth(bins.probs, lesson.centres))
            case "relations":
                ours, theirs = (lesson.of_rigs(maps) for maps in vrkd.compared(bins, taught, config.relation))
                rigs = alive.unflatten(0, (-1, lesson.num_views))
                return vrkd.relation_loss(student=ours, teacher=theirs, relation=config.relation, alive=rigs)
            case "response":
                return baselines.response_loss(depth=bins.depth, teacher_depth=lesson.depth, keep=lesson.keep_at_head, kind=config.response)
            case "kd":
                return baselines.kd_loss(**answers, keep=lesson.keep_at_head, temperature=config.kd_temperature)
            case "dkd":
                return baselines.dkd_loss(**answers, target_bin=lesson.target_bins(), temperature=config.kd_temperature)
            case "dist":
                return baselines.dist_loss(**answers, keep=lesson.keep_at_head)
            case "rkd":
                return baselines.rkd_loss(**embeddings)
            case "similarity":
                return baselines.similarity_loss(**embeddings)
            case "attention":
                assert taught.maps is not None
                ours, theirs = ([map_[alive] for map_ in maps] for maps in (lesson.seen.maps, taught.maps))
                return baselines.attention_loss(maps=ours, teacher_maps=theirs)
            case "fitnets":
                assert taught.maps is not None and self.adapter is not None
                return baselines.hint_loss(map_=self.adapter(lesson.seen.maps[HINT][alive].float()), teacher_map=taught.maps[HINT][alive])
            case _:
                raise ValueError(f"no term {name}")
