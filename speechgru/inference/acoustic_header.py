"""The header of an acoustic model's file: what its outputs stand for and how they become a transcript."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from speechgru.inference.confidence import Calibration
from speechgru.inference.gate import Gate
from speechgru.inference.word_times import Times
from speechgru.models.audio_header import AudioHeader
from speechgru.text import Vocabulary


@dataclass(frozen=True)
class DecoderEntry:
    """A header's `decoder`: the name of the decoder that the model is read with, and its settings."""

    name: str = "greedy"
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AcousticHeader(AudioHeader):
    """The header of an acoustic model.

    vocabulary: characters, the blank first: what the columns of its log-probabilities stand for.
    sounds: names of the phones, the space first, whose columns (a blank before them) follow; none of most.
    languages: codes of what it writes; none where the file doesn't say.
    decoder: how it is read, unless the user wants something else.
    gate: what its words must reach to count as speech.
    times: how its runs of characters lie to the words; None: not known.
    confidence: what makes its confidences probabilities, by the decoder's name.
    """

    KIND: ClassVar[str] = "acoustic"

    vocabulary: Vocabulary
    sounds: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    decoder: DecoderEntry = DecoderEntry()
    gate: Gate = field(default_factory=Gate)
    times: Times | None = None
    confidence: dict[str, Calibration] = field(default_factory=dict)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The characters."""
        return self.vocabulary.symbols
