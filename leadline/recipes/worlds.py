"""How much is rendered for the demo and for the claims on rendered worlds, and with which seeds.

Seeds 0-9999 are for training, 10000-10999 for validation, 20000-20999 for tests, in every family.
"""

from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "val", "test"]
FIRST_SEED: dict[Split, int] = {"train": 0, "val": 10_000, "test": 20_000}


@dataclass(frozen=True)
class WorldSet:
    """Scenes of one family and split: `frames` moments each, at one size [px]; streets render every camera of `rig`."""

    family: str
    split: Split
    scenes: int
    frames: int
    height: int = 96
    width: int = 160
    rig: str | None = None
    lidar: tuple[int, int] | None = None
    """Beams and columns of a turn in place of the rig's: in small pictures as sparse as the whole scan is in large ones."""
    layers: tuple[str, ...] = ()
    """Beside rgb, depth and material."""
    first: int = 0
    """Scenes of the split to pass over: those that another set has."""
    part: str | None = None
    """Stands for the split in the folder's name, where there are several sets of one family and split."""

    @property
    def name(self) -> str:
        """Folder name. Sets called -train are what a claim trains on unless it says otherwise, all called -test are scored."""
        return f"{self.family}-{self.part or self.split}"

    @property
    def seed(self) -> int:
        """Seed of the first scene."""
        return FIRST_SEED[self.split] + self.first


# More pictures teach little more about the same room, so training takes one of each. Three pictures of rooms to two of streets.
DEMO = (
    WorldSet("rooms", "train", scenes=560, frames=1),
    WorldSet("rooms", "test", scenes=48, frames=1),
    WorldSet("streets", "train", scenes=60, frames=1, rig="nuscenes6"),
    WorldSet("streets", "test", scenes=6, frames=1, rig="nuscenes6"),
)
"""What `leadline demo` renders."""

SUPERVISED_SMALL = (
    WorldSet("rooms", "train", scenes=1800, frames=1),
    WorldSet("rooms", "test", scenes=40, frames=2),
    WorldSet("streets", "train", scenes=200, frames=1, rig="nuscenes6"),
    WorldSet("streets", "test", scenes=16, frames=1, rig="nuscenes6"),
)
"""What `leadline reproduce supervised --size small` renders."""

INTRINSIC_SMALL = (
    WorldSet("rooms", "train", scenes=300, frames=7),
    WorldSet("rooms", "val", scenes=30, frames=7, layers=("diffuse",)),
    WorldSet("rooms", "test", scenes=40, frames=7, layers=("diffuse",)),
)
"""What the claim of `intrinsic` needs: short videos of rooms."""

SURROUND_SMALL = (
    WorldSet("streets", "train", scenes=180, frames=2, rig="nuscenes6", lidar=(16, 180), layers=("lidar",)),
    WorldSet("streets", "train", scenes=260, frames=1, rig="nuscenes6", first=1000, part="teacher"),
    WorldSet("streets", "val", scenes=16, frames=1, rig="nuscenes6"),
    WorldSet("streets", "test", scenes=32, frames=1, rig="nuscenes6"),
    WorldSet("streets", "test", scenes=16, frames=1, rig="ddad6", first=100, part="ddad6-test"),
)
"""What the claim of `surround` needs: six cameras, other scenes for its teacher, and a rig that nobody has trained on."""

BRIGES_SMALL = (
    WorldSet("rooms", "train", scenes=1000, frames=1, height=126, width=210, layers=("instance",), part="foundation"),
    WorldSet("streets", "train", scenes=120, frames=1, rig="nuscenes6", height=126, width=210, layers=("instance",), part="foundation"),
    WorldSet("rooms", "train", scenes=2400, frames=1, height=126, width=210, first=1000),
    WorldSet("streets", "train", scenes=400, frames=1, rig="nuscenes6", height=126, width=210, first=120),
    WorldSet("rooms", "train", scenes=2000, frames=1, height=126, width=210, layers=("instance",), first=3400, part="segments"),
    WorldSet(
        "streets", "train", scenes=200, frames=1, rig="nuscenes6", height=126, width=210, layers=("instance",), first=520, part="segments"
    ),
    WorldSet("rooms", "val", scenes=100, frames=1, height=126, width=210, layers=("instance",)),
    WorldSet("streets", "val", scenes=20, frames=1, rig="nuscenes6", height=126, width=210, layers=("instance",)),
    WorldSet("rooms", "test", scenes=200, frames=1, height=126, width=210, layers=("instance",)),
    WorldSet("objects", "test", scenes=200, frames=1, height=126, width=210, layers=("instance",)),
    WorldSet("yard", "test", scenes=200, frames=1, height=126, width=210, layers=("instance",)),
)
"""What the claim of `briges` needs: two families to train on, other scenes of them for what is frozen than for gates, which would find
nothing to mend in pictures that the depth model has learnt by heart; as many pictures of streets as of rooms for gates; more for the
segmentation encoder, as SAM has seen many times the pictures of Depth Anything's labels; and 200 pictures of each family that is
scored unseen."""

