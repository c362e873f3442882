"""Learn a model's word times, and measure how far they are from the truth.

    python benchmarks/times.py MODEL --data FOLDER [--sentences dev.jsonl ...] [--write]

FOLDER holds public corpora as $SPEECHGRU_DATA does. Recordings whose words have known ends are joined:

digits joined      spoken digits of one speaker, closely trimmed by those who made the set, without a gap
digits apart       the same with 50 to 500 ms of faint noise between them
words joined       single words of Speech Commands, trimmed by level, without a gap
words apart        the same clips as they are, each of a second: level tells where the word begins and ends
sentences          two utterances of the manifests, of which only the ends of speech are known, by level

Half of the speakers of words and sentences learn the numbers of speechgru.inference.word_times.Times (least mean
error, none counted above 200 ms, each set alike); the other half, and all digits, are reported: absolute errors in ms
of word starts and ends as the runs of letters have them and as corrected. The known words are placed by forced
alignment, so that misrecognition doesn't matter; below each set are the words that the decoder got right.
--write stores the numbers in the model's header.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import jiwer
import numpy as np
import torch
import torchaudio.functional
from tqdm import tqdm

from speechgru.audio import stream as audio
from speechgru.audio.energy import Signal, floor_and_top, levels
from speechgru.audio.stream import AudioWarning
from speechgru.data import manifest
from speechgru.decoding import hypothesis
from speechgru.decoding.hypothesis import Hypothesis, Token
from speechgru.errors import SpeechGruError
from speechgru.inference.recognizer import Recognizer, load_recognizer
from speechgru.inference.word_times import Times, corrected
from speechgru.models import checkpoint
from speechgru.transcript import Word
from speechgru.utils.assets import find_model

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DIGITS_AT_ONCE, WORDS_AT_ONCE, SENTENCES_AT_ONCE = 5, 4, 2
NOISE = 1e-4  # of what fills the gaps, full scale being 1
MARGIN_SECONDS = 0.5  # of the same at either end
TRIM_SECONDS = 0.01  # frames in which a clip is trimmed
TRIM_SHARE, TRIM_MIN_DB, TRIM_MIN_RANGE_DB = 0.25, 6.0, 20.0
CAP_SECONDS = 0.2
JOINS = ("digits joined", "digits apart", "words joined", "words apart")
GRID = {
    "start": np.arange(-0.12, 0.121, 0.02),
    "end": np.arange(-0.04, 0.201, 0.02),
    "reach": np.array([0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4]),
    "quiet": np.array([0.15, 0.2, 0.25, 0.3, 0.35]),
}
FIRST = Times(start=0.0, end=0.06, reach=0.25, quiet=0.25)


@dataclass(frozen=True)
class Spoken:
    """A word and when it was said, in seconds; NaN where that isn't known."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Clip:
    """Joined recordings [time], what is said in them, and who says it."""

    name: str
    speaker: str
    signal: Signal
    said: tuple[Spoken, ...]


@dataclass(frozen=True)
class Placed:
    """A clip with words over their runs of letters: each of `words` is the word of `said` beside it."""

    clip: Clip
    words: tuple[Word, ...]
    said: tuple[Spoken | None, ...]


# -------------------------------------------------------------------------------- recordings with known ends


def trimmed(signal: Signal, rate: int) -> tuple[int, int] | None:
    """First and last sample of what is said in a clip; None where it doesn't stand out of its background."""
    level = levels(signal, rate, TRIM_SECONDS)
    floor, top = floor_and_top(level)
    if top - floor < TRIM_MIN_RANGE_DB:
        return None
    loud = level > floor + max(TRIM_MIN_DB, TRIM_SHARE * (top - floor))
    steady = np.flatnonzero(np.convolve(loud, np.ones(3), "same") >= 2)  # a click is no speech
    size = round(TRIM_SECONDS * rate)
    start, end = steady[0] * size, (steady[-1] + 1) * size
    # Speech that reaches the edge of the clip may have been cut off.
    return (int(start), int(end)) if start > 0.05 * rate and end < len(signal) - 0.05 * rate else None


def joined(
    name: str, speaker: str, parts: Sequence[tuple[Signal, tuple[Spoken, ...]]], gaps, rate: int
) -> Clip:
    """Parts one after the other with `gaps` samples of faint noise before each and after the last."""
    noise = np.random.default_rng(len(parts))
    signals, said, position = [], [], 0
    for index, gap in enumerate(gaps):
        signals.append((NOISE * noise.standard_normal(gap)).astype(np.float32))
        position += gap
        if index < len(parts):
            signal, spoken = parts[index]
            shift = position / rate
            said += [replace(word, start=word.start + shift, end=word.end + shift) for word in spoken]
            signals.append(signal)
            position += len(signal)
    return Clip(name, speaker, np.concatenate(signals), tuple(said))


