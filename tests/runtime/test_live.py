"""Live runs: every moment once, late ones dropped, cameras that stop, disks that fill up, memory that does not grow."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Lock

import pytest

import leadline.runtime
from leadline.geometry.rig import Rig
from leadline.io.image import write_image
from leadline.io.photo import Photo
from leadline.prediction import Prediction
from leadline.runtime.intake import Shot
from leadline.runtime.live import Live, LiveReport, View
from leadline.runtime.model import Job, Raw, RuntimeModel
from leadline.runtime.streams import Pace, Stream, open_streams
from leadline.types import UserError
from tests.fixtures.tiny_exports import HEIGHT, PLAIN, WIDTH, with_camera, write_onnx
from tests.runtime.test_model import grey, opened, ring


class Kept:
    """What came out: by moment and camera, and how many pictures were alive at once."""

    def __init__(self) -> None:
        self.depth: dict[int, dict[str, float]] = {}
        self.lock = Lock()

    def __call__(self, index: int, camera: str, photo: Photo, prediction: Prediction) -> None:
        with self.lock:
            self.depth.setdefault(index, {})[camera] = float(prediction.values.mean())


@dataclass
class Slow:
    """A model that takes its time."""

    model: RuntimeModel
    seconds: float

    def __getattr__(self, name: str) -> object:
        return getattr(self.model, name)

    def infer(self, jobs: Sequence[Job], *, views: int = 1) -> list[Raw]:
        time.sleep(self.seconds)
        return self.model.infer(jobs, views=views)


def moments(folder: Path, rig: Rig, num: int, *, without: dict[str, range] | None = None) -> Path:
    """A rig's recording: moment i of camera c is grey 10 * i + c."""
    for i in range(num):
        for c, name in enumerate(rig.names):
            if i not in (without or {}).get(name, range(0)):
                write_image(folder / f"moment{i}" / f"{name}.png", grey(HEIGHT, WIDTH, 10 * i + c))
    return folder


def level(depth: float, focal_px: float) -> float:
    """The grey that the network was shown, from its answer."""
    return 255 * (100 * depth / focal_px - 1)


def run(model: object, source: Path, rig: Rig | None, *, fps: float | None = None, sink: object = None, **options: float) -> LiveReport:
    streams = open_streams([str(source)], rig=rig, pace=Pace(fps))
    policy = "wait" if fps is None else "drop-oldest"
    live = Live(model, streams, View(rig=rig, fov_x_deg=None if rig else 60), policy=policy, fps=fps or 10, **options)
    return live.run(sink or (lambda *one: None))


@pytest.mark.parametrize("about", [with_camera(dynamic=("batch",)), with_camera(views=4)], ids=["each", "joint"])
def test_live__every_moment_of_every_camera_once_and_in_order(tmp_path: Path, about: object) -> None:
    rig, kept = ring(), Kept()
    report = run(opened(tmp_path, about), moments(tmp_path / "in", rig, 12), rig, sink=kept)
    assert report.moments == 12 and list(kept.depth) == list(range(12))
    for i, cameras in kept.depth.items():
        for c, camera in enumerate(rig.cameras):
            assert level(cameras[camera.name], camera.K[0, 0]) == pytest.approx(10 * i + c, abs=0.01)
    assert all((tally.done, tally.missing, tally.dropped, tally.stopped) == (12, 0, 0, "") for tally in report.cameras.values())
    assert {name for name, stage in report.stages.items() if stage.num} == {"read", "queue", "infer", "write", "total"}


@pytest.mark.parametrize("about", [with_camera(dynamic=("batch",)), with_camera(views=4)], ids=["each", "joint"])
def test_live__a_camera_that_stops_in_the_middle_is_counted_and_the_rest_goes_on(tmp_path: Path, about: object) -> None:
    rig, kept = ring(), Kept()
    source = moments(tmp_path / "in", rig, 8, without={"cam1": range(3, 8), "cam2": range(5, 6)})
    (source / "moment6" / "cam3.png").write_bytes(b"torn")
    report = run(opened(tmp_path, about), source, rig, sink=kept)
    assert report.moments == 8
    assert [name for name in rig.names if name not in kept.depth[6]] == ["cam1", "cam3"]
    assert [name for name in rig.names if name not in kept.depth[5]] == ["cam1", "cam2"]
    counted = {name: (tally.done, tally.missing) for name, tally in report.cameras.items()}
    assert counted == {"cam0": (8, 0), "cam1": (3, 5), "cam2": (7, 1), "cam3": (7, 1)}
    assert report.cameras["cam1"].stopped == "gave its last picture in moment 2 of 8"
    assert report.cameras["cam2"].stopped == ""
    assert any("cam3.png" in reason for reason in report.reasons)


