"""Words that several floors share: what a depth map is known to be, what surfaces are made of, what a user's mistake is."""

from enum import IntEnum, StrEnum
from pathlib import Path


class DepthKind(StrEnum):
    """What is known about the values of a depth map. `aligned = scale * values + shift` recovers metres or 1/metres."""

    METRIC = "metric"
    """Depth along the optical axis in metres."""
    SCALE_INVARIANT = "scale_invariant"
    """Depth up to one unknown positive factor."""
    AFFINE_INVARIANT = "affine_invariant"
    """Depth up to an unknown factor and offset."""
    AFFINE_INVARIANT_INVERSE = "affine_invariant_inverse"
    """Inverse depth up to an unknown factor and offset (the literature's "affine-invariant disparity")."""

    @property
    def unit(self) -> str:
        """Unit of values: "m" for metric depth, "" for every relative kind."""
        return "m" if self is DepthKind.METRIC else ""


class ScaleSource(StrEnum):
    """Where the scale of a depth map comes from."""

    NONE = "none"
    TRAINING = "training"
    MEDIAN = "median"
    POINTS = "points"
    FOCAL = "focal"
    BASELINE = "baseline"
    TRUTH = "truth"


class Material(IntEnum):
    """Classes of the `material` layer of rendered data sets (uint8)."""

    DIFFUSE = 0
    GLOSSY = 1
    """Specular lobe with roughness below 0.2 on a diffuse or plastic body."""
    METAL = 2
    MIRROR = 3
    GLASS = 4
    SKY = 5


SPLIT_SEEDS = {"train": range(0, 10000), "validation": range(10000, 11000), "test": range(20000, 21000)}
"""Seeds of the rendered scenes of each split, whatever their family."""


class UserError(Exception):
    """A mistake in what the user gave. Printed as one line, exit code 2.

    `subject` is the file or option, `wrong` says what is wrong with it, `remedy` what to do.
    """

    def __init__(self, subject: str | Path, wrong: str, remedy: str) -> None:
        super().__init__(f"{subject}: {wrong}; {remedy}")
        self.subject = str(subject)

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the trip between processes, which would otherwise re-raise with one argument."""
        return _rebuild_user_error, (type(self), self.subject, self.args[0])


class KindError(UserError):
    """A conversion that the kind of the depth map does not allow."""


def _rebuild_user_error(kind: type[UserError], subject: str, line: str) -> UserError:
    error = kind.__new__(kind)
    Exception.__init__(error, line)
    error.subject = subject
    return error
