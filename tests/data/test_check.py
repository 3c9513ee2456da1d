"""The check opens everything, names what is broken and never stops at it."""

import json
import subprocess
import sys

import pytest

from leadline.cli.main import main
from leadline.data.check import QUICK_VIEWS, check_dataset
from leadline.data.dataset import Record


def test_check_dataset__counts_sizes_and_depth(ring):
    done = []
    report = check_dataset(ring, advance=done.append)
    assert (report.num_sequences, report.num_records, report.num_views, report.num_opened) == (2, 8, 48, 48)
    assert sum(done) == 48 and not report.broken and not report.gaps
    summary = report.cameras["cam3"]
    assert summary.images == 8 and summary.sizes == {"50x30": 8} and summary.valid_share == 1.0
    assert (summary.nearest_m, summary.farthest_m) == pytest.approx((5.0, 5.0 + 2.9 + 2.45))


def test_check_dataset__quick_opens_an_even_selection(make_ring):
    dataset = make_ring(sequences=10, frames=10)
    report = check_dataset(dataset, quick=True)
    assert report.num_opened == QUICK_VIEWS and report.num_views == 600
    assert len(report.cameras) == 6


def test_check_dataset__names_every_broken_file_and_goes_on(ring):
    ring.broken = {("drive0", 1, "cam1"), ("drive1", 2, "cam4")}
    report = check_dataset(ring)
    assert report.broken == ("/drive0/1/cam1.jpg: is broken; copy it again", "/drive1/2/cam4.jpg: is broken; copy it again")
    assert report.cameras["cam1"].images == 7


def test_check_dataset__tells_gaps(ring):
    ring.records[1:2] = []
    ring.records[4] = Record("drive1", 1, ("cam0", "cam1", "cam2", "cam3", "cam5"))
    report = check_dataset(ring)
    assert report.gaps == ("drive1 frame 1 lacks cam4", "drive0 lacks 1 of the frames 0 to 3")


def test_check_dataset__depth_without_a_valid_pixel_is_broken(ring, monkeypatch):
    original = ring.view

    def view(record, camera, layers):
        view = original(record, camera, layers)
        if camera == "cam2" and view.depth is not None:
            view.depth[:] = 0
        return view

    monkeypatch.setattr(ring, "view", view)
    report = check_dataset(ring)
    assert len(report.broken) == 8
    assert "/drive0/0/cam2.jpg: none of its pixels has depth" in report.broken[0]


def test_data_check__whole_and_broken(tiny, tmp_path, capsys):
    tiny.write_kitti(tmp_path / "kitti")
    assert main(["data", "check", f"kitti:{tmp_path}/kitti", "--json", str(tmp_path / "report.json")]) == 0
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["views"] == 6 and written["broken"] == []
    assert written["cameras"]["image_02"]["sizes"] == {"124x38": 3}
    assert written["cameras"]["image_02"]["depth_m"] == pytest.approx([18.4, 20.0], rel=1e-4)
    drive = tmp_path / "kitti/2011_09_26/2011_09_26_drive_0001_sync"
    picture, scan = drive / "image_03/data/0000000001.png", drive / "velodyne_points/data/0000000002.bin"
    picture.write_bytes(picture.read_bytes()[:100])
    scan.write_bytes(b"")
    capsys.readouterr()
    assert main(["data", "check", f"kitti:{tmp_path}/kitti"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("leadline data: ")]
    assert len(lines) == 2
    assert lines[0].startswith(f"leadline data: {picture}: ") and lines[1].startswith(f"leadline data: {scan}: is empty")


def test_data_check__depth_beside_a_broken_layer_is_still_read(tiny, tmp_path):
    """One view with a broken mask: the mask gets its line, the image still counts."""
    from leadline.data.catalog import open_dataset

    tiny.write_middlebury(tmp_path / "m")
    (tmp_path / "m/Bench/mask0nocc.png").write_bytes(b"no image")
    report = check_dataset(open_dataset(f"middlebury:{tmp_path}/m"))
    assert len(report.broken) == 1 and "mask0nocc.png" in report.broken[0]
    assert report.cameras["im0"].images == 1


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("kiti:/data", "kiti:/data: there is no data set 'kiti'; did you mean kitti:/data?"),
        ("argoverse:/data", "choose from rendered, kitti, nyu, middlebury"),
        ("/data/kitti", "does not name a data set; write KIND:FOLDER"),
        ("kitti:", "does not name a data set"),
        ("kitti:/no/such/folder", "/no/such/folder: does not exist; give the folder of the kitti data set"),
        (f"nyu:{__file__}", "is a file, not a folder"),
    ],
)
def test_data_check__names_that_lead_nowhere(spec, line, capsys):
    assert main(["data", "check", spec]) == 2
    printed = capsys.readouterr().err
    assert line in printed and printed.count("\n") == 1


def test_datasets__lists_every_kind(tmp_path, capsys):
    from leadline.data.catalog import KINDS

    assert main(["datasets", "--json", str(tmp_path / "datasets.json")]) == 0
    printed = capsys.readouterr().out
    assert all(kind in printed for kind in KINDS)
    assert "options: --rasterise nearest|last_write" in printed and "options: --depth-source lidar|improved" in printed
    assert "status: format fixture only" in printed and "status: checked on real files" in printed
    assert [row["kind"] for row in json.loads((tmp_path / "datasets.json").read_text())] == list(KINDS)


def test_catalog__cards_agree_with_their_kind_and_cost_no_torch():
    code = "import sys\nfrom leadline.data.catalog import KINDS, read_card\nassert [read_card(k).kind for k in KINDS] == list(KINDS)\n"
    subprocess.run([sys.executable, "-c", code + "assert 'torch' not in sys.modules"], check=True)
