"""The JSON tables of nuScenes, joined into what depth needs: for every key frame its sensors' files, calibrations and poses.

Read are scene, log, sample, sensor, calibrated_sensor, sample_data and ego_pose; only rows of key frames' cameras and
LIDAR_TOP are kept, since the two last tables have 2.6 million rows, and LIDAR_TOP's scans between them where sweeps are asked
for. Fields that are not used may be there or not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadline.data.faults import AlreadySaidError, one_record
from leadline.data.reading import path_inside
from leadline.data.rigs import present, reading
from leadline.io.jsonfile import iter_json_rows
from leadline.types import UserError

LIDAR = "LIDAR_TOP"
VERSIONS = ("v1.0-trainval", "v1.0-mini", "v1.0-test")
GET = "download the metadata from https://www.nuscenes.org/nuscenes and unpack it here"
TICKS_PER_S = 1_000_000
"""Units of all timestamps."""
YEARS = (30, 130)
"""Years after 1970 between which a recording can lie."""
CLOCKS_WITHIN_S = 0.5
"""Largest difference of the times of one key frame's sensors."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """A row of calibrated_sensor: where a sensor sits (its pose on the ego frame) and, for cameras, K [px]."""

    token: str
    channel: str
    is_camera: bool
    rotation: list[float]
    translation: list[float]
    K: list[list[float]]


@dataclass(frozen=True, eq=False)
class Measurement:
    """A row of sample_data with the rows it points to."""

    token: str
    path: Path
    time: int
    """[us] since 1970."""
    size: tuple[int, int]
    """(height, width) [px] of an image."""
    calibration: Calibration
    ego_rotation: list[float]
    ego_translation: list[float]
    """Pose of the ego frame in the world at the measurement's own time."""


@dataclass(frozen=True, eq=False)
class KeyFrame:
    """One sample: measurements by channel."""

    token: str
    scene: str
    time: int
    data: dict[str, Measurement]
    sweeps: list[Measurement] = field(default_factory=list)
    """LiDAR scans before this moment, from the oldest to the newest."""


