"""Fit the evidence that a word of a text must have in the sound (speechgru.alignment.evidence) on dev recordings.

    python tools/release/tune_evidence.py MANIFEST ... [--model FILE] [--lost 0.004] [--seeds 3]

Each recording of the manifests is aligned with its text as it is, with every tenth word replaced by another, and with
every tenth word taken out of the text. Words that are spoken, those beside a replaced or a removed one among them, are
told from the replaced ones by a logistic regression; the bias is set so that of the words of the first manifest's true
texts the share `--lost` falls short. Prints the Weights with and without a phone head, and for each manifest what they
lose and accept.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from speechgru import audio
from speechgru.alignment import evidence, spelling
from speechgru.alignment.ctc import align_readings
from speechgru.alignment.search import PRICES, Search
from speechgru.data import manifest
from speechgru.inference import CtcRecognizer, load_ctc

EVERY = 10
SPOKEN, BESIDE, REPLACED = 0, 1, 2
BESIDE_WEIGHT = 0.3  # of a word beside a spoilt one, to one in a true text
SPARED = 0.01  # strength of the weights' regularisation, little


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifests", type=Path, nargs="+", metavar="MANIFEST")
    parser.add_argument("--model", help="checkpoint (default: the packaged English model)")
    parser.add_argument("--lost", type=float, default=0.004)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    recognizer = load_ctc(args.model, decoder="greedy")
    sets = [(path.stem, *collected(recognizer, path, args.seeds)) for path in args.manifests]
    for columns in (slice(0, 6), slice(0, 3)):
        fitted([(name, rows[:, columns], kinds) for name, rows, kinds in sets], args.lost)


def collected(recognizer: CtcRecognizer, path: Path, seeds: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Features [words, heads * 3] and the kind of each word."""
    utterances = list(manifest.read(path))
    pool = [word for utterance in utterances for word in utterance.text.split()]
    generator = np.random.default_rng(1)
    rows: list[NDArray[Any]] = []
    kinds: list[int] = []
    for utterance in utterances:
        (output,) = recognizer.outputs([audio.read(utterance.audio_filepath, recognizer.sample_rate)])
        texts = [(utterance.text.split(), {})]
        for _ in range(seeds):
            texts.append(replaced(texts[0][0], pool, generator))
            texts.append(removed(texts[0][0], generator))
        for words, known in texts:
            for row, kind in of_text(recognizer, output, words, known):
                rows.append(row)
                kinds.append(kind)
    return np.array(rows), np.array(kinds)


def replaced(
    words: list[str], pool: list[str], generator: np.random.Generator
) -> tuple[list[str], dict[int, int]]:
    """Every tenth word another; the kinds of those that aren't SPOKEN, -1: not to be counted."""
    spoiled, kinds = list(words), dict.fromkeys(range(len(words)), -1)
    for i in range(len(words)):
        if generator.random() < 1 / EVERY and kinds.get(i - 1) != REPLACED:
            while spoiled[i] == words[i]:
                spoiled[i] = pool[generator.integers(len(pool))]
            kinds[i] = REPLACED
    for i in [i for i, kind in kinds.items() if kind == REPLACED]:
        for j in (i - 1, i + 1):
            if kinds.get(j) == -1:
                kinds[j] = BESIDE
    return spoiled, kinds


def removed(words: list[str], generator: np.random.Generator) -> tuple[list[str], dict[int, int]]:
    """Every tenth word taken out."""
    out = {i for i in range(len(words)) if generator.random() < 1 / EVERY}
    kept = [i for i in range(len(words)) if i not in out] or [0]
    kinds = {n: BESIDE if out & {i - 1, i + 1} else -1 for n, i in enumerate(kept)}
    return [words[i] for i in kept], kinds


def of_text(
    recognizer: CtcRecognizer, output: NDArray[Any], words: list[str], known: dict[int, int]
) -> Iterator[tuple[NDArray[Any], int]]:
    """The features of each word where the first alignment puts it; of those beside a replaced word, without that."""
    vocabulary = recognizer.engine.vocabulary
    pronounce = spelling.pronouncing(recognizer.engine.sounds)
    items = spelling.encoded([(word,) for word in words], vocabulary, pronounce)
    space = spelling.space(vocabulary)
    log_probs = np.ascontiguousarray(output[:, : len(vocabulary)])
    heads = [evidence.head(log_probs, space)]
    if pronounce is not None:
        heads.append(evidence.head(output[:, len(vocabulary) :], spelling.SPACE_ID))
    search = Search(log_probs, heads, items, space)
    search.runs = align_readings(log_probs, [item.characters for item in items], space, PRICES)
    swapped = [i for i, kind in known.items() if kind == REPLACED]
    for i, run in enumerate(search.runs):
        kind = known.get(i, SPOKEN)
        if run is not None and kind in (SPOKEN, REPLACED):
            yield evidence.features(heads, search.context(i)).ravel(), kind
    search.leave_out(swapped)
    for i, run in enumerate(search.runs):
        if run is not None and known.get(i) == BESIDE:
            yield evidence.features(heads, search.context(i)).ravel(), BESIDE


def fitted(sets: list[tuple[str, NDArray[Any], NDArray[Any]]], lost: float) -> None:
    rows = np.concatenate([rows for _, rows, _ in sets])
    kinds = np.concatenate([kinds for _, _, kinds in sets])
    model = LogisticRegression(C=1 / SPARED, max_iter=10_000)
    model.fit(rows, kinds != REPLACED, np.where(kinds == BESIDE, BESIDE_WEIGHT, 1.0))
    of_first = sets[0][1][sets[0][2] == SPOKEN]
    bias = -float(np.quantile(of_first @ model.coef_[0], lost))
    values = ", ".join(f"{value:.3f}" for value in (bias, *model.coef_[0]))
    print(f"Weights({values})")
    for name, each, kind in sets:
        scores = each @ model.coef_[0] + bias
        shares = {
            "lost": (scores[kind == SPOKEN] < 0).mean(),
            "lost beside": (scores[kind == BESIDE] < 0).mean(),
            "accepted": (scores[kind == REPLACED] >= 0).mean(),
        }
        print(f"  {name:<10} " + "  ".join(f"{what} {share:.2%}" for what, share in shares.items()))


if __name__ == "__main__":
    main()
