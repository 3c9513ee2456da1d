"""The worlds of all claims, small: hours to render on this machine, and megabytes packed. Made from the first tenth of every set."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from leadline.cli.worlds import rig_of
from leadline.io.rig import read_rig
from leadline.recipes.worlds import CLAIMS, WorldSet
from leadline.scenes.pack import Packed, pack
from leadline.scenes.produce import produce
from leadline.types import UserError

PART = 0.1
"""Of the scenes of every set; the figures are multiplied up."""
MAX_BYTES = 48_000_000
"""Of a claim, packed."""


def run() -> Iterator[tuple[str, float, str, str]]:
    """Hours of all claims, and the archives of each."""
    hours = 0.0
    for claim, worlds in CLAIMS.items():
        megabytes, seconds, views = 0.0, 0.0, 0
        with tempfile.TemporaryDirectory() as folder:
            for world in worlds:
                scenes = max(2, round(world.scenes * PART))
                more = world.scenes / scenes
                out = Path(folder) / world.name
                seconds += more * _rendered(world, out, scenes)
                packed = _packed(world, out, round(_share(world, worlds) * MAX_BYTES / more))
                megabytes += more * packed.num_bytes / 1e6
                views += round(more * packed.num_views)
        hours += seconds / 3600
        yield f"{claim}: views", views, "", ""
        yield f"{claim}: rendering, 2 processes", seconds / 60, "min", ""
        yield f"{claim}: packed", megabytes, "MB", "<= 48"
    yield "all claims: rendering, 2 processes", hours, "h", "<= 3"


def _packed(world: WorldSet, out: Path, max_bytes: int) -> Packed:
    """In its share of the limit or, where it is too large for that in any quality, as fine as its views allow: the figure shows it."""
    archive = out.with_suffix(".zip")
    try:
        return pack(out, archive, max_bytes=max_bytes, layers=world.layers)
    except UserError:
        return pack(out, archive, max_bytes=MAX_BYTES, layers=world.layers)


def _rendered(world: WorldSet, out: Path, scenes: int) -> float:
    """Seconds that the first `scenes` of `world` took."""
    started = time.perf_counter()
    produce(
        world.family,
        out,
        scenes=scenes,
        frames=world.frames,
        height=world.height,
        width=world.width,
        seed=world.seed,
        rig=rig_of(world),
        variant="scalar",
        workers=2,
        layers=world.layers,
    )
    return time.perf_counter() - started


def _share(world: WorldSet, worlds: tuple[WorldSet, ...]) -> float:
    """Of the bytes of all `worlds`, as far as their views tell: a scan takes about a quarter of the views that go with it, and what is
    scored, thin things among it, is packed finer than what is trained on."""
    return _weight(world) / sum(_weight(other) for other in worlds)


def _weight(world: WorldSet) -> float:
    views = world.scenes * world.frames * (1 if world.rig is None else len(read_rig(world.rig).cameras))
    return views * (1.25 if "lidar" in world.layers else 1.0) * (1.0 if world.split == "train" else 2.0)