def digits(data: Path, rate: int, count: int, rng: random.Random) -> Iterator[Clip]:
    """Of each speaker `count` recordings, half of them joined without a gap."""
    speakers: dict[str, list[Path]] = {}
    for path in sorted((data / "speech/free-spoken-digit-dataset/recordings").glob("*.wav")):
        speakers.setdefault(path.stem.split("_")[1], []).append(path)
    margin = round(MARGIN_SECONDS * rate)
    for speaker, paths in speakers.items():
        for index, group in enumerate(_groups(rng.sample(paths, min(count, len(paths))), DIGITS_AT_ONCE)):
            parts = []
            for path in group:
                signal = audio.read(path, rate)
                parts.append((signal, (Spoken(DIGITS[int(path.stem[0])], 0.0, len(signal) / rate),)))
            apart = index % 2 == 1
            between = [round(apart * rng.uniform(0.05, 0.5) * rate) for _ in group[1:]]
            name = "digits apart" if apart else "digits joined"
            yield joined(name, speaker, parts, [margin, *between, margin], rate)


def single_words(data: Path, rate: int, count: int, rng: random.Random) -> Iterator[Clip]:
    """Of `count` Speech Commands, those that can be trimmed; every other group trimmed and without a gap."""
    paths = sorted((data / "speech/speech_commands_3words").glob("*/*.*"))
    good = []
    for path in rng.sample(paths, min(count, len(paths))):
        signal = audio.read(path, rate)
        span = trimmed(signal, rate)
        if span is not None and 0.2 * rate < span[1] - span[0] < 0.9 * rate:
            good.append((path, signal, span))
    # By speaker, so that a group has one or two and the halves share next to none.
    good.sort(key=lambda clip: clip[0].stem)
    margin = round(MARGIN_SECONDS * rate)
    for index, group in enumerate(_groups(good, WORDS_AT_ONCE)):
        apart = index % 2 == 1
        parts = []
        for path, signal, (start, end) in group:
            if apart:
                parts.append((signal, (Spoken(path.parent.name, start / rate, end / rate),)))
            else:
                parts.append((signal[start:end], (Spoken(path.parent.name, 0.0, (end - start) / rate),)))
        gaps = [0] * (len(parts) + 1) if apart else [margin, *[0] * (len(parts) - 1), margin]
        yield joined(
            "words apart" if apart else "words joined", group[0][0].stem.split("_")[0], parts, gaps, rate
        )


def sentences(manifests: Sequence[Path], rate: int) -> Iterator[Clip]:
    """Utterances of which speech reaches neither edge, two by two."""
    for path in manifests:
        good = []
        for utterance in sorted(manifest.read(path), key=lambda u: u.speaker):
            signal = audio.read(utterance.audio_filepath, rate)
            span = trimmed(signal, rate) if len(signal) <= 12 * rate else None
            if span is not None and utterance.text:
                good.append((utterance, signal, span))
        for group in _groups(good, SENTENCES_AT_ONCE):
            parts = []
            for utterance, signal, (start, end) in group:
                said = [Spoken(text, np.nan, np.nan) for text in utterance.text.split()]
                said[0] = replace(said[0], start=start / rate)
                said[-1] = replace(said[-1], end=end / rate)
                parts.append((signal, tuple(said)))
            yield joined(f"sentences, {path.stem}", group[0][0].speaker, parts, [0] * (len(parts) + 1), rate)


def _groups(items: Sequence, size: int) -> Iterator[Sequence]:
    """Whole groups of `size`; a rest is left out."""
    return (items[i : i + size] for i in range(0, len(items) - size + 1, size))


# ------------------------------------------------------------------------------------------ words in them


def place(recognizer: Recognizer, clip: Clip) -> tuple[Placed, Placed]:
    """The words of `clip` by forced alignment, and those that the decoder finds."""
    (output,) = recognizer.outputs([clip.signal])
    log_probs = recognizer.letters(output)
    step = recognizer.engine.frame_seconds
    found = hypothesis.words(recognizer.read(output), step, -step / 2)
    forced = hypothesis.words(align(recognizer, log_probs, clip), step, -step / 2)
    beside: list[Spoken | None] = [None] * len(found)
    reference = " ".join(spoken.text for spoken in clip.said)
    for chunk in jiwer.process_words(reference, " ".join(word.text for word in found)).alignments[0]:
        if chunk.type == "equal":
            beside[chunk.hyp_start_idx : chunk.hyp_end_idx] = clip.said[
                chunk.ref_start_idx : chunk.ref_end_idx
            ]
    return Placed(clip, forced, clip.said), Placed(clip, found, tuple(beside))


