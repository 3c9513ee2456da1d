"""`leadline bench MODEL...`: how fast networks are, against each other and against what the machine can do, in one interleaved run."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import tyro

from leadline.cli.bench_contenders import ENGINES, PRECISIONS, USUAL, Contest, Device, Entry, build, contests
from leadline.cli.bench_peak import NAME as PEAK
from leadline.cli.bench_peak import peaks
from leadline.cli.bench_rounds import Row, memory_of, peak_gflops, rows_of, timed
from leadline.cli.opened import read_size
from leadline.cli.progress import progress
from leadline.io.exported import Precision
from leadline.io.jsonfile import write_json
from leadline.types import UserError
from leadline.viewer.bars import Bar, Bars
from leadline.viewer.report import Report, Section, Table, write_report


@dataclass(frozen=True)
class BenchOptions:
    """Time networks: every model in every runtime and precision that it has, one after the other in each round. Ratios are worth more than
    times: machines differ, and so does one machine from hour to hour."""

    models: tyro.conf.Positional[tuple[str, ...]]
    """[NAME=]MODEL[@HEIGHTxWIDTH]. A model as `leadline predict` takes it runs in torch as it is (eager); an exported file in its runtimes;
    an ONNX file of others as well; MODULE:FUNCTION is called with float32 (n, 3, height, width), RGB in [0, 1]. The first is what
    the others are compared with."""
    runtime: str = ",".join(USUAL)
    """Which of them, separated by commas."""
    precision: str = ",".join(PRECISIONS)
    """Which of them: a model in torch runs in fp32 and bf16 (autocast; on cuda in fp16, too), a file in that of
    its export, and one in fp32 also in bf16 where its runtime can (OpenVINO, torch)."""
    size: str | None = None
    """HEIGHTxWIDTH [px] of the input of those that take several; their own without it."""
    cameras: int = 1
    """Pictures at once: a batch, or the cameras of a rig for networks that look at them together."""
    rounds: int = 30
    """How often each is timed. Of 30 runs, p99 is the slowest but for a third of its distance to the next."""
    warm: int = 3
    """Rounds before those."""
    device: Device = "cpu"
    """Where they run. On cuda a model runs in torch: eager, as a CUDA graph, or as one that torch.compile has made (--runtime compiled,
    which takes a minute to begin); exported files are not timed there."""
    threads: int | None = None
    """Threads of all runtimes; each as it sees fit without it."""
    no_peak: bool = False
    """Leave the machine's peak out, and with it all shares of it."""
    no_memory: bool = False
    """Leave out the memory, which takes a process for each row."""
    json: Path | None = None
    """Write all figures to this file."""
    html: Path | None = None
    """Write a page with the table and bars."""


def run(argv: list[str]) -> int:
    """Entry of the verb."""
    options = tyro.cli(BenchOptions, args=argv, prog="leadline bench")
    chosen = _contests(options)
    contenders = [build(contest) for contest in chosen]
    memory: dict[str, float | None] = {}
    if not options.no_memory:
        with progress("bench: memory", len(chosen)) as advance:
            for contest, contender in zip(chosen, contenders, strict=True):
                memory[contender.label] = memory_of(contest)
                advance(1)
    precisions: list[Precision] = [precision for precision in PRECISIONS if any(contest.precision == precision for contest in chosen)]
    all_of_them = contenders if options.no_peak else [*contenders, *peaks(precisions, threads=options.threads, device=options.device)]
    with progress("bench: rounds", options.rounds + options.warm) as advance:
        seconds = timed(all_of_them, rounds=options.rounds, warm=options.warm, advance=advance)
    peak = peak_gflops(all_of_them, seconds)
    rows = rows_of(all_of_them, seconds, memory, peak)
    record = _record(argv, options, rows, peak)
    _print(rows, peak)
    if options.json is not None:
        write_json(options.json, record)
    if options.html is not None:
        write_report(options.html, _page(rows, peak, record))
    return 0


def _contests(options: BenchOptions) -> list[Contest]:
    """Raises UserError for options that cannot be."""
    if not options.models:
        raise UserError("models", "no model was given", "name a model, an exported file or MODULE:FUNCTION")
    for name, least in (("cameras", 1), ("rounds", 1), ("warm", 0)):
        if getattr(options, name) < least:
            raise UserError(f"--{name}", f"{getattr(options, name)} is too few", f"give {least} or more")
    entries = [Entry.parse(text) for text in options.models]
    names = [entry.name for entry in entries]
    if len(set(names)) < len(names):
        raise UserError("models", f"two models are called {max(names, key=names.count)}", "give NAME=MODEL")
    return contests(
        entries,
        engines=_chosen("--runtime", options.runtime, ENGINES),
        precisions=_chosen("--precision", options.precision, PRECISIONS),
        size=None if options.size is None else read_size("--size", options.size),
        num=options.cameras,
        threads=options.threads,
        device=options.device,
    )


