"""The frozen depth model and the frozen segmentation encoder of `briges`: opened from where they lie, named and checked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from leadline.io.weights import fingerprint
from leadline.methods.briges.config import BrigesConfig
from leadline.methods.loading import load
from leadline.methods.predictor import DepthModel
from leadline.methods.teachers import who
from leadline.models.hub import model_of_run, stated_licence
from leadline.models.pretrained import PlainReader
from leadline.models.semantic import SemanticEncoder, load_semantic
from leadline.models.tokens import IMAGENET, Normalisation, TokenDepth, open_tokens, tapped_version
from leadline.types import DepthKind, UserError

NAME = "method briges"

_Opened = TypeVar("_Opened")


@dataclass(frozen=True, eq=False)
class Pair:
    """No module: what is frozen is no part of the weights of the method. `who` are names, fingerprints and licences."""

    depth: TokenDepth
    depth_who: dict[str, str]
    semantic: SemanticEncoder | None
    semantic_who: dict[str, str] | None

    def to(self, device: torch.device) -> None:
        """Move both to the device of the pictures."""
        for part in self.parts:
            # Asking first costs nothing, and moving, even to where they are, is nothing that can be traced.
            if next(part.parameters()).device != device:
                part.to(device)

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        """All modules."""
        return (self.depth.encoder, self.depth.decoder, *(() if self.semantic is None else (self.semantic,)))


def open_pair(config: BrigesConfig) -> Pair:
    """Both models of `config`, frozen and in evaluation mode; the semantic one only where gates read it.

    Raises UserError for one that is not given, cannot be opened, or does not fit the other.
    """
    if config.depth is None:
        raise UserError(NAME, "no depth model", "give --method.depth, such as depth-anything-v2-base or the folder of a run")
    depth, depth_who = _depth(config.depth, config)
    semantic, semantic_who = None, None
    if reads_semantics(config):
        if config.semantic is None:
            raise UserError(NAME, "no semantic encoder", "give --method.semantic, such as facebook/sam-vit-base")
        semantic, semantic_who = _semantic(config.semantic, config)
        _check_widths(depth, semantic, config)
    pair = Pair(depth, depth_who, semantic, semantic_who)
    for part in pair.parts:
        part.eval().requires_grad_(False)
    return pair


def reads_semantics(config: BrigesConfig) -> bool:
    """Whether there are gates that look at what the semantic encoder sees."""
    return config.trained != "decoder" and config.semantics in ("encoder", "shuffled")


def _depth(place: str, config: BrigesConfig) -> tuple[TokenDepth, dict[str, str]]:
    model = _opened("depth model", place, lambda: load(place))
    if model.kind is not DepthKind.AFFINE_INVARIANT_INVERSE:
        raise UserError(place, f"gives {model.kind.value} values", "give a depth model of affine-invariant inverse depth")
    depth = open_tokens(model.network, subject=place, look=_look(model))
    version = tapped_version(depth)
    if config.depth_version != "any" and version != config.depth_version:
        taps = ", ".join(map(str, depth.taps))
        wrong = f"taps blocks {taps} of {depth.num_blocks}, Depth Anything {config.depth_version.upper()} taps others"
        other = f", or --method.depth-version {version}" if version != "other" else ""
        raise UserError(place, wrong, f"give weights of {config.depth_version.upper()}{other}")
    return depth, who(model)


def _look(model: DepthModel) -> Normalisation:
    """As the checkpoint's own processor has it."""
    if not isinstance(model.reader, PlainReader):
        return IMAGENET
    processor = model.reader.processor
    return Normalisation(tuple(processor.image_mean), tuple(processor.image_std))


def _semantic(place: str, config: BrigesConfig) -> tuple[SemanticEncoder, dict[str, str]]:
    source = model_of_run(place)
    encoder = _opened("semantic encoder", place, lambda: load_semantic(source, fit=config.fit))
    digest = fingerprint(encoder.network.state_dict(), (f"fit {config.fit}",))
    name = Path(place).absolute().name if Path(place).exists() else place
    return encoder, {"name": name, "fingerprint": digest, "licence": stated_licence(source)}


def _opened(what: str, place: str, read: Callable[[], _Opened]) -> _Opened:
    """What `read` gives; its UserError says whose part could not be opened."""
    try:
        return read()
    except UserError as error:
        raise UserError(NAME, f"its {what} cannot be opened ({error})", f"put it back, or say where it is ({_option(what)})") from error


def _check_widths(depth: TokenDepth, semantic: SemanticEncoder, config: BrigesConfig) -> None:
    if semantic.width != depth.width and not config.projection:
        wrong = f"semantic maps have {semantic.width} channels, depth tokens {depth.width}"
        raise UserError(NAME, wrong, "give --method.projection, or encoders of one width")


def _option(what: str) -> str:
    name = what.split()[0]
    return f"`{name}` in the config.json of the model folder, --method.{name} in training"
