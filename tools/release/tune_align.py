"""Choose the prices of forced alignment on dev recordings whose text was spoiled on purpose.

    python tools/release/tune_align.py MANIFEST [--model FILE] [--prices 12,0.5,6,1,1,3 ...]

The recordings of MANIFEST are joined in random order, and then
true        nothing is spoiled
single      a word that nobody said is put in every ten words
swap        every tenth word is replaced by another
sentence    twenty words that nobody said follow every fourth recording
audio       every fourth recording's text is left out
both        every fourth recording's text is replaced by another's
missing     the text of a whole stretch of recordings is there, the sound isn't
extra       the sound of a stretch is there, the text isn't

For each set of prices (filler, filler_frame, skip, skip_word, skip_character, join: speechgru.alignment.ctc.Prices) and
each kind: the share of words that were said and not found, that nobody said and were found, and of the words that were
found rightly how many lie more than 0.12 s from where plain alignment of their own recording has them.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru import audio
from speechgru.alignment.ctc import Path as Aligned
from speechgru.alignment.ctc import Prices, align
from speechgru.data import manifest
from speechgru.inference import load_ctc

KINDS = ("true", "single", "swap", "sentence", "audio", "both", "missing", "extra")
GRID = (
    "12,0.5,6,1,1,3",
    "12,0.7,6,1,1,3",
    "12,0.5,4,1,1,3",
    "12,0.5,8,0.5,1,3",
    "6,0.5,6,1,1,3",
    "20,0.5,6,1,1,3",
)
PLAIN = Prices(math.inf, math.inf, math.inf, math.inf, math.inf, 0.0)
FAR = 3  # frames

# Labels of a word, and its frames where it was said.
Item = tuple[list[int], "tuple[int, int] | None"]
Recording = tuple[NDArray[np.float32], list[Item]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--model", help="checkpoint (default: the packaged English model)")
    parser.add_argument("--prices", nargs="+", default=GRID, metavar="W,F,S,SW,SL,J")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    recognizer = load_ctc(args.model, decoder="greedy")
    vocabulary = recognizer.engine.vocabulary
    space = vocabulary.encode(" ")[0]
    recordings: list[Recording] = []
    for utterance in manifest.read(args.manifest):
        (log_probs,) = recognizer.log_probs([audio.read(utterance.audio_filepath, recognizer.sample_rate)])
        words = [vocabulary.encode(word) for word in utterance.text.split()]
        recordings.append((log_probs, list(zip(words, spans(words, align(log_probs, words, space, PLAIN))))))
    for text in args.prices:
        prices = Prices(*map(float, text.split(",")))
        print(prices)
        for kind in KINDS:
            log_probs, items = spoiled(recordings, kind, np.random.default_rng(args.seed))
            lost, invented, far = judged(items, align(log_probs, [word for word, _ in items], space, prices))
            print(f"  {kind:<9} lost {lost:6.1%}  invented {invented:6.1%}  far {far:6.1%}", flush=True)


def spans(words: list[list[int]], path: Aligned) -> list[tuple[int, int] | None]:
    """First frame and last + 1 of each word; None where it was skipped."""
    ends = np.cumsum([len(word) for word in words])
    first, last = path.starts[ends - [len(word) for word in words]], path.ends[ends - 1]
    return [(a, b) if a >= 0 else None for a, b in zip(first.tolist(), last.tolist())]


def spoiled(recordings: list[Recording], kind: str, generator: np.random.Generator) -> Recording:
    """One long recording with its items."""
    words = [word for _, items in recordings for word, _ in items]
    rows: list[NDArray[np.float32]] = []
    found: list[Item] = []
    frames = 0
    for n, i in enumerate(generator.permutation(len(recordings))):
        log_probs, items = recordings[i]
        other = [(word, None) for word, _ in recordings[generator.integers(len(recordings))][1][:20]]
        stretch = len(recordings) // 4 <= n < len(recordings) // 2
        if kind == "missing" and stretch:
            found += [(word, None) for word, _ in items]
            continue
        here: list[Item] = [(word, (a + frames, b + frames)) for word, (a, b) in items]  # type: ignore[misc]
        some = generator.choice(len(items), max(1, len(items) // 10), replace=False)
        if kind == "single":
            for j in sorted(some, reverse=True):
                here.insert(j, (words[generator.integers(len(words))], None))
        elif kind == "swap":
            for j in some:
                here[j] = (words[generator.integers(len(words))], None)
        elif kind == "sentence" and n % 4 == 0:
            here += other
        elif (kind == "audio" and n % 4 == 0) or (kind == "extra" and stretch):
            here = []
        elif kind == "both" and n % 4 == 0:
            here = list(other)
        rows.append(log_probs)
        found += here
        frames += len(log_probs)
    return np.concatenate(rows), found


def judged(items: list[Item], path: Aligned) -> tuple[float, float, float]:
    """Shares of lost, invented and far words."""
    found: list[Any] = spans([word for word, _ in items], path)
    said = [(place, true) for place, (_, true) in zip(found, items) if true]
    unsaid = [place for place, (_, true) in zip(found, items) if not true]
    kept = [max(abs(a - c), abs(b - d)) for (a, b), (c, d) in (pair for pair in said if pair[0])]
    lost = 1 - len(kept) / len(said)
    return lost, sum(map(bool, unsaid)) / max(len(unsaid), 1), float(np.mean(np.array(kept) > FAR))


if __name__ == "__main__":
    main()
