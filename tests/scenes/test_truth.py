"""Truth of worlds that can be computed by hand."""

import numpy as np
import pytest

from leadline.scenes import shapes
from leadline.scenes.render import Renderer
from leadline.scenes.truth import Truth, TruthMaker
from leadline.scenes.world import Surface, Thing, World
from leadline.types import Material, UserError


def truth_of(world: World, frame: int = 0) -> Truth:
    return TruthMaker(Renderer(world, samples=1))(world.shots[frame])


def test_depth__plane_across_the_view(worlds):
    truth = truth_of(worlds.world_of(worlds.wall(5.0)))
    np.testing.assert_allclose(truth.depth, 5.0, rtol=1e-6)
    np.testing.assert_allclose(truth.normals, np.broadcast_to([0.0, 0.0, -1.0], truth.normals.shape), atol=1e-6)


@pytest.mark.parametrize("intrinsics", [{}, {"fx": 41.7, "fy": 38.2, "cx": 20.3, "cy": 18.9}])
def test_depth__slanted_plane(worlds, intrinsics):
    seen_by = worlds.camera(**intrinsics)
    # The plane x = 4 + 0.5 y - 0.25 z of the world is z = 4 - 0.5 x + 0.25 y in the camera frame.
    slanted = shapes.quad((4 - 10 - 5, -20, 20), (20, 40, 0), (10, 0, -40))
    truth = truth_of(worlds.world_of(Thing("plane", ((slanted, worlds.GREY),), np.eye(4)), seen_by=seen_by))
    rays = worlds.pixel_rays(seen_by)
    normal = np.array([0.5, -0.25, 1.0])
    np.testing.assert_allclose(truth.depth, 4.0 / (rays @ normal), rtol=1e-5)
    np.testing.assert_allclose(truth.normals, np.broadcast_to(-normal / np.linalg.norm(normal), truth.normals.shape), atol=1e-6)


def test_depth__changes_between_the_right_pixel_centres(worlds):
    # An edge between the centres of columns 30 and 31 (30.5 and 31.5): 30.9 and 31.1 px both must fall between them.
    for edge_px in (30.55, 31.0, 31.45):
        y = -(edge_px - 24.0) / 40.0 * 2.0
        near = shapes.quad((2.0, 5.0, -5.0), (0, y - 5.0, 0), (0, 0, 10.0))
        truth = truth_of(worlds.world_of(Thing("near", ((near, worlds.GREY),), np.eye(4)), worlds.wall(6.0)))
        np.testing.assert_allclose(truth.depth[:, :31], 2.0, rtol=1e-6)
        np.testing.assert_allclose(truth.depth[:, 31:], 6.0, rtol=1e-6)


def test_depth__sphere(worlds):
    ball = shapes.transform(shapes.sphere(1.0, rings=96, segments=192), shapes.pose(x=4.0))
    seen_by = worlds.camera(cx=24.5, cy=16.5)  # the centre of pixel (16, 24) looks along the axis
    truth = truth_of(worlds.world_of(Thing("ball", ((ball, worlds.GREY),), np.eye(4)), seen_by=seen_by))
    assert truth.depth[16, 24] == pytest.approx(3.0, abs=1e-3)
    np.testing.assert_allclose(truth.normals[16, 24], [0, 0, -1], atol=0.02)
    rays = worlds.pixel_rays(seen_by)
    inside = truth.depth > 0
    points = truth.depth[inside][:, None] * rays[inside]
    np.testing.assert_allclose(truth.normals[inside], points - [0, 0, 4.0], atol=0.02)


@pytest.mark.parametrize("surface", ["MIRROR", "GLASS"])
def test_depth__mirror_and_glass_have_their_own_surface(worlds, surface):
    pane = worlds.wall(3.0, size=1.0, surface=getattr(worlds, surface), name="pane")
    truth = truth_of(worlds.world_of(pane, worlds.wall(7.0), worlds.wall(-2.0, name="behind")))
    on_pane = truth.instance == 1
    assert on_pane[16, 24] and not on_pane[0, 0]
    np.testing.assert_allclose(truth.depth[on_pane], 3.0, rtol=1e-6)
    np.testing.assert_allclose(truth.depth[~on_pane], 7.0, rtol=1e-6)
    expected = Material.MIRROR if surface == "MIRROR" else Material.GLASS
    assert (truth.material[on_pane] == expected).all() and (truth.material[~on_pane] == Material.DIFFUSE).all()


