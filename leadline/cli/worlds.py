"""What `demo` and `reproduce` share: rendering the worlds a table needs, and scoring on the unseen ones."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from leadline.cli.progress import progress
from leadline.data.catalog import open_dataset, open_to_learn
from leadline.data.dataset import Dataset
from leadline.data.datasets.rendered import family_of
from leadline.evaluation.baseline import RowMedian
from leadline.evaluation.evaluate import ViewPredictor, evaluate_model
from leadline.evaluation.result import Evaluation
from leadline.geometry.rig import Rig
from leadline.io.rig import read_rig
from leadline.prediction import Predictor
from leadline.recipes.worlds import WorldSet
from leadline.training.config import TrainConfig
from leadline.types import UserError


def need_extras(*extras: str) -> None:
    """Raise UserError when rendering or training is not installed, before any work is done."""
    missing = [extra for extra in extras if find_spec({"train": "lightning", "scenes": "mitsuba"}[extra]) is None]
    if missing:
        raise UserError("leadline", f"the extra {', '.join(missing)} is not installed", "pip install 'leadline[train,scenes]'")


def render_all(worlds: Sequence[WorldSet], out: Path) -> dict[str, Path]:
    """Render every set below `out`, going on where an earlier run stopped. Returns folders by name."""
    from leadline.scenes.produce import produce

    for world in worlds:
        with progress(f"render {world.name}", world.scenes * world.frames) as advance:
            produce(
                world.family,
                out / world.name,
                scenes=world.scenes,
                frames=world.frames,
                height=world.height,
                width=world.width,
                seed=world.seed,
                rig=rig_of(world),
                layers=world.layers,
                variant="scalar",  # the same bytes on every machine, and no compiling for small pictures
                progress=advance,
            )
    return {world.name: out / world.name for world in worlds}


def find_world(world: WorldSet, folder: Path) -> Path:
    """The folder or archive of `world` in `folder`. Raises UserError for one that is not there or holds other worlds."""
    root = next((path for path in (folder / world.name, folder / f"{world.name}.zip") if path.exists()), None)
    if root is None:
        raise UserError(folder, f"has no {world.name} and no {world.name}.zip", "render it there, or leave out --worlds")
    records = open_dataset(f"rendered:{root}").records
    found = (family_of(root), len({record.sequence for record in records}), len(records))
    if found != (world.family, world.scenes, world.scenes * world.frames):
        of = f"{world.scenes * world.frames} of {world.scenes}"
        wrong = f"holds {found[2]} moments of {found[1]} scenes of {found[0]}, the claim has {of} of {world.family}"
        raise UserError(root, wrong, "render it anew, or leave out --worlds")
    return root


def rig_of(world: WorldSet) -> Rig | None:
    """The rig whose cameras and LiDAR see `world`."""
    rig = None if world.rig is None else read_rig(world.rig)
    if rig is None or rig.lidar is None or world.lidar is None:
        return rig
    return replace(rig, lidar=rig.lidar.thinned(*world.lidar))


def training_sets(roots: Mapping[str, Path], worlds: Sequence[str] = ()) -> list[str]:
    """Names of the sets to train on: `worlds`, or all that are called -train."""
    return list(worlds) or [name for name in roots if name.endswith("-train")]


def trained_on(config: TrainConfig, roots: Mapping[str, Path], worlds: Sequence[str] = ()) -> TrainConfig:
    """`config` with the `training_sets` of `roots` as its data."""
    chosen = tuple(f"rendered:{roots[name]}" for name in training_sets(roots, worlds))
    return replace(config, data=replace(config.data, root=chosen, split=None, val_root=(), val_split=None))


def row_median(root: Path) -> RowMedian:
    """The baseline, fitted to the training scenes at `root`."""
    return RowMedian.fit(open_to_learn(f"rendered:{root}"))


def scored(
    predictor: Predictor | ViewPredictor,
    dataset: Dataset,
    *,
    protocol: str = "rendered",
    regions: tuple[str, ...] = ("camera", "material"),
    surround: bool = False,
) -> Evaluation:
    """`predictor` on every image of a set, also by `regions`."""
    return evaluate_model(predictor, dataset, protocol, regions=regions, surround=surround, batch_size=12)
