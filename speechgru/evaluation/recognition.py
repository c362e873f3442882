"""Measure a model the way its users meet it: files in, texts out, errors and time counted."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgru import audio
from speechgru.data import Utterance, manifest, read_audio
from speechgru.data.manifest import TOLERANCE
from speechgru.errors import AudioError, SpeechGruError
from speechgru.evaluation import errors, wer
from speechgru.evaluation.calibration_error import Reliability, measure
from speechgru.inference import load_recognizer
from speechgru.utils import bootstrap
from speechgru.utils.files import write_text

if TYPE_CHECKING:
    import numpy as np

    from speechgru.inference import Recognizer
    from speechgru.text import Normaliser
    from speechgru.transcript import Transcript

DETAIL_COLUMNS = (
    *("set", "id", "speaker", "words", "substitutions", "insertions", "deletions", "expected_wer"),
    *("reference", "hypothesis", "alignment"),
)


@dataclass(frozen=True)
class Row:
    """One scored utterance, with the confidence of each recognised word and the WER that they let expect."""

    utterance: Utterance
    alignment: wer.Alignment
    confidences: tuple[float, ...] = ()
    expected_wer: float | None = None

    @property
    def id(self) -> str:
        """The utterance's id, or its path where it has none."""
        return self.utterance.id or str(self.utterance.audio_filepath)


@dataclass(frozen=True)
class Failure:
    """A recording that could not be read whole, and why. It is in no score."""

    utterance: Utterance
    message: str


@dataclass(frozen=True)
class Evaluation:
    """A set's score, its time in seconds, each utterance's alignment, and what could not be read."""

    score: wer.Score
    audio_seconds: float
    wall_seconds: float
    rows: tuple[Row, ...]
    failed: tuple[Failure, ...] = ()

    @property
    def real_time_factor(self) -> float:
        """Seconds of work, reading included, per second of audio. NaN without audio."""
        return self.wall_seconds / self.audio_seconds if self.audio_seconds else math.nan

    def cells(self) -> dict[str, str]:
        """Its row in a report, by column."""
        score = self.score
        return {
            "WER": percent(score.wer),
            "95 % interval": interval_text(score.interval),
            "taken over": resampled_text(score),
            "words": str(score.words.total),
            "S / I / D": f"{score.words.substitutions} / {score.words.insertions} / {score.words.deletions}",
            "CER": percent(score.cer),
            "hours": f"{self.audio_seconds / 3600:.2f}",
            "RTF": f"{self.real_time_factor:.4f}",
            "not scored": str(len(self.failed)),
        }

    def note(self) -> str:
        """How the row is to be read."""
        return (
            "WER and CER are pooled over all utterances; S / I / D: substituted, inserted, deleted words; the "
            f"interval is a percentile bootstrap; texts are normalised by {self.score.normaliser}; RTF: seconds "
            "of work per second of audio; not scored: recordings that could not be read."
        )

    def details(self) -> str:
        """Errors by length, level and speaker, and the words that go wrong most, as tables in Markdown."""
        return errors.to_markdown(self.rows)

    def describe(self) -> str:
        """A few lines for people: rates, counts, intervals and what they were taken over, normaliser, speed."""
        score = self.score
        lines = [
            f"WER                {percent(score.wer)}, 95 % interval {interval_text(score.interval)}",
            f"                   {_counted(score.words, 'words')}",
            f"CER                {percent(score.cer)}, 95 % interval {interval_text(score.cer_interval)}",
            f"                   {_counted(score.characters, 'characters')}",
            f"interval over      {resampled_text(score)}, {score.samples} resamples",
            f"normaliser         {score.normaliser}, on reference and hypothesis",
            f"audio              {self.audio_seconds / 3600:.3f} h in {score.utterances} utterances",
            f"real-time factor   {self.real_time_factor:.4f} ({self.wall_seconds:.1f} s)",
        ]
        lines += [f"{name:<19}{line}" for name, line in self.reliability.describe().items()]
        if self.failed:
            lines.append(f"not scored         {len(self.failed)} recordings that could not be read")
        return "\n".join(lines)

    @property
    def reliability(self) -> Reliability:
        """How far the words' confidences, and the files' expected WER, can be trusted."""
        words = [
            pair
            for row in self.rows
            if len(row.confidences) == len(row.alignment.hits)  # the normaliser may join words or part them
            for pair in zip(row.confidences, row.alignment.hits, strict=True)
        ]
        files = [
            (row.expected_wer, row.alignment.words.rate, len(row.confidences))
            for row in self.rows
            if row.expected_wer is not None and row.alignment.words.total
        ]
        return measure(words, files)

    def to_dict(self) -> dict[str, Any]:
        """Score, reliability, times and failures, ready for JSON: an undefined number is None."""
        return {
            **self.score.to_dict(),
            "audio_seconds": round(self.audio_seconds, 3),
            "wall_seconds": round(self.wall_seconds, 3),
            "reliability": self.reliability.to_dict(),
            "real_time_factor": round(self.real_time_factor, 5) if self.audio_seconds else None,
            "failed": [
                {"audio_filepath": str(failure.utterance.audio_filepath), "message": failure.message}
                for failure in self.failed
            ],
        }


