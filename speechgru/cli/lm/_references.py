"""Texts that a language model is judged by, or must not have seen."""

from __future__ import annotations

from pathlib import Path

from speechgru.data import manifest
from speechgru.lm.sentences import fast_normalise, read_sentences


def read_references(path: str | Path) -> list[str]:
    """The normalised sentences of a text file, or one for each utterance of a manifest (`.jsonl`).

    Raises:
        ManifestError, LanguageModelError: the file can't be read.
    """
    if str(path).endswith(".jsonl"):
        return [fast_normalise(utterance.text) for utterance in manifest.read(path)]
    return list(read_sentences(path))
