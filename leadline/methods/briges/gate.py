"""Bridging gates: depth tokens look at semantic tokens, then at each other. BriGeS, arXiv 2505.23400; layout as in its authors' code.

    G(f, g) = Block_s(Block_c(f, g))
    Block_c:  f <- f + CA(LN_x(f), LN_y(g));  f <- f + MLP(LN(f))      queries from depth f; keys and values from semantics g
    Block_s:  f <- f + SA(LN(f));             f <- f + MLP(LN(f))

Attention is softmax(Q K^T / (tau sqrt(d_head))) V with one temperature tau for both attentions of all gates.

Ours, where asked for: queries and keys of CA have sines of their positions added, and W_q = W_k at the start, so that a depth token looks
at the semantic token of its own place from the first step on. Without, training has to find that out from what both tokens hold.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from leadline.models.mimetic import sine_positions
from leadline.types import UserError

MLP_RATIO = 4
NORM_EPS = 1e-6
LOUDNESS = 2.0
"""Of positions beside normalised tokens: at first, scores of a token's own place are far above all others'."""


class Attention(nn.Module):
    """Multi-head attention of `width` channels; keys and values come from a second set of tokens, which may be the first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)

    def forward(
        self,
        x: Float[Tensor, "b n d"],
        y: Float[Tensor, "b m d"],
        *,
        temperature: float = 1.0,
        places: Float[Tensor, "n d"] | None = None,
    ) -> Float[Tensor, "b n d"]:
        """What each token of x finds in y, flatter for a higher temperature; `places` are where both are, m = n."""
        q, (k, v) = self.q(x), self.kv(y).chunk(2, dim=2)
        if places is not None:
            q, k = q + functional.linear(places, self.q.weight), k + functional.linear(places, self._k)
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in (q, k, v))
        found = functional.scaled_dot_product_attention(q, k, v, scale=1 / (temperature * q.shape[-1] ** 0.5))
        return self.proj(found.transpose(1, 2).flatten(2))

    @torch.no_grad()
    def look_alike(self) -> None:
        """Let queries begin equal to keys: what is alike finds each other."""
        nn.init.orthogonal_(self.q.weight)
        self._k.copy_(self.q.weight)

    @property
    def _k(self) -> Tensor:
        return self.kv.weight.chunk(2)[0]


class Mlp(nn.Module):
    """Two linear layers around GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, MLP_RATIO * width)
        self.fc2 = nn.Linear(MLP_RATIO * width, width)

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """Each token for itself."""
        return self.fc2(functional.gelu(self.fc1(x)))


class Gate(nn.Module):
    """One bridging gate: a cross-attention block, then a self-attention block; 24 d^2 + 28 d parameters for d = `width`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm_x, self.norm_y, self.norm_cross_mlp = (nn.LayerNorm(width, NORM_EPS) for _ in range(3))
        self.norm_self, self.norm_self_mlp = (nn.LayerNorm(width, NORM_EPS) for _ in range(2))
        self.cross, self.cross_mlp = Attention(width, heads), Mlp(width)
        self.self_attention, self.self_mlp = Attention(width, heads), Mlp(width)

    def forward(
        self,
        f: Float[Tensor, "b n d"],
        g: Float[Tensor, "b m d"],
        *,
        temperature: float = 1.0,
        places: Float[Tensor, "n d"] | None = None,
    ) -> Float[Tensor, "b n d"]:
        """Depth tokens f enriched by semantic tokens g."""
        f = f + self.cross(self.norm_x(f), self.norm_y(g), temperature=temperature, places=places)
        f = f + self.cross_mlp(self.norm_cross_mlp(f))
        own = self.norm_self(f)
        f = f + self.self_attention(own, own, temperature=temperature)
        return f + self.self_mlp(self.norm_self_mlp(f))

    def silence(self) -> None:
        """Zero the last layer of every branch, so that the gate hands on what it gets until it has learnt."""
        for last in (self.cross.proj, self.cross_mlp.fc2, self.self_attention.proj, self.self_mlp.fc2):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)


class Gates(nn.Module):
    """One gate for each of the `count` token maps of a depth encoder, without sharing; `semantic_width` asks for a projection to `width`.

    Raises UserError for a width that the heads do not divide.
    """

    def __init__(
        self,
        count: int,
        width: int,
        heads: int,
        *,
        semantic_width: int | None = None,
        zero_init: bool = False,
        positions: bool = False,
    ) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise UserError("method briges", f"{heads} heads do not divide tokens of {width} channels", "give a divisor as --method.heads")
        self.project = None if semantic_width is None else nn.Linear(semantic_width, width)
        self.positions = positions
        gates = [Gate(width, heads) for _ in range(count)]
        for gate in gates:
            if zero_init:
                gate.silence()
            if positions:
                gate.cross.look_alike()
        self.gates = nn.ModuleList(gates)

    def projected(self, semantic: Float[Tensor, "b c y x"]) -> Float[Tensor, "b d y x"]:
        """A semantic map in the channels of depth tokens."""
        return semantic if self.project is None else self.project(semantic.movedim(1, -1)).movedim(-1, 1)

    def forward(
        self,
        tokens: Sequence[Float[Tensor, "b n d"]],
        semantic: Float[Tensor, "b m d"] | None,
        *,
        rows: int,
        columns: int,
        temperature: float = 1.0,
    ) -> list[Float[Tensor, "b n d"]]:
        """Every map of `rows` x `columns` tokens through its gate.

        Without semantic tokens each looks at itself: self-attention alone, with as many parameters.
        """
        places = (LOUDNESS * sine_positions(rows, columns, tokens[0].shape[-1])).to(tokens[0]) if self.positions else None
        read = [f if semantic is None else semantic for f in tokens]
        return [gate(f, g, temperature=temperature, places=places) for gate, f, g in zip(self.gates, tokens, read, strict=True)]