def evaluate(
    recognizer: Recognizer | str | Path | None,
    utterances: Sequence[Utterance] | str | Path,
    *,
    batch_size: int | None = None,
    on_progress: Callable[[int], None] | None = None,
    samples: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Transcribe `utterances` with `recognizer.transcribe_many` and score the result. What the model writes decides
    how texts are normalised, see `normalize.normaliser_for`.

    A recording that can't be read, or ends before it should, is left out of the score and listed in `failed`:
    scored as empty it would look like a weak model rather than a broken file.

    Args:
        recognizer: from `load_recognizer`, so that what is measured is the file that users get; or what names a model
            there.
        utterances: or the path of a manifest of them. Of one with an offset, or shorter than its file, only that part
            is read; one longer than its file is listed in `failed`.
        batch_size: files at once; the recognizer's own choice where None.
        on_progress: called with the number of utterances done so far.
        samples, seed: of the bootstrap, see `wer.score`.

    Raises:
        ManifestError: a manifest that can't be read, or holds no utterance.
        SpeechGruError: no utterances, or not one of them could be read.
    """
    if isinstance(utterances, (str, Path)):
        utterances = manifest.read_set(utterances)
    if recognizer is None or isinstance(recognizer, (str, Path)):
        recognizer = load_recognizer(recognizer)
    if not utterances:
        raise SpeechGruError("There is nothing to evaluate: a set of at least one utterance is expected.")
    started = time.perf_counter()
    done: list[tuple[Utterance, Transcript]] = []
    failed: list[Failure] = []
    for utterance, result in _transcribe(recognizer, utterances, batch_size, failed):
        if isinstance(result, SpeechGruError):
            failed.append(Failure(utterance, str(result)))
        elif result.truncated:
            failed.append(
                Failure(utterance, "; ".join(map(str, result.warnings)) or "The file ends before it should.")
            )
        else:
            done.append((utterance, result))
        if on_progress is not None:
            on_progress(len(done) + len(failed))
    wall_seconds = time.perf_counter() - started
    if not done:
        raise SpeechGruError(
            f"None of {len(failed)} recordings could be read. The first: {failed[0].message}"
        )
    score, rows = _scored(done, recognizer.normaliser, samples, seed)
    seconds = sum(transcript.duration for _, transcript in done)
    return Evaluation(score, seconds, wall_seconds, rows, tuple(failed))


def _scored(
    done: Sequence[tuple[Utterance, Transcript]], normaliser: Normaliser, samples: int, seed: int
) -> tuple[wer.Score, tuple[Row, ...]]:
    """The score of all transcripts together, and a row for each."""
    alignments = wer.align([u.text for u, _ in done], [transcript.text for _, transcript in done], normaliser)
    score = wer.summarise(
        alignments, [u.speaker for u, _ in done], samples=samples, seed=seed, normaliser=normaliser.name
    )
    rows = tuple(
        Row(utterance, alignment, tuple(word.confidence for word in made.words), made.expected_wer)
        for (utterance, made), alignment in zip(done, alignments, strict=True)
    )
    return score, rows


def _transcribe(
    recognizer: Recognizer, utterances: Sequence[Utterance], batch_size: int | None, failed: list[Failure]
) -> Iterator[tuple[Utterance, Transcript | SpeechGruError]]:
    """Results in order. Parts are cut only when the recognizer asks for them, so that few are in memory."""
    waiting: deque[Utterance] = deque()

    def sources() -> Iterator[Path | np.ndarray]:
        for utterance in utterances:
            try:
                source = _source(utterance, recognizer.sample_rate)
            except AudioError as error:
                failed.append(Failure(utterance, str(error)))
                continue
            waiting.append(utterance)
            yield source

    for _, result in recognizer.transcribe_many(sources(), batch_size):
        yield waiting.popleft(), result


def _source(utterance: Utterance, sample_rate: int) -> Path | np.ndarray:
    """The file itself, or samples [time] at `sample_rate` where the utterance is only a part of it."""
    length = audio.info(utterance.audio_filepath).duration
    if utterance.duration == 0:
        raise AudioError(
            f"{utterance.audio_filepath} has duration 0 in its manifest; expected its length in s.",
            source=utterance.audio_filepath,
        )
    if utterance.offset == 0 and (length is None or abs(length - utterance.duration) <= TOLERANCE):
        return utterance.audio_filepath
    sound = read_audio(utterance, sample_rate)
    if sound.truncated:
        path = utterance.audio_filepath
        raise AudioError(f"{path}: {sound.warnings[0]}", source=path)  # truncation comes first
    return sound.signal


# ------------------------------------------------------------------------------------------- as text


def percent(rate: float) -> str:
    """A fraction as per cent with two digits; `undefined` for NaN."""
    return "undefined" if math.isnan(rate) else f"{100 * rate:.2f} %"


def interval_text(low_high: tuple[float, float]) -> str:
    """`10.10 to 14.50 %`, or `none` for NaN."""
    low, high = low_high
    return "none" if math.isnan(low) or math.isnan(high) else f"{100 * low:.2f} to {100 * high:.2f} %"


def resampled_text(score: wer.Score) -> str:
    """What the interval was taken over and, where that isn't speakers, why."""
    if score.interval_over == "speakers":
        return f"{score.speakers} speakers"
    if not score.speakers:
        return f"{score.utterances} utterances (speakers unknown)"
    if score.speakers < bootstrap.MIN_SPEAKERS:
        return (
            f"{score.utterances} utterances ({score.speakers} speakers, fewer than {bootstrap.MIN_SPEAKERS})"
        )
    return f"{score.utterances} utterances (some speakers unknown)"


def _counted(counts: wer.Counts, units: str) -> str:
    return (
        f"{counts.total} {units}: {counts.substitutions} substitutions, {counts.insertions} insertions, "
        f"{counts.deletions} deletions"
    )


def write_details(path: str | Path, evaluations: Mapping[str, Evaluation]) -> None:
    """Write one tab-separated line per scored utterance of each set, below a line of column names.

    `expected_wer` is a fraction, empty where it isn't known. The last column holds both texts: `(cat>hat)`
    substituted, `(+on)` inserted, `(-mat)` deleted.
    """
    lines: list[tuple[str, ...]] = [DETAIL_COLUMNS]
    for name, evaluation in evaluations.items():
        for row in evaluation.rows:
            words, alignment = row.alignment.words, row.alignment
            counts = (words.total, words.substitutions, words.insertions, words.deletions)
            expected = "" if row.expected_wer is None else f"{row.expected_wer:.4f}"
            texts = (alignment.reference, alignment.hypothesis, alignment.aligned)
            lines.append((name, row.id, row.utterance.speaker, *map(str, counts), expected, *texts))
    # A tab or line break inside a name would break the table; in a name a space serves as well.
    write_text(path, "".join("\t".join(" ".join(cell.split()) for cell in line) + "\n" for line in lines))
