"""leadline's own protocols, and those that fit any data set."""

import math
from dataclasses import replace

from leadline.evaluation.borders import DISTANCES_PX
from leadline.evaluation.protocol import STANDARD_METRICS, Protocol

AFFINE = Protocol(
    name="affine-disp",
    summary="any data set up to 80 m, scale and shift of inverse depth fitted per image to all of its pixels",
    source="leadline: the zero-shot protocol of BriGeS (arXiv 2505.23400) without its flip, for outputs whose zero means nothing",
    min_depth=0.1,
    max_depth=80.0,
    extra_mask="usable",
    align="lstsq_inverse",
    clamp=(0.1, 80.0),
)
"""Published evaluations fit to pixels above zero alone, where the ReLU of Depth Anything and its like has not cut the far end off. A
network that ends without a ReLU is below zero anywhere, and would be fitted to its near half."""

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
    AFFINE,
    replace(
        AFFINE,
        name="rendered-affine-disp",
        summary="rendered worlds with instance ids: as affine-disp, and how sharp borders are",
        gt="depth.png of the rendered data set, one exact value per pixel; sky has none",
        metrics=(*STANDARD_METRICS, "boundary_f1", *(f"separation:{distance}" for distance in DISTANCES_PX)),
    ),
)
