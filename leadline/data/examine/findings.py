"""From what was seen to a verdict: each function looks at one thing, and says how it is and what to change.

The limits are our defaults, chosen on synthetic footage whose answer is known and on the few real recordings at hand; they are
meant to tell what works from what cannot, not to rank what works.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from leadline.data.examine.looks import clipped_share, exposure_step, is_copy, order_ratio, sharpness, textureless_share
from leadline.data.examine.pairs import LONG_SIDE_PX, Looked, Pair
from leadline.data.examine.tracks import Tracks
from leadline.data.motion import STILL, motion_share
from leadline.geometry.camera import Camera
from leadline.geometry.pose import invert

Verdict = Literal["good", "poor", "bad", "unknown"]

EXPOSURE_STEP = 0.15
"""Stops from one frame to the next that the photometric error takes for motion: 11 %."""
BLURRED = 0.4
"""Sharpness, as a share of the median frame's, below which a frame is blurred."""
PARALLAX_PX = 0.3
"""Median parallax below which the tracking error is larger [px of 320]."""
GOOD_PARALLAX_PX = 1.0
SLOW_PX = 1.0
"""Median motion below which a step and a turn cannot be told apart [px of 320]."""
TOO_FAR = 0.12
"""Median motion, as a share of the longer side, beyond which neighbours share too little."""
RIGID = (0.6, 0.45)
"""Shares of points at rest below which footage is poor, and bad. Drives have 0.75 to 0.9, animals in water 0.33."""
STEP_S = (1e-3, 10.0)
"""Seconds from frame to frame beyond which time is hardly in seconds: no camera is so fast, no footage so slow."""
FEW_FRAMES = 500
SHOWN = 3


@dataclass(frozen=True)
class Finding:
    """One line of an examination."""

    subject: str
    verdict: Verdict
    figure: str
    """What was measured."""
    remedy: str = ""
    """What to change; empty where nothing needs to be."""


def frames(looked: Looked) -> Finding:
    """How many frames there are, and whether they have neighbours."""
    figure = (
        f"{looked.num_frames} frames in {looked.num_sequences} sequences, {len(looked.pairs)} of {looked.num_pairs} neighbours looked at"
    )
    if not looked.num_between:
        wrong = f"{figure}; none has both" if looked.num_pairs else figure
        return Finding("frames", "bad", wrong, "give a video, or frames numbered one after the other: each is explained by its neighbours")
    if looked.num_frames < FEW_FRAMES:
        return Finding("frames", "poor", figure, f"record more: below {FEW_FRAMES} frames a network learns them by heart")
    return Finding("frames", "good", figure)


def missing(looked: Looked) -> Finding:
    """Frames that are missing inside a sequence."""
    share = len(looked.parted) / max(looked.num_pairs + len(looked.parted), 1)
    if not looked.parted:
        return Finding("missing frames", "good", "none inside a sequence")
    figure = f"{len(looked.parted)} gaps: {_some(looked.parted)}"
    return Finding("missing frames", "bad" if share > 0.5 else "poor", figure, "copy the missing frames; those beside a gap are not used")


def files(looked: Looked) -> Finding:
    """Whether everything can be read."""
    if not looked.broken:
        return Finding("files", "good", "all that were opened can be read")
    line = looked.broken[0]
    return Finding("files", "bad", f"{len(looked.broken)} cannot be used: {line.partition('; ')[0]}", line.partition("; ")[2])


def copies(pairs: Sequence[Pair]) -> Finding:
    """Frames that are there twice."""
    same = [pair for pair in pairs if is_copy(pair.first.grey, pair.second.grey)]
    return _by_share(
        "copies",
        [_name(pair) for pair in same],
        len(pairs),
        what="neighbours are the same picture twice",
        limits=(0.02, 0.9),
        remedy="leave copies out: --data.footage.min-motion 0.001 (the default of training) does",
    )


def still(pairs: Sequence[Pair]) -> Finding:
    """Whether the camera moves at all."""
    shares = [motion_share(pair.first.grey, pair.second.grey) for pair in pairs if pair.first.grey.shape == pair.second.grey.shape]
    num_still = sum(share < STILL for share in shares)
    middle = float(np.median(shares))
    figure = f"{_percent(num_still, len(shares))} of the neighbours stand still; median motion {100 * middle:.2f} % of the width"
    if num_still > 0.9 * len(shares) and not _gets_anywhere(pairs):
        return Finding("motion", "bad", figure, "move the camera while recording: a camera on a stand teaches nothing")
    if num_still > 0.1 * len(shares):
        stride = min(10, math.ceil(3 * STILL / max(middle, STILL / 10)))
        remedy = (
            f"training leaves out what stands still; if the camera moves slowly, --data.footage.stride {max(stride, 2)} makes steps longer"
        )
        return Finding("motion", "poor", figure, remedy)
    return Finding("motion", "good", figure)


