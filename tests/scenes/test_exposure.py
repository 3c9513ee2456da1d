"""Exposure, white balance, sRGB."""

import numpy as np

from leadline.scenes.exposure import develop, linear_from_srgb, meter, srgb_from_linear


def test_srgb__is_inverted():
    values = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(srgb_from_linear(linear_from_srgb(values)), values)
    assert srgb_from_linear(np.array([0.18]))[0] == 118  # middle grey


def test_meter__takes_the_colour_of_the_light_not_of_the_paint():
    rng = np.random.default_rng(0)
    red_paint = np.array([0.6, 0.1, 0.1]) * rng.uniform(0.5, 1.0, (16, 16, 1))
    white_light = meter([red_paint * 3.0], [red_paint])
    np.testing.assert_allclose(white_light.gain / white_light.gain[1], 1.0, rtol=1e-6)
    warm_light = meter([red_paint * np.array([4.0, 3.0, 2.0])], [red_paint])
    assert warm_light.gain[0] < warm_light.gain[1] < warm_light.gain[2]


def test_meter__brightness_of_the_light_does_not_matter():
    rng = np.random.default_rng(0)
    albedo = rng.uniform(0.2, 0.8, (16, 16, 3))
    pictures = [develop(albedo * light, meter([albedo * light], [albedo])) for light in (0.01, 100.0)]
    np.testing.assert_array_equal(*pictures)
    assert 100 < pictures[0].mean() < 200
