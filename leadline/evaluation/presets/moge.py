"""MoGe's protocols: one size per data set, a far cap relative to each image, and an alignment for each kind of prediction."""

from dataclasses import replace

from leadline.evaluation.protocol import Align, Protocol

SIZES: dict[str, tuple[str, tuple[int, int], str]] = {
    "nyu": ("NYUv2", (480, 640), "its list is `.index` in the all-in-one configuration, `.test` in the single one"),
    "kitti": ("KITTI", (375, 750), "its own list"),
    "eth3d": ("ETH3D", (1365, 2048), "its own list"),
    "ibims": ("iBims-1", (480, 640), "its own list"),
    "gso": ("Google Scanned Objects", (512, 512), "its own list"),
    "sintel": ("Sintel", (436, 872), "its own list"),
    "ddad": ("DDAD", (700, 1400), "its own list"),
    "diode": ("DIODE", (768, 1024), "its own list"),
    "spring": ("Spring", (1080, 1920), "its own list"),
    "hammer": ("HAMMER", (832, 1664), "its own list"),
}
"""Data set: its name in words, (height, width) [px], its list."""
RENDERED_AGAIN = (
    "images are resized to MoGe's size, but neither image nor truth is rendered again with a centred principal point: "
    "truth keeps the size and the camera of the data set"
)
KINDS: tuple[tuple[str, str, Align], ...] = (
    ("", "metres as predicted", "none"),
    ("-scale", "scale of depth", "weighted_l1"),
    ("-affine", "scale and shift of depth", "weighted_l1_shift"),
    ("-disparity", "scale and shift of inverse depth", "lstsq_inverse"),
)


def _rows(data: str) -> tuple[Protocol, ...]:
    name, size, listed = SIZES[data]
    base = Protocol(
        name=f"{data}-moge",
        summary=f"{name} by MoGe",
        source="MoGe (arXiv 2410.19115), moge/test/metrics.py and configs/eval",
        provenance="peer's code",
        unknown=(f"the number of images: {listed}",),
        differs=(RENDERED_AGAIN, "abs_rel without the 1e-6 that MoGe adds to its denominator"),
        input_size=size,
        far_quantile=(1000.0, 0.01),
        metrics=("abs_rel", "delta1"),
    )
    return tuple(
        replace(
            base,
            name=f"{base.name}{ending}",
            summary=f"{base.summary}, {words}",
            align=align,
            align_grid=64 if align.startswith("weighted") else None,
            inverse_floor="farthest" if align == "lstsq_inverse" else base.inverse_floor,
        )
        for ending, words, align in KINDS
    )


MOGE: tuple[Protocol, ...] = tuple(row for data in SIZES for row in _rows(data))
