"""BriGeS: a frozen depth model and a frozen segmentation encoder, bridged by trained gates. arXiv 2505.23400; README.md says what is ours.

    f_1 .. f_4 = E_d(image)      tokens of the depth encoder                      models/tokens.py
    f_s = E_s(image)             one map of the segmentation encoder              models/semantic.py
    g = aligned(f_s)             one semantic token for each depth token          align.py
    F_i = G_i(f_i, g)            four gates, without sharing                      gate.py
    D_d(F_1 .. F_4)              the frozen decoder: inverse depth up to scale and shift

Frozen parts are no submodules: neither among the parameters nor in the model folder, which names them and their fingerprints.
"""

from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from leadline.data.sample import Needs, Sample
from leadline.losses.gradient import gradient_matching_loss
from leadline.methods.base import Loss, Method
from leadline.methods.briges.align import aligned
from leadline.methods.briges.config import BrigesConfig
from leadline.methods.briges.gate import Gates
from leadline.methods.briges.loss import disparity_target, gradient_loss, least_squares, normalised, ssi_loss
from leadline.methods.briges.pair import NAME, Pair, open_pair, reads_semantics
from leadline.methods.loading import absolute
from leadline.types import DepthKind, UserError

DEPTH_EPS_M = 1e-3
MAX_TOKENS = 8192
"""Of one picture: attention between all of them costs their square. 518x1792 has 4736."""
NOISE_SEED = 0
NEVER_USED = ("neck.fusion_stage.layers.0.residual_layer1.", "mask_token", "pooler.", "network.neck.")
"""Parts of names of weights of published models on which no token or depth depends."""


CACHED: dict[str, tuple[str, ...]] = {"nothing": (), "semantic": ("semantic",), "both": ("semantic", "tokens")}
"""Layers of the sample that each choice of `cached` reads."""


@dataclass(frozen=True)
class _Seen:
    tokens: list[Float[Tensor, "n m d"]]
    semantic: Float[Tensor, "n c y x"] | None


