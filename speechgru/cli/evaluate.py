"""speechgru evaluate: error rates of a model on manifests."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.cli._options import add_runtime, device, positive
from speechgru.utils.console import no_bar, say

if TYPE_CHECKING:
    from speechgru.data import Utterance
    from speechgru.evaluation.recognition import Evaluation
    from speechgru.inference import Recognizer

HELP = "Score a model on recordings with texts: WER and CER with counts, intervals and speed"
EXAMPLES = """\
  speechgru evaluate test.jsonl
  speechgru evaluate recordings                 # talk.wav beside talk.txt, ...
  speechgru evaluate runs/digits                # the run's model on its dev and test sets
  speechgru evaluate --model runs/digits test.jsonl --details errors.tsv
  speechgru evaluate test.jsonl --decoder greedy
  speechgru evaluate --format json clean.jsonl noisy.jsonl > scores.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _decoder_options as decoder_options
    from speechgru.cli import _sets as sets
    from speechgru.cli import _targets as targets

    sets.add_arguments(parser)
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="checkpoint, a run's folder, or packaged name (default: that of the run whose folder is scored, else "
        "english)",
    )
    parser.add_argument(
        "--details", metavar="FILE", help="write each utterance's counts and alignment here, tab-separated"
    )
    targets.add_overwrite(parser)
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="what to print (default: text)"
    )
    parser.add_argument(
        "--batch-size", type=positive, metavar="N", help="recordings at once (default: the model's)"
    )
    parser.add_argument(
        "--device", type=device, default="cpu", help="cpu, cuda, cuda:N or auto (default: cpu)"
    )
    add_runtime(parser)
    decoder_options.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Score each manifest. 1 where a recording could not be read: it is named, and in no score."""
    from speechgru.cli import _decoder_options as decoder_options
    from speechgru.cli import _sets
    from speechgru.cli import _targets as targets
    from speechgru.evaluation.recognition import write_details
    from speechgru.inference import load_recognizer

    options = decoder_options.choose(args)
    read = [name for name in args.manifests if Path(name).is_file()]
    targets.check(("--details", args.details), overwrite=args.overwrite, sources=read)
    sets = _sets.read(args)
    recognizer = load_recognizer(
        args.model or sets.model, device=args.device, runtime=args.runtime, **options
    )
    evaluations: dict[str, Evaluation] = {}
    for name, utterances in sets.utterances.items():
        evaluations[name] = _evaluate(name, utterances, recognizer, args.batch_size)
        if args.format == "text":
            print(("" if len(evaluations) == 1 else "\n") + name)
            print(textwrap.indent(evaluations[name].describe(), "  "))
    if args.format == "json":
        print(json.dumps({name: e.to_dict() for name, e in evaluations.items()}, indent=2, allow_nan=False))
    if args.details:
        write_details(args.details, evaluations)
    return int(not sets.complete or any(evaluation.failed for evaluation in evaluations.values()))


def _evaluate(
    name: str, utterances: list[Utterance], recognizer: Recognizer, batch_size: int | None
) -> Evaluation:
    from tqdm import tqdm

    from speechgru.evaluation import evaluate

    symbols = recognizer.symbols
    normaliser = recognizer.normaliser
    strange = set().union(*(normaliser.lost(utterance.text) for utterance in utterances))
    if strange:
        _warn(f"{name}: characters of the references that {normaliser.name} leaves out: {_few(strange)}")
    unknown = set(normaliser(" ".join(utterance.text for utterance in utterances))) - set(symbols)
    if unknown:
        _warn(f"{name}: characters of the references that the model doesn't know: {_few(unknown)}")
    with tqdm(
        total=len(utterances), desc=Path(name).name, unit="file", file=sys.stderr, disable=no_bar()
    ) as bar:
        evaluation = evaluate(
            recognizer, utterances, batch_size=batch_size, on_progress=lambda done: bar.update(done - bar.n)
        )
    if not evaluation.score.words.total:
        _warn(
            f"{name}: no word of the references is left to compare; are they in another language than the model's?"
        )
    for failure in evaluation.failed:
        say(f"error: {name}: not scored: {failure.message}")
    return evaluation


def _few(characters: set[str]) -> str:
    return " ".join(sorted(characters)[:20])


def _warn(message: str) -> None:
    say(f"warning: {message}")
