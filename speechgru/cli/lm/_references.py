"""Texts that a language model is judged by, or must not have seen."""

from __future__ import annotations

from pathlib import Path

from speechgru.data import manifest
from speechgru.lm.sentences import fast_normalise, read_sentences, without_symbols


def read_references(path: str | Path, *, skip_symbols: bool = False) -> list[str]:
    """The normalised sentences of a text file, or one for each utterance of a manifest (`.jsonl`); symbols of language
    models are refused in both, or left out to `skip_symbols`.

    Raises:
        ManifestError, LanguageModelError: the file can't be read.
    """
    if str(path).endswith(".jsonl"):
        return [
            fast_normalise(without_symbols(utterance.text, f"{path}, {utterance.id or number}", skip_symbols))
            for number, utterance in enumerate(manifest.read(path), start=1)
        ]
    return list(read_sentences(path, skip_symbols=skip_symbols))
