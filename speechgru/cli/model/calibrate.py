"""speechgru model calibrate: what a trained model needs beside its weights, learnt from dev speech."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgru.cli._options import add_device, number, positive, seed
from speechgru.errors import UsageError

if TYPE_CHECKING:
    from speechgru.evaluation.calibrate_parts import Options

HELP = "Learn a model's speech gate, search weights, confidences and word times from dev speech"
EXAMPLES = """\
  speechgru model calibrate runs/mine/best.safetensors runs/mine/manifests/dev.jsonl
  speechgru model calibrate runs/mine/best.safetensors dev.jsonl --noise noises -o mine.safetensors
  speechgru model calibrate mine.safetensors clean.jsonl other.jsonl --only confidence,times

Learns four parts and writes them into the header of the model's file, all or none of them:
  gate        what recognised words must reach to count as speech; wants recordings of noise (--noise)
  search      weights of the language model, kept if they make fewer errors than before and than greedy decoding
  confidence  what makes confidences of words probabilities
  times       how the network's outputs lie to the beginnings and ends of words
Half of the speakers teach; the figures, before and after, are those of the other half. A part for which there is too
little, or which does no better there, is left as it is. Use recordings of no test set: what is chosen on them can't be
measured on them any more.
Exit code: 0 something was learnt and stored, 1 nothing was or something failed, 2 wrong usage.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _targets as targets

    parser.add_argument("model", metavar="MODEL", help="checkpoint file, or name of a model")
    parser.add_argument("manifests", nargs="+", metavar="DEV.jsonl", help="dev recordings (JSON Lines)")
    parser.add_argument("--noise", metavar="DIR", type=Path, help="folder of recordings without speech")
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="the file to write (default: the model's own)"
    )
    targets.add_overwrite(parser)
    parser.add_argument("--only", metavar="PARTS", help="some of gate,search,confidence,times (default: all)")
    parser.add_argument(
        "--lm",
        metavar="NAME",
        help="packaged language model to search with, or none (default: the model's own; english where it writes "
        "English)",
    )
    parser.add_argument(
        "--lose",
        type=number(at_least=0, below=1),
        metavar="X",
        help="share of the speech that the gate may silence (default: 0.01)",
    )
    parser.add_argument(
        "--trials", type=positive, metavar="N", help="settings of the search to try (default: 60)"
    )
    parser.add_argument("--seed", type=seed, metavar="N", help="of the halves and the trials (default: 0)")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Print what was learnt and how good it is, and store it."""
    from speechgru.cli import _targets as targets
    from speechgru.data import manifest
    from speechgru.evaluation.calibrate import calibrate_file
    from speechgru.utils.assets import find_model
    from speechgru.utils.console import say

    path = find_model(args.model)
    target = args.output or path
    options = _options(args)
    # The model's own file is what this command is for; any other is a result like those of other commands.
    is_own = target.exists() and target.samefile(path)
    targets.check(("-o", target), overwrite=args.overwrite or is_own, sources=args.manifests)
    for name in args.manifests:
        if Path(name).stem.startswith("test"):
            say(
                f"warning: {name} looks like a test set; what is chosen on it can't be measured on it any more."
            )
    sets = {Path(name).stem: manifest.read_set(name) for name in args.manifests}
    if len(sets) < len(args.manifests):
        raise UsageError("Two manifests have the same name; give each once, or rename one.")
    parts = calibrate_file(path, sets, options, target, args.device, _progress)
    for part in parts:
        for index, line in enumerate(part.lines):
            print(f"{'' if index else part.name:<12}{line}")
    print(f"stored in {target}: {', '.join(part.name for part in parts if part.entries)}")
    return 0


def _options(args: argparse.Namespace) -> Options:
    from speechgru import audio
    from speechgru.evaluation.calibrate_parts import PARTS, Options
    from speechgru.utils import walk

    given: dict[str, Any] = {key: getattr(args, key) for key in ("lose", "trials", "seed")}
    if args.only is not None:
        given["parts"] = tuple(part.strip() for part in args.only.split(","))
        if unknown := set(given["parts"]) - set(PARTS):
            raise UsageError(
                f"--only {args.only}: there is no {', '.join(sorted(unknown))}; expected some of {', '.join(PARTS)}."
            )
    if args.noise is not None:
        if "gate" not in given.get("parts", PARTS):
            raise UsageError("--noise is for the gate, which --only leaves out. Leave one of the two out.")
        if not args.noise.is_dir():
            raise UsageError(f"--noise {args.noise} is no folder; expected one with recordings.")
        given["noise"] = tuple(path for path in walk.files(args.noise) if audio.is_audio(path))
        if not given["noise"]:
            raise UsageError(
                f"--noise {args.noise} holds no recordings; expected a folder of recordings without speech."
            )
    elif given.get("parts") == ("gate",):
        raise UsageError(
            "--only gate learns from recordings of noise; give a folder of them with --noise DIR."
        )
    given["lm"] = _lm(args.lm)
    return Options(**{key: value for key, value in given.items() if value is not None})


def _lm(name: str | None) -> str | None:
    """The language model to search with, as in `Options`."""
    from speechgru.utils.assets import language_models

    if name not in (None, "none", *language_models()):
        raise UsageError(
            f"A model's file names a packaged language model, never a path, and --lm {name} is none; expected none or "
            f"one of: {', '.join(language_models())}."
        )
    return "" if name == "none" else name


def _progress(what: str, fraction: float) -> None:
    if sys.stderr.isatty():
        print(f"\r{what}: {fraction:4.0%} ", end="\n" if fraction >= 1 else "", file=sys.stderr)
