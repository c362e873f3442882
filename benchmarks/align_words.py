"""Measure whether `speechgru align` tells spoken words from those that nobody spoke, and where it puts them.

    python benchmarks/align_words.py --data FOLDER [--sentences test-libri.jsonl ...] [--speakers test] [--model FILE]

FOLDER holds public corpora as $SPEECHGRU_DATA does. Recordings of which every word is known are joined:

digits       spoken digits (Free Spoken Digit Dataset), eight of one speaker without a gap, resampled from 8 kHz
words        single words of Speech Commands, trimmed by level, four without a gap
manifests    four utterances of one speaker each, one after the other

Digits and words are of dev speakers (by whom the aligner's numbers were chosen) or of test ones, as --speakers says.
Each is aligned with its own text, with one word in eight (of manifests one in ten) replaced by another, and with as
many words taken out of it. Printed are: of the spoken words how many are declared absent (lost), of those beside a
replaced or a missing one likewise (beside), of the replaced ones how many are taken for spoken (accepted), and the
distance of word starts and ends from the known joins in ms; and CPU seconds for a second of sound, by the true text. A
hybrid model is fitted to each recording once, by the true text.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from speechgru import audio
from speechgru.alignment import Aligner, load_aligner
from speechgru.alignment.hybrid import Judge
from speechgru.alignment.text import AlignedUnit, align_emissions
from speechgru.audio import AudioWarning
from speechgru.audio.array import Sound
from speechgru.audio.energy import Signal
from speechgru.data import manifest
from speechgru.evaluation.tune_times import trimmed
from speechgru.inference import CtcRecognizer
from speechgru.inference.emissions import Posteriors, posteriors

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
OTHERS = ("tree", "house", "seven", "dog", "marvin", "sheila", "wow", "right", "stop", "yes")
MARGIN_SECONDS, NOISE = 0.5, 1e-4
SPOILT_OF_JOINED, SPOILT_OF_SENTENCES = 8, 10
UTTERANCES = 4
DEV_SPEAKERS = ("george", "jackson")  # of digits; of words those whose names hash to an even number


@dataclass(frozen=True)
class Clip:
    """A recording [time], its words and the `edges` [words, 2], in seconds; NaN where they aren't known."""

    signal: Signal
    words: tuple[str, ...]
    edges: np.ndarray


@dataclass
class Counts:
    """Of one set: [counted, of all] and errors in seconds."""

    lost: list[int] = field(default_factory=lambda: [0, 0])
    accepted: list[int] = field(default_factory=lambda: [0, 0])
    beside: list[int] = field(default_factory=lambda: [0, 0])
    errors: list[float] = field(default_factory=list)
    cpu: float = 0.0
    seconds: float = 0.0


def joined(parts: Sequence[tuple[Signal, Sequence[str]]], rate: int) -> Clip:
    """Parts one after the other, faint noise at either end; edges of parts of one word are known."""
    margin = (NOISE * np.random.default_rng(0).standard_normal(round(MARGIN_SECONDS * rate))).astype(
        np.float32
    )
    edges, now = [], len(margin)
    for signal, words in parts:
        known = [now / rate, (now + len(signal)) / rate] if len(words) == 1 else [np.nan, np.nan]
        edges += [known] * len(words)
        now += len(signal)
    signal = np.concatenate([margin, *(signal for signal, _ in parts), margin])
    return Clip(signal, tuple(word for _, words in parts for word in words), np.array(edges))


def of_dev(speaker: str) -> bool:
    """Whether the words of a speaker of Speech Commands are among those that numbers were chosen by."""
    return int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % 2 == 0


