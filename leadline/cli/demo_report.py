"""The page that `leadline demo` ends with: pictures beside their truth, scores, the loss, a cloud to turn."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leadline.data.catalog import open_dataset
from leadline.data.dataset import View
from leadline.evaluation.regions import MATERIAL
from leadline.evaluation.result import Evaluation
from leadline.geometry.camera import Camera
from leadline.geometry.rig import Rig
from leadline.io.color import colorize
from leadline.methods.predictor import DepthModel
from leadline.prediction import Prediction
from leadline.viewer.moment import Moment, above_blocks, ring_blocks
from leadline.viewer.report import Block, Cloud, Picture, Pictures, Report, Section, Table, Text, write_report

NUM_SHOWN = 4
"""Test images of each family that are shown."""
PHOTO_SIDE_PX = 720
"""A photo is thinned to about this size for the page."""


@dataclass(frozen=True)
class Scores:
    """One family's scores of the network, of its baseline, and of the student where it has learnt that family."""

    model: Evaluation
    baseline: Evaluation
    student: Evaluation | None = None

    @property
    def by_name(self) -> dict[str, Evaluation]:
        """All of them as the page calls them."""
        student = {} if self.student is None else {"its student": self.student}
        return {"this network": self.model, **student, self.baseline.predictor: self.baseline}


def write_demo_report(
    path: Path,
    model: DepthModel,
    student: DepthModel,
    roots: Mapping[str, Path],
    scores: Mapping[str, Scores],
    *,
    steps: str,
    photo: tuple[np.ndarray, Prediction] | None,
) -> None:
    """Write the page to `path`. Every figure comes from `scores` and every picture from `roots` or the photo."""
    sections = [Section("Scores on scenes the network has never seen", _scores(scores))]
    for family in scores:
        views = _views(roots[f"{family}-test"])
        sections.append(Section(f"{family.capitalize()}: image, true depth, predicted depth, relative error", [_comparison(model, views)]))
    sections.append(Section("Six cameras at one moment", _ring(model, roots)))
    sections.append(Section("The same moment as its student sees it", [_sizes(model, student), *_ring(student, roots)]))
    sections.append(Section("By material", [_materials(scores)]))
    if photo is not None:
        sections.insert(0, Section("Your photo", _photo(*photo)))
    sections.append(Section("Try next", _next_steps(path.parent)))
    lead = f"Worlds rendered with exact depth, one network trained on them from scratch, and a smaller one distilled from it. {steps}"
    write_report(path, Report("leadline demo", lead, sections))


def _scores(scores: Mapping[str, Scores]) -> list[Block]:
    columns = ("scenes", "predictor", "abs_rel", "rmse [m]", "delta1", "images", "pixels")
    rows = [
        (family, name, *(who.metrics[metric] for metric in ("abs_rel", "rmse", "delta1")), who.num_images, who.num_pixels)
        for family, pair in scores.items()
        for name, who in pair.by_name.items()
    ]
    evaluation = next(iter(scores.values())).model
    words = evaluation.description
    note = f"Protocol {evaluation.protocol}: alignment {words['alignment']}; {words['valid pixels']}; {words['average']}."
    return [Table(columns, tuple(rows), note=note, details=words)]


def _views(root: Path) -> list[View]:
    """A few test images, spread over the scenes."""
    dataset = open_dataset(f"rendered:{root}")
    pairs = [(record, record.cameras[i % len(record.cameras)]) for i, record in enumerate(dataset.records)]
    chosen = np.linspace(0, len(pairs) - 1, min(NUM_SHOWN, len(pairs))).round().astype(int)
    return [dataset.view(pairs[i][0], pairs[i][1], frozenset({"depth"})) for i in chosen]


