"""speechgru classify: which of a few things recordings are."""

from __future__ import annotations

import argparse
import json

from speechgru.cli._options import add_device, add_format, add_search, add_sources, positive
from speechgru.utils.console import say

HELP = "Tell which of a classifier's words or classes each recording is"
EXAMPLES = """\
  speechgru classify --model runs/commands/best.safetensors bed.wav cat.wav
  speechgru classify --model runs/spoken_digits/best.safetensors --top 3 *.wav
  speechgru classify --model m.safetensors --format json recordings > classes.json

One line for each file: its name, its class and the probability of that, then those of the next likely ones.
A classifier is made by `speechgru train commands` or another recipe with task: classify.
Exit code: 0 all done, 1 some recording failed or is cut short (the rest is done), 2 wrong usage, 130 Ctrl-C.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_sources(parser, "recordings, each taken as a whole")
    parser.add_argument(
        "--model",
        required=True,
        metavar="MODEL",
        help="classifier: a file, or a name of `speechgru model list`",
    )
    parser.add_argument("--top", type=positive, default=1, metavar="N", help="classes a file (default: 1)")
    add_format(parser)
    add_search(parser)
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Print a line a file. 1 where a recording could not be read or is cut short: it is named on stderr."""
    from speechgru.cli import _inputs as inputs
    from speechgru.errors import AudioError
    from speechgru.inference import load_classifier

    found = inputs.find(args.sources, args.recursive, args.track)
    found.tell()
    classifier = load_classifier(args.model, args.device)
    good, rows = not found.problems, []
    for path, answer in classifier.classify_files([each.path for each in found.inputs]):
        if isinstance(answer, AudioError):
            good = False
            say(f"error: {answer}")
            continue
        good &= not answer.truncated
        for warning in answer.warnings:
            say(f"warning: {path}: {warning}")
        ranked = sorted(answer.probabilities.items(), key=lambda pair: -pair[1])[: args.top]
        if args.format == "text":
            print("\t".join([str(path), *(f"{name}\t{p:.3f}" for name, p in ranked)]), flush=True)
        classes = [{"label": name, "probability": round(p, 4)} for name, p in ranked]
        rows.append({"audio_filepath": str(path), "classes": classes})
    if args.format == "json":
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    return int(not good)
