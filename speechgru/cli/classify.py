"""speechgru classify: which of a few things recordings are."""

from __future__ import annotations

import argparse
import json
import sys

from speechgru.cli import positive

HELP = "Tell which of a classifier's words or classes each recording is"
EXAMPLES = """\
  speechgru classify --model runs/commands/best.safetensors bed.wav cat.wav
  speechgru classify --model runs/spoken_digits/best.safetensors --top 3 *.wav
  speechgru classify --model m.safetensors --format json *.wav > classes.json

A line a file: its name, its class and the probability of that, then those of the next likely ones. A classifier is made
by `speechgru train commands` or another recipe with task: classify.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="recordings; each is taken as a whole")
    parser.add_argument("--model", required=True, metavar="FILE", help="classifier (.safetensors)")
    parser.add_argument("--top", type=positive, default=1, metavar="N", help="classes a file (default: 1)")
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="what to print (default: text)"
    )
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for a GPU (default: cpu)")


def run(args: argparse.Namespace) -> int:
    """Print a line a file. 1 where a recording could not be read: it is named on stderr."""
    from speechgru.classification import load_classifier
    from speechgru.errors import AudioError

    classifier = load_classifier(args.model, args.device)
    failed, rows = False, []
    for path, answer in classifier.classify_files(args.files):
        if isinstance(answer, AudioError):
            failed = True
            print(f"speechgru: error: {answer}", file=sys.stderr)
            continue
        ranked = sorted(answer.probabilities.items(), key=lambda pair: -pair[1])[: args.top]
        rows.append(
            {
                "audio_filepath": str(path),
                "classes": [{"label": n, "probability": round(p, 4)} for n, p in ranked],
            }
        )
        if args.format == "text":
            print("\t".join([str(path), *(f"{name}\t{p:.3f}" for name, p in ranked)]))
    if args.format == "json":
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    return int(failed)
