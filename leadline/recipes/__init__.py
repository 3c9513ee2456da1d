"""Training recipes by name."""

import difflib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from leadline.recipes import distil, intrinsic, selfsup, supervised
from leadline.training.config import TrainConfig
from leadline.types import UserError

RECIPES: Mapping[str, Callable[[], TrainConfig]] = MappingProxyType(
    {
        "supervised-worlds": supervised.supervised_worlds,
        "supervised-rooms": supervised.supervised_rooms,
        "supervised-streets": supervised.supervised_streets,
        "supervised-relative": supervised.supervised_relative,
        "supervised-kitti": supervised.supervised_kitti,
        "supervised-nyu": supervised.supervised_nyu,
        "selfsup-rooms": selfsup.selfsup_rooms,
        "selfsup-kitti": selfsup.selfsup_kitti,
        "intrinsic-rooms": intrinsic.intrinsic_rooms,
        "intrinsic-scannet": intrinsic.intrinsic_scannet,
        "distil-rooms": distil.distil_rooms,
    }
)


def recipe_names() -> tuple[str, ...]:
    """Names of all recipes."""
    return tuple(RECIPES)


def recipe(name: str) -> TrainConfig:
    """The whole config of recipe `name`. Raises UserError for an unknown name, suggesting near ones."""
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=3, cutoff=0.4) or list(RECIPES)
        raise UserError(name, "is not a recipe", f"choose {', '.join(near)} (`leadline recipes` lists all)")
    return RECIPES[name]()


def recipe_summary(name: str) -> str:
    """What the recipe is for, in one line."""
    return (RECIPES[name].__doc__ or "").strip()
