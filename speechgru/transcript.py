"""What a recognizer returns: words with times and confidence, in segments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from speechgru.errors import AudioWarning

PAUSE_SECONDS = 1.0
"""Words further apart than this belong to different segments."""


@dataclass(frozen=True)
class Word:
    """One recognised word. Times in seconds from the start of the recording, confidence in [0, 1]."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Segment:
    """A stretch of speech between pauses: at least one word. Times in seconds."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def start(self) -> float:
        return self.words[0].start

    @property
    def end(self) -> float:
        return self.words[-1].end

    @property
    def confidence(self) -> float:
        """Mean of the words' confidences, in [0, 1]."""
        return sum(word.confidence for word in self.words) / len(self.words)


@dataclass(frozen=True)
class Transcript:
    """All segments of one recording.

    `duration` is the length of the audio in seconds. `warnings` are what a user should know about the
    recording (narrow band, clipping, truncation); `truncated` says that the file ended before it should.
    `source` is the path as it was given, "-" for standard input, "" for an array; `model` names what
    recognised it. `expected_wer` is the word error rate to be expected, as a fraction, judging by the words'
    confidences alone; None where they aren't calibrated, or nothing was recognised.
    """

    segments: tuple[Segment, ...]
    duration: float
    warnings: tuple[AudioWarning, ...] = ()
    truncated: bool = False
    source: str = ""
    model: str = ""
    expected_wer: float | None = None

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for segment in self.segments for word in segment.words)

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)


def segments(words: Iterable[Word], pause: float = PAUSE_SECONDS) -> tuple[Segment, ...]:
    """Group `words` (in time order) into segments, a new one wherever `pause` seconds or more are silent.

    >>> [s.text for s in segments([Word("a", 0, 1, 1.0), Word("b", 1.5, 2, 1.0), Word("c", 4, 5, 1.0)])]
    ['a b', 'c']
    """
    groups: list[list[Word]] = []
    for word in words:
        if groups and word.start - groups[-1][-1].end < pause:
            groups[-1].append(word)
        else:
            groups.append([word])
    return tuple(Segment(tuple(group)) for group in groups)
