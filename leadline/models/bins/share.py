"""A student's head that takes parts of its teacher's: the same weights, frozen.

The paper's summaries say that teacher and student "share the depth binning module", and not how; both readings here are ours
(in the spirit of arXiv 2512.08700). Projectors are never shared: their channels are those of each network's own maps. Neither is what
starts the bins, which reads the bottleneck itself.
"""

from typing import Literal

from torch import nn

from leadline.models.bins.head import BinHead
from leadline.types import UserError

Shared = Literal["prob_head", "all_after_projector"]
REMEDY = "give teacher and student heads of one kind, bins and embedding, on maps that are alike, or --method.share-bins none"


def share(student_head: BinHead, teacher_head: BinHead, what: Shared, *, subject: str) -> None:
    """Copy weights of the teacher's head into the student's, and freeze them there.

    `prob_head` is what makes the probabilities; `all_after_projector` also what moves or splits the bins level by level. Raises
    UserError about `subject`, the teacher, naming the first thing in which the heads differ; nothing is changed then.
    """
    if student_head.kind != teacher_head.kind:
        raise UserError(subject, f"has {teacher_head.kind} bins, the student {student_head.kind}", REMEDY)
    if student_head.num_bins != teacher_head.num_bins:
        raise UserError(subject, f"has {teacher_head.num_bins} bins, the student {student_head.num_bins}", REMEDY)
    pairs: dict[str, tuple[nn.Module, nn.Module]] = {"prob_head": (student_head.prob_head, teacher_head.prob_head)}
    if what == "all_after_projector":
        pairs["refine"] = (student_head.refine, teacher_head.refine)
    for name, (ours, theirs) in pairs.items():
        _check_alike(ours, theirs, name=name, subject=subject)
    for ours, theirs in pairs.values():
        ours.load_state_dict(theirs.state_dict())
        ours.requires_grad_(False)


def _check_alike(ours: nn.Module, theirs: nn.Module, *, name: str, subject: str) -> None:
    mine, yours = ({key: tuple(value.shape) for key, value in part.state_dict().items()} for part in (ours, theirs))
    for key in sorted(mine.keys() | yours.keys()):
        if mine.get(key) != yours.get(key):
            wrong = f"{name}.{key} has shape {yours.get(key, 'none')}, the student's {mine.get(key, 'none')}"
            raise UserError(subject, wrong, REMEDY)
