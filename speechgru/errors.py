"""Errors a user can act on, and warnings. Each message says what was given, what was expected and what to do."""

from __future__ import annotations

import re
from typing import Literal

WarningKind = Literal["clipped", "narrow", "truncated", "mismatch", "layout", "channels", "tracks"]

LONGEST = 1500
"""Characters of an error's message: a damaged file must not fill the screen."""
_KEPT_END = 400
# Control characters but tab and line feed, ends of lines that are none to a terminal, and changes of direction.
_STEERING = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]")


def printable(text: str) -> str:
    r"""`text` with what steers a terminal written out, as in `\x1b`: names and texts of files are other people's.

    >>> print(printable("a\x1b[31m b"))
    a\x1b[31m b
    """
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def _short(message: str) -> str:
    """The beginning and the end, which says what to do, of a message of more than LONGEST characters."""
    if len(message) <= LONGEST:
        return message
    return f"{message[: LONGEST - _KEPT_END]} ... {message[5 - _KEPT_END :]}"


class SpeechGruError(Exception):
    """Base of every error that the command line prints without a traceback.

    Its message is `printable` and has at most LONGEST characters.

    Attributes:
        source: the file that the message names and is about, as the caller named it; "" for none.
    """

    def __init__(self, message: str = "", *, source: object = "") -> None:
        super().__init__(_short(printable(message)))
        self.source = str(source)


class UsageError(SpeechGruError):
    """Arguments of a command that don't go together. Exit code 2."""


class DependencyError(SpeechGruError):
    """A package that isn't installed, can't be loaded, or is of a version that doesn't fit."""


class AudioError(SpeechGruError):
    """A recording that can't be opened, decoded or used."""


class ConfigError(SpeechGruError):
    """A recipe, setting or name that doesn't exist or has the wrong type."""


class CorpusError(SpeechGruError):
    """A corpus whose folder or contents are not what its layout promises."""


class DownloadError(SpeechGruError):
    """A file that can't be fetched, isn't what its publisher says, or can't be unpacked safely."""


class ManifestError(SpeechGruError):
    """A manifest line that can't be read."""


class CheckpointError(SpeechGruError):
    """A model file that is damaged, of another kind, or doesn't fit what it says it holds."""


class TrainingError(SpeechGruError):
    """A training run that can't start, go on, or be resumed."""


class LanguageModelError(SpeechGruError):
    """A language model, or the text for one, that can't be read or used."""


class TextError(SpeechGruError):
    """A text that can't be read, or doesn't fit its recording."""


class MusicError(SpeechGruError):
    """Notes, or a file of notes, that can't be read, written or used."""


class AudioWarning(UserWarning):
    """A recording that can be used, but is clipped, narrow-band or cut short, or doesn't match its text; or that is
    read in a way that a user should know of: its headers are wrong (layout), channels cancel, it has several tracks.

    Attributes:
        kind: what to decide by.
        text: a sentence for people; `str` of the warning.
    """

    def __init__(self, kind: WarningKind, text: str) -> None:
        text = printable(text)
        super().__init__(kind, text)  # both, for pickle
        self.kind: WarningKind = kind
        self.text = text

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AudioWarning) and self.args == other.args

    def __hash__(self) -> int:
        return hash(self.args)
