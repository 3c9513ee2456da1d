"""leadline's own protocols, and those that fit any data set."""

import math

from leadline.evaluation.protocol import STANDARD_METRICS, Protocol

HOUSE: tuple[Protocol, ...] = (
    Protocol(
        name="raw",
        summary="every pixel with truth, nothing done to the prediction",
        source="leadline",
        unanswered="exclude",
    ),
    Protocol(
        name="rendered",
        summary="rendered worlds: exact truth from 0.1 to 80 m, metres as predicted",
        source="leadline, for data sets written by `leadline scenes`",
        gt="depth.png of the rendered data set, one exact value per pixel; sky has none",
        min_depth=0.1,
        max_depth=80.0,
        extra_mask="usable",
        clamp=(0.1, 80.0),
        metrics=(*STANDARD_METRICS, "boundary_f1"),
    ),
    Protocol(
        name="affine-disp-marigold",
        summary="any data set, scale and shift of inverse depth fitted per image",
        source="Marigold's evaluation (arXiv 2312.02145) with alignment least_square_disparity, as run for MiDaS, DPT, Depth Anything",
        provenance="peer's code",
        align="lstsq_inverse",
        align_positive_only=True,
        inverse_floor=1e-3,
        clamp=(1e-6, math.inf),
    ),
    Protocol(
        name="affine-depth-marigold",
        summary="any data set, scale and shift of depth fitted per image",
        source="Marigold's evaluation (arXiv 2312.02145) with alignment least_square, as run for Marigold itself",
        provenance="peer's code",
        align="lstsq",
        clamp=(1e-6, math.inf),
    ),
    Protocol(
        name="median",
        summary="any data set, scale fitted per image by the median",
        source="leadline",
        unanswered="exclude",
        align="median",
    ),
)
