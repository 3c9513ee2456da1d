"""What misleads, on pictures whose answer is known: a mirror shows its image, a pane what is behind it, a coat its own pattern."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadline.data.dataset import Dataset, Record, View
from leadline.data.misleading import MISLEADING, misleading
from leadline.evaluation.evaluate import evaluate_model
from leadline.evaluation.reflections import WithReflections, reflective
from leadline.evaluation.regions import REFLECTIONS, reflection_maps
from leadline.geometry.camera import Camera
from leadline.prediction import Prediction
from leadline.types import DepthKind, Material, UserError

HEIGHT, WIDTH, FX = 36, 60, 45.0
K = np.array([[FX, 0, WIDTH / 2], [0, FX, HEIGHT / 2], [0, 0, 1.0]])
SURFACE_M = 3.0
PANEL = slice(8, 28), slice(14, 46)
"""Rows and columns of the thing in the middle, in the picture of the camera at x = 0."""
INSIDE = slice(11, 25), slice(17, 43)
"""The same without the pixels whose window of the sweep reaches beyond its edge."""


def texture(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    waves = np.sin(7.1 * x + 2 * np.sin(3.3 * y)), np.sin(6.3 * y + 1.7 * np.sin(4.1 * x)), np.sin(5.3 * (x + y))
    return np.rint(255 * (0.5 + 0.5 * np.stack(waves, axis=-1))).astype(np.uint8)


def photo(x: float, shown_m: float, material: Material, *, lobes: bool = True) -> View:
    """Seen from (x, 0, 0): a wall at SURFACE_M with a panel in it that shows what appears at `shown_m`."""
    u, v = np.meshgrid(np.arange(WIDTH) + 0.5 - WIDTH / 2, np.arange(HEIGHT) + 0.5 - HEIGHT / 2)
    on_wall = x + u * SURFACE_M / FX, v * SURFACE_M / FX
    rows, columns = PANEL
    left, right = ((edge - WIDTH / 2) * SURFACE_M / FX for edge in (columns.start, columns.stop))
    top, bottom = ((edge - HEIGHT / 2) * SURFACE_M / FX for edge in (rows.start, rows.stop))
    panel = (on_wall[0] > left) & (on_wall[0] < right) & (on_wall[1] > top) & (on_wall[1] < bottom)
    shown = texture(x + u * shown_m / FX + 50, v * shown_m / FX)
    image = np.where(panel[..., None], shown, texture(*on_wall))
    cam_from_world = np.eye(4)
    cam_from_world[0, 3] = -x
    return View(
        image=image,
        camera=Camera(K=K, width=WIDTH, height=HEIGHT),
        path=Path(f"{x}.png"),
        depth=np.full((HEIGHT, WIDTH), SURFACE_M, dtype=np.float32),
        material=np.where(panel, material, Material.DIFFUSE).astype(np.uint8),
        diffuse=np.where(panel[..., None] & lobes, 0, image).astype(np.uint8),
        cam_from_world=cam_from_world,
    )


def found(shown_m: float, material: Material) -> np.ndarray:
    return misleading(photo(0, shown_m, material), [photo(x, shown_m, material) for x in (-0.2, 0.2)])


def test_misleading__every_pixel_of_a_mirror():
    """A mirror at 3 m before which a wall stands 2 m behind the camera shows it at 2 * 3 + 2 = 8 m."""
    mask = found(2 * SURFACE_M + 2.0, Material.MIRROR)
    assert mask[INSIDE].all()
    assert mask[PANEL].mean() > 0.85  # at its edge the window sees the frame, which is where it is
    outside = np.ones_like(mask)
    outside[PANEL] = False
    assert not mask[outside].any()


@pytest.mark.parametrize("material", [Material.GLOSSY, Material.METAL, Material.MIRROR, Material.GLASS])
def test_misleading__not_what_shines_and_shows_its_own_pattern(material):
    assert found(SURFACE_M, material)[PANEL].mean() < 0.01


@pytest.mark.parametrize(("behind_m", "misleads"), [(1.15 * SURFACE_M, False), (1.5 * SURFACE_M, True)])
def test_misleading__a_pane_only_where_what_is_behind_is_a_quarter_farther(behind_m, misleads):
    assert (found(behind_m, Material.GLASS)[INSIDE] == misleads).mean() > 0.97


def test_misleading__not_what_is_shiny_and_plain():
    """Any depth looks as good as any other there, and a sweep finds one by chance."""
    views = [photo(x, 8.0, Material.GLOSSY) for x in (0, -0.2, 0.2)]
    shiny = [(view.material == Material.GLOSSY)[..., None] for view in views]
    plain = [replace(view, image=np.where(mask, 90, view.image).astype(np.uint8)) for view, mask in zip(views, shiny, strict=True)]
    mask = misleading(plain[0], plain[1:])
    assert mask[INSIDE].mean() < 0.02


def test_misleading__not_what_is_matt():
    assert not found(8.0, Material.DIFFUSE).any()


def test_misleading__not_where_the_camera_stands_still_or_stands_alone():
    mirror = photo(0, 8.0, Material.MIRROR)
    assert not misleading(mirror, [mirror, photo(1e-4, 8.0, Material.MIRROR)]).any()
    assert not misleading(mirror, []).any()


def test_misleading__not_what_no_neighbour_sees():
    """At its true depth of 3 m a point moves by 45 * 1.2 / 3 = 18 px, so the neighbour sees none of the first 18 columns."""
    mask = misleading(photo(0, 8.0, Material.MIRROR), [photo(1.2, 8.0, Material.MIRROR)])
    assert not mask[:, :18].any() and mask[11:25, 21:31].mean() > 0.9


def test_misleading__unknown_depth_is_no_mistake():
    mirror = photo(0, 8.0, Material.MIRROR)
    assert mirror.depth is not None
    mirror.depth[:18] = 0
    mask = misleading(mirror, [photo(0.2, 8.0, Material.MIRROR)])
    assert not mask[:18].any() and mask[18:][INSIDE[0].start - 10 : 7, INSIDE[1]].all()


def test_reflective__by_hand():
    image = np.full((1, 5, 3), 100, dtype=np.uint8)
    diffuse = image.copy()
    diffuse[0, 0, 2] = 74  # 26 of 255 is more than a tenth, in one channel
    diffuse[0, 1, 2] = 75
    diffuse[0, 2] = 130  # brighter without lobes counts too
    material = np.array([[Material.GLOSSY, Material.GLOSSY, Material.DIFFUSE, Material.MIRROR, Material.GLASS]], dtype=np.uint8)
    np.testing.assert_array_equal(reflective(image, diffuse, material), [[True, False, True, True, True]])


class Video:
    """Three frames of one scene in memory."""

    name = "video:memory"
    layers = frozenset({"depth", "material", "diffuse", "cam_from_world"})

    def __init__(self, material: Material = Material.MIRROR, *, frames: int = 3) -> None:
        self.records = [Record("scene", frame, ("camera",)) for frame in range(frames)]
        self.moments = self.records
        self._views = [photo(0.2 * frame, 8.0, material, lobes=material is not Material.DIFFUSE) for frame in range(frames)]

    def view(self, record: Record, camera: str, layers: frozenset[str]) -> View:
        return replace(self._views[record.frame], **dict.fromkeys(self.layers - layers))


def test_layer__holds_the_regions():
    dataset = WithReflections(Video())
    assert isinstance(dataset, Dataset) and dataset.layers == Video.layers | {REFLECTIONS, MISLEADING}
    for record in dataset.records:
        layer = dataset.view(record, "camera", frozenset({REFLECTIONS})).reflections
        assert layer is not None and layer.dtype == np.uint8 and layer.shape == (HEIGHT, WIDTH)
        maps = reflection_maps(layer)
        mirror = photo(0.2 * record.frame, 8.0, Material.MIRROR).material == Material.MIRROR
        np.testing.assert_array_equal(maps["reflective"], mirror)
        np.testing.assert_array_equal(maps["other"], ~mirror)
        assert not (maps["misleading"] & ~mirror).any() and maps["misleading"].sum() > 0.5 * mirror.sum()
        assert maps["all-reflective-images"].all()


def test_layer__leaves_other_layers_as_they_were_asked_for():
    dataset = WithReflections(Video())
    view = dataset.view(dataset.records[1], "camera", frozenset({"depth", REFLECTIONS}))
    assert view.depth is not None and view.reflections is not None
    assert view.material is None and view.diffuse is None and view.cam_from_world is None
    assert dataset.view(dataset.records[1], "camera", frozenset({"depth"})).reflections is None


def test_layer__an_image_counts_as_reflective_from_five_percent_on():
    video = Video(Material.DIFFUSE)
    view = video._views[0]
    assert view.material is not None
    for num, counts in ((HEIGHT * WIDTH // 20 - 1, False), (HEIGHT * WIDTH // 20, True)):
        view.material[:] = Material.DIFFUSE
        view.material.flat[:num] = Material.GLASS
        layer = WithReflections(video).view(video.records[0], "camera", frozenset({REFLECTIONS})).reflections
        assert layer is not None
        maps = reflection_maps(layer)
        assert maps["reflective"].sum() == num
        assert maps["all-reflective-images"].all() == counts and maps["all-reflective-images"].any() == counts


def test_layer__of_sets_that_cannot_have_it_is_refused():
    with pytest.raises(UserError, match="has single frames"):
        WithReflections(Video(frames=1))
    video = Video()
    video.layers = frozenset({"depth", "cam_from_world"})
    with pytest.raises(UserError, match="has no diffuse, material"):
        WithReflections(video)


class Fooled:
    """Takes mirrors for windows: answers what the eye sees, 8 m in the panel and 3 m elsewhere."""

    name, kind = "fooled", DepthKind.METRIC

    def predict(self, image: np.ndarray, K: np.ndarray | None = None) -> Prediction:
        values = np.full(image.shape[:2], SURFACE_M, dtype=np.float32)
        values[PANEL] = 8.0
        return Prediction(values, kind=DepthKind.METRIC)


def test_evaluate__scores_the_regions():
    """The first frame is seen from x = 0, where PANEL is: abs_rel is (8 - 3) / 3 on what misleads and 0 on what does not."""
    scored = evaluate_model(Fooled(), Video(), "raw", regions=("reflections", "material"), limit=1)
    regions = scored.regions
    assert set(regions) >= {"misleading", "reflective", "other", "all-reflective-images", "material:mirror", "material:diffuse"}
    assert regions["misleading"].metrics["abs_rel"] == pytest.approx(5 / 3, rel=1e-5)
    assert regions["other"].metrics["abs_rel"] == pytest.approx(0, abs=1e-6)
    num_panel = 20 * 32
    assert regions["reflective"].num_pixels == num_panel and regions["other"].num_pixels == HEIGHT * WIDTH - num_panel
    assert 0.8 * num_panel < regions["misleading"].num_pixels <= num_panel
    assert regions["all-reflective-images"].metrics["abs_rel"] == pytest.approx(scored.metrics["abs_rel"])


def test_evaluate__says_why_a_set_has_no_regions():
    with pytest.raises(UserError, match="single frames"):
        evaluate_model(Fooled(), Video(frames=1), "raw", regions=("reflections",))
