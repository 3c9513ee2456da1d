"""Teachers: trained models that say the depth a student learns, for the method `distil` and the verb `leadline label` alike.

A plain teacher was fooled by reflections, a robust one left them out; the mask of the robust teacher chooses between them, pixel
by pixel (Choi et al., AAAI 2025, arXiv 2503.22209; the procedure itself is in an appendix we have not seen, this is our reading).
Teachers run frozen, in evaluation mode, without gradient and in full precision whatever the student trains in, so that what they
say depends on the pictures alone: on the fly and written to files it is the same.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from leadline.data.sample import Needs, Sample
from leadline.losses.intrinsic import chosen_depth
from leadline.methods.base import Method
from leadline.methods.intrinsic.config import Rule
from leadline.methods.intrinsic.method import Intrinsic
from leadline.methods.loading import load
from leadline.methods.predictor import DepthModel
from leadline.types import DepthKind, UserError

Dropped = Literal["robust", "closed"]


@dataclass(frozen=True)
class PseudoDepth:
    """What a student learns of the reference pictures of a batch; n = b v."""

    depth: Float[Tensor, "n h w"]
    """[m], positive; of a teacher without metres its inverse depth, up to scale and shift."""
    keep: Bool[Tensor, "n h w"] | None = None
    """Where it is the plain teacher's; None without a robust one."""


class Asked(Protocol):
    """Who is asked about pictures whose answers are kept in files: a `LabelMaker`, a `BinTeacher`, encoders."""

    @property
    def needs(self) -> Needs:
        """What is read from a sample."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures [px] when nobody asks for others."""
        ...

    @property
    def size_multiple(self) -> int:
        """Height and width must be multiples of this."""
        ...

    @property
    def provenance(self) -> dict[str, Any]:
        """Teachers, and how they are put together: plain values."""
        ...

    @property
    def together(self) -> int | None:
        """So many frames of one camera, at most, are asked about together; None where each stands alone."""
        ...


class LabelMaker(Asked, Protocol):
    """Who says the depth that `leadline label` writes: `Teachers`, frame by frame, or `MeshTeachers`, from many frames at once."""

    @property
    def name(self) -> str:
        """What each label says about who made it."""
        ...

    def depths(self, batch: Sample) -> Float[Tensor, "n h w"]:
        """Depth [m] of the reference pictures of a batch of one sequence, n = b v; positive."""
        ...


@dataclass(frozen=True, eq=False)
class Teachers:
    """A plain teacher and, beside it, perhaps a robust one. `load_teachers` makes them and refuses what does not go together."""

    plain: DepthModel
    robust: DepthModel | None = None
    dropped: Dropped = "robust"
    margin: float = 0.0

    @property
    def name(self) -> str:
        """The plain teacher's."""
        return self.plain.name

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the plain teacher's training."""
        return self.plain.info.height, self.plain.info.width

    @property
    def together(self) -> None:
        """Every picture is for itself."""
        return None

    @torch.no_grad()
    def pseudo(self, sample: Sample) -> PseudoDepth:
        """Depth of the reference pictures of a batch that has what the teachers need.

        M_R D_plain + (1 - M_R) D_robust, with M_R the mask of the robust teacher: 1 where it keeps pixels.
        """
        self.to(sample.image.device)
        with torch.autocast(sample.image.device.type, enabled=False):
            plain = method_of(self.plain)(sample.image[:, 0], sample.K[:, 0]).float().flatten(0, 1)
            if self.robust is None:
                return PseudoDepth(plain)
            robust, mask = _intrinsic(self.robust).judge(sample)
            instead = mask.closed if self.dropped == "closed" else robust
            assert instead is not None
            options = {"difference": mask.difference, "margin": self.margin}
            return PseudoDepth(chosen_depth(keep=mask.keep, where_kept=plain, where_dropped=instead, **options), mask.keep)

    def depths(self, batch: Sample) -> Float[Tensor, "n h w"]:
        """Depth [m] of `pseudo`."""
        return self.pseudo(batch).depth

    @property
    def needs(self) -> Needs:
        """What `pseudo` reads from a sample: a picture, and what the mask asks for."""
        if self.robust is None:
            return Needs(layers=frozenset({"usable"}))
        return _intrinsic(self.robust).judging_needs

    @property
    def size_multiple(self) -> int:
        """Height and width of the pictures must be multiples of this."""
        return max(method_of(model).size_multiple for model in self._models)

    @property
    def provenance(self) -> dict[str, Any]:
        """Who they are and how they are put together, for what is made of their depth."""
        named = {"plain": self.plain, "robust": self.robust}
        teachers = {role: who(model) for role, model in named.items() if model is not None}
        if self.robust is None:
            return {"rule": "plain", "teachers": teachers}
        return {"rule": _intrinsic(self.robust).config.mask, "dropped": self.dropped, "margin": self.margin, "teachers": teachers}

    def to(self, device: torch.device | str) -> None:
        """Move both to the device of the pictures."""
        for model in self._models:
            model.network.to(device)

    @property
    def _models(self) -> tuple[DepthModel, ...]:
        return (self.plain,) if self.robust is None else (self.plain, self.robust)


