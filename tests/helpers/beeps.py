"""A language of beeps, and an engine that hears it without having learnt anything.

A letter is a tone of its own pitch for 80 ms, then 80 ms of near-silence; "|" in a text is a pause. What is
said is known, so a transcript is right or wrong to the letter, wherever the audio was cut.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from speechgru.audio import array
from speechgru.decoding.greedy import Decoder, Settings
from speechgru.inference import CtcRecognizer
from speechgru.inference.batching import padded
from speechgru.inference.gate import Gate
from speechgru.text import Vocabulary

RATE = 16000
FRAME = 640
TONE_SECONDS = 0.08
LETTER_SECONDS = 0.16
PAUSE_SECONDS = 0.8
VOCABULARY = Vocabulary(("<blank>", " ", *"abcdefghijklmnopqrstuvwxyz"))
HEARD, BLANK = 0.9, 0.95


def pitch(letter: str) -> float:
    """In Hz; whole frames hold whole periods."""
    return 500.0 + 200.0 * VOCABULARY.encode(letter)[0]


def beep(text: str, rate: int = RATE, noise: float = 1e-4) -> np.ndarray[Any, Any]:
    """`text` as sound: float32 [time]."""
    time = np.arange(round(TONE_SECONDS * rate)) / rate
    gap = np.zeros(round((LETTER_SECONDS - TONE_SECONDS) * rate))
    parts = [np.zeros(round(0.3 * rate))]
    for letter in text:
        if letter == "|":
            parts.append(np.zeros(round(PAUSE_SECONDS * rate)))
        else:
            parts += [0.5 * np.sin(2 * np.pi * pitch(letter) * time), gap]
    signal = np.concatenate([*parts, np.zeros(round(0.3 * rate))])
    generator = np.random.default_rng(0)
    return (signal + noise * generator.standard_normal(len(signal))).astype(np.float32)


class Engine:
    """As speechgru.inference.protocols.Engine. Remembers the shape of each batch."""

    sample_rate = RATE
    frame_seconds = FRAME / RATE
    vocabulary = VOCABULARY
    sounds: tuple[str, ...] = ()
    device = torch.device("cpu")

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []

    def run(self, signals: Sequence[np.ndarray[Any, Any]]) -> Iterator[np.ndarray[Any, Any]]:
        """As every engine."""
        batch, lengths = array.pad(signals, padded(max(map(len, signals)), RATE))
        log_probs, frames = self(*self.features(batch, lengths))
        for row, count in zip(log_probs.numpy(), frames.tolist(), strict=True):
            yield row[:count]

    def features(self, signal: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[B, time] → spectra [B, frames, bins]."""
        self.batches.append(tuple(signal.shape))
        return torch.fft.rfft(signal.unfold(1, FRAME, FRAME)).abs() / FRAME, lengths // FRAME

    def __call__(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        bins = torch.tensor([round(pitch(c) * FRAME / RATE) for c in VOCABULARY.symbols[1:]])
        power, letters = features[:, :, bins].max(dim=-1)
        symbols = torch.where(power > 0.02, letters + 1, 0)
        sure = torch.where(symbols == 0, BLANK, HEARD)[..., None]
        one_hot = torch.nn.functional.one_hot(symbols, len(VOCABULARY))
        rest = (1 - sure) / (len(VOCABULARY) - 1)
        return torch.where(one_hot == 1, sure, rest).log(), lengths


def recognizer(batch_size: int = 16, gate: Gate | None = None) -> CtcRecognizer:
    """A recognizer of beeps, whose engine can be asked for its `batches`."""
    return CtcRecognizer(
        Engine(), Decoder(Settings(), VOCABULARY), batch_size=batch_size, gate=gate, model="beeps"
    )


def sentence(words: int, seed: int, pause_every: int = 0) -> str:
    """Random words; with `pause_every`, a pause after so many of them."""
    generator = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    parts = []
    for i in range(words):
        parts.append("".join(generator.choice(letters, generator.integers(2, 7))))
        parts.append(" |" if pause_every and i % pause_every == pause_every - 1 else " ")
    return "".join(parts[:-1])


def spoken(text: str) -> str:
    """What a right transcript of `beep(text)` says."""
    return " ".join(text.replace("|", "").split())


def save_checkpoint(path: Path) -> Path:
    """A real checkpoint, untrained and very small; its output is babble."""
    from speechgru.features import frontend
    from speechgru.models import acoustic, checkpoint

    features = frontend.Settings(n_mels=16)
    settings = acoustic.Settings(layers=1, width=16, channels=4)
    torch.manual_seed(0)
    model = acoustic.Model(settings, features.n_mels, len(VOCABULARY))
    with torch.no_grad():
        model.head.weight *= 8  # sure of itself, so that some letters win over others
    header = {
        "model": {"name": "acoustic", "settings": dataclasses.asdict(settings)},
        "features": {
            "kind": "log_mel",
            "settings": dataclasses.asdict(features),
            "fingerprint": features.fingerprint,
        },
        "vocabulary": list(VOCABULARY.symbols),
        "decoder": {"name": "greedy", "settings": {}},
        "provenance": {"recipe": "none"},
    }
    checkpoint.save(path, "acoustic", header, model.state_dict())
    return path
