"""Stretches of sound in which it is known where somebody speaks: recordings with gaps between them, then noise.

What lies in a stretch is a pure function of (seed, epoch, index), as all that is learnt from.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from speechgru.audio import mix
from speechgru.audio.segments import Mask
from speechgru.augment import choose, uniform
from speechgru.augment.pipeline import Augmentation
from speechgru.config.recipe import AugmentConfig
from speechgru.data import Recordings, Utterance
from speechgru.data.dataset import Encoder
from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.tasks.vad_settings import VadConfig
from speechgru.vad import labels as spoken

CLEAN = math.inf  # dB: a stretch without noise


@dataclass(frozen=True)
class Stretch:
    """A signal [time], where it is `spoken` ([10 ms]; as many as are whole), and speech over noise in dB."""

    signal: Tensor
    spoken: Mask
    snr: float


@dataclass(frozen=True)
class Fixed:
    """Noise of a set that is held out: stretch n takes the next of `snrs` (dB), and after those the next file."""

    files: Sequence[Path]
    snrs: Sequence[float]

    def of(self, index: int) -> tuple[Path, float]:
        """The noise of a stretch, and how far below the speech it is."""
        turn, place = divmod(index, len(self.snrs))
        return self.files[turn % len(self.files)], self.snrs[place]


class Mixtures(Recordings):
    """Features and labels of stretches, one for each utterance, which it holds (or part of it) with others of the same
    speaker; keys are (epoch, index). The labels are one a frame of the model: 1 where somebody speaks.

    Args:
        alone: share of the stretches that hold no speech.
        stride: features a frame of the model.
        fixed: noise of held-out sets; None: it is drawn as `augmentation` says.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        encoder: Encoder,
        features: FeatureSettings,
        augmentation: AugmentConfig,
        seed: int,
        cache: Path | None,
        *,
        vad: VadConfig,
        alone: float,
        stride: int,
        fixed: Fixed | None = None,
    ) -> None:
        super().__init__(utterances, encoder, features, augmentation, seed, cache)
        self.vad, self.alone, self.stride, self.fixed = vad, alone, stride, fixed
        self.rate = features.sample_rate
        plain = AugmentConfig()
        # What happens to the voice comes before its labels; room, noise and channel leave them as they are.
        self.voice, self.room, self.channel = (
            Augmentation(
                replace(plain, **{n: getattr(augmentation, n) for n in names}), features, self._noise
            )
            for names in (
                ("tempo", "pitch"),
                ("reverb", "reverb_files", "reverb_t60", "reverb_direct"),
                ("band", "band_edges", "codec", "codecs"),
            )
        )
        self.of_speaker: dict[str, list[Utterance]] = defaultdict(list)
        for utterance in utterances:
            self.of_speaker[utterance.speaker].append(utterance)

    @property
    def durations(self) -> list[float]:
        return [self.vad.seconds] * len(self.utterances)

    def __getitem__(self, key: tuple[int, ...]) -> tuple[Tensor, list[int]]:
        stretch = self.stretch(*key[:2])
        features = self.features(stretch.signal)[0][0]
        step = self.features.settings.hop * self.stride
        mask = spoken.at_frames(stretch.spoken, step, -(-len(features) // self.stride))
        return features, mask.astype(int).tolist()

    def stretch(self, epoch: int, index: int) -> Stretch:
        """The stretch of an utterance in an epoch."""
        draw = self.drawing(epoch, index)
        signal, mask = self._speech(index, draw("speech"))
        signal = self.room.signal(signal, draw)
        signal, snr = self._add_noise(signal, mask, index, draw("noise"))
        # As loud as it may get in a file.
        return Stretch(self.channel.signal(signal, draw).clamp(-1, 1), mask, snr)

    def _speech(self, index: int, generator: torch.Generator) -> tuple[Tensor, Mask]:
        """Recordings of a speaker with gaps before, between and behind them, and where they are spoken."""
        size, total = round(spoken.GRID_SECONDS * self.rate), round(self.vad.seconds / spoken.GRID_SECONDS)
        signal, mask = torch.zeros(total * size), torch.zeros(total, dtype=torch.bool).numpy()
        if uniform((0, 1), generator) < self.alone:
            return signal, mask
        utterance, place = self.utterances[index], 0
        while True:
            place += round(uniform(self.vad.gap, generator) / spoken.GRID_SECONDS)
            if place >= total:
                return signal, mask
            voice, voiced = self._voice(utterance, generator)
            # Of a long recording any part, not always its beginning.
            first = round(uniform((0, max(len(voiced) - 2 * total // 3, 0)), generator))
            count = min(len(voiced) - first, total - place)
            mask[place : place + count] = voiced[first : first + count]
            signal[place * size : (place + count) * size] = voice[first * size : (first + count) * size]
            place += count
            utterance = choose(self.of_speaker[utterance.speaker], generator)

    def _voice(self, utterance: Utterance, generator: torch.Generator) -> tuple[Tensor, Mask]:
        """A recording at a drawn speed and level, and where it is spoken."""
        signal = self.samples(utterance, choose(self.speeds, generator))
        signal = self.voice.signal(signal, lambda _: generator)
        mask = spoken.spoken(signal.numpy(), self.rate)
        power = spoken.power(signal.numpy(), mask, self.rate)
        return signal * spoken.gain(power, uniform(self.vad.level, generator)), mask

    def _add_noise(
        self, signal: Tensor, mask: Mask, index: int, generator: torch.Generator
    ) -> tuple[Tensor, float]:
        """With noise, and how far below the speech that is, in dB; where nobody speaks it has a drawn level."""
        snr, noises = self._noise_of(index, len(signal), generator)
        speech = spoken.power(signal.numpy(), mask, self.rate)
        level = 10 * math.log10(speech) - snr if speech else uniform(self.vad.noise_level, generator)
        if snr == CLEAN:
            return signal, snr
        return signal + noises * spoken.gain(float(noises.square().mean()), level), snr

    def _noise_of(self, index: int, length: int, generator: torch.Generator) -> tuple[float, Tensor]:
        """How far below the speech the noise is, in dB, and the noise [length]."""
        config = self.augmentation.config
        if self.fixed:
            path, snr = self.fixed.of(index)
            return snr, mix.fit(self._noise(path), length, generator)
        if uniform((0, 1), generator) >= config.noise:
            return CLEAN, torch.zeros(length)
        snr = uniform(config.noise_snr, generator)
        if self.augmentation.noises and uniform((0, 1), generator) >= self.vad.steady:
            return snr, mix.fit(self._noise(choose(self.augmentation.noises, generator)), length, generator)
        return snr, mix.coloured(length, uniform((0, 2), generator), generator)
