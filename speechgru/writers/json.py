"""JSON: everything a transcript knows. Times in seconds, rounded to milliseconds; confidence in [0, 1].

Keys: version, audio_filepath (the recording, as everywhere in JSON: the path as it was given, "-" for standard input,
"" for an array), model, duration, text, segments (start, end, text, confidence, words (text, start, end, confidence)),
expected_wer, warnings, truncated. docs/transcript.schema.json describes them; VERSION rises when a key changes its name
or its meaning, and not when one is added.

Where the model's confidences are calibrated, a word's is the probability that it is right, and expected_wer is the
word error rate to be expected of the whole recording, as a fraction (0.1 is 10 %); else it is null, and also where
nothing was recognised.
"""

from __future__ import annotations

import json
import os
from typing import Any, TextIO

from speechgru.transcript import Segment, Transcript, Word

EXTENSION = "json"
VERSION = 1


def write(transcript: Transcript, stream: TextIO) -> None:
    """One indented object."""
    stream.write(json.dumps(as_dict(transcript), indent=2, ensure_ascii=False) + "\n")


def write_line(transcript: Transcript, stream: TextIO) -> None:
    """One object on one line (JSON Lines): for several recordings in one stream."""
    stream.write(json.dumps(as_dict(transcript), ensure_ascii=False) + "\n")


def as_dict(transcript: Transcript) -> dict[str, Any]:
    """The transcript as plain values, ready for json.dumps."""
    return {
        "version": VERSION,
        # A file name need not be UTF-8, but JSON must be.
        "audio_filepath": os.fsencode(transcript.source).decode("utf-8", "replace"),
        "model": transcript.model,
        "duration": round(transcript.duration, 3),
        "text": transcript.text,
        "segments": [_segment(segment) for segment in transcript.segments],
        "expected_wer": None if transcript.expected_wer is None else round(transcript.expected_wer, 4),
        "warnings": [warning.text for warning in transcript.warnings],
        "truncated": transcript.truncated,
    }


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "confidence": round(segment.confidence, 4),
        "words": [_word(word) for word in segment.words],
    }


def _word(word: Word) -> dict[str, Any]:
    return {
        "text": word.text,
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        "confidence": round(word.confidence, 4),
    }
