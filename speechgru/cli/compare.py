"""speechgru compare: is one model better than another?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.cli._options import add_device, add_format
from speechgru.utils.console import say

if TYPE_CHECKING:
    from speechgru.evaluation.comparison import Comparison

HELP = "Compare two models on the same recordings, and say whether they differ"
EXAMPLES = """\
  speechgru compare english-small runs/mine dev.jsonl
  speechgru compare runs/a/best.safetensors runs/b/best.safetensors clean.jsonl noisy.jsonl --format json

Differences are taken utterance by utterance. Models are said to differ where the 95 % interval of the difference
(paired bootstrap over speakers, or over utterances where there are fewer than ten speakers) leaves 0 out.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _sets as sets

    parser.add_argument(
        "first", metavar="FIRST", help="checkpoint, a run's folder, or packaged name: the baseline"
    )
    parser.add_argument("second", metavar="SECOND", help="checkpoint, a run's folder, or packaged name")
    sets.add_arguments(parser)
    add_format(parser)
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Score both on each manifest. 1 where a recording could not be read: it is named, and in no score."""
    from speechgru.cli import _sets
    from speechgru.evaluation import compare, evaluate
    from speechgru.inference import load_recognizer

    sets = _sets.read(args)
    recognizers = [load_recognizer(model, device=args.device) for model in (args.first, args.second)]
    comparisons: dict[str, Comparison] = {}
    failed = not sets.complete
    for path, utterances in sets.utterances.items():
        first, second = (evaluate(recognizer, utterances) for recognizer in recognizers)
        for failure in first.failed:
            say(f"error: {path}: not scored: {failure.message}")
        failed |= bool(first.failed or second.failed)
        comparisons[path] = compare(first, second)
        if args.format == "text":
            _print(path, comparisons[path], first=len(comparisons) == 1)
    if args.format == "json":
        print(json.dumps({path: c.to_dict() for path, c in comparisons.items()}, indent=2, allow_nan=False))
    return int(failed)


def _print(path: str, comparison: Comparison, first: bool) -> None:
    from speechgru.evaluation.recognition import interval_text, percent

    low_high = interval_text(comparison.interval)
    p = "too few utterances" if comparison.p is None else f"p = {comparison.p:.3g}"
    lines = [
        f"first         {percent(comparison.first)} WER",
        f"second        {percent(comparison.second)} WER",
        f"difference    {100 * comparison.difference:+.2f} points, 95 % interval {low_high} "
        f"(paired bootstrap over {comparison.interval_over})",
        f"matched pairs {p} ({comparison.utterances} utterances, {comparison.words} words)",
        f"verdict       {comparison.verdict}",
    ]
    print(("" if first else "\n") + Path(path).name)
    for line in lines:
        print(f"  {line}")