def test_live__late_pictures_are_dropped_and_depth_stays_young(tmp_path: Path) -> None:
    """40 pictures a second for a network that does ten: it sees one in four, and none is older than a few of its own steps."""
    rig, kept = ring(2), Kept()
    model = Slow(opened(tmp_path, with_camera(dynamic=("batch",))), 0.1)
    report = run(model, moments(tmp_path / "in", rig, 25), rig, fps=40.0, sink=kept)
    assert 3 <= report.moments < 20
    tallies = report.cameras.values()
    assert all(tally.done + tally.missing == report.moments and tally.done + tally.dropped == 25 for tally in tallies)
    assert all(tally.missing == 0 for tally in tallies), "what is dropped is dropped of all cameras"
    seen = [level(cameras["cam0"], 80.0) for cameras in kept.depth.values()]
    assert seen == sorted(seen)
    assert report.stages["total"].worst_s < 1.0


@dataclass(frozen=True)
class Stopping:
    """A camera of 20 pictures a second that gives five, and then breaks, or hangs until everything ends."""

    camera: str
    breaks: bool

    def shots(self, stop: Event) -> Iterator[Shot]:
        for i in range(5):
            time.sleep(0.05)
            yield Shot(self.camera, i, (i + 1) / 20, lambda: grey(HEIGHT, WIDTH), time.monotonic())
        if self.breaks:
            raise UserError(self.camera, "was unplugged", "plug it in again")
        stop.wait()


@pytest.mark.parametrize(("breaks", "why"), [(True, "cam1: was unplugged; plug it in again"), (False, "gave its last picture in moment")])
def test_live__a_camera_that_breaks_or_hangs_does_not_hold_up_the_others(tmp_path: Path, breaks: bool, why: str) -> None:
    """One that hangs is waited for once, as long as patience lasts."""
    rig = ring(2)
    others = open_streams([f"cam0={moments(tmp_path / 'in', rig, 1) / 'moment0'}"], rig=rig, pace=Pace(20.0, repeats=True))
    live = Live(
        opened(tmp_path, with_camera()), [*others, Stopping("cam1", breaks)], View(rig), policy="drop-oldest", fps=20, patience_s=0.3
    )
    report = live.run(lambda *one: None, seconds=1.5)
    assert report.cameras["cam1"].done <= 5 < report.cameras["cam0"].done
    assert report.cameras["cam1"].stopped.startswith(why)


def test_live__no_moment_is_read_before_the_network_has_begun_with_the_one_before(tmp_path: Path) -> None:
    """Read earlier, it would be two of the network's steps old before its own begins."""
    begun = read = 0
    early: list[int] = []

    class Watching(Slow):
        def prepare(self, photo: Photo) -> Job:
            nonlocal read
            read += 1
            return self.model.prepare(photo)

        def infer(self, jobs: Sequence[Job], *, views: int = 1) -> list[Raw]:
            nonlocal begun
            begun += 1
            time.sleep(self.seconds)
            early.append(read - begun)
            return self.model.infer(jobs, views=views)

    rig = ring(1)
    run(Watching(opened(tmp_path, PLAIN), 0.05), moments(tmp_path / "in", rig, 25), rig, fps=50.0)
    assert len(early) > 3 and max(early) == 1


def test_live__memory_is_that_of_a_few_moments(tmp_path: Path) -> None:
    alive, most, lock = 0, 0, Lock()

    class Counting(Slow):
        def prepare(self, photo: Photo) -> Job:
            nonlocal alive, most
            with lock:
                alive += 1
                most = max(most, alive)
            return self.model.prepare(photo)

    def sink(*one: object) -> None:
        nonlocal alive
        time.sleep(0.005)
        with lock:
            alive -= 1

    rig = ring(2)
    for seconds in (0.0, 0.02):
        run(Counting(opened(tmp_path, PLAIN), seconds), moments(tmp_path / "in", rig, 20), rig, sink=sink)
    assert alive == 0
    assert most <= 2 * 6, "one being read, one ready, one inferred, one on its way, one written"