@final
class Briges(Method):
    """Gates, or what is trained instead of them for comparison, around a pair of models."""

    def __init__(self, config: BrigesConfig) -> None:
        super().__init__()
        _check(config)
        pair = self._pair = open_pair(config)
        self.config = replace(config, depth=absolute(config.depth), semantic=absolute(config.semantic))
        self.gates = None if config.trained == "decoder" else _gates(config, pair)
        self.decoder = None if config.trained == "gates" else _thawed(pair.depth.decoder)
        self.encoder = _encoders(pair) if config.trained == "all" else None
        self._before: Tensor | None = None

    @property
    def kind(self) -> DepthKind:
        """Inverse depth up to scale and shift."""
        return DepthKind.AFFINE_INVARIANT_INVERSE

    @property
    def needs(self) -> Needs:
        """One image and what supervises it, and the features that are read from files."""
        made_by = {layer: encoder["fingerprint"] for layer, encoder in self.encoders.items() if layer in CACHED[self.config.cached]}
        return Needs(layers=frozenset({self.config.target, "usable", *made_by}), made_by=tuple(made_by.items()))

    @property
    def size_multiple(self) -> int:
        """A patch of the depth encoder."""
        return self._pair.depth.patch

    @property
    def max_pixels(self) -> int:
        """So many that there are at most MAX_TOKENS."""
        return MAX_TOKENS * self._pair.depth.patch**2

    @property
    def encoders(self) -> dict[str, dict[str, str]]:
        """The depth encoder's tokens and, where gates read it, the semantic encoder's map."""
        semantic = {} if self._pair.semantic_who is None else {"semantic": self._pair.semantic_who}
        return {"tokens": self._pair.depth_who} | semantic

    @property
    def adjustable(self) -> tuple[str, ...]:
        """The temperature, and where the pair lies."""
        return ("temperature", "depth", "semantic")

    @property
    def frozen(self) -> dict[str, dict[str, str]]:
        """The pair it stands on, by role: names, fingerprints and licences."""
        pair = self._pair
        return {"depth": pair.depth_who} | ({} if pair.semantic_who is None else {"semantic": pair.semantic_who})

    @property
    def frozen_parts(self) -> tuple[nn.Module, ...]:
        """Modules that training must not change."""
        own = {id(module) for module in self.modules()}
        return tuple(part for part in self._pair.parts if id(part) not in own)

    @property
    def beside_weights(self) -> tuple[str, ...]:
        """What decides predictions without being a weight."""
        return f"temperature {self.config.temperature:g}", f"semantics {self.config.semantics}"

    def forward(self, image: Float[Tensor, "b v 3 h w"], K: Float[Tensor, "b v 3 3"]) -> Float[Tensor, "b v h w"]:
        """Inverse depth up to scale and shift; attention at the temperature of the configuration."""
        return self._values(image.flatten(0, 1), temperature=self.config.temperature).float().unflatten(0, image.shape[:2])

    def features(self, image: Float[Tensor, "n 3 h w"]) -> dict[str, Tensor]:
        """Tokens (n, k, rows * columns, d) and map (n, c, y, x) of both encoders, in full precision."""
        with torch.no_grad(), torch.autocast(image.device.type, enabled=False):
            seen = self._seen(image)
        return {"tokens": torch.stack(seen.tokens, dim=1)} | ({} if seen.semantic is None else {"semantic": seen.semantic})

    def loss(self, sample: Sample) -> Loss:
        """Terms on disparity brought to [0, 1]; attention at temperature 1."""
        config = self.config
        image = sample.image[:, 0].flatten(0, 1)
        values = self._values(image, temperature=1.0, cached=sample)
        with torch.autocast(image.device.type, enabled=False):
            inverse, known = self._inverse(sample)
            target, valid = disparity_target(inverse, known)
            maps = {"pred": normalised(values), "target": target}
            terms = {"ssi": config.ssi_weight * ssi_loss(**maps, valid=valid)}
            if config.gradient_weight > 0:
                terms["gradient"] = config.gradient_weight * self._gradient(**maps, valid=valid & self._sharp(sample, valid))
        panels = {"image": image, "values": values.detach().float()[:, None], "target": (target * valid)[:, None]}
        return Loss(terms=terms, logs={"valid_share": valid.float().mean()}, panels=panels)

    def _values(self, image: Float[Tensor, "n 3 h w"], *, temperature: float, cached: Sample | None = None) -> Float[Tensor, "n h w"]:
        depth = self._pair.depth
        rows, columns = (side // depth.patch for side in image.shape[-2:])
        tokens = self._bridged(self._seen(image, cached), rows=rows, columns=columns, temperature=temperature)
        return depth.decoder(tokens, rows=rows, columns=columns)

    def _bridged(self, seen: _Seen, *, rows: int, columns: int, temperature: float) -> list[Tensor]:
        """The tokens of depth after they have read those of semantics."""
        if self.gates is None:
            return seen.tokens
        read = self._read(self.gates, seen.tokens[0], seen.semantic, rows=rows, columns=columns)
        return self.gates(seen.tokens, read, rows=rows, columns=columns, temperature=temperature)

    def _seen(self, image: Float[Tensor, "n 3 h w"], cached: Sample | None = None) -> _Seen:
        """What both encoders see, run or read from the sample."""
        pair = self._pair
        pair.to(image.device)
        layers = () if cached is None else CACHED[self.config.cached]
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.encoder is not None):
            tokens = self._read_tokens(image, cached) if cached is not None and "tokens" in layers else pair.depth.encoder(image)
            if pair.semantic is None:
                return _Seen(tokens, None)
            if cached is None or "semantic" not in layers:
                return _Seen(tokens, pair.semantic(image))
        assert cached.semantic is not None
        return _Seen(tokens, cached.semantic[:, 0].flatten(0, 1).float())

    def _read_tokens(self, image: Tensor, cached: Sample) -> list[Tensor]:
        """Raises UserError for pictures of another size than those whose tokens were written."""
        assert cached.tokens is not None
        height, width = image.shape[-2:]
        tokens = cached.tokens[:, 0].flatten(0, 1).float()
        if tokens.shape[2] * self._pair.depth.patch**2 != height * width:
            wrong = f"pictures of {width}x{height} px do not fit cached tokens"
            raise UserError(NAME, wrong, "leave --coarse-share at 0, or --method.cached at nothing or semantic")
        return list(tokens.unbind(1))

    def _read(self, gates: Gates, like: Tensor, semantic: Tensor | None, *, rows: int, columns: int) -> Tensor | None:
        """The tokens that gates read, shaped like those of depth; None for the depth tokens themselves."""
        match self.config.semantics:
            case "depth":
                return None
            case "zeros":
                return torch.zeros_like(like)
            case "noise" if self.training:
                return torch.randn_like(like)
            case "noise":
                generator = torch.Generator().manual_seed(NOISE_SEED)
                return torch.randn(like.shape, generator=generator).to(like)
            case _:
                assert semantic is not None
        if self.config.semantics == "shuffled":
            semantic = self._of_others(semantic)
        return aligned(gates.projected(semantic), rows=rows, columns=columns)

    def _of_others(self, semantic: Tensor) -> Tensor:
        """For each picture the map of the one before it in the batch; a picture alone gets that of the one seen before it."""
        if len(semantic) > 1:
            return semantic.roll(1, dims=0)
        before = semantic if self._before is None else self._before.to(semantic)
        self._before = semantic.detach()
        return before

    def _inverse(self, sample: Sample) -> tuple[Tensor, Tensor]:
        """Inverse depth, and where it is known."""
        given = sample.depth if self.config.target == "depth" else sample.inverse_depth
        assert given is not None
        given = given[:, 0].flatten(0, 1)
        known = given > 0
        if sample.usable is not None:
            known = known & sample.usable[:, 0].flatten(0, 1)
        return (1 / (given + DEPTH_EPS_M) if self.config.target == "depth" else given), known

    def _gradient(self, *, pred: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        if self.config.gradient == "zoedepth":
            return gradient_loss(pred=pred, target=target, valid=valid)
        fitted = least_squares(pred=pred, target=target, valid=valid)
        return gradient_matching_loss(pred=fitted.values, target=target, valid=valid & fitted.solved[:, None, None])

    def _sharp(self, sample: Sample, valid: Tensor) -> Tensor:
        """Pixels of pictures whose data set has labels sharp enough for gradients."""
        wanted = self.config.gradient_on
        if not wanted:
            return torch.ones_like(valid)
        if len(sample.sequence) != len(sample.image):
            raise UserError(NAME, "pictures of unknown data sets", "leave --method.gradient-on out")
        sharp = [name.partition(":")[0] in wanted for name in sample.sequence]
        views = len(valid) // len(sharp)
        return torch.tensor(sharp, device=valid.device).repeat_interleave(views)[:, None, None].expand_as(valid)


def _gates(config: BrigesConfig, pair: Pair) -> Gates:
    asked = config.projection and pair.semantic is not None
    width = pair.semantic.width if asked and pair.semantic is not None else None
    options = {"semantic_width": width, "zero_init": config.zero_init, "positions": config.positions}
    return Gates(pair.depth.count, pair.depth.width, config.heads, **options)


def _encoders(pair: Pair) -> nn.ModuleDict:
    """Both encoders as trained parts."""
    parts: dict[str, nn.Module] = {"depth": pair.depth.encoder}
    if pair.semantic is not None:
        parts["semantic"] = pair.semantic
    return nn.ModuleDict({name: _thawed(part) for name, part in parts.items()})


def _thawed(part: nn.Module) -> nn.Module:
    """`part`, trained as far as what it says depends on it."""
    for name, parameter in part.named_parameters():
        parameter.requires_grad_(not any(unused in name for unused in NEVER_USED))
    return part


def _check(config: BrigesConfig) -> None:
    """Raise UserError for options that no pair can meet."""
    if not config.temperature > 0:
        raise UserError(NAME, f"temperature {config.temperature}", "give a number above 0; 1 is that of training")
    if config.ssi_weight < 0 or config.gradient_weight < 0 or config.ssi_weight + config.gradient_weight == 0:
        raise UserError(NAME, "no term has a weight", "give --method.ssi-weight or --method.gradient-weight above 0")
    if config.trained == "all" and config.cached != "nothing":
        raise UserError(NAME, "features of encoders that are trained change in every step", "leave --method.cached at nothing")
    if config.cached == "semantic" and not reads_semantics(config):
        raise UserError(NAME, "nothing reads the map of a semantic encoder", "leave --method.cached at nothing, or give both")