def test_sky__has_no_depth_and_its_own_class(worlds):
    truth = truth_of(worlds.world_of(worlds.wall(5.0, size=1.0)))
    sky = truth.material == Material.SKY
    assert sky[0, 0] and not sky[16, 24]
    assert (truth.depth[sky] == 0).all() and (truth.instance[sky] == 0).all() and (truth.normals[sky] == 0).all()


def test_depth__beyond_the_range_is_no_measurement(worlds):
    truth = truth_of(worlds.world_of(worlds.wall(500.0, size=5000.0)))
    assert (truth.depth == 0).all() and (truth.material == Material.DIFFUSE).all() and (truth.instance == 1).all()


def test_instance__survives_equal_surfaces(worlds):
    left = Thing("left", ((shapes.quad((3, 0.5, -5), (0, 5, 0), (0, 0, 10)), worlds.GREY),), np.eye(4))
    right = Thing("right", ((shapes.quad((3, -5, -5), (0, 4.5, 0), (0, 0, 10)), worlds.GREY),), np.eye(4))
    truth = truth_of(worlds.world_of(left, right))
    assert (truth.instance[:, 0] == 1).all() and (truth.instance[:, -1] == 2).all()


def test_depth__moving_thing_follows_its_poses(worlds):
    poses = np.stack([shapes.pose(x=0.0), shapes.pose(x=1.5), shapes.pose(x=0.5)])
    mover = Thing("mover", ((worlds.facing(2.0, 40.0), worlds.GREY),), poses)
    world = worlds.world_of(mover, worlds.wall(9.0), frames=3)
    maker = TruthMaker(Renderer(world, samples=1))
    for frame, depth in ((0, 2.0), (1, 3.5), (2, 2.5), (0, 2.0)):
        np.testing.assert_allclose(maker(world.shots[frame]).depth, depth, rtol=1e-6)


def test_normals__face_the_camera_from_both_sides_of_a_sheet(worlds):
    mesh = worlds.facing(3.0, 40.0)
    backwards = Thing("sheet", ((shapes.Mesh(mesh.vertices, mesh.faces[:, ::-1], mesh.uv), worlds.GREY),), np.eye(4))
    np.testing.assert_allclose(truth_of(worlds.world_of(backwards)).normals[..., 2], -1.0, atol=1e-6)


def test_albedo__texture_stands_upright(worlds):
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    image[:4, :, 0] = 255  # upper half red
    image[:, :4, 1] = 255  # left half green
    poster = Thing("poster", ((worlds.facing(4.0, 2.0), Surface(Material.DIFFUSE, image, texture_m=2.0)),), np.eye(4))
    albedo = truth_of(worlds.world_of(poster)).albedo
    upper_left, lower_right = albedo[9, 17], albedo[22, 30]
    np.testing.assert_allclose(upper_left, [1, 1, 0], atol=1e-6)
    np.testing.assert_allclose(lower_right, [0, 0, 0], atol=1e-6)


def test_cast__agrees_with_depth(worlds):
    world = worlds.world_of(worlds.wall(3.0, size=1.0), worlds.wall(7.0))
    renderer = Renderer(world, samples=1)
    directions = np.array([[1.0, 0, 0], [1.0, 0.5, 0], [-1.0, 0, 0]])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    distance, instance = renderer.cast(np.zeros((3, 3)), directions, 0)
    np.testing.assert_allclose(distance, [3.0, 7.0 * np.sqrt(1.25), np.inf], rtol=1e-5)
    assert instance.tolist() == [1, 2, 0]


def test_renderer__refuses_a_skew(worlds):
    skewed = worlds.camera()
    skewed.K[0, 1] = 1.0
    world = worlds.world_of(worlds.wall(3.0), seen_by=skewed)
    with pytest.raises(UserError, match="skew"):
        truth_of(world)