CLAIMS: dict[str, tuple[WorldSet, ...]] = {
    "supervised": SUPERVISED_SMALL,
    "intrinsic": INTRINSIC_SMALL,
    "surround": SURROUND_SMALL,
    "briges": BRIGES_SMALL,
}
"""The small worlds of every claim."""

SUPERVISED_FULL = (
    WorldSet("rooms", "train", scenes=4000, frames=4, height=192, width=320),
    WorldSet("rooms", "test", scenes=100, frames=2, height=192, width=320),
    WorldSet("streets", "train", scenes=1000, frames=4, height=192, width=320, rig="nuscenes6"),
    WorldSet("streets", "test", scenes=50, frames=1, height=192, width=320, rig="nuscenes6"),
)
"""What `leadline reproduce supervised --size full` renders."""

INTRINSIC_FULL = (
    WorldSet("rooms", "train", scenes=2000, frames=7, height=192, width=320),
    WorldSet("rooms", "val", scenes=60, frames=7, height=192, width=320, layers=("diffuse",)),
    WorldSet("rooms", "test", scenes=100, frames=7, height=192, width=320, layers=("diffuse",)),
)
"""What `leadline reproduce intrinsic --size full` renders."""

SURROUND_FULL = (
    WorldSet("streets", "train", scenes=1000, frames=4, height=192, width=320, rig="nuscenes6", lidar=(32, 360), layers=("lidar",)),
    WorldSet("streets", "train", scenes=2000, frames=2, height=192, width=320, rig="nuscenes6", first=1000, part="teacher"),
    WorldSet("streets", "val", scenes=50, frames=1, height=192, width=320, rig="nuscenes6"),
    WorldSet("streets", "test", scenes=100, frames=1, height=192, width=320, rig="nuscenes6"),
    WorldSet("streets", "test", scenes=50, frames=1, height=192, width=320, rig="ddad6", first=100, part="ddad6-test"),
)
"""What `leadline reproduce surround --size full` renders."""

BRIGES_FULL = (
    WorldSet("rooms", "train", scenes=4000, frames=1, height=378, width=630, layers=("instance",), part="foundation"),
    WorldSet("streets", "train", scenes=400, frames=1, rig="nuscenes6", height=378, width=630, layers=("instance",), part="foundation"),
    WorldSet("rooms", "train", scenes=2000, frames=1, height=378, width=630, first=4000),
    WorldSet("streets", "train", scenes=400, frames=1, rig="nuscenes6", height=378, width=630, first=400),
    WorldSet("rooms", "train", scenes=4000, frames=1, height=378, width=630, layers=("instance",), first=6000, part="segments"),
    WorldSet(
        "streets", "train", scenes=400, frames=1, rig="nuscenes6", height=378, width=630, layers=("instance",), first=800, part="segments"
    ),
    WorldSet("rooms", "val", scenes=100, frames=1, height=378, width=630, layers=("instance",)),
    WorldSet("streets", "val", scenes=20, frames=1, rig="nuscenes6", height=378, width=630, layers=("instance",)),
    WorldSet("rooms", "test", scenes=200, frames=1, height=378, width=630, layers=("instance",)),
    WorldSet("objects", "test", scenes=200, frames=1, height=378, width=630, layers=("instance",)),
    WorldSet("yard", "test", scenes=200, frames=1, height=378, width=630, layers=("instance",)),
)
"""What `leadline reproduce briges --size full` renders."""
