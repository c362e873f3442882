"""Errors a user can act on. Each message says what was given, what was expected and what to do."""

from __future__ import annotations


class SpeechGruError(Exception):
    """Base of every error that the command line prints without a traceback."""


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
