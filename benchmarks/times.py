"""Measure how far a model's word times are from the truth.

    python benchmarks/times.py MODEL --data FOLDER [--sentences dev.jsonl ...]

FOLDER holds public corpora as $SPEECHGRU_DATA does. Recordings whose words have known ends are joined:

digits joined      spoken digits of one speaker, closely trimmed by those who made the set, without a gap
digits apart       the same with 50 to 500 ms of faint noise between them
words joined       single words of Speech Commands, trimmed by level, without a gap
words apart        the same clips as they are, each of a second: level tells where the word begins and ends
joined, apart      two utterances of the manifests, of which only the ends of speech are known, by level

Reported are absolute errors in ms of word starts and ends as the runs of characters have them and as corrected by the
model's own numbers (`speechgru model calibrate` learns them). The known words are placed by forced alignment, so that
misrecognition doesn't matter; below each set are the words that the decoder got right.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import jiwer
import numpy as np
from tqdm import tqdm

from speechgru import audio
from speechgru.audio import AudioWarning
from speechgru.audio.energy import Signal
from speechgru.data import manifest
from speechgru.decoding import hypothesis
from speechgru.errors import SpeechGruError
from speechgru.evaluation.tune_times import Clip, Correct, Placed, clips, corrector, errors, place, trimmed
from speechgru.inference import CtcRecognizer, load_ctc
from speechgru.inference.word_times import Span

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DIGITS_AT_ONCE, WORDS_AT_ONCE = 5, 4
NOISE = 1e-4  # of what fills the gaps, full scale being 1
MARGIN_SECONDS = 0.5  # of the same at either end
JOINS = ("digits joined", "digits apart", "words joined", "words apart")
T = TypeVar("T")
Part = tuple[Signal, str, Span]  # a recording of one word, the word, and where it is, in seconds


def joined(kind: str, parts: Sequence[Part], gaps: Sequence[int], rate: int) -> Clip:
    """Parts one after the other with `gaps` samples of faint noise before each and after the last."""
    noise = np.random.default_rng(len(parts))
    fill = [(NOISE * noise.standard_normal(gap)).astype(np.float32) for gap in gaps]
    signals, spans = [fill[0]], []
    for (signal, _, (start, end)), gap in zip(parts, fill[1:], strict=True):
        shift = sum(map(len, signals)) / rate
        spans.append((start + shift, end + shift))
        signals += [signal, gap]
    return Clip(kind, np.concatenate(signals), tuple(word for _, word, _ in parts), tuple(spans))


def digits(data: Path, rate: int, count: int, rng: random.Random) -> Iterator[Clip]:
    """Of each speaker `count` recordings, half of them joined without a gap."""
    speakers: dict[str, list[Path]] = {}
    for path in sorted((data / "speech/free-spoken-digit-dataset/recordings").glob("*.wav")):
        speakers.setdefault(path.stem.split("_")[1], []).append(path)
    margin = round(MARGIN_SECONDS * rate)
    for paths in speakers.values():
        for index, group in enumerate(_groups(rng.sample(paths, min(count, len(paths))), DIGITS_AT_ONCE)):
            signals = [audio.read(path, rate) for path in group]
            parts = [(s, DIGITS[int(path.stem[0])], (0.0, len(s) / rate)) for s, path in zip(signals, group)]
            apart = index % 2 == 1
            between = [round(apart * rng.uniform(0.05, 0.5) * rate) for _ in group[1:]]
            yield joined(
                "digits apart" if apart else "digits joined", parts, [margin, *between, margin], rate
            )


def single_words(data: Path, rate: int, count: int, rng: random.Random) -> Iterator[Clip]:
    """Of `count` Speech Commands, those that can be trimmed; every other group trimmed and without a gap."""
    paths = sorted((data / "speech/speech_commands_3words").glob("*/*.*"))
    good = []
    for path in rng.sample(paths, min(count, len(paths))):
        signal = audio.read(path, rate)
        span = trimmed(signal, rate)
        if span is not None and 0.2 * rate < span[1] - span[0] < 0.9 * rate:
            good.append((path, signal, span))
    good.sort(key=lambda clip: clip[0].stem)  # by speaker, so that a group has one or two
    margin = round(MARGIN_SECONDS * rate)
    for index, group in enumerate(_groups(good, WORDS_AT_ONCE)):
        words = [(path.parent.name, signal, start, end) for path, signal, (start, end) in group]
        if index % 2:
            parts = [(signal, word, (start / rate, end / rate)) for word, signal, start, end in words]
            yield joined("words apart", parts, [0] * (len(parts) + 1), rate)
        else:
            parts = [(signal[s:e], word, (0.0, (e - s) / rate)) for word, signal, s, e in words]
            yield joined("words joined", parts, [margin, *[0] * (len(parts) - 1), margin], rate)


def sentences(manifests: Sequence[Path], rate: int) -> Iterator[Clip]:
    """Utterances of one speaker of which speech reaches neither edge, two by two."""
    for path in manifests:
        speakers: dict[str, list[tuple[Signal, str]]] = {}
        for utterance in manifest.read(path):
            if utterance.duration <= 10 and utterance.text:
                signal = audio.read(utterance.audio_filepath, rate)
                speakers.setdefault(utterance.speaker, []).append((signal, utterance.text))
        for recordings in speakers.values():
            for clip in clips(recordings, rate):
                yield replace(clip, kind=f"{clip.kind}, {path.stem}")


def _groups(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Whole groups of `size`; a rest is left out."""
    return (items[i : i + size] for i in range(0, len(items) - size + 1, size))


