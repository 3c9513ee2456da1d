"""Training recipes by name."""

import difflib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from leadline.recipes import briges, distil, intrinsic, selfsup, supervised, surround
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
        "selfsup-video": selfsup.selfsup_video,
        "selfsup-kitti": selfsup.selfsup_kitti,
        "intrinsic-rooms": intrinsic.intrinsic_rooms,
        "intrinsic-video": intrinsic.intrinsic_video,
        "intrinsic-scannet": intrinsic.intrinsic_scannet,
        "distil-rooms": distil.distil_rooms,
        "surround-streets": surround.surround_streets,
        "surround-worlds": surround.surround_worlds,
        "surround-worlds-student": surround.surround_worlds_student,
        "surround-teacher-streets": surround.surround_teacher_streets,
        "surround-teacher": surround.surround_teacher,
        "surround-ddad": surround.surround_ddad,
        "surround-nuscenes": surround.surround_nuscenes,
        "foundation": briges.foundation,
        "foundation-start": briges.foundation_start,
        "segments": briges.segments,
        "briges-worlds": briges.briges_worlds,
        "briges-student": briges.briges_student,
        "briges-v1b": briges.briges_v1b,
        "briges-v1l": briges.briges_v1l,
        "briges-v2l": briges.briges_v2l,
    }
)


def recipe_names() -> tuple[str, ...]:
    """Names of all recipes."""
    return tuple(RECIPES)


def recipe(name: str) -> TrainConfig:
    """The whole config of recipe `name`. Raises UserError for an unknown name, suggesting near ones."""
    return _found(name)()


def recipe_summary(name: str) -> str:
    """What the recipe is for, in one line. Raises UserError as `recipe` does."""
    return (_found(name).__doc__ or "").strip()


def _found(name: str) -> Callable[[], TrainConfig]:
    """A method's name alone is its recipe for footage of one's own: `leadline train intrinsic --data.root walk.mp4`."""
    found = RECIPES.get(name) or RECIPES.get(f"{name}-video")
    if found is None:
        near = difflib.get_close_matches(name, RECIPES, n=3, cutoff=0.4) or list(RECIPES)
        raise UserError(name, "is not a recipe", f"choose {', '.join(near)} (`leadline recipes` lists all)")
    return found