def load_teachers(
    plain: str,
    robust: str | None = None,
    *,
    kind: DepthKind = DepthKind.METRIC,
    dropped: Dropped = "robust",
    margin: float = 0.0,
    device: str = "cpu",
) -> Teachers:
    """The models `plain`, which gives values of `kind`, and `robust`, as `load` finds them.

    Raises UserError like `load`, for models that are no methods of leadline, a plain one of another kind or a robust one that is not
    metric, for a robust one of another method than intrinsic or whose mask cannot judge, and for options that its mask does not know.
    """
    teachers = Teachers(_load(plain, device, kind), None if robust is None else load_metric(robust, device), dropped, margin)
    if teachers.robust is None:
        check_alone(dropped=dropped, margin=margin)
        return teachers
    _check_mask(teachers.robust, robust or "")
    mask = _intrinsic(teachers.robust).config.mask
    if dropped == "closed" and mask != "stereo":
        raise UserError(robust or "", f"its mask {mask} knows no surfaces", "leave dropped at robust, or give a model of mask stereo")
    if margin > 0 and mask == "stereo":
        raise UserError(robust or "", "its mask stereo compares no errors", "leave margin at 0, or give a model of a literal mask")
    return teachers


def check_alone(*, dropped: Dropped, margin: float) -> None:
    """Raise UserError for options that choose between teachers where there is no robust one."""
    if dropped != "robust" or margin > 0:
        raise UserError("teachers", "dropped and margin are about two teachers", "give a robust teacher, or leave them out")


@dataclass(frozen=True, eq=False)
class MaskTeacher:
    """A model of method intrinsic that is asked for nothing but its mask. `load_mask` makes it."""

    model: DepthModel

    @property
    def needs(self) -> Needs:
        """What `kept` reads from a sample."""
        return _intrinsic(self.model).judging_needs

    def kept(self, sample: Sample) -> Bool[Tensor, "n h w"]:
        """Pixels of the reference pictures of a batch that do not mislead, n = b v."""
        self.model.network.to(sample.image.device)
        with torch.autocast(sample.image.device.type, enabled=False):
            return _intrinsic(self.model).judge(sample)[1].keep


def load_mask(name: str, device: str = "cpu") -> MaskTeacher:
    """The model `name` for its mask. Raises UserError like `load`, and for a model that has none or cannot judge with it."""
    model = load_metric(name, device)
    _check_mask(model, name)
    return MaskTeacher(model)


def load_metric(name: str, device: str) -> DepthModel:
    """A model that can teach, frozen. Raises UserError like `load`, and for one that is no method of leadline or not metric."""
    return _load(name, device, DepthKind.METRIC)


def _load(name: str, device: str, kind: DepthKind) -> DepthModel:
    model = load(name, device=device)
    if not isinstance(model.network, Method):
        raise UserError(name, "is no model of leadline", "give the folder of a run, or a model folder")
    if model.kind is not kind:
        wanted = "give a teacher that knows metres" if kind is DepthKind.METRIC else f"give one of {kind.value}, or --method.kind metric"
        raise UserError(name, f"gives {model.kind.value} values", wanted)
    model.network.requires_grad_(False)
    return model


def method_of(model: DepthModel) -> Method:
    """The network of what `load_metric` has given."""
    assert isinstance(model.network, Method)
    return model.network


def _check_mask(model: DepthModel, name: str) -> None:
    """Raise UserError for a model whose mask cannot judge pictures."""
    if not isinstance(model.network, Intrinsic):
        wrong = f"is a {type(model.network).__name__.lower()} model, which has no mask"
        raise UserError(name, wrong, "give a model of method intrinsic")
    mask = model.network.config.mask
    if mask not in get_args(Rule):
        wrong = f"was trained under the mask {mask}, which is not made of what it sees"
        raise UserError(name, wrong, f"give a model trained with --method.mask {' or '.join(get_args(Rule))}")


def _intrinsic(model: DepthModel) -> Intrinsic:
    assert isinstance(model.network, Intrinsic)
    return model.network


def who(model: DepthModel) -> dict[str, str]:
    """A teacher in what is written about it."""
    return {"name": model.name, "fingerprint": model.fingerprint, "licence": model.licence}
