"""Configuration of the method `distil`. Imports no tensors, so that recipes and the command line read it cheaply."""

from dataclasses import dataclass
from typing import Literal

from leadline.methods.network_config import NetworkConfig
from leadline.types import DepthKind


@dataclass(frozen=True)
class DistilConfig(NetworkConfig):
    """A student that learns the depth of its teachers: on the fly, or, without a teacher here, from the layer depth (--data.labels)."""

    kind: DepthKind = DepthKind.METRIC
    """What it says: metric, or affine_invariant_inverse where its one teacher knows no metres, such as a model of method briges."""
    start: str | None = None
    """A model of leadline with the same network, whose weights it begins with: model folder, run folder or hub id."""
    plain: str | None = None
    """Model folder, run folder or hub id of a teacher of that kind; alone it is all the student learns from."""
    robust: str | None = None
    """The same of a teacher of method intrinsic, whose mask says where its own depth stands in for the plain teacher's."""
    stereo: str | None = None
    """In place of both: the depth of neighbouring frames, found without a network, except where this metric teacher, of method intrinsic as
    a rule, is much nearer (ours, methods/stereo_teachers.py); needs known poses."""
    dropped: Literal["robust", "closed"] = "robust"
    """What stands where the mask drops pixels: the robust teacher's depth, or (ours, mask stereo) the surface in front of them."""
    margin: float = 0.0
    """Pixels whose standardised errors differ by less take the mean of both teachers in log depth; for the literal masks."""
    frames: tuple[int, ...] = (0,)
    """Frames that a picture must have in its video to be learnt from, as for selfsup; those of a robust teacher, where there is one."""
    uncertainty: bool = False
    """Learn, beside depth, how far it may be from the teacher's (Poggi et al. 2020); prediction leaves that out."""