def test_live__folders_and_several_sources_without_a_rig(tmp_path: Path) -> None:
    for name, num in (("left", 4), ("right", 3)):
        for i in range(num):
            write_image(tmp_path / name / f"frame{i}.png", grey(HEIGHT, WIDTH, i))
    streams = open_streams([str(tmp_path / "left"), f"r={tmp_path / 'right'}"], rig=None, pace=Pace())
    report = Live(opened(tmp_path, PLAIN), streams, View(), policy="wait", fps=10).run(lambda *one: None)
    assert report.moments == 4
    assert {name: tally.done for name, tally in report.cameras.items()} == {"left": 4, "r": 3}


def test_live__repeats_until_the_time_is_over(tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "a.png", grey(HEIGHT, WIDTH))
    streams = open_streams([str(tmp_path / "in")], rig=None, pace=Pace(repeats=True))
    report = Live(opened(tmp_path, PLAIN), streams, View(), policy="wait", fps=10).run(lambda *one: None, seconds=0.3)
    assert report.moments > 3 and report.seconds < 5


def test_live__what_the_sink_raises_comes_out_once(tmp_path: Path) -> None:
    rig = ring(2)

    def full(index: int, *one: object) -> None:
        if index == 2:
            raise UserError("disk", "is full", "make room")

    with pytest.raises(UserError, match="disk: is full; make room"):
        run(opened(tmp_path, PLAIN), moments(tmp_path / "in", rig, 20), rig, sink=full)


def test_live__a_defect_of_the_network_comes_out_too(tmp_path: Path) -> None:
    class Broken(Slow):
        def infer(self, jobs: Sequence[Job], *, views: int = 1) -> list[Raw]:
            raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        run(Broken(opened(tmp_path, PLAIN), 0), moments(tmp_path / "in", ring(2), 5), ring(2))


def test_live__nothing_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"torn")
    with pytest.raises(UserError, match=r"nothing could be predicted .*a\.png"):
        run(opened(tmp_path, PLAIN), tmp_path / "in", None)


@pytest.mark.parametrize(
    ("sources", "line"),
    [
        (["nowhere"], "nowhere: does not exist"),
        (["full", "b=nowhere.mp4"], "nowhere.mp4: does not exist"),
        (["empty"], "holds no pictures"),
        (["net.onnx"], "is no folder of pictures and no video"),
        (["a=full", "a=full"], "two sources are called a"),
    ],
)
def test_open_streams__sources_that_are_none(tmp_path: Path, sources: list[str], line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_onnx(tmp_path / "net.onnx", PLAIN)
    (tmp_path / "empty").mkdir()
    write_image(tmp_path / "full" / "a.png", grey(HEIGHT, WIDTH))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=line):
        open_streams(sources, rig=None, pace=Pace())


def test_open_streams__rigs(tmp_path: Path) -> None:
    rig = ring(2)
    with pytest.raises(UserError, match="is not a folder"):
        open_streams([str(tmp_path / "nowhere")], rig=rig, pace=Pace())
    with pytest.raises(UserError, match="holds no moment with a picture of the rig's cameras cam0, cam1"):
        open_streams([str(tmp_path)], rig=rig, pace=Pace())
    with pytest.raises(UserError, match="the rig has no camera rear"):
        open_streams([f"rear={tmp_path}"], rig=rig, pace=Pace())
    write_image(tmp_path / "frame10" / "cam0" / "rgb.jpg", grey(HEIGHT, WIDTH))
    write_image(tmp_path / "frame9" / "cam0" / "rgb.jpg", grey(HEIGHT, WIDTH))
    streams: tuple[Stream, ...] = open_streams([str(tmp_path)], rig=rig, pace=Pace())
    assert [path and path.parent.parent.name for path in streams[0].pictures] == ["frame9", "frame10"]
    assert streams[1].pictures == (None, None)


def test_live__video_files(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="videos need the extra `video`")
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for i in range(6):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey(HEIGHT, WIDTH, 40 * i), format="rgb24")))
        container.mux(stream.encode())
    kept = Kept()
    report = run(opened(tmp_path, replace(PLAIN, dynamic=("batch",))), tmp_path / "clip.mp4", None, sink=kept)
    assert report.moments == 6
    assert [level(cameras["clip"], 100) for cameras in kept.depth.values()] == pytest.approx([0, 40, 80, 120, 160, 200], abs=3)


def test_live__cameras_that_are_not_there(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="cameras need the extra `video`")
    model = leadline.runtime.open(write_onnx(tmp_path / "net.onnx", PLAIN))
    live = Live(model, open_streams(["77"], rig=None, pace=Pace()), View(), policy="drop-oldest", fps=10)
    with pytest.raises(UserError, match="camera 77: cannot be read"):
        live.run(lambda *one: None)