def digits(data: Path, rate: int, count: int, dev: bool, rng: random.Random) -> Iterator[Clip]:
    speakers: dict[str, list[Path]] = {}
    for path in sorted((data / "speech/free-spoken-digit-dataset/recordings").glob("*.wav")):
        speaker = path.stem.split("_")[1]
        if (speaker in DEV_SPEAKERS) == dev:
            speakers.setdefault(speaker, []).append(path)
    for paths in speakers.values():
        chosen = rng.sample(paths, min(count // len(speakers), len(paths)))
        for group in zip(*[iter(chosen)] * 8, strict=False):
            yield joined([(audio.read(path, rate), [DIGITS[int(path.stem[0])]]) for path in group], rate)


def single_words(data: Path, rate: int, count: int, dev: bool, rng: random.Random) -> Iterator[Clip]:
    paths = sorted((data / "speech/speech_commands_3words").glob("*/*.*"))
    paths = [path for path in paths if of_dev(path.stem.split("_")[0]) == dev]
    parts = []
    for path in rng.sample(paths, min(count, len(paths))):
        signal = audio.read(path, rate)
        span = trimmed(signal, rate)
        if span is not None and 0.2 * rate < span[1] - span[0] < 0.9 * rate:
            parts.append((signal[slice(*span)], [path.parent.name]))
    for group in zip(*[iter(parts)] * 4, strict=False):
        yield joined(group, rate)


def sentences(path: Path, rate: int, every: int) -> Iterator[Clip]:
    """Of all joined recordings one in `every`."""
    speakers: dict[str, list[tuple[Signal, list[str]]]] = {}
    for utterance in manifest.read(path):
        signal = audio.read(utterance.audio_filepath, rate)
        speakers.setdefault(utterance.speaker, []).append((signal, utterance.text.split()))
    groups = [
        parts[first : first + UTTERANCES]
        for parts in speakers.values()
        for first in range(0, len(parts), UTTERANCES)
    ]
    for group in groups[::every]:
        yield joined(group, rate)


def replaced(words: Sequence[str], pool: Sequence[str], every: int, rng: random.Random) -> dict[int, str]:
    """Other words for one in `every`, no two in a row; at least one."""
    chosen: dict[int, str] = {}
    first = rng.randrange(len(words))
    for i in range(len(words)):
        if (i == first or rng.random() < 1 / every) and i - 1 not in chosen:
            chosen[i] = rng.choice([word for word in pool if word != words[i]])
    return chosen


def measure(
    aligner: Aligner, clip: Clip, pool: Sequence[str], every: int, rng: random.Random, counts: Counts
) -> None:
    verifier, started = aligner.verifier, time.process_time()
    emissions = posteriors(
        aligner.recognizer, Sound(clip.signal), log_mel=verifier.log_mel if verifier else None
    )
    judge = Judge(verifier, emissions.pieces, emissions.job.duration) if verifier else None
    own = units(aligner.recognizer, emissions, clip.words, judge)
    counts.cpu += time.process_time() - started
    counts.seconds += emissions.job.duration
    for (start, end), word in zip(clip.edges, own, strict=True):
        counts.lost[0] += not word.is_spoken
        counts.lost[1] += 1
        if word.is_spoken and np.isfinite(start):
            counts.errors += [word.word.start - start, word.word.end - end]
    others = replaced(clip.words, pool, every, rng)
    spoilt = [others.get(i, word) for i, word in enumerate(clip.words)]
    for i, word in enumerate(units(aligner.recognizer, emissions, spoilt, judge)):
        if i in others:
            counts.accepted[0] += word.is_spoken
            counts.accepted[1] += 1
        elif i - 1 in others or i + 1 in others:
            counts.beside[0] += not word.is_spoken
            counts.beside[1] += 1
    out = replaced(clip.words, pool, every, rng)
    kept = [i for i in range(len(clip.words)) if i not in out]
    for i, word in zip(
        kept, units(aligner.recognizer, emissions, [clip.words[i] for i in kept], judge), strict=True
    ):
        if i - 1 in out or i + 1 in out:
            counts.beside[0] += not word.is_spoken
            counts.beside[1] += 1


def units(
    recognizer: CtcRecognizer, emissions: Posteriors, words: Sequence[str], judge: Judge | None
) -> list[AlignedUnit]:
    if not words:
        return []
    found = align_emissions(recognizer, emissions, " ".join(words), judge)
    return [unit for line in found.lines for unit in line]


def share(pair: list[int]) -> str:
    return f"{pair[0] / max(pair[1], 1):7.2%} of {pair[1]:<6}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("SPEECHGRU_DATA"), metavar="FOLDER")
    parser.add_argument("--sentences", type=Path, nargs="*", default=[], metavar="MANIFEST")
    parser.add_argument("--count", type=int, default=240, help="digits, and single words (default: 240)")
    parser.add_argument("--every", type=int, default=1, help="of manifests, one recording in so many")
    parser.add_argument("--speakers", choices=("dev", "test"), default="dev", help="of digits and words")
    parser.add_argument("--model", help="checkpoint (default: the packaged English model)")
    args = parser.parse_args()
    if args.data is None:
        parser.error("no --data and no $SPEECHGRU_DATA")
    warnings.simplefilter("ignore", AudioWarning)
    aligner = load_aligner(args.model)
    rate, rng, dev = aligner.recognizer.sample_rate, random.Random(0), args.speakers == "dev"
    sets: list[tuple[str, Iterator[Clip], Sequence[str], int]] = []
    if args.count:
        sets.append(("digits", digits(args.data, rate, args.count, dev, rng), DIGITS, SPOILT_OF_JOINED))
        sets.append(("words", single_words(args.data, rate, args.count, dev, rng), OTHERS, SPOILT_OF_JOINED))
    for path in args.sentences:
        pool = [word for utterance in manifest.read(path) for word in utterance.text.split()]
        sets.append((path.stem, sentences(path, rate, args.every), pool, SPOILT_OF_SENTENCES))
    print(f"{'':<11}{'lost':<18}{'beside':<18}{'accepted':<18}edges, ms  CPU s per s")
    for name, clips, pool, every in sets:
        counts = Counts()
        for clip in clips:
            measure(aligner, clip, pool, every, rng, counts)
        error = f"{1000 * np.median(np.abs(counts.errors)):.0f}" if counts.errors else "not known"
        print(
            f"{name:<11}{share(counts.lost)}  {share(counts.beside)}  {share(counts.accepted)}  "
            f"{error:<9}  {counts.cpu / max(counts.seconds, 1e-9):.3f}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
