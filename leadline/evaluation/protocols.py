"""Every preset by name, and the questions asked of all of them: which is meant, which fits a prediction."""

from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import get_args

from leadline.evaluation.explain import ALIGN_IN_WORDS
from leadline.evaluation.presets.house import HOUSE
from leadline.evaluation.presets.indoor import INDOOR
from leadline.evaluation.presets.kitti import KITTI
from leadline.evaluation.presets.moge import MOGE
from leadline.evaluation.presets.rigs import RIGS
from leadline.evaluation.presets.shiny import SHINY
from leadline.evaluation.presets.wide import WIDE
from leadline.evaluation.protocol import Protocol, Scope
from leadline.types import DepthKind, KindError, UserError

PROTOCOLS: dict[str, Protocol] = {p.name: p for p in (*HOUSE, *KITTI, *INDOOR, *WIDE, *SHINY, *RIGS, *MOGE)}
SHOWN = 4
"""How many fitting protocols an error names."""


def find_protocol(name: str) -> Protocol:
    """The protocol of that name. Raises UserError that suggests near names."""
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    longer = [known for known in PROTOCOLS if known.startswith(name)]
    near = list(dict.fromkeys((*longer, *get_close_matches(name, PROTOCOLS, n=3, cutoff=0.4))))[:3]
    raise UserError(
        "--protocol", f"there is no protocol '{name}'", f"did you mean {' or '.join(near)}?" if near else "see leadline protocols"
    )


def matching_protocols(pattern: str) -> list[Protocol]:
    """The protocol of that name, or all that a pattern such as 'ddad-*' names and that score depth. Raises UserError for none."""
    if not any(sign in pattern for sign in "*?["):
        return [find_protocol(pattern)]
    found = [p for name, p in PROTOCOLS.items() if fnmatchcase(name, pattern) and p.scores == "depth" and not p.refuses]
    if not found:
        raise UserError("--compare", f"no protocol is called '{pattern}'", "see leadline protocols")
    return found


def every_scope(protocol: Protocol) -> list[Protocol]:
    """`protocol` with each scale scope in turn, its own first. Raises UserError where nothing is fitted."""
    return list({p.name: p for p in (protocol, *(with_scope(protocol, scope) for scope in get_args(Scope)))}.values())


def with_scope(protocol: Protocol, scope: Scope, *, batch: int | None = None) -> Protocol:
    """`protocol` with its alignment fitted over another `scope`, which its name then says; `batch` for the scope `camera_batch`.

    Raises UserError where nothing is fitted, so that the scope could change nothing.
    """
    if protocol.align in ("none", "factor"):
        raise UserError(
            "--scale-scope", f"'{protocol.name}' fits nothing ({ALIGN_IN_WORDS[protocol.align]})", "choose a protocol with an alignment"
        )
    size = protocol.scope_batch if batch is None else batch
    if scope == protocol.align_scope and size == protocol.scope_batch:
        return protocol
    name = f"{protocol.name}+{scope.replace('_', '-')}"
    spelled = f"camera-batch of {size}" if scope == "camera_batch" else scope
    change = f"scale scope {spelled} instead of {protocol.align_scope.replace('_', '-')}"
    return replace(protocol, name=name, align_scope=scope, scope_batch=size, differs=(*protocol.differs, change))


def with_metrics(protocol: Protocol, more: tuple[str, ...]) -> Protocol:
    """`protocol` with `more` metrics beside its own, which change none of its numbers. Raises UserError for an unknown name."""
    from leadline.evaluation.mapmetrics import MAP_METRICS
    from leadline.evaluation.metrics import METRICS

    known = (*METRICS, *MAP_METRICS)
    for name in more:
        if name not in known:
            near = get_close_matches(name, known, n=3, cutoff=0.4)
            raise UserError("--also", f"there is no metric '{name}'", f"did you mean {' or '.join(near or known[:4])}?")
    try:
        return replace(protocol, metrics=tuple(dict.fromkeys((*protocol.metrics, *more))))
    except ValueError as error:
        raise UserError("--also", str(error), "choose a protocol that averages images") from None


def check_kind(protocol: Protocol, kind: DepthKind, *, subject: str) -> None:
    """Raise UserError when nothing can be scored under `protocol`, and KindError naming `subject` when `kind` cannot honestly be."""
    if protocol.refuses:
        raise UserError(f"'{protocol.name}'", protocol.refuses, "choose another protocol")
    if protocol.scores == "pairs":
        raise UserError(f"'{protocol.name}'", "scores pairs of points, not depth", "choose a data set of pairs, or another protocol")
    if kind in protocol.kinds:
        return
    # Presets for any data set first: what else fits depends on the data.
    fitting = sorted(
        (p for p in PROTOCOLS.values() if kind in p.kinds and p.scores == "depth" and not p.refuses), key=lambda p: p.num_images is not None
    )
    names = [p.name for p in fitting[:SHOWN]]
    raise KindError(
        subject,
        f"{kind.value} predictions cannot be scored under '{protocol.name}', whose alignment is {ALIGN_IN_WORDS[protocol.align]}",
        f"use --protocol {' or '.join(names)}" if names else "align the predictions to metres first",
    )