def _chosen(option: str, text: str, words: Sequence[Any]) -> list[Any]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in words]
    if unknown or not names:
        raise UserError(option, f"'{', '.join(unknown) or text}' is none", f"choose from {', '.join(words)}")
    return names


def _record(argv: Sequence[str], options: BenchOptions, rows: Sequence[Row], peak: Mapping[str, float]) -> dict[str, Any]:
    from leadline.training.provenance import provenance

    about = provenance()
    return {
        "command": shlex.join(["leadline", "bench", *argv]),
        "commit": about["commit"],
        "machine": about["machine"] | {"processor": _processor()},
        "packages": about["packages"] | _versions(),
        "device": options.device,
        "threads": options.threads,
        "cameras": options.cameras,
        "rounds": options.rounds,
        "peak_gflops": dict(peak),
        "rows": [asdict(row) for row in rows],
    }


def _processor() -> str:
    """Its name, where the system tells."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("onnxruntime", "openvino"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


COLUMNS = {
    "name": "model",
    "engine": "runtime",
    "precision": "precision",
    "size": "size",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "p99_ms": "p99 ms",
    "per_second": "pictures/s",
    "times_first": "x first",
    "gmacs": "GMAC",
    "parameters_m": "M parameters",
    "gflops": "GFLOP/s",
    "share_of_peak": "of peak",
    "memory_mb": "MB",
}
"""Columns of the table, by the names of the figures; times and GMAC are those of one picture."""


def _cells(row: Row) -> tuple[str, ...]:
    values = {field.name: getattr(row, field.name) for field in fields(row)} | {"size": f"{row.height}x{row.width}"}
    return tuple(_cell(name, values[name]) for name in COLUMNS)


def _cell(name: str, value: Any) -> str:
    match name, value:
        case _, None:
            return "-"
        case _, str():
            return value
        case "share_of_peak", _:
            return f"{100 * value:.0f} %"
        case "times_first", _:
            return f"{value:.2f}"
        case "memory_mb", _:
            return f"{value:.0f}"
        case _:
            return f"{value:.1f}"


def _print(rows: Sequence[Row], peak: Mapping[str, float]) -> None:
    from rich.console import Console
    from rich.table import Table as Grid

    console = Console(markup=False, width=None if sys.stdout.isatty() else 200)
    grid = Grid(*COLUMNS.values())
    for row in rows:
        if row.name != PEAK:
            grid.add_row(*_cells(row))
    console.print(grid)
    for precision, gflops in peak.items():
        console.print(f"peak of this machine, {precision}: {gflops:.0f} GFLOP/s (the best of large products and convolutions, same rounds)")


def _page(rows: Sequence[Row], peak: Mapping[str, float], record: Mapping[str, Any]) -> Report:
    networks = [row for row in rows if row.name != PEAK]
    labels = [f"{row.name}, {row.engine} {row.precision}, {row.height}x{row.width}" for row in networks]
    pairs = list(zip(labels, networks, strict=True))
    times = tuple(Bar(label, row.p50_ms, row.p99_ms, f"{row.p50_ms:.1f} ms, {row.times_first:.2f}x") for label, row in pairs)
    known = [(label, row.share_of_peak) for label, row in pairs if row.share_of_peak is not None]
    shares = tuple(Bar(label, share, None, f"{100 * share:.0f} %") for label, share in known)
    machine = record["machine"]
    where = ", ".join(machine["gpus"]) if record["device"] == "cuda" else machine["processor"]
    how = f"{record['rounds']} rounds, {record['cameras']} pictures at once"
    lead = f"{where}, {machine['cores']} cores, {how}. {record['command']}"
    note = "Times are those of one picture. " + " ".join(f"Peak in {p}: {gflops:.0f} GFLOP/s." for p, gflops in peak.items())
    sections = [Section("Time of one picture", [Bars(times, "Median; the whisker ends at p99.")])]
    if shares:
        sections.append(Section("Share of the machine's peak", [Bars(shares, "The dashed line is the peak of each precision.", ends=1.0)]))
    sections.append(Section("All figures", [Table(tuple(COLUMNS.values()), tuple(_cells(row) for row in rows), note)]))
    return Report("How fast", lead, sections)