def align(recognizer: Recognizer, log_probs: np.ndarray, clip: Clip) -> Hypothesis:
    """The known text over the frames where the network would most likely say it."""
    symbols = recognizer.engine.vocabulary.symbols
    text = " ".join(spoken.text for spoken in clip.said)
    targets = torch.tensor([[symbols.index(letter) for letter in text]])
    path, scores = torchaudio.functional.forced_align(torch.from_numpy(log_probs)[None], targets, blank=0)
    spans = torchaudio.functional.merge_tokens(path[0], scores[0].exp())
    tokens = tuple(Token(symbols[span.token], span.start, span.end, span.score) for span in spans)
    return Hypothesis(text, tokens, float(scores.sum()))


# ------------------------------------------------------------------------------------- errors and learning

Correct = Callable[[Placed], Sequence[Word]]


def errors(placed: Sequence[Placed], correct: Correct) -> tuple[np.ndarray, np.ndarray]:
    """Signed errors of starts and of ends, in seconds; positive is late."""
    pairs = [
        (word, spoken)
        for item in placed
        for word, spoken in zip(correct(item), item.said, strict=True)
        if spoken is not None
    ]
    both = np.array([(word.start - said.start, word.end - said.end) for word, said in pairs]).reshape(-1, 2)
    return tuple(column[~np.isnan(column)] for column in both.T)


def loss(placed: dict[str, list[Placed]], correct: Correct) -> float:
    """Mean absolute error in seconds, capped, each set and each kind of end alike."""
    means = [
        np.minimum(np.abs(e), CAP_SECONDS).mean()
        for items in placed.values()
        for e in errors(items, correct)
        if len(e)
    ]
    return float(np.mean(means))


def learn(placed: dict[str, list[Placed]], correct_with: Callable[[Times], Correct]) -> Times:
    """The best of GRID, one number after the other, twice."""
    times, best = FIRST, np.inf
    for name, values in [*GRID.items(), *GRID.items()]:
        tried = [replace(times, **{name: round(float(value), 3)}) for value in values]
        losses = [loss(placed, correct_with(candidate)) for candidate in tried]
        if min(losses) < best:
            best, times = min(losses), tried[int(np.argmin(losses))]
    return times


def table(name: str, kind: str, before: tuple[np.ndarray, ...], after: tuple[np.ndarray, ...]) -> str:
    """Two lines: starts and ends, each before and after."""
    lines = []
    for end, old, new in zip(("starts", "ends"), before, after, strict=True):
        if len(old):
            lines.append(f"{name:<22}{kind:<11}{end:<7}{len(old):>6}  {summary(old)}   {summary(new)}")
    return "\n".join(lines)


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
    parser.add_argument("--fixed", action="store_true", help="measure the model's own numbers, learn none")
    parser.add_argument("--write", action="store_true", help="store the numbers in the model's header")
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
    recognizer = load_recognizer(args.model)
    rate, step = recognizer.sample_rate, recognizer.engine.frame_seconds
    rng = random.Random(0)
    clips = [
        *digits(args.data, rate, args.count // 5, rng),
        *single_words(args.data, rate, args.count, rng),
        *sentences(args.sentences, rate),
    ]
    speakers = sorted({clip.speaker for clip in clips})
    teachers = set(rng.sample(speakers, len(speakers) // 2))
    teaching: dict[str, list[Placed]] = {}
    held_out: dict[str, tuple[list[Placed], list[Placed]]] = {}
    for clip in tqdm(clips, file=sys.stderr, disable=None):
        forced, found = place(recognizer, clip)
        if clip.speaker in teachers and not clip.name.startswith("digits"):
            teaching.setdefault(clip.name, []).append(forced)
        else:
            for items, item in zip(held_out.setdefault(clip.name, ([], [])), (forced, found), strict=True):
                items.append(item)

    def correct_with(times: Times) -> Correct:
        return lambda item: corrected(item.words, item.clip.signal, rate, times, step)

    times = recognizer.times if args.fixed else learn(teaching, correct_with)
    if times is None:
        raise SpeechGruError(f"{args.model} has no times of its own. Leave --fixed out to learn them.")
    print(", ".join(f"{name} {value}" for name, value in asdict(times).items()))
    print(f"{'':<46}  {'runs of letters':^27}   {'corrected':^27}")
    head = f"{'bias':>6}{'median':>7}{'mean':>7}{'90 %':>7}"
    print(f"{'set':<22}{'words':<11}{'':<7}{'n':>6}  {head}   {head}")
    for name, both in sorted(held_out.items()):
        for kind, items in zip(("known", "recognised"), both, strict=True):
            print(table(name, kind, errors(items, lambda i: i.words), errors(items, correct_with(times))))
    joins = [item for name, (forced, _) in held_out.items() if name in JOINS for item in forced]
    both_ends = [
        np.concatenate(errors(joins, correct)) for correct in (lambda i: i.words, correct_with(times))
    ]
    print(f"{'all known joins':<40}{len(both_ends[0]):>6}  {summary(both_ends[0])}   {summary(both_ends[1])}")
    if args.write:
        checkpoint.annotate(find_model(args.model), {"times": asdict(times)})


if __name__ == "__main__":
    sys.exit(main())