def _gets_anywhere(pairs: Sequence[Pair]) -> bool:
    """Whether pictures that are far apart in time differ by motion."""
    half = max(len(pairs) // 2, 1)
    shares = [
        motion_share(a.first.grey, b.second.grey)
        for a, b in zip(pairs, [*pairs[half:], *pairs[:half]], strict=True)
        if a.first.grey.shape == b.second.grey.shape and a.first.camera.name == b.first.camera.name
    ]
    return bool(shares) and float(np.median(shares)) >= STILL


def exposure(pairs: Sequence[Pair]) -> Finding:
    """Jumps of brightness from one frame to the next."""
    steps = [(exposure_step(pair.first.grey, pair.second.grey), pair) for pair in pairs if pair.first.grey.shape == pair.second.grey.shape]
    jumps = sorted(((step, pair) for step, pair in steps if abs(step) > EXPOSURE_STEP), key=lambda jump: -abs(jump[0]))
    return _by_share(
        "exposure",
        [f"{_name(pair)} ({step:+.2f} stops)" for step, pair in jumps],
        len(steps),
        what=f"neighbours jump by more than {EXPOSURE_STEP} stops",
        limits=(0.0, 0.5),
        remedy="record with locked exposure and white balance; cut the footage at these frames",
    )


def clipped(pairs: Sequence[Pair]) -> Finding:
    """Pixels that are black or white."""
    share = float(np.mean([clipped_share(pair.first.grey) for pair in pairs]))
    verdict: Verdict = "good" if share < 0.1 else "poor" if share < 0.6 else "bad"
    return Finding(
        "black or white", verdict, f"{100 * share:.0f} % of the pixels", "" if verdict == "good" else "expose so that less is clipped"
    )


def blur(pairs: Sequence[Pair]) -> Finding:
    """Frames that are less sharp than the others; blur that all of them have is not seen."""
    values: dict[str, list[float]] = {}  # cameras of a rig look at different things
    for pair in pairs:
        values.setdefault(pair.first.camera.name, []).append(sharpness(pair.first.grey))
    least = {name: BLURRED * float(np.median(of_camera)) for name, of_camera in values.items()}
    poor = [pair.first.path.name for pair in pairs if sharpness(pair.first.grey) < least[pair.first.camera.name]]
    return _by_share(
        "blur",
        poor,
        len(pairs),
        what="frames are far less sharp than the rest",
        limits=(0.05, 0.5),
        remedy="record by more light or with a shorter exposure; leave these frames out",
    )


def texture(pairs: Sequence[Pair]) -> Finding:
    """Places where any depth looks right."""
    share = float(np.mean([textureless_share(pair.first.grey) for pair in pairs]))
    verdict: Verdict = "good" if share < 0.4 else "poor" if share < 0.85 else "bad"
    remedy = "" if verdict == "good" else "depth there will be a guess: show more structure, less sky, water and bare wall"
    return Finding("texture", verdict, f"{100 * share:.0f} % of the picture has none", remedy)


def order(pairs: Sequence[Pair]) -> Finding:
    """Whether frames follow each other as in a film."""
    by_camera: dict[str, list[Pair]] = {}
    for pair in pairs:  # what two cameras see at one time is no measure of strangers
        by_camera.setdefault(pair.first.camera.name, []).append(pair)
    ratio, cuts = math.nan, []
    for some in by_camera.values():
        one, places = order_ratio([(pair.first.grey, pair.second.grey) for pair in some])
        ratio = one if math.isnan(ratio) else max(ratio, one)
        cuts += [some[i] for i in places]
    if math.isnan(ratio):
        return Finding("order", "unknown", "too few frames, or too little motion, to tell")
    figure = f"neighbours differ by {ratio:.2f} of what strangers do"
    if ratio > 0.8:
        return Finding("order", "bad", figure, "sort the frames by time, and number their names so that they sort")
    if cuts:
        names = [_name(pair) for pair in cuts]
        return Finding("order", "poor", f"{figure}; {len(cuts)} cuts: {_some(names)}", "put each shot into a file or folder of its own")
    return Finding("order", "good", figure)


def times(pairs: Sequence[Pair]) -> Finding | None:
    """Whether time goes on, where it is known."""
    steps = [
        (pair.second.time_s - pair.first.time_s, pair) for pair in pairs if pair.first.time_s is not None and pair.second.time_s is not None
    ]
    if not steps:
        return None
    back = [pair for step, pair in steps if step <= 0]
    usual = float(np.median([step for step, _ in steps]))
    if back:
        wrong = f"time runs back or stops at {_some([_name(pair) for pair in back])}"
        return Finding("time", "bad", wrong, "sort frames and time stamps by time")
    uneven = [pair for step, pair in steps if step > 2.5 * usual]
    figure = f"{usual:.3g} s from frame to frame"
    if not STEP_S[0] <= usual <= STEP_S[1]:
        return Finding("time", "poor", figure, "times count seconds: are these milliseconds or nanoseconds?")
    if uneven:
        figure += f", more than twice that at {_some([_name(pair) for pair in uneven])}"
    return Finding("time", "poor" if len(uneven) > 0.1 * len(steps) else "good", figure, "cut where frames are missing" if uneven else "")


def parallax(pairs: Sequence[Pair], tracks: Sequence[Tracks], *, steps: int = 1) -> Finding:
    """Whether the camera goes places instead of turning on the spot, and how far; the frames of a pair are `steps` apart."""
    followed = [(pair, track) for pair, track in zip(pairs, tracks, strict=True) if track.enough]
    if len(followed) < max(1, 0.3 * len(pairs)):
        figure = f"in {len(pairs) - len(followed)} of {len(pairs)} neighbours hardly a point can be followed"
        return Finding("parallax", "bad", figure, "record more frames per second, or move more slowly, before something with texture")
    values = np.array([track.parallax_px(pair.first.K) for pair, track in followed])
    flow = float(np.median([track.flow_px for _, track in followed]))
    middle, share = float(np.median(values)), float((values > PARALLAX_PX).mean())
    over = f" over {steps} steps" if steps > 1 else ""
    figure = f"{middle:.2f} px of {LONG_SIDE_PX}{over} (all motion: {flow:.2f} px)"
    if flow < SLOW_PX:
        return Finding("parallax", "poor", f"too little motion to tell: {figure}", "look again with --footage.stride 5 or more")
    if share < 0.1:
        return Finding("parallax", "bad", f"none: {figure}", "walk or drive while recording: turning the camera on the spot shows no depth")
    if flow > TOO_FAR * LONG_SIDE_PX:
        return Finding("parallax", "poor", figure, "steps are long: record more frames per second, or lower --data.footage.stride")
    if middle / steps < GOOD_PARALLAX_PX:
        stride = min(10, math.ceil(GOOD_PARALLAX_PX * steps / max(middle, 0.1)))
        remedy = f"the steps are short: try --data.footage.stride {stride}"
        return Finding("parallax", "poor", f"{figure}; enough in {100 * share:.0f} % of the neighbours", remedy)
    return Finding("parallax", "good", figure)


def rigidity(tracks: Sequence[Tracks]) -> Finding:
    """Whether it is the camera that moves, and not what it looks at."""
    shares = [track.rigid_share() for track in tracks if track.enough]
    if not shares:
        return Finding("world at rest", "unknown", "hardly a point can be followed")
    middle = float(np.median(shares))
    figure = f"{100 * middle:.0f} % of the points move as things at rest do"
    if middle >= RIGID[0]:
        return Finding("world at rest", "good", figure)
    remedy = "water, leaves in wind, crowds and animals break it: record places in which little moves by itself"
    return Finding("world at rest", "poor" if middle >= RIGID[1] else "bad", figure, remedy)


def intrinsics(pairs: Sequence[Pair], *, source: str | None = None) -> Finding:
    """Whether K can be that of the pictures, for the camera of which it is least likely; `source` says where it comes from."""
    cameras = {pair.first.camera.name: pair.first.camera for pair in pairs}
    likely = ("bad", "poor", "good")
    return min((_intrinsics(camera, source) for camera in cameras.values()), key=lambda finding: likely.index(finding.verdict))


def _intrinsics(camera: Camera, source: str | None) -> Finding:
    K, width, height = camera.K, camera.width, camera.height
    figure = f"{camera.name}: field of view {camera.fov_x_deg:.1f} degrees for {width}x{height}" + (f" ({source})" if source else "")
    aside = K[0, 2] / width - 0.5, K[1, 2] / height - 0.5
    if max(map(abs, aside)) > 0.25:
        wrong = f"{figure}, principal point {K[0, 2]:.0f}, {K[1, 2]:.0f}"
        return Finding("K", "bad", wrong, "give K at the size of the frames: it looks like that of another resolution")
    if not 8 < camera.fov_x_deg < 150:
        return Finding("K", "bad", figure, "give K in pixels at the size of the frames; no common camera has such a field of view")
    if source is not None and source.startswith("assumed"):
        return Finding("K", "poor", figure, "give --data.footage.fov-x-deg, or put intrinsics.json beside the frames")
    doubts = []
    if max(map(abs, aside)) > 0.1:
        doubts.append(f"principal point {K[0, 2]:.0f}, {K[1, 2]:.0f}, far from the middle")
    if abs(K[0, 0] / K[1, 1] - 1) > 0.05:
        doubts.append(f"fx and fy {K[0, 0]:.0f}, {K[1, 1]:.0f} differ")
    if not 25 < camera.fov_x_deg < 125:
        doubts.append("an unusual field of view")
    if doubts:
        return Finding(
            "K", "poor", f"{figure}: {', '.join(doubts)}", "make sure that K is for frames of this size that are not cropped or distorted"
        )
    return Finding("K", "good", figure)


def poses(pairs: Sequence[Pair], tracks: Sequence[Tracks]) -> Finding | None:
    """Whether the poses, where there are any, explain what is seen; if not, which usual mistake would."""
    known = [(pair, track) for pair, track in zip(pairs, tracks, strict=True) if pair.first.cam_from_world is not None and track.enough]
    if not known:
        return None
    steps = [float(np.linalg.norm((_pose(pair, 1) @ invert(_pose(pair, 0)))[:3, 3])) for pair, _ in known]
    figure = f"median step {float(np.median(steps)):.3g} (metres, if the poses are)"
    if float(np.median(steps)) < 1e-6:
        return Finding(
            "poses", "bad", "the camera does not move in them", "give the poses of this recording, or learn them: --method.poses learned"
        )
    shares = {}
    for mistake, change in _MISTAKES.items():
        agreed = [track.agrees(pair.first.K, change(_pose(pair, 0)), change(_pose(pair, 1))) for pair, track in known]
        shares[mistake] = sum(agreed) / len(agreed)
    right = shares[""]
    figure = f"{figure}; they explain {100 * right:.0f} % of the neighbours"
    if right >= 0.7:
        return Finding("poses", "good", figure)
    mistake = max(shares, key=lambda name: shares[name])
    if shares[mistake] >= 0.7:
        remedy = f"they look {mistake}: so changed they explain {100 * shares[mistake]:.0f} %; change them, or learn poses"
        return Finding("poses", "bad", figure, remedy)
    remedy = "rows of other frames, another camera or another K? Give the right ones, or learn them: --method.poses learned"
    return Finding("poses", "bad" if right < 0.4 else "poor", figure, remedy)


_Y_UP = np.diag([1.0, -1.0, -1.0, 1.0])
_MISTAKES = {
    "": lambda pose: pose,
    "inverted (camera to world, where world to camera is meant, or the other way round)": invert,
    "made for a camera that looks along -z with y up (OpenGL)": lambda pose: _Y_UP @ pose,
}


def _pose(pair: Pair, which: int) -> np.ndarray:
    pose = (pair.first, pair.second)[which].cam_from_world
    assert pose is not None
    return pose


def _by_share(subject: str, named: list[str], total: int, *, what: str, limits: tuple[float, float], remedy: str) -> Finding:
    """A finding about single frames: good up to the first limit, bad above the second."""
    share = len(named) / max(total, 1)
    if not named:
        return Finding(subject, "good", f"0 of {total} {what}")
    verdict: Verdict = "good" if share <= limits[0] else "poor" if share <= limits[1] else "bad"
    return Finding(subject, verdict, f"{len(named)} of {total} {what}: {_some(named)}", "" if verdict == "good" else remedy)


def _name(pair: Pair) -> str:
    return pair.second.path.name if pair.sequence == "." else f"{pair.sequence}/{pair.second.path.name}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _percent(count: int, total: int) -> str:
    return f"{100 * count / max(total, 1):.0f} %"
