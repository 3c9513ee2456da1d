"""What `leadline reproduce` runs: for each claim and size the worlds, the variants with their whole configs, and the seeds."""

import difflib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from leadline.recipes.claims import briges, intrinsic, supervised, surround
from leadline.recipes.claims.claim import Claim, Variant
from leadline.types import UserError

__all__ = ["CLAIMS", "Claim", "Variant", "claim_of"]

CLAIMS: Mapping[str, Callable[[str], Claim]] = MappingProxyType(
    {"supervised": supervised.supervised, "intrinsic": intrinsic.intrinsic, "surround": surround.surround, "briges": briges.briges}
)


def claim_of(name: str, size: str) -> Claim:
    """The claim `name` at `size`. Raises UserError for an unknown name."""
    if name not in CLAIMS:
        near = difflib.get_close_matches(name, CLAIMS, n=1)
        raise UserError(name, "is not a table of results", f"did you mean {near[0]}?" if near else f"choose {', '.join(CLAIMS)}")
    return CLAIMS[name](size)
