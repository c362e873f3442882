"""What a recognizer returns: words with times and confidence, in segments; and how it is written."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from speechgru.errors import AudioWarning, ConfigError
from speechgru.utils import files, plugins

_SHOWN = 40  # characters of the text in a repr
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


@dataclass(frozen=True, repr=False)
class Transcript:
    """All segments of one recording. `str` of it is the text; a notebook shows it coloured by confidence.

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

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, as docs/transcript.schema.json describes them."""
        values: dict[str, Any] = plugins.find("writers", "json").as_dict(self)
        return values

    def to_json(self) -> str:
        """What `transcribe --format json` writes: `to_dict` as an indented JSON object."""
        return self._written("json")

    def to_srt(self, **layout: Any) -> str:
        """SubRip subtitles. `layout`: settings of `speechgru.writers.cues.Layout`, such as max_line_width=32.

        Raises:
            ConfigError: no such setting, or a value out of range.
        """
        return self._written("srt", **layout)

    def to_vtt(self, **layout: Any) -> str:
        """WebVTT subtitles; `layout` and errors as for `to_srt`."""
        return self._written("vtt", **layout)

    def save(self, path: str | Path, **layout: Any) -> None:
        """Write it, whole or not at all, in the format that the extension names: .txt, .json, .srt, .vtt, .ass, .lrc,
        .tsv, .ctm or .TextGrid. A file that is there is replaced.

        Raises:
            ConfigError: another extension (the choices are named); a layout as for `to_srt`.
            OSError: it can't be written.
        """
        formats = {plugins.find("writers", name).EXTENSION.lower(): name for name in plugins.names("writers")}
        extension = Path(path).suffix[1:].lower()
        if extension not in formats:
            raise ConfigError(plugins.unknown(f"extension of {path}", extension, sorted(formats)))
        text = self._written(formats[extension], **layout)
        with files.atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="surrogateescape")

    def _written(self, name: str, **layout: Any) -> str:
        writer, stream, options = plugins.find("writers", name), io.StringIO(), {}
        if layout and not hasattr(writer, "LAYOUT"):
            raise ConfigError(
                f"{name} shows no cues, so it takes no layout; got {', '.join(sorted(layout))}."
            )
        if layout:
            options["layout"] = writer.LAYOUT.of(name, writer.STYLES, layout)
        writer.write(self, stream, **options)
        return stream.getvalue()

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        text = self.text
        shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1].rstrip()}…"
        source = f"{self.source!r}, " if self.source else ""
        return f"<Transcript {source}{self.duration:.1f} s, {len(self.words)} words: {shown!r}>"

    def _repr_html_(self) -> str:
        """For notebooks: each segment's start and words, the redder the less confident; figures under the mouse."""
        head = f"{self.source or 'recording'}, {self.duration:.1f} s"
        if self.expected_wer is not None:
            head += f", expected WER {100 * self.expected_wer:.0f} %"
        rows = (
            f"<tr><td>{segment.start:.2f}</td><td>{' '.join(map(_word_html, segment.words))}</td></tr>"
            for segment in self.segments
        )
        # A file's name need not be UTF-8, but a page must be.
        name = escape(head.encode("utf-8", "replace").decode("utf-8"))
        return f"<table><caption>{name}</caption><tr><th>s</th><th>text</th></tr>{''.join(rows)}</table>"


def _word_html(word: Word) -> str:
    figures = f"{word.start:.2f} to {word.end:.2f} s, confidence {100 * word.confidence:.0f} %"
    opacity = 0.6 * (1 - min(max(word.confidence, 0.0), 1.0))
    style = f"background:rgba(220,50,47,{opacity:.2f})"
    return f'<span style="{style}" title="{figures}">{escape(word.text)}</span>'


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
