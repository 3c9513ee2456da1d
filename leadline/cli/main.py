"""The door: a dictionary of verbs, each imported only when asked for, and the exit codes every verb shares.

0 done, 1 a defect of ours (traceback), 2 the user's input (one line), 130 interrupted (what is finished stays).
"""

import sys
from difflib import get_close_matches
from importlib import import_module

VERBS = {
    "demo": ("leadline.cli.demo", "render small worlds, train, evaluate, predict: one report in about ten minutes"),
    "scenes": ("leadline.cli.scenes", "render worlds with exact depth: rooms, streets, objects, yard"),
    "train": ("leadline.cli.train", "train a recipe; resumes by itself"),
    "predict": ("leadline.cli.predict", "depth for images, folders, a rig"),
    "live": ("leadline.cli.live", "depth of cameras while they film: video, folder, rig, with measured latency"),
    "bench": ("leadline.cli.bench", "time models, runtimes and precisions against each other, and against the machine"),
    "label": ("leadline.cli.label", "depth of teachers for a data set, to train a student on"),
    "features": ("leadline.cli.features", "what frozen encoders see in a data set, to train the gates of briges on"),
    "evaluate": ("leadline.cli.evaluate", "score a model or files under a named protocol"),
    "export": ("leadline.cli.export", "a model as ONNX, OpenVINO or torch file, proven to answer as before"),
    "temperature": ("leadline.cli.temperature", "search the temperature of briges on validation data"),
    "reproduce": ("leadline.cli.reproduce", "run a whole table of results, resumable"),
    "doctor": ("leadline.cli.doctor", "say what this installation can and cannot do, and what some footage can teach"),
    "data": ("leadline.cli.data", "check DATASET:ROOT, every file of it"),
    "models": ("leadline.cli.models", "names of models, their kind, unit and licence"),
    "protocols": ("leadline.cli.protocols", "names of evaluation protocols"),
    "datasets": ("leadline.cli.datasets", "names of data sets and what their folders must hold"),
    "recipes": ("leadline.cli.recipes", "names of training recipes"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_help())
        return 0
    if arguments[0] in ("-V", "--version"):
        from leadline import __version__

        print(f"leadline {__version__}")
        return 0
    verb, rest = arguments[0], arguments[1:]
    if verb not in VERBS:
        near = get_close_matches(verb, VERBS, n=1)
        hint = f"did you mean {near[0]}?" if near else "see leadline --help"
        print(f"leadline: there is no verb '{verb}'; {hint}", file=sys.stderr)
        return 2
    return _guarded(verb, rest)


def _guarded(verb: str, arguments: list[str]) -> int:
    from leadline.types import UserError

    try:
        return import_module(VERBS[verb][0]).run(arguments)
    except UserError as error:
        print(f"leadline {verb}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"leadline {verb}: interrupted; what is finished stays, the same command continues", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        sys.stderr.close()
        return 0


def _help() -> str:
    rows = "\n".join(f"  {verb:<10} {summary}" for verb, (_, summary) in VERBS.items())
    return f"leadline: depth from cameras, in real units.\n\n{rows}\n\nleadline VERB --help says more. Start with: leadline demo"


if __name__ == "__main__":
    sys.exit(main())
