"""What tracked points say about the motion between two views: does a turn explain them, and does a known pose?

Convention: uv [px] with (0.5, 0.5) at the centre of the top-left pixel; `b_from_a` maps points of camera a into camera b.
The distance to an epipolar line is Sampson's (Hartley and Zisserman, Multiple View Geometry, section 11.4.3).
"""

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

_ROUNDS = 12
"""Of reweighting; the median residual has stopped moving long before."""
_LEAST_PX = 0.05
"""Residuals below this count alike, so that no single point gets all the weight."""


def turn_only(
    uv_a: Float[np.ndarray, "n 2"], uv_b: Float[np.ndarray, "n 2"], K: Float[np.ndarray, "3 3"]
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, " n"]]:
    """The rotation that explains the tracks best, and what it leaves of each [px]: their parallax.

    Least absolute residuals by reweighting, so that near things, which move more, do not bend it. A sideways step before a
    far flat wall is close to a turn, and then little is left: the two can hardly be told apart by anyone.
    """
    rays_a, rays_b = _rays(uv_a, K), _rays(uv_b, K)
    weights = np.ones(len(uv_a))
    rotation, left = np.eye(3), np.zeros(len(uv_a))
    for _ in range(_ROUNDS):
        rotation = Rotation.align_vectors(rays_b, rays_a, weights=weights)[0].as_matrix()
        left = np.linalg.norm(_project(rays_a @ rotation.T, K) - uv_b, axis=1)
        weights = 1 / np.maximum(left, _LEAST_PX)
    return rotation, left


def parallax_px(uv_a: Float[np.ndarray, "n 2"], uv_b: Float[np.ndarray, "n 2"], K: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, " n"]:
    """What remains of the tracks after the best turn [px], whatever the focal length: the smallest over half to twice that of K.

    So a guessed K does not make parallax of a turn.
    """
    turns = [turn_only(uv_a, uv_b, K * [[factor, 1, 1], [1, factor, 1], [1, 1, 1]])[1] for factor in (0.5, 0.71, 1.0, 1.41, 2.0)]
    return min(turns, key=lambda left: float(np.median(left)))


def pose_fit(
    uv_a: Float[np.ndarray, "n 2"], uv_b: Float[np.ndarray, "n 2"], K: Float[np.ndarray, "3 3"], b_from_a: Float[np.ndarray, "4 4"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """How well a known motion explains the tracks: distance to the epipolar line [px], and the way along it [px].

    The way is positive where the point lies ahead of both cameras; a pose that is inverted puts most of them behind.
    A motion without translation has no lines: then the distance is what its turn leaves, and the way 0.
    """
    rays_a = _rays(uv_a, K)
    rotation, translation = b_from_a[:3, :3], b_from_a[:3, 3]
    turned = rays_a @ rotation.T
    length = float(np.linalg.norm(translation))
    off = uv_b - _project(turned, K)
    if length < 1e-9:
        return np.linalg.norm(off, axis=1), np.zeros(len(uv_a))
    inverse_K = np.linalg.inv(K)
    fundamental = inverse_K.T @ _cross(translation / length) @ rotation @ inverse_K
    a, b = _homogeneous(uv_a), _homogeneous(uv_b)
    line_b, line_a = a @ fundamental.T, b @ fundamental
    slope = (line_b[:, :2] ** 2).sum(1) + (line_a[:, :2] ** 2).sum(1)
    distance = np.abs((b * line_b).sum(1)) / np.sqrt(np.maximum(slope, 1e-24))
    # A point at depth d goes from its turned place towards the image of the translation, by about |t| / d.
    towards = translation / length - turned * (translation[2] / length) / turned[:, 2:]
    direction = towards[:, :2] * [K[0, 0], K[1, 1]]
    direction = direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-12)
    return distance, (off * direction).sum(1)


def _rays(uv: np.ndarray, K: np.ndarray) -> np.ndarray:
    return _homogeneous(uv) @ np.linalg.inv(K).T


def _project(rays: np.ndarray, K: np.ndarray) -> np.ndarray:
    uvw = rays @ K.T
    return uvw[:, :2] / np.where(np.abs(uvw[:, 2:]) < 1e-9, 1e-9, uvw[:, 2:])


def _homogeneous(uv: np.ndarray) -> np.ndarray:
    return np.concatenate([uv, np.ones((len(uv), 1))], axis=1)


def _cross(t: np.ndarray) -> np.ndarray:
    return np.array([[0.0, -t[2], t[1]], [t[2], 0.0, -t[0]], [-t[1], t[0], 0.0]])
