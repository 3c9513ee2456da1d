"""What a data set with exact depth and poses holds: how far things are, what they are made of, what cameras share, how they move."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from leadline.data.dataset import Dataset, Record, View
from leadline.data.lobes import visible_lobes
from leadline.geometry.overlap import overlap
from leadline.geometry.pose import compose, invert
from leadline.types import Material, UserError

DEPTH_EDGES_M = tuple(0.25 * 2 ** (k / 2) for k in range(21))
"""Borders of the histogram, a factor of sqrt(2) apart, up to 256 m; what is nearer or farther counts to the first and last."""
_DOMINANT = 0.5
"""Share of the light from which on a reflection outshines its surface."""
_FAINT = 0.005
"""Linear luminance below which nothing is recognised: 16 of 255 in sRGB."""
_EVERY_PX = 4
"""Overlap is measured at each so manieth row and column."""


@dataclass(frozen=True)
class Spread:
    """Median, and what one in twenty is below and above."""

    median: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Motion:
    """From a frame to the next of the same camera."""

    translation_m: Spread
    rotation_deg: Spread
    sideways_share: Spread
    """Of the translation, across the optical axis."""
    image_px: Spread | None
    """Median motion of the points that both frames see [px]."""
    seen_in_next: Spread | None
    """Share of the pixels that the next frame still sees."""


@dataclass(frozen=True)
class Statistics:
    """All shares are of pixels, averaged over the views looked at."""

    dataset: str
    num_sequences: int
    num_moments: int
    num_looked_at: int
    num_views: int
    size: str
    depth_share: tuple[float, ...]
    """Of the pixels with depth, between neighbours of DEPTH_EDGES_M."""
    depth_m: Spread
    """Of pixels."""
    no_depth_share: float
    materials: dict[str, float]
    """Empty where the set has no materials."""
    reflecting: float | None
    """Mirror, glass, and glossy coats and metal that reflect visibly; None without the layer `diffuse`."""
    mirror_like: float | None
    """Where what is reflected is most of what is seen, see `mirror_like`; None without the layer `diffuse`."""
    mirror_like_per_view: Spread | None
    overlaps: tuple[tuple[str, str, float, float], ...] = ()
    """(camera, other camera, share inside its picture, share seen) for cameras of a rig that share anything."""
    motion: Motion | None = None
    """None where frames stand alone."""

    def to_record(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self) | {"depth_edges_m": list(DEPTH_EDGES_M)}


@dataclass
class _Sums:
    """What the views so far add up to."""

    sizes: Counter[str] = field(default_factory=Counter)
    histogram: np.ndarray = field(default_factory=lambda: np.zeros(len(DEPTH_EDGES_M) - 1))
    depths: list[np.ndarray] = field(default_factory=list)
    known: list[float] = field(default_factory=list)
    materials: list[np.ndarray] = field(default_factory=list)
    reflecting: list[float] = field(default_factory=list)
    mirror_like: list[float] = field(default_factory=list)
    pairs: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    motion: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, view: View) -> None:
        """One view."""
        assert view.depth is not None
        height, width = view.image.shape[:2]
        self.sizes[f"{width}x{height}"] += 1
        depth = view.depth[view.depth > 0]
        self.known.append(depth.size / view.depth.size)
        inside = np.clip(depth, DEPTH_EDGES_M[0], np.nextafter(np.float32(DEPTH_EDGES_M[-1]), np.float32(0)))
        self.histogram += np.histogram(inside, DEPTH_EDGES_M)[0] / view.depth.size
        self.depths.append(depth[:: max(1, depth.size // 500)])
        if view.material is not None:
            self.materials.append(np.bincount(view.material.ravel(), minlength=len(Material))[: len(Material)] / view.material.size)
            if view.diffuse is not None:
                self.reflecting.append(float(reflecting(view.image, view.diffuse, view.material).mean()))
                self.mirror_like.append(float(mirror_like(view.image, view.diffuse, view.material).mean()))


def reflecting(image: np.ndarray, diffuse: np.ndarray, material: np.ndarray) -> np.ndarray:
    """Boolean (h, w): mirror, glass, and glossy coats and metal that reflect visibly. Pictures are uint8 (h, w, 3)."""
    polished = np.isin(material, (Material.GLOSSY, Material.METAL)) & visible_lobes(image, diffuse)
    return polished | np.isin(material, (Material.MIRROR, Material.GLASS))


def mirror_like(image: np.ndarray, diffuse: np.ndarray, material: np.ndarray) -> np.ndarray:
    """Boolean (h, w): what may be taken for what it reflects. Pictures are uint8 sRGB (h, w, 3).

    A pixel of a mirror; or of a glossy coat or of metal where the light that its specular lobes add or take is more than
    half of the light that is seen, both as linear luminance, unless it is too dark to show anything. Panes of glass and
    windows are not: through them one sees what is there.
    """
    seen, bare = _luminance(image), _luminance(diffuse)
    dominated = np.abs(seen - bare) > np.maximum(_DOMINANT * seen, _FAINT)
    return (material == Material.MIRROR) | (np.isin(material, (Material.GLOSSY, Material.METAL)) & dominated)


def _luminance(image: np.ndarray) -> np.ndarray:
    """Linear luminance (h, w) in [0, 1] (ITU-R BT.709) of uint8 sRGB (h, w, 3)."""
    encoded = np.arange(256) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return linear[image] @ np.array([0.2126, 0.7152, 0.0722])


def statistics_of(dataset: Dataset, *, moments: int = 200, advance: Callable[[int], None] | None = None) -> Statistics:
    """Look at `moments` moments of `dataset`, spread evenly, with all their cameras and the frame that follows each.

    `advance` is called with 1 after each moment. Raises UserError when the set has no depth or no poses, or a file is broken.
    """
    for layer in ("depth", "cam_from_world"):
        if layer not in dataset.layers:
            raise UserError(dataset.name, f"has no {layer}", "give a rendered data set")
    layers = frozenset({"depth", "cam_from_world", "material", "diffuse"}) & dataset.layers
    chosen = [dataset.records[i] for i in np.linspace(0, len(dataset.records) - 1, min(moments, len(dataset.records))).astype(int)]
    at = {(moment.sequence, moment.frame): moment for moment in dataset.moments}
    sums, num_views = _Sums(), 0
    for record in chosen:
        views = {camera: dataset.view(record, camera, layers) for camera in record.cameras}
        for view in views.values():
            sums.add(view)
        num_views += len(views)
        _add_pairs(sums, views)
        following = at.get((record.sequence, record.frame + 1))
        if following is not None:
            _add_motion(sums, dataset, views, following)
        if advance is not None:
            advance(1)
    if not any(depth.size for depth in sums.depths):
        raise UserError(dataset.name, "has no pixel with depth", "render the data set again")
    num_known = sums.histogram.sum()
    return Statistics(
        dataset=dataset.name,
        num_sequences=len({record.sequence for record in dataset.records}),
        num_moments=len(dataset.records),
        num_looked_at=len(chosen),
        num_views=num_views,
        size=", ".join(sums.sizes),
        depth_share=tuple(float(share) for share in sums.histogram / num_known),
        depth_m=_spread(np.concatenate(sums.depths)),
        no_depth_share=1 - float(np.mean(sums.known)),
        materials=_by_material(sums.materials),
        reflecting=float(np.mean(sums.reflecting)) if sums.reflecting else None,
        mirror_like=float(np.mean(sums.mirror_like)) if sums.mirror_like else None,
        mirror_like_per_view=_spread(sums.mirror_like) if sums.mirror_like else None,
        overlaps=_overlaps(sums),
        motion=_motion(sums.motion),
    )


def _by_material(shares: list[np.ndarray]) -> dict[str, float]:
    if not shares:
        return {}
    return {material.name.lower(): float(share) for material, share in zip(Material, np.mean(shares, axis=0), strict=True)}


def _add_pairs(sums: _Sums, views: dict[str, View]) -> None:
    for a, view_a in views.items():
        for b, view_b in views.items():
            pose_a, pose_b = view_a.camera.rig_from_cam, view_b.camera.rig_from_cam
            if a == b or pose_a is None or pose_b is None:
                continue
            assert view_a.depth is not None and view_b.depth is not None
            common = overlap(
                view_a.depth,
                view_b.depth,
                K_a=view_a.camera.K,
                K_b=view_b.camera.K,
                b_from_a=compose(invert(pose_b), pose_a),
                every=_EVERY_PX,
            )
            if common is not None:
                sums.pairs[a, b].append((common.inside, common.seen))


def _add_motion(sums: _Sums, dataset: Dataset, views: dict[str, View], following: Record) -> None:
    for camera, view in views.items():
        if camera not in following.cameras:
            continue
        after = dataset.view(following, camera, frozenset({"depth", "cam_from_world"}))
        assert view.cam_from_world is not None and after.cam_from_world is not None and view.depth is not None and after.depth is not None
        after_from_before = compose(after.cam_from_world, invert(view.cam_from_world))
        step = invert(after_from_before)[:3, 3]  # where the camera goes, in its own frame
        length = float(np.linalg.norm(step))
        sums.motion["translation_m"].append(length)
        cosine = (np.trace(after_from_before[:3, :3]) - 1) / 2
        sums.motion["rotation_deg"].append(float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))))
        if length > 0:
            sums.motion["sideways_share"].append(float(np.linalg.norm(step[:2])) / length)
        common = overlap(view.depth, after.depth, K_a=view.camera.K, K_b=after.camera.K, b_from_a=after_from_before, every=_EVERY_PX)
        if common is not None:
            sums.motion["seen_in_next"].append(common.seen)
            if common.motion_px is not None:
                sums.motion["image_px"].append(common.motion_px)


def _overlaps(sums: _Sums) -> tuple[tuple[str, str, float, float], ...]:
    means = ((a, b, *np.mean(shares, axis=0).tolist()) for (a, b), shares in sums.pairs.items())
    return tuple((a, b, inside, seen) for a, b, inside, seen in means if inside > 0)


def _motion(found: dict[str, list[float]]) -> Motion | None:
    if not found:
        return None
    return Motion(
        translation_m=_spread(found["translation_m"]),
        rotation_deg=_spread(found["rotation_deg"]),
        sideways_share=_spread(found["sideways_share"] or [0.0]),
        image_px=_spread(found["image_px"]) if found["image_px"] else None,
        seen_in_next=_spread(found["seen_in_next"]) if found["seen_in_next"] else None,
    )


def _spread(values: "list[float] | np.ndarray") -> Spread:
    low, median, high = np.percentile(values, (5, 50, 95))
    return Spread(float(median), float(low), float(high), len(values))
