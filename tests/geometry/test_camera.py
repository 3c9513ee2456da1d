"""Cameras: K follows resizes, crops and flips together with the image, and nonsense is refused by name."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.geometry.camera import Camera, checked_K, from_integer_centres
from leadline.types import UserError

K = np.array([[700.0, 0.3, 610], [0, 710, 170], [0, 0, 1]])


def test_from_fov__edges_of_the_image_are_the_edges_of_view():
    camera = Camera.from_fov(90, width=640, height=480)
    np.testing.assert_allclose(camera.K, [[320, 0, 320], [0, 320, 240], [0, 0, 1]], atol=1e-12)
    assert camera.fov_x_deg == pytest.approx(90)


@given(fov=st.floats(1, 179), width=st.integers(1, 5000))
def test_fov_x_deg__undoes_from_fov(fov: float, width: int):
    assert Camera.from_fov(fov, width=width, height=10).fov_x_deg == pytest.approx(fov, rel=1e-9)


@given(width=st.integers(1, 3000), height=st.integers(1, 3000))
def test_resized__keeps_the_field_of_view_and_undoes(width: int, height: int):
    camera = Camera(K=K, width=1242, height=375)
    resized = camera.resized(height=height, width=width)
    assert (resized.width, resized.height) == (width, height)
    assert resized.fov_x_deg == pytest.approx(camera.fov_x_deg)
    np.testing.assert_allclose(resized.resized(height=375, width=1242).K, K, rtol=1e-12)


def test_cropped__padding_undoes():
    camera = Camera(K=K, width=1242, height=375)
    cropped = camera.cropped(top=23, left=13, height=352, width=1216)
    np.testing.assert_allclose(cropped.K, [[700, 0.3, 597], [0, 710, 147], [0, 0, 1]])
    np.testing.assert_allclose(cropped.cropped(top=-23, left=-13, height=375, width=1242).K, K)


def test_flipped__twice_is_nothing():
    pose = np.eye(4)
    pose[:3, 3] = [1, 2, 3]
    camera = Camera(K=K, width=1242, height=375, rig_from_cam=pose)
    assert camera.flipped().K[0, 2] == 632
    twice = camera.flipped().flipped()
    np.testing.assert_allclose(twice.K, K)
    np.testing.assert_allclose(twice.rig_from_cam, pose)


def test_from_integer_centres__half_a_pixel():
    np.testing.assert_allclose(from_integer_centres(K), [[700, 0.3, 610.5], [0, 710, 170.5], [0, 0, 1]])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (np.eye(4), "shape"),
        ([1.0, 2.0], "shape"),
        ("cx", "not a matrix"),
        ([[1, 0, 0], [0, 1], [0, 0, 1]], "not a matrix"),
        (np.diag([math.nan, 1, 1]), "NaN"),
        (np.diag([0.0, 1, 1]), "focal lengths 0, 1"),
        (np.diag([1.0, -1, 1]), "focal lengths 1, -1"),
        (np.diag([1.0, 1, 2]), "last row"),
    ],
)
def test_checked_K__refuses(wrong: object, says: str):
    with pytest.raises(UserError, match=f"left.jpg: .*{says}"):
        checked_K(wrong, subject="left.jpg")


def test_camera__refuses():
    with pytest.raises(UserError, match="not positive"):
        Camera(K=K, width=0, height=3)
    with pytest.raises(UserError, match="rigid"):
        Camera(K=K, width=3, height=3, rig_from_cam=np.eye(3))
    with pytest.raises(UserError, match="rigid"):
        Camera(K=K, width=3, height=3, rig_from_cam=np.full((4, 4), np.nan))
    with pytest.raises(UserError, match="180"):
        Camera.from_fov(180, width=3, height=3)
    with pytest.raises(UserError, match="rig"):
        _ = Camera(K=K, width=3, height=3).yaw_deg
