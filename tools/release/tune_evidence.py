"""Fit the evidence that a word of a text must have in the sound (speechgru.alignment.evidence) on dev recordings.

    python tools/release/tune_evidence.py MANIFEST ... [--joined DATA] [--model FILE] [--lost 0.003] [--seeds 2]

Each recording of the manifests is aligned with its text as it is, with every tenth word replaced by another, and with
every tenth word taken out of the text. Words that are spoken, those beside a replaced or a removed one among them, are
told from the replaced ones by a logistic regression; the bias is set so that of the words of the first manifest's true
texts the share `--lost` falls short. Prints the weights with a hybrid model (its bias first), and with and without a
phone head, and for each manifest what they lose and accept. With --joined, digits and single words of the dev speakers
of benchmarks/align_words.py, one after the other without a gap, count too; their threshold is the allowance that
`speechgru.alignment.search` makes for recordings far from what models know.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from speechgru import audio
from speechgru.alignment import Aligner, evidence, load_aligner, spelling
from speechgru.alignment.ctc import align_readings
from speechgru.alignment.hybrid import Judge
from speechgru.alignment.search import PRICES, Search
from speechgru.audio.array import Sound
from speechgru.audio.energy import Signal
from speechgru.data import manifest
from speechgru.inference.emissions import Posteriors, posteriors

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import align_words

EVERY = 10
JOINED = 240  # digits, and single words, of dev speakers
SPOKEN, BESIDE, REPLACED = 0, 1, 2
BESIDE_WEIGHT = 0.3  # of a word beside a spoilt one, to one in a true text
SPARED = 0.01  # strength of the weights' regularisation, little


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifests", type=Path, nargs="+", metavar="MANIFEST")
    parser.add_argument("--joined", type=Path, metavar="DATA", help="folder of the public corpora")
    parser.add_argument("--model", help="checkpoint (default: the packaged English models)")
    parser.add_argument("--lost", type=float, default=0.003)
    parser.add_argument("--seeds", type=int, default=2)
    args = parser.parse_args()
    aligner = load_aligner(args.model)
    rate = aligner.recognizer.sample_rate
    sets = []
    for path in args.manifests:
        utterances = manifest.read(path)
        pool = [word for utterance in utterances for word in utterance.text.split()]
        spoken = ((audio.read(one.audio_filepath, rate), one.text.split()) for one in utterances)
        sets.append((path.stem, *collected(aligner, spoken, pool, args.seeds)))
    if args.joined:
        rng = random.Random(0)
        for name, pool, clips in (
            ("digits", align_words.DIGITS, align_words.digits(args.joined, rate, JOINED, True, rng)),
            ("words", align_words.OTHERS, align_words.single_words(args.joined, rate, JOINED, True, rng)),
        ):
            spoken = ((clip.signal, list(clip.words)) for clip in clips)
            sets.append((name, *collected(aligner, spoken, pool, args.seeds)))
    if aligner.verifier is not None:
        fitted([(name, bounded(rows), kinds) for name, rows, kinds in sets], args.lost)
    for columns in (slice(0, 6), slice(0, 3)):
        fitted([(name, rows[:, columns], kinds) for name, rows, kinds in sets], args.lost)


def bounded(rows: NDArray[Any]) -> NDArray[Any]:
    """What counts of features [words, heads * 3 + 4] with a hybrid model."""
    return np.array([evidence.bounded(row[:6].reshape(2, 3), row[6:].tolist()) for row in rows])


def collected(
    aligner: Aligner, spoken: Iterable[tuple[Signal, list[str]]], pool: Sequence[str], seeds: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Features [words, heads * 3], with a hybrid model 4 more, and the kind of each word."""
    generator, verifier = np.random.default_rng(1), aligner.verifier
    rows: list[NDArray[Any]] = []
    kinds: list[int] = []
    for signal, own in spoken:
        emissions = posteriors(
            aligner.recognizer, Sound(signal), log_mel=verifier.log_mel if verifier else None
        )
        judge = Judge(verifier, emissions.pieces, emissions.job.duration) if verifier else None
        texts: list[tuple[list[str], dict[int, int]]] = [(own, {})]
        for _ in range(seeds):
            texts.append(replaced(own, pool, generator))
            texts.append(removed(own, generator))
        for words, known in texts:
            for row, kind in of_text(aligner, emissions, judge, words, known):
                rows.append(row)
                kinds.append(kind)
    return np.array(rows), np.array(kinds)


def replaced(
    words: list[str], pool: Sequence[str], generator: np.random.Generator
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
    aligner: Aligner, emissions: Posteriors, judge: Judge | None, words: list[str], known: dict[int, int]
) -> Iterator[tuple[NDArray[Any], int]]:
    """The features of each word where the first alignment puts it; of those beside a replaced word, without that."""
    recognizer, log_probs = aligner.recognizer, emissions.log_probs
    vocabulary = recognizer.engine.vocabulary
    items = spelling.encoded(
        [(word,) for word in words], vocabulary, spelling.pronouncing(recognizer.engine.sounds)
    )
    space, heads = spelling.space(vocabulary), spelling.heads(emissions, recognizer)
    search = Search(log_probs, heads, items, space, judge, recognizer.engine.frame_seconds)
    search.runs = align_readings(log_probs, [item.characters for item in items], space, PRICES)
    if judge is not None and not judge.is_fitted:
        judge.fit([said for i in range(len(items)) if (said := search.said(i))])
    swapped = [i for i, kind in known.items() if kind == REPLACED]
    for i, run in enumerate(search.runs):
        kind = known.get(i, SPOKEN)
        if run is not None and kind in (SPOKEN, REPLACED):
            yield features(search, heads, i), kind
    search.leave_out(swapped)
    for i, run in enumerate(search.runs):
        if run is not None and known.get(i) == BESIDE:
            yield features(search, heads, i), BESIDE


def features(search: Search, heads: Sequence[evidence.Head], i: int) -> NDArray[Any]:
    """Of an item in its place."""
    context = search.context(i)
    return np.append(evidence.features(heads, context).ravel(), search.ratios(i, context))


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
