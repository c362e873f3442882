"""Make a model's confidences probabilities: fit its calibration on dev speech, and store it in the model's file.

    python tools/release/tune_confidence.py MODEL --speech dev.jsonl [...] [--decoder greedy beam] [--test test.jsonl
    ...]
        [--write]

A word is right if it is a hit in the alignment with the reference. For each decoder (the model's own where none
is named) a logistic regression of the features in speechgru.inference.confidence is fitted by maximum likelihood,
weights of what grows with confidence at least 0, and `errors` such that the expected WER of all dev speech is the
real one. What is printed for dev is cross-validated: each of 10 groups of speakers is judged by what the others
teach. A decoder runs with the settings that the model's header holds for it. Choose nothing by --test.
"""

from __future__ import annotations

import argparse
import random
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from tqdm import tqdm

from speechgru.audio import stream as audio
from speechgru.audio.stream import AudioWarning
from speechgru.data import manifest
from speechgru.decoding import hypothesis
from speechgru.errors import SpeechGruError
from speechgru.evaluation import wer
from speechgru.evaluation.calibration import measure, reliability
from speechgru.evaluation.wer import Counts
from speechgru.inference.confidence import Calibration, features
from speechgru.inference.recognizer import load_recognizer
from speechgru.models import checkpoint
from speechgru.transcript import Word
from speechgru.utils.assets import find_model

FOLDS = 10
NAMES = ("mean", "doubt", "least", "letters")
RIDGE = 1e-3  # for each word: keeps weights finite where a feature says nothing or everything
START = Calibration(bias=0.0, mean=1.0, doubt=0.0, least=0.0, letters=0.0, errors=1.0)


@dataclass(frozen=True)
class Heard:
    """A recording's words, whether each is right, the confidences of their letters, and its word errors."""

    set: str
    speaker: str
    words: tuple[Word, ...]
    letters: tuple[tuple[float, ...], ...]
    right: tuple[bool, ...]
    counts: Counts


def hear(model: str, decoder: str | None, manifests: Sequence[Path]) -> tuple[str, list[Heard]]:
    """The decoder's name, and what it hears in recordings that get past the gate."""
    recognizer = load_recognizer(model, decoder=decoder)
    heard = []
    utterances = [(path.stem, utterance) for path in manifests for utterance in manifest.read(path)]
    for name, utterance in tqdm(utterances, file=sys.stderr, disable=None):
        signal = audio.read(utterance.audio_filepath, recognizer.sample_rate)
        (output,) = recognizer.outputs([signal])
        found = recognizer.read(output)
        words = hypothesis.words(found, recognizer.engine.frame_seconds)
        (alignment,) = wer.align([utterance.text], [" ".join(word.text for word in words)])
        if recognizer.is_speech(recognizer.letters(output)) and len(alignment.hits) == len(words):
            letters = hypothesis.confidences(found)
            heard.append(Heard(name, utterance.speaker, words, letters, alignment.hits, alignment.words))
    return type(recognizer.decoder).__module__.rpartition(".")[2], heard


def fit(heard: Sequence[Heard]) -> Calibration:
    """Weights of greatest likelihood, and errors for each word that is likely to be wrong.

    Raises:
        SpeechGruError: all words are right, or all wrong.
    """
    table = np.array([features(letters) for item in heard for letters in item.letters])
    right = np.array([hit for item in heard for hit in item.right], np.float64)
    if not 0 < right.sum() < len(right):
        raise SpeechGruError(
            f"{int(right.sum())} of {len(right)} words are right: expected some right, some wrong. Give more speech."
        )
    ones = np.concatenate([np.ones((len(table), 1)), table], axis=1)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        score = ones @ weights
        probability = 0.5 * (1 + np.tanh(score / 2))
        value = np.logaddexp(0.0, score).mean() - (right * score).mean() + RIDGE * weights[1:] @ weights[1:]
        return value, ones.T @ (probability - right) / len(right) + 2 * RIDGE * np.append(0, weights[1:])

    bounds = [(None, None), (0, None), (0, None), (0, None), (None, None)]
    found = minimize(loss, np.zeros(5), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 1000})
    bias, *weights = (round(float(weight), 4) for weight in found.x)
    calibration = replace(START, bias=bias, **dict(zip(NAMES, weights, strict=True)))
    doubtful = sum(
        1 - word.confidence for item in heard for word in calibration.apply(item.words, item.letters)
    )
    words = sum(len(item.words) for item in heard)
    errors, total = (sum(getattr(item.counts, name) for item in heard) for name in ("errors", "total"))
    return replace(calibration, errors=round((errors / total) / (doubtful / words), 4))