class Tables:
    """The tables in the folder `root`/`version`. Raises UserError naming the table and row that is missing or wrong."""

    def __init__(self, root: Path, version: str, *, sweeps: int = 1) -> None:
        self._root, self.folder, self._sweeps = root, root / version, sweeps
        self._lost: set[tuple[str, str]] = set()

    def key_frames(self) -> dict[str, list[KeyFrame]]:
        """Key frames of every scene, by its name, in order of time."""
        names, vehicles = self._scenes()
        samples = self._samples(names)
        kept, ego_tokens = self._sample_data(samples, self._calibrations(), vehicles)
        ego = self._ego_poses(ego_tokens)
        frames = {token: KeyFrame(token, names[scene], time, {}) for token, (scene, time) in samples.items()}
        between: dict[str, list[Measurement]] = {}
        for sample, row, path, calibration in kept:
            with one_record():
                pose = ego.get(row["ego_pose_token"])
                if pose is None:
                    raise self._dangling("sample_data.json", row["token"], "ego_pose", row["ego_pose_token"])
                channel, data = calibration.channel, frames[sample].data
                time = self._time("sample_data.json", row)
                size = int(row["height"]), int(row["width"])
                measured = Measurement(row["token"], path, time, size, calibration, pose[0], pose[1])
                if not row["is_key_frame"]:
                    between.setdefault(frames[sample].scene, []).append(measured)
                    continue
                if channel in data:
                    raise UserError(self.folder / "sample_data.json", f"sample {sample} has two key frames of {channel}", GET)
                if abs(time - frames[sample].time) > CLOCKS_WITHIN_S * TICKS_PER_S:
                    apart_s = (time - frames[sample].time) / TICKS_PER_S
                    wrong = (
                        f"row {row['token']} of {channel} is {apart_s:.3g} s away from its sample: the two count time in different units"
                    )
                    raise UserError(self.folder / "sample_data.json", wrong, f"timestamps are microseconds: {GET}")
                data[channel] = measured
        scenes: dict[str, list[KeyFrame]] = {name: [] for name in names.values()}
        for frame in sorted(frames.values(), key=lambda frame: frame.time):
            scenes[frame.scene].append(frame)
        if self._sweeps > 1:
            for scene, in_order in scenes.items():
                self._add_sweeps(in_order, between.get(scene, []))
        return scenes

    def _add_sweeps(self, frames: list[KeyFrame], between: list[Measurement]) -> None:
        """Give each key frame of a scene the scans before it; a scene's first frames have fewer."""
        scans = sorted([*between, *(frame.data[LIDAR] for frame in frames if LIDAR in frame.data)], key=lambda scan: scan.time)
        place = {scan.token: i for i, scan in enumerate(scans)}
        for frame in frames:
            if LIDAR in frame.data:
                at = place[frame.data[LIDAR].token]
                frame.sweeps.extend(scans[max(0, at - self._sweeps + 1) : at])

    def _scenes(self) -> tuple[dict[str, str], dict[str, str]]:
        """Name and vehicle of every scene, by its token."""
        logs = {row["token"]: str(row["vehicle"]) for row in self._rows("log", ("vehicle",))}
        names, vehicles = {}, {}
        for row in self._rows("scene", ("name", "log_token")):
            with one_record():
                if row["log_token"] not in logs:
                    raise self._dangling("scene.json", row["token"], "log", row["log_token"])
                names[row["token"]], vehicles[row["token"]] = str(row["name"]), logs[row["log_token"]]
        if len(set(names.values())) < len(names):
            raise UserError(self.folder / "scene.json", "two scenes have one name", GET)
        return names, vehicles

    def _samples(self, scenes: dict[str, str]) -> dict[str, tuple[str, int]]:
        """Scene token and time of every sample, by its token."""
        samples = {}
        for row in self._rows("sample", ("scene_token", "timestamp")):
            with one_record():
                if row["scene_token"] not in scenes:
                    raise self._dangling("sample.json", row["token"], "scene", row["scene_token"])
                samples[row["token"]] = row["scene_token"], self._time("sample.json", row)
        return samples

    def _calibrations(self) -> dict[str, Calibration]:
        sensors = {row["token"]: row for row in self._rows("sensor", ("channel", "modality"))}
        found = {}
        for row in self._rows("calibrated_sensor", ("sensor_token", "rotation", "translation", "camera_intrinsic")):
            with one_record():
                sensor = sensors.get(row["sensor_token"])
                if sensor is None:
                    raise self._dangling("calibrated_sensor.json", row["token"], "sensor", row["sensor_token"])
                is_camera = sensor["modality"] == "camera"
                placed = row["rotation"], row["translation"], row["camera_intrinsic"]
                found[row["token"]] = Calibration(row["token"], str(sensor["channel"]), is_camera, *placed)
        return found

    def _sample_data(
        self, samples: dict[str, tuple[str, int]], calibrations: dict[str, Calibration], vehicles: dict[str, str]
    ) -> tuple[list[tuple[str, dict[str, Any], Path, Calibration]], set[str]]:
        """Key frames of cameras and LiDAR, and scans between them for sweeps: sample, row, file and calibration; and their ego poses."""
        path = self.folder / "sample_data.json"
        fields = ("sample_token", "ego_pose_token", "calibrated_sensor_token", "timestamp", "is_key_frame", "height", "width", "filename")
        kept, vehicle_of = [], dict[str, str]()

        def wanted(row: dict[str, Any]) -> bool:
            if row.get("is_key_frame", True):
                return True
            calibration = calibrations.get(row.get("calibrated_sensor_token", ""))
            return self._sweeps > 1 and calibration is not None and calibration.channel == LIDAR

        for row in self._rows("sample_data", fields, keep=wanted):
            with one_record():
                calibration = calibrations.get(row["calibrated_sensor_token"])
                if calibration is None:
                    raise self._dangling(path.name, row["token"], "calibrated_sensor", row["calibrated_sensor_token"])
                if not calibration.is_camera and calibration.channel != LIDAR:
                    continue
                if row["sample_token"] not in samples:
                    raise self._dangling(path.name, row["token"], "sample", row["sample_token"])
                file = path_inside(self._root, row["filename"], listed_in=path)
                if file.parent.name != calibration.channel:
                    wrong = f"row {row['token']} is a file of {file.parent.name} with the calibration of {calibration.channel}"
                    raise UserError(path, wrong, GET)
                vehicle = vehicles[samples[row["sample_token"]][0]]
                if vehicle_of.setdefault(calibration.token, vehicle) != vehicle:
                    wrong = f"row {row['token']} of the vehicle {vehicle} has a calibration of the vehicle {vehicle_of[calibration.token]}"
                    raise UserError(path, wrong, GET)
                kept.append((row["sample_token"], row, file, calibration))
        return kept, {row["ego_pose_token"] for _, row, _, _ in kept}

    def _ego_poses(self, tokens: set[str]) -> dict[str, tuple[list[float], list[float]]]:
        rows = self._rows("ego_pose", ("rotation", "translation"), keep=lambda row: row.get("token") in tokens)
        return {row["token"]: (row["rotation"], row["translation"]) for row in rows}

    def _rows(self, table: str, fields: tuple[str, ...], *, keep: Any = None) -> Iterator[dict[str, Any]]:
        """Rows with the token and these fields only, those that `keep` wants; each token once."""
        path = present(self.folder / f"{table}.json", GET)
        seen: set[str] = set()
        for place, row in enumerate(iter_json_rows(path)):
            if keep is not None and not keep(row):
                continue
            kept = None
            with one_record():
                if missing := [name for name in ("token", *fields) if name not in row]:
                    raise UserError(path, f"row {place} lacks the field '{missing[0]}'", GET)
                if row["token"] in seen:
                    raise UserError(path, f"the token {row['token']} is there twice", GET)
                seen.add(row["token"])
                kept = {name: row[name] for name in ("token", *fields)}
            if kept is not None:
                yield kept

    def _time(self, table: str, row: dict[str, Any]) -> int:
        with reading(self.folder / table, f"row {row['token']}", GET):
            time = int(row["timestamp"])
        years = time / TICKS_PER_S / (365.25 * 24 * 3600)
        if not YEARS[0] <= years <= YEARS[1]:
            wrong = f"row {row['token']} has the time {time}, which is none in microseconds (that would be the year {1970 + years:.0f})"
            raise UserError(self.folder / table, wrong, GET)
        return time

    def _dangling(self, table: str, token: str, other: str, missing: str) -> UserError:
        error = AlreadySaidError if (other, missing) in self._lost else UserError
        self._lost.add((other, missing))
        return error(self.folder / table, f"row {token} points to {missing}, which {other}.json does not hold", GET)
