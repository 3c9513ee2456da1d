"""The check opens everything, names what is broken and never stops at it."""

import json
import subprocess
import sys

import pytest

from leadline.cli.main import main
from leadline.data.catalog import open_dataset
from leadline.data.check import QUICK_VIEWS, check_dataset
from leadline.data.dataset import Record
from leadline.types import UserError
from tests.fixtures import tiny_rigs, tiny_still


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
    tiny.write_middlebury(tmp_path / "m")
    (tmp_path / "m/Bench/mask0nocc.png").write_bytes(b"no image")
    report = check_dataset(open_dataset(f"middlebury:{tmp_path}/m"))
    assert len(report.broken) == 1 and "mask0nocc.png" in report.broken[0]
    assert report.cameras["im0"].images == 1


def _check(spec: str, capsys, *options: str) -> tuple[int, list[str], str]:
    capsys.readouterr()
    code = main(["data", "check", spec, *options])
    printed = capsys.readouterr()
    return code, [line for line in printed.err.splitlines() if line.startswith("leadline data: ")], printed.out


def test_data_check__every_broken_row_of_a_table_has_its_line_and_the_rest_is_opened(tmp_path, capsys):
    (tmp_path / "n").mkdir()
    tiny_rigs.write_nuscenes(tmp_path / "n", frames=4)
    path = tmp_path / "n/v1.0-mini/sample_data.json"
    rows = json.loads(path.read_text())
    keys = [row for row in rows if row["is_key_frame"] and "CAM" in row["token"]]
    del keys[0]["filename"]
    keys[7]["timestamp"] = 12
    keys[13]["ego_pose_token"] = "gone"
    for row in rows:
        if row["is_key_frame"] and row["sample_token"].endswith("-3"):
            row["calibrated_sensor_token"] = "lost"
    path.write_text(json.dumps(rows, indent=0))
    code, lines, out = _check(f"nuscenes:{tmp_path}/n", capsys)
    assert code == 2 and len(lines) == 5 and "broken: 5" in out
    for part in (
        "lacks the field 'filename'",
        "which is none in microseconds",
        "points to gone",
        "points to lost",
        "sample scene-0061-3 has no camera",
    ):
        assert sum(part in line for line in lines) == 1, part
    assert "3 records, 15 images (all opened)" in out
    with pytest.raises(UserError, match="lacks the field 'filename'"):  # using it is refused, as ever
        open_dataset(f"nuscenes:{tmp_path}/n")


def test_data_check__broken_scenes_samples_and_data_of_ddad(tmp_path, capsys):
    (tmp_path / "d").mkdir()
    tiny_rigs.write_ddad(tmp_path / "d", scenes={"000150": "1", "000151": "1", "000152": "1"})
    first, second = (next((tmp_path / "d" / scene).glob("scene_*.json")) for scene in ("000150", "000151"))
    content = json.loads(first.read_text())
    del content["data"][2]["datum"]["image"]["pose"]
    content["samples"][1]["datum_keys"].append("nothing")
    first.write_text(json.dumps(content))
    second.write_text("{")
    index = json.loads((tmp_path / "d/ddad.json").read_text())
    index["scene_splits"]["1"]["filenames"] += ["000153/scene_0.json", "../outside.json"]
    (tmp_path / "d/ddad.json").write_text(json.dumps(index))
    code, lines, out = _check(f"ddad:{tmp_path}/d", capsys)
    assert code == 2
    # The sample that names the broken datum is lost with it, and is said too.
    assert len(lines) == 6 and "broken: 6" in out
    for part in (
        "data[2] lacks",
        "names the datum nothing",
        "not valid JSON",
        "lists 000153/scene_0.json, which is not here",
        "../outside.json",
    ):
        assert sum(part in line for line in lines) == 1, part
    assert "2 sequences, 4 records, 24 images (all opened)" in out


def test_data_check__every_line_of_a_split(tiny, tmp_path, capsys):
    tiny.write_kitti(tmp_path / "kitti")
    drive = "2011_09_26/2011_09_26_drive_0001_sync"
    (tmp_path / "s.txt").write_text(f"{drive} 1 l\n{drive} 99 l\nno line at all, this\n{drive} 98 r\n../../etc 1 l\n")
    code, lines, out = _check(f"kitti:{tmp_path}/kitti", capsys, "--split", str(tmp_path / "s.txt"))
    assert code == 2 and len(lines) == 4 and "broken: 4" in out and "1 images (all opened)" in out
    assert sum("its line '" in line for line in lines) == 2


def test_data_check__nothing_left_still_counts(tiny, tmp_path, capsys):
    tiny.write_kitti(tmp_path / "kitti")
    day = tmp_path / "kitti/2011_09_26"
    (day / "calib_cam_to_cam.txt").write_text("broken")
    code, lines, out = _check(f"kitti:{tmp_path}/kitti", capsys)
    assert code == 2 and "broken: 1" in out and len(lines) == 1


def test_data_check__annotations(tmp_path, capsys):
    (tmp_path / "da2k").mkdir()
    tiny_still.write_da2k(tmp_path / "da2k")
    listed = tmp_path / "da2k/annotations.json"
    annotations = json.loads(listed.read_text())
    good = len(annotations)
    annotations |= {"images/indoor/x.jpg": [{"point1": [1, 2]}], "images/indoor/y.jpg": 5}
    listed.write_text(json.dumps(annotations))
    code, lines, out = _check(f"da2k:{tmp_path}/da2k", capsys)
    assert code == 2 and len(lines) == 2 and f"{good} images (all opened)" in out


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
