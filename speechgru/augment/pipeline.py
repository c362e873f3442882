"""What a recipe's `augment` does to training recordings, in the order in which it happens to sound.

Voice (tempo, pitch), room (reverberation), noise, channel (band, codec); then the features (vocal tract, masks).
Speed comes before all of these and is left to `batches`, which keeps its results on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from speechgru import audio
from speechgru.audio import mix
from speechgru.augment import channel, choose, reverb, specaugment, speed, uniform
from speechgru.config.recipe import AugmentConfig
from speechgru.errors import CorpusError
from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.features.spectrogram import band_centres
from speechgru.utils import walk

Draw = Callable[[str], torch.Generator]


class Augmentation:
    """The changes that `config` asks for. Each kind draws from a generator of its own, named to `draw`, so that
    switching one on leaves the others as they were.

    Args:
        read: gives the samples [time] of a file of noise or of an impulse response, at the features' rate.

    Raises:
        CorpusError: the files of noise or of impulse responses are not there.
    """

    def __init__(
        self, config: AugmentConfig, features: FeatureSettings, read: Callable[[Path], Tensor]
    ) -> None:
        self.config, self.rate, self._read = config, features.sample_rate, read
        self.mask_frames = round(config.time_mask_max / features.hop)
        self.mask_every = config.time_masks_every / features.hop
        self.noises = find("augment.noise_files", config.noise_files) if config.noise else []
        self.responses = find("augment.reverb_files", config.reverb_files) if config.reverb else []
        centres = band_centres(features.n_mels, features.f_min, features.f_max, "htk")
        self.centres = torch.tensor(centres)

    def signal(self, signal: Tensor, draw: Draw) -> Tensor:
        """`signal` [time], changed; the length changes with `tempo` alone."""
        config = self.config
        if config.tempo != [1.0]:
            signal = speed.tempo(signal, choose(config.tempo, draw("tempo")), self.rate)
        if config.pitch != [0.0]:
            signal = speed.pitch(signal, choose(config.pitch, draw("pitch")), self.rate)
        for name, probability, change in (
            ("reverb", config.reverb, self._reverberate),
            ("noise", config.noise, self._add_noise),
            ("band", config.band, self._limit_band),
            ("codec", config.codec, self._encode),
        ):
            if not probability:
                continue
            generator = draw(name)
            if uniform((0, 1), generator) < probability:
                signal = change(signal, generator)
        return signal

    def features(self, features: Tensor, draw: Draw, generator: torch.Generator) -> Tensor:
        """`features` [frames, bands], normalised, changed; `generator` places the masks."""
        config = self.config
        if config.vocal_tract:
            factor = uniform((1 - config.vocal_tract, 1 + config.vocal_tract), draw("vocal_tract"))
            features = specaugment.warp(features, factor, self.centres)
        more = int(len(features) / self.mask_every) if self.mask_every else 0
        return specaugment.mask(
            features,
            generator,
            time_masks=config.time_masks + more,
            time_mask_max=self.mask_frames,
            frequency_masks=config.frequency_masks,
            frequency_mask_max=config.frequency_mask_max,
        )

    def _reverberate(self, signal: Tensor, generator: torch.Generator) -> Tensor:
        if self.responses:
            return reverb.reverberate(signal, self._read(choose(self.responses, generator)))
        t60 = uniform(self.config.reverb_t60, generator)
        direct = uniform(self.config.reverb_direct, generator)
        return reverb.reverberate(signal, reverb.impulse_response(t60, direct, self.rate, generator))

    def _add_noise(self, signal: Tensor, generator: torch.Generator) -> Tensor:
        snr = uniform(self.config.noise_snr, generator)
        if self.noises:
            noise = mix.fit(self._read(choose(self.noises, generator)), len(signal), generator)
        else:
            noise = mix.coloured(len(signal), uniform((0, 2), generator), generator)
        return mix.add(signal, noise, snr)

    def _limit_band(self, signal: Tensor, _: torch.Generator) -> Tensor:
        return channel.band(signal, self.rate, *self.config.band_edges)

    def _encode(self, signal: Tensor, generator: torch.Generator) -> Tensor:
        return channel.codec(signal, self.rate, choose(self.config.codecs, generator))


def find(key: str, where: str) -> list[Path]:
    """The recordings that `where`, a folder or a pattern with `*`, names, sorted; none where it is empty.

    Raises:
        CorpusError: there are none; `key` is the setting that named them.
    """
    if not where:
        return []
    folder = Path(where)
    below = (
        walk.files(folder)
        if folder.is_dir()
        else walk.once(Path(folder.anchor).glob(str(folder.relative_to(folder.anchor))))
    )
    paths = [path for path in below if path.is_file() and audio.is_audio(path)]
    if not paths:
        raise CorpusError(
            f"{key}={where} names no recordings. Expected a folder below corpus.root, or a pattern of files such as "
            "noise/ESC-10/*/[1-4]-*."
        )
    return paths
