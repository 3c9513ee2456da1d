"""The queue behind the cameras: moments by time, what is dropped, who is waited for."""

import time
from collections.abc import Sequence
from threading import Thread

import numpy as np

from leadline.runtime.intake import Intake, Shot
from leadline.runtime.latency import Latencies


def shot(camera: str, index: int) -> Shot:
    """Ten pictures a second."""
    return Shot(camera, index, index / 10, lambda: np.zeros((1, 1, 3), dtype=np.uint8))


def filled(policy: str, shots: dict[str, Sequence[int]], *, depth: int = 3, patience_s: float = 0.05) -> Intake:
    intake = Intake(list(shots), policy=policy, depth=depth, tolerance_s=0.05, patience_s=patience_s)
    for camera, indices in shots.items():
        for index in indices:
            assert intake.put(shot(camera, index))
    return intake


def indices(taken: dict[str, Shot] | None) -> dict[str, int] | None:
    return None if taken is None else {name: one.index for name, one in taken.items()}


def test_take__wait_gives_every_moment_in_turn() -> None:
    intake = filled("wait", {"a": (0, 1, 2), "b": (0, 2)})
    for camera in ("a", "b"):
        intake.end(camera)
    assert [indices(intake.take()) for _ in range(4)] == [{"a": 0, "b": 0}, {"a": 1}, {"a": 2, "b": 2}, None]
    assert not intake.dropped


def test_put__wait_holds_the_camera_back_until_there_is_room() -> None:
    intake = filled("wait", {"a": (0, 1, 2)})
    thread = Thread(target=lambda: intake.put(shot("a", 3)), daemon=True)
    thread.start()
    time.sleep(0.05)
    assert thread.is_alive()
    assert indices(intake.take()) == {"a": 0}
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_take__drop_oldest_gives_the_newest_whole_moment() -> None:
    """Camera b is a picture behind a: the newest moment that both have is taken, not a half one."""
    intake = filled("drop-oldest", {"a": range(10), "b": range(9)})
    assert indices(intake.take()) == {"a": 8, "b": 8}
    assert intake.dropped == {"a": 8, "b": 8}
    intake.put(shot("b", 9))
    assert indices(intake.take()) == {"a": 9, "b": 9}


def test_take__a_camera_that_hangs_far_behind_is_missing_and_holds_nobody_up() -> None:
    intake = filled("drop-oldest", {"a": (10, 11, 12), "b": (1, 2)})
    assert indices(intake.take()) == {"a": 10}
    assert intake.dropped["b"] == 2


def test_take__a_silent_camera_is_waited_for_once_until_it_speaks_again() -> None:
    intake = filled("drop-oldest", {"a": (0,), "b": ()}, patience_s=0.2)
    begin = time.monotonic()
    assert indices(intake.take()) == {"a": 0}
    assert time.monotonic() - begin >= 0.19
    intake.put(shot("a", 1))
    begin = time.monotonic()
    assert indices(intake.take()) == {"a": 1}
    assert time.monotonic() - begin < 0.15
    for camera in ("a", "b"):
        intake.put(shot(camera, 2))
    assert indices(intake.take()) == {"a": 2, "b": 2}


def test_take__an_ended_camera_is_not_waited_for() -> None:
    intake = filled("drop-oldest", {"a": (0,), "b": ()}, patience_s=60.0)
    intake.end("b")
    assert indices(intake.take()) == {"a": 0}
    intake.end("a")
    assert intake.take() is None


def test_close__lets_everybody_go() -> None:
    intake = filled("wait", {"a": (0, 1, 2), "b": ()})
    answers: list[object] = []
    threads = [Thread(target=lambda: answers.append(intake.put(shot("a", 3)))), Thread(target=lambda: answers.append(intake.take()))]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    intake.close()
    for thread in threads:
        thread.join(timeout=5)
    assert answers == [False, None] or answers == [None, False]


def test_latencies__percentiles_to_one_per_cent_in_fixed_memory() -> None:
    durations = np.random.default_rng(0).lognormal(-3, 1, 20_000)
    stage = Latencies()
    size = stage.counts.nbytes
    for seconds in durations:
        stage.add(float(seconds))
    assert stage.counts.nbytes == size and stage.num == 20_000
    for percent in (50, 95, 99):
        assert abs(stage.percentile_s(percent) / np.percentile(durations, percent) - 1) < 0.015
    assert stage.summary_ms()["worst"] == 1000 * durations.max()
    assert np.isnan(Latencies().percentile_s(50))