def recognised(recognizer: CtcRecognizer, clip: Clip, forced: Placed) -> Placed:
    """The words of the decoder, each with the span of the word beside it; one that it got wrong has none."""
    (output,) = recognizer.outputs([clip.signal])
    step = recognizer.engine.frame_seconds
    words = hypothesis.words(recognizer.decode(output), step, -step / 2)
    spans: list[Span] = [(np.nan, np.nan)] * len(words)
    for chunk in jiwer.process_words(" ".join(clip.words), " ".join(w.text for w in words)).alignments[0]:
        if chunk.type == "equal":
            spans[chunk.hyp_start_idx : chunk.hyp_end_idx] = clip.spans[
                chunk.ref_start_idx : chunk.ref_end_idx
            ]
    return replace(forced, words=words, spans=tuple(spans))


def summary(error: np.ndarray) -> str:
    """Median of the signed error, then median, mean and 90 % of the absolute one, in ms."""
    size = 1000 * np.abs(error)
    return f"{1000 * np.median(error):+6.0f}{np.median(size):7.0f}{size.mean():7.0f}{np.quantile(size, 0.9):7.0f}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="checkpoint, or the name of a packaged model")
    parser.add_argument("--data", type=Path, default=os.environ.get("SPEECHGRU_DATA"), metavar="FOLDER")
    parser.add_argument("--sentences", type=Path, nargs="*", default=[], metavar="MANIFEST")
    parser.add_argument("--count", type=int, default=800, help="single words, and five times as many digits")
    args = parser.parse_args()
    if args.data is None:
        parser.error("say where the corpora are: --data FOLDER, or set SPEECHGRU_DATA")
    warnings.simplefilter("ignore", AudioWarning)
    try:
        run(args)
    except (SpeechGruError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def run(args: argparse.Namespace) -> None:
    recognizer = load_ctc(args.model)
    rate, times = recognizer.sample_rate, recognizer.times
    if times is None:
        raise SpeechGruError(f"{args.model} has no times of its own: speechgru model calibrate learns them.")
    rng = random.Random(0)
    made = [
        *digits(Path(args.data), rate, args.count // 5, rng),
        *single_words(Path(args.data), rate, args.count, rng),
        *sentences(args.sentences, rate),
    ]
    sets: dict[tuple[str, str], list[Placed]] = {}
    for clip in tqdm(made, file=sys.stderr, disable=None):
        forced = place(recognizer, clip, [times.quiet])
        if forced is not None:
            sets.setdefault((clip.kind, "known"), []).append(forced)
            sets.setdefault((clip.kind, "recognised"), []).append(recognised(recognizer, clip, forced))
    before: Correct = lambda item: item.words  # noqa: E731
    after = corrector(times, recognizer.engine.frame_seconds)
    print(f"{'':<46}  {'runs of characters':^27}   {'corrected':^27}")
    head = f"{'bias':>6}{'median':>7}{'mean':>7}{'90 %':>7}"
    print(f"{'set':<22}{'words':<11}{'':<7}{'n':>6}  {head}   {head}")
    for (name, kind), items in sorted(sets.items()):
        for end, old, new in zip(
            ("starts", "ends"), errors(items, before), errors(items, after), strict=True
        ):
            if len(old):
                print(f"{name:<22}{kind:<11}{end:<7}{len(old):>6}  {summary(old)}   {summary(new)}")
    joins = [item for name in JOINS for item in sets.get((name, "known"), [])]
    old, new = (np.concatenate(errors(joins, correct)) for correct in (before, after))
    print(f"{'all known joins':<40}{len(old):>6}  {summary(old)}   {summary(new)}")


if __name__ == "__main__":
    sys.exit(main())