def cross_validated(heard: Sequence[Heard]) -> list[Calibration]:
    """Of each recording, the calibration that other speakers teach."""
    speakers = sorted({item.speaker for item in heard})
    random.Random(0).shuffle(speakers)
    fold = {speaker: index % FOLDS for index, speaker in enumerate(speakers)}
    fitted = {k: fit([item for item in heard if fold[item.speaker] != k]) for k in set(fold.values())}
    return [fitted[fold[item.speaker]] for item in heard]


def report(title: str, heard: Sequence[Heard], calibrations: Sequence[Calibration | None]) -> None:
    """Print how reliable confidences are, with and without calibration, over all and over each set."""
    for name in ["all", *sorted({item.set for item in heard})]:
        kept = [pair for pair in zip(heard, calibrations, strict=True) if name in ("all", pair[0].set)]
        for kind, pairs in (("raw", [(item, None) for item, _ in kept]), ("calibrated", kept)):
            judged = [(c.apply(i.words, i.letters) if c else i.words, i, c) for i, c in pairs]
            words = [
                (word.confidence, hit) for found, item, _ in judged for word, hit in zip(found, item.right)
            ]
            files = [
                (c.expected_wer(found), i.counts.rate, len(found))
                for found, i, c in judged
                if c and i.counts.total
            ]
            for what, line in measure(words, files).describe().items():
                print(f"{title:<6}{name:<14}{kind:<11}{len(words):>6} words  {what}: {line}")
    by_speaker(title, heard, calibrations)
    words = [
        (c.probability(x), hit) for i, c in zip(heard, calibrations) for x, hit in zip(i.letters, i.right)
    ]
    print(f"{title:<6}confidence and share of right words, in ten equal parts:")
    for part in reliability(*zip(*words, strict=True)):
        print(f"{'':<6}{part.confidence:8.3f}{part.accuracy:8.3f}{part.count:7}")


def by_speaker(title: str, heard: Sequence[Heard], calibrations: Sequence[Calibration]) -> None:
    """Print how well all the speech of one speaker lets expect its WER."""
    pairs: dict[str, list[tuple[Heard, Calibration]]] = {}
    for item, calibration in zip(heard, calibrations, strict=True):
        pairs.setdefault(item.speaker, []).append((item, calibration))
    rows = []
    for items in pairs.values():
        words = [word for item, c in items for word in c.apply(item.words, item.letters)]
        errors, total = (sum(getattr(i.counts, name) for i, _ in items) for name in ("errors", "total"))
        if total:
            rows.append((items[0][1].expected_wer(words), errors / total, len(words)))
    result = measure([], rows)
    print(
        f"{title:<6}of each of {len(rows)} speakers: expected WER {100 * result.mean_absolute_error:.1f} % from "
        f"the real one on average, correlation {result.correlation:.2f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="checkpoint, or the name of a packaged model")
    parser.add_argument("--speech", type=Path, nargs="+", required=True, metavar="MANIFEST")
    parser.add_argument("--test", type=Path, nargs="*", default=[], metavar="MANIFEST")
    parser.add_argument("--decoder", nargs="*", default=[None], metavar="NAME")
    parser.add_argument("--write", action="store_true", help="store the calibrations in the model's header")
    args = parser.parse_args()
    warnings.simplefilter("ignore", AudioWarning)
    try:
        fitted = {}
        for asked in args.decoder:
            name, heard = hear(args.model, asked, args.speech)
            fitted[name] = fit(heard)
            print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in asdict(fitted[name]).items()))
            report("dev", heard, cross_validated(heard))
            if args.test:
                _, heard = hear(args.model, asked, args.test)
                report("test", heard, [fitted[name]] * len(heard))
        if args.write:
            loaded = checkpoint.load(find_model(args.model))
            stored = loaded.header.get("confidence", {})
            new = {name: asdict(calibration) for name, calibration in fitted.items()}
            checkpoint.annotate(loaded.path, {"confidence": {**stored, **new}})
    except (SpeechGruError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
