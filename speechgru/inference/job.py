"""A recording on its way to a transcript: what was read of it so far, and the words of its pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Union

import numpy as np
from numpy.typing import NDArray

from speechgru import audio
from speechgru.audio import energy
from speechgru.audio.array import Sound, from_array, is_array
from speechgru.audio.energy import Signal
from speechgru.errors import AudioError, AudioWarning, SpeechGruError
from speechgru.inference.chunking import Piece, cut, join
from speechgru.transcript import PAUSE_SECONDS, Transcript, Word, segments

if TYPE_CHECKING:
    import torch

Source = Union[str, Path, BinaryIO, NDArray[Any], Sound, "torch.Tensor"]

MARGIN_SECONDS = 0.5  # how far before its piece a word may be taken to begin


def prepared(source: Source, sample_rate: int | None, rate: int) -> Source:
    """`source` as a job takes it: an array or tensor of any rate becomes a `Sound` at `rate` Hz.

    Raises:
        AudioError: an array without its rate, a rate for a file, or what holds no sound.
    """
    if isinstance(source, Sound):
        return source
    if is_array(source):
        return from_array(source, sample_rate, rate)
    if not (isinstance(source, (str, Path)) or hasattr(source, "read")):
        given: object = source
        several = " Of several, transcribe_many takes a list." if isinstance(given, (list, tuple)) else ""
        raise AudioError(
            f"Got a {type(given).__name__}; expected a path, a binary file, an array or a tensor.{several}"
        )
    if sample_rate is not None:
        raise AudioError(
            f"Got sample_rate={sample_rate} with {source}, but a file states its own rate. Leave it out.",
            source=source,
        )
    return source


@dataclass
class Job:
    """One source: a path, "-", a binary file, a `Sound`, or an array [time] at `sample_rate`.

    Reading it (`pieces`) fills in what is known of the recording; `add` takes the words of each piece.
    """

    source: Source
    sample_rate: int
    duration: float = 0.0  # seconds read
    stated: float | None = None  # seconds that the file promises
    warnings: tuple[AudioWarning, ...] = ()
    truncated: bool = False
    is_read: bool = False
    error: SpeechGruError | None = None
    _loudest: float = energy.SILENCE_DB  # dB, of the pieces so far
    _places: list[tuple[float, float]] = field(default_factory=list)  # start and overlap of each piece
    _words: list[tuple[Word, ...] | None] = field(
        default_factory=list
    )  # of each piece, None until recognised

    def pieces(self) -> Iterator[tuple[int, Piece]]:
        """Read the source; yields numbered pieces, very quiet ones amplified, whose words are to be `add`ed.

        An error ends up in `error`.
        """
        try:
            for piece in cut(self._blocks(), self.sample_rate):
                self._places.append((piece.start, piece.overlap))
                self._words.append(None)
                yield len(self._words) - 1, self._lifted(piece)
            self.is_read = True
        except SpeechGruError as error:
            self.error = error
        except OSError as error:
            self.error = AudioError(f"Can't read {self.name}: {error.strerror or error}.", source=self.name)

    def _lifted(self, piece: Piece) -> Piece:
        """`piece`, amplified where the recording is so quiet that the features' floor would hide what is spoken."""
        gain, top = energy.gain_of(piece.samples, self.sample_rate, self._loudest)
        self._loudest = max(self._loudest, top)
        return piece if gain == 1.0 else replace(piece, samples=piece.samples * np.float32(gain))

    def _blocks(self) -> Iterator[Signal]:
        source: Any = self.source
        if self._is_in_memory:
            sound = source if isinstance(source, Sound) else Sound(source)
            self.duration = self.stated = len(sound.signal) / self.sample_rate
            self.warnings = sound.warnings
            yield sound.signal
            return
        with audio.AudioStream(source, self.sample_rate) as stream:
            self.stated = stream.duration
            for block in stream:
                self.duration += len(block) / self.sample_rate
                yield block
            self.warnings, self.truncated = tuple(stream.warnings), stream.truncated

    def add(self, index: int, words: tuple[Word, ...]) -> None:
        """Note the words of piece `index`."""
        self._words[index] = words

    def start(self, index: int) -> float:
        """Where piece `index` begins, in seconds."""
        return self._places[index][0]

    def settled(self, model: str) -> Transcript:
        """The segments that no piece to come can change: they end a pause before what isn't recognised yet."""
        done = self._words.index(None) if None in self._words else len(self._words)
        limit = self._places[min(done, len(self._places) - 1)][0] if self._places else 0.0
        whole = self._transcript(self._words[:done], model)
        until = limit - PAUSE_SECONDS - MARGIN_SECONDS
        return replace(whole, segments=tuple(s for s in whole.segments if s.end <= until))

    @property
    def name(self) -> str:
        """The path as it was given; "" for what has none."""
        if isinstance(self.source, (str, Path)):
            return str(self.source)
        name = getattr(self.source, "name", None)  # a number where the file was opened by descriptor
        return name if isinstance(name, str) else ""

    @property
    def is_done(self) -> bool:
        return self.error is not None or (self.is_read and None not in self._words)

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in [0, 1]; 0 while the length is unknown."""
        if self.is_done:
            return 1.0
        share = 1.0 if self.is_read else min(self.duration / self.stated, 1.0) if self.stated else 0.0
        return share * sum(words is not None for words in self._words) / max(len(self._words), 1)

    def transcript(self, model: str) -> Transcript:
        """All words together. The job must be done, without an error."""
        return self._transcript(self._words, model)

    def _transcript(self, parts: Sequence[tuple[Word, ...] | None], model: str) -> Transcript:
        """The words of the first pieces together."""
        words: list[Word] = []
        for (start, overlap), part in zip(self._places, parts):
            words = join(words, part or (), start, overlap)
        # The first and the last frame may reach a little beyond the samples.
        words = [replace(w, start=max(w.start, 0.0), end=min(w.end, self.duration)) for w in words]
        return Transcript(
            segments(word for word in words if word.start < word.end),
            self.duration,
            self.warnings,
            self.truncated,
            source=self.name,
            model=model,
        )

    @property
    def _is_in_memory(self) -> bool:
        return isinstance(self.source, Sound) or is_array(self.source)