def _comparison(model: DepthModel, views: Sequence[View]) -> Pictures:
    predictions = model.predict_batch([view.image for view in views], [view.camera.K for view in views])
    items: list[Picture] = []
    for view, prediction in zip(views, predictions, strict=True):
        assert view.depth is not None
        known = view.depth > 0
        low, high = np.percentile(view.depth[known], (2, 98)) if known.any() else (1.0, 2.0)
        error = np.abs(prediction.values - view.depth) / np.where(known, view.depth, 1.0)
        items += [
            Picture(view.image, f"{view.path.parents[2].name}, {view.camera.name}"),
            Picture(colorize(view.depth, valid=known, inverse=False, low=low, high=high), f"true, {low:.1f} to {high:.1f} m"),
            Picture(colorize(prediction.values, valid=prediction.usable, inverse=False, low=low, high=high), "predicted, same colours"),
            Picture(colorize(error, valid=known, inverse=True, low=0.0, high=0.5), f"error 0 to 50 %, mean {error[known].mean():.0%}"),
        ]
    return Pictures(tuple(items), columns=4)


def _ring(model: DepthModel, roots: Mapping[str, Path]) -> list[Block]:
    """One moment of the test streets: the ring, and all points in the vehicle's frame."""
    dataset = open_dataset(f"rendered:{roots['streets-test']}")
    views = [dataset.view(dataset.records[0], camera, frozenset()) for camera in dataset.records[0].cameras]
    images, rig = {view.camera.name: view.image for view in views}, Rig(tuple(view.camera for view in views))
    moment = Moment(rig, images, model.predict_rig(images, rig))
    return [*ring_blocks(moment), *above_blocks(moment)]


def _sizes(model: DepthModel, student: DepthModel) -> Table:
    rows = [
        (name, sum(p.numel() for p in who.network.parameters()) / 1e6, 1000 * _seconds(who))
        for name, who in (("this network", model), ("its student", student))
    ]
    note = "Time of one moment of six cameras on this machine, the best of five; `python -m benchmarks surround` compares the large ones."
    return Table(("network", "million weights", "six cameras [ms]"), tuple(rows), note=note)


def _seconds(model: DepthModel) -> float:
    """Of one moment of six cameras of the size it was trained on."""
    camera = Camera.from_fov(70.0, width=model.info.width, height=model.info.height)
    images, Ks = [np.zeros((camera.height, camera.width, 3), dtype=np.uint8)] * 6, [camera.K] * 6
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        model.predict_batch(images, Ks)
        times.append(time.perf_counter() - begin)
    return min(times)


def _materials(scores: Mapping[str, Scores]) -> Table:
    rows = [
        (family, name.removeprefix(MATERIAL), region.metrics["abs_rel"], region.metrics["delta1"], region.num_pixels)
        for family, pair in scores.items()
        for name, region in pair.model.regions.items()
        if name.startswith(MATERIAL)
    ]
    note = "Mirrors and glass return their own surface as truth, which a sensor would miss: this is where images mislead."
    return Table(("scenes", "pixels of", "abs_rel", "delta1", "pixels"), tuple(rows), note=note)


def _photo(image: np.ndarray, prediction: Prediction) -> list[Block]:
    values = prediction.values[prediction.usable]
    span = f"{np.percentile(values, 2):.1f} to {np.percentile(values, 98):.1f} m"
    words = (
        "A small network trained on rendered images alone has seen no photo: take its depth for yours as a first sign of life, not as a "
        "measurement. " + " ".join(f"{note[0].upper()}{note[1:]}." for note in prediction.notes)
    )
    step = max(1, -(-max(image.shape[:2]) // PHOTO_SIDE_PX))
    depth = colorize(prediction.values, valid=prediction.usable, inverse=False)
    pictures = Pictures((Picture(image[::step, ::step], "your photo"), Picture(depth[::step, ::step], span)), columns=2)
    cloud = Cloud(prediction.points(), image[prediction.usable], "Your photo as points.")
    return [Text(words), pictures, cloud]


def _next_steps(out: Path) -> list[Block]:
    code = (
        f"leadline demo --out {out} --image my.jpg",
        f"leadline predict {out / 'run'} my_photos/ --out my_depth --format png16,color,ply",
        f"leadline evaluate --protocol rendered --model {out / 'run'} --data rendered:{out / 'worlds' / 'rooms-test'}",
        "leadline predict depth-anything/Depth-Anything-V2-Small-hf my.jpg --out my_depth",
        "leadline reproduce supervised --size small --out out/supervised",
    )
    return [Text("The network is a model folder that every verb takes.", code=code)]
