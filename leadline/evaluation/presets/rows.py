"""The alignment rows that one evaluation prints beside each other, made from its base preset."""

from dataclasses import replace

from leadline.evaluation.protocol import Protocol


def unidepth_rows(base: Protocol) -> tuple[Protocol, ...]:
    """UniDepth's three: metres, `ssi` (scale and shift of depth by least squares) and `si` (lower median)."""
    fewer = ("delta1", "abs_rel", "tau")
    return (
        base,
        replace(base, name=f"{base.name}-ssi", summary=f"{base.summary}; scale and shift fitted", align="lstsq", metrics=fewer),
        replace(base, name=f"{base.name}-si", summary=f"{base.summary}; scale fitted", align="median_lower", metrics=fewer),
    )


def metric3d_rows(base: Protocol) -> tuple[Protocol, ...]:
    """Metric3D's three: metres, median scale, and a line with the median scale as its fallback."""
    return (
        base,
        replace(base, name=f"{base.name}-median", summary=f"{base.summary}; median scale", align="median"),
        replace(base, name=f"{base.name}-polyfit", summary=f"{base.summary}; scale and shift fitted", align="polyfit"),
    )


def vidar_rows(base: Protocol) -> tuple[Protocol, ...]:
    """vidar's three: metres, `md` (lower median) and `ss` (scale and shift), each without and with the flip blend (`pp`)."""
    rows = (
        base,
        replace(base, name=f"{base.name}-md", summary=f"{base.summary}; median scale", align="median_lower"),
        replace(base, name=f"{base.name}-ss", summary=f"{base.summary}; scale and shift fitted", align="lstsq"),
    )
    return (*rows, *(replace(p, name=f"{p.name}-pp", summary=f"{p.summary}; flip blend", tta="flip_blend") for p in rows))


def marigold_rows(base: Protocol) -> tuple[Protocol, ...]:
    """Marigold's two alignments: scale and shift of depth for itself, of inverse depth for MiDaS, DPT and Depth Anything."""
    return (
        base,
        replace(
            base,
            name=f"{base.name}-disparity",
            summary=base.summary.replace("of depth", "of inverse depth"),
            align="lstsq_inverse",
            align_positive_only=True,
            inverse_floor=1e-3,
        ),
    )
