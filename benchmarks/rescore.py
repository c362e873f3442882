"""Tune how much a GRU language model counts in rescoring, and say what that gains in word error rate.

    python benchmarks/rescore.py MODEL LM --dev dev.jsonl [...] --test test.jsonl [...] [--write]

MODEL is an acoustic checkpoint (or the name of a packaged one), LM a language model of `speechgru train lm-english`.
The beam search runs with the settings that the acoustic model's file holds for it. Weight and bonus are those with
fewest word errors on all dev sets together; --write stores them in the language model's file. Without --test, every
other dev utterance tunes and the rest are measured. A set is a manifest, or a .npz of log-probabilities (lp0, lp1, ...:
[frames, symbols]) and their texts.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speechgru import audio
from speechgru.data import manifest
from speechgru.decoding import Hypothesis
from speechgru.decoding.rescoring import HEADER, Settings, rescore
from speechgru.evaluation import wer
from speechgru.evaluation.comparison import paired_differences
from speechgru.inference import load_ctc, select
from speechgru.inference.acoustic_header import AcousticHeader
from speechgru.lm import LanguageModel, load_language_model
from speechgru.models import checkpoint
from speechgru.utils import bootstrap, console, plugins
from speechgru.utils.assets import find_model

WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0)
BONUSES = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)


@dataclass(frozen=True)
class Case:
    """An utterance: what the search found, what the language model thinks of it, and each text's word errors."""

    found: list[Hypothesis]
    log_probs: list[float]
    errors: list[int]
    words: int

    def choice(self, settings: Settings) -> int:
        """Word errors of the text that rescoring puts first."""
        best = rescore(self.found, self.log_probs, settings)[0].text
        return self.errors[[h.text for h in self.found].index(best)]


def read(name: str, model: Path) -> tuple[list[Any], list[str]]:
    """Log-probabilities [frames, symbols] and texts of a set."""
    if name.endswith(".npz"):
        with np.load(name, allow_pickle=False) as stored:
            texts = [str(text) for text in stored["texts"]]
            return [stored[f"lp{i}"].astype(np.float32) for i in range(len(texts))], texts
    recognizer, utterances = load_ctc(model), manifest.read(name)
    signals = (audio.read(u.audio_filepath, recognizer.sample_rate) for u in utterances)
    letters = len(recognizer.engine.vocabulary)
    outputs = [next(recognizer.outputs([signal])) for signal in signals]
    return [select.columns(recognizer.decoder, output, letters) for output in outputs], [
        u.text for u in utterances
    ]


def cases(
    decoder: Any, lm: LanguageModel, log_probs: Sequence[Any], texts: Sequence[str], n: int
) -> list[Case]:
    """Search and score every utterance; says how long both took."""
    start = time.perf_counter()
    found = [decoder.nbest(matrix, n) for matrix in log_probs]
    searched = time.perf_counter()
    scores = [lm.score([h.text for h in hypotheses]) for hypotheses in found]
    scored = time.perf_counter()
    print(
        f"  {len(found)} utterances, {sum(map(len, found)) / len(found):.0f} texts each: search "
        f"{searched - start:.1f} s, rescoring {scored - searched:.1f} s"
    )
    prepared = []
    for text, hypotheses, values in zip(texts, found, scores, strict=True):
        counts = [a.words for a in wer.align([text] * len(hypotheses), [h.text for h in hypotheses])]
        errors = [c.errors for c in counts]
        prepared.append(Case(hypotheses, values, errors, counts[0].total))
    return prepared


def tune(tuning: Sequence[Case], n: int) -> Settings:
    """The settings with fewest word errors; among equals, the least weight."""
    choices = [Settings(w, b, n) for w, b in itertools.product(WEIGHTS, BONUSES) if w or not b]
    return min(choices, key=lambda settings: sum(case.choice(settings) for case in tuning))


def gain(measured: Sequence[Case], settings: Settings, seed: int = 0) -> str:
    """Word error rates without and with rescoring, the best that could be chosen, and the paired difference with its
    95 % percentile bootstrap interval over utterances (Bisani and Ney 2004)."""
    words = np.array([case.words for case in measured])
    before = np.array([case.errors[0] for case in measured])
    after = np.array([case.choice(settings) for case in measured])
    oracle = np.array([min(case.errors) for case in measured])
    differences = paired_differences(np.stack([before, after, words], axis=1), seed=seed)
    low, high = (100 * bound for bound in bootstrap.percentiles(differences))
    first, second, best = (100 * errors.sum() / words.sum() for errors in (before, after, oracle))
    return (
        f"{first:.2f} -> {second:.2f} % WER, {second - first:+.2f} (95 % interval {low:+.2f} to {high:+.2f}); the best "
        f"text of each list: {best:.2f} %; {words.sum()} words"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="acoustic checkpoint, or name of a packaged one")
    parser.add_argument("lm", type=Path, help="GRU language model")
    parser.add_argument("--dev", nargs="+", required=True, metavar="SET")
    parser.add_argument("--test", nargs="+", default=[], metavar="SET")
    parser.add_argument("--nbest", type=int, default=32, help="texts to rescore (32)")
    parser.add_argument(
        "--decoder",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a number of the beam search's settings",
    )
    parser.add_argument(
        "--write", action="store_true", help="store the settings in the language model's file"
    )
    args = parser.parse_args()
    return console.exit_code(lambda: measure(args))


def measure(args: argparse.Namespace) -> None:
    """Search, tune, print."""
    path = find_model(args.model)
    header, lm = checkpoint.load(path).read(AcousticHeader), load_language_model(args.lm)
    beam: Any = plugins.find("decoding", "beam")
    settings = select.search(header)
    for given in args.decoder:
        key, _, value = given.partition("=")
        settings[key] = type(getattr(beam.Settings(), key))(value)
    decoder = beam.Decoder(beam.Settings(**settings), header.vocabulary)
    sets: dict[str, list[Case]] = {}
    for name in (*args.dev, *args.test):
        print(name)
        sets[name] = cases(decoder, lm, *read(name, path), args.nbest)
    dev = [case for name in args.dev for case in sets[name]]
    chosen = tune(dev if args.test else dev[::2], args.nbest)
    print(f"weight {chosen.weight}, word_bonus {chosen.word_bonus}")
    for name in args.test:
        print(f"{name}: {gain(sets[name], chosen)}")
    if not args.test:
        print(f"every other dev utterance: {gain(dev[1::2], chosen)}")
    if args.write:
        checkpoint.annotate(args.lm, {HEADER: asdict(chosen)})


if __name__ == "__main__":
    sys.exit(main())
