"""A recording as training would take it: its sound, and its features, after a recipe's augmentation.

The changes are `augmentation`'s, in training's order: speed, voice, room, noise, channel; of log-mel bands then the
vocal tract and the masks. Each draws from a generator of its own, named by seed, recording and change.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from speechgru import audio
from speechgru.augment import choose, speed
from speechgru.augment.pipeline import Augmentation
from speechgru.config.recipe import AugmentConfig
from speechgru.features.base import Transform
from speechgru.features.frontend import Settings
from speechgru.features.spectrogram import LogMelSettings


@dataclass(frozen=True)
class Augmented:
    """`signal` [time] at the module's rate, and its `values` [frames, bins]."""

    signal: Tensor
    values: Tensor


def augmented(signal: Tensor, module: Transform, config: AugmentConfig, seed: int, name: str) -> Augmented:
    """`signal` [time] at `module.rate`, changed, and its features by `module`, changed where they are log-mel bands.

    Training masks features that are normalised, with 0, their mean; here a mask is each band's mean in any case.

    Args:
        name: of the recording: with `seed` it decides what is drawn.

    Raises:
        AudioError: what is left is shorter than a window. CorpusError: `config` names files that aren't there.
    """

    def draw(*change: str) -> torch.Generator:
        parts = "/".join((str(seed), name, *change))
        return torch.Generator().manual_seed(crc32(parts.encode("utf-8", "surrogateescape")))

    settings = module.settings
    on_bands = changes_bands(module)
    same = {key: getattr(settings, key) for key in ("window", "hop", "n_mels", "f_min")} if on_bands else {}
    highest = settings.highest if on_bands else module.rate / 2
    known = Settings(sample_rate=module.rate, f_max=highest, **same)
    augmentation = Augmentation(config, known, lambda path: _read(path, module.rate))
    generator = draw()
    changed = augmentation.signal(speed.speed(signal, choose(config.speed, generator)), draw)
    values = module(changed)[0][0]
    if on_bands:
        augmentation.centres = torch.tensor(module.bins)  # of its own mel scale
        mean = values.mean(dim=0)
        values = mean + augmentation.features(values - mean, draw, generator)
    return Augmented(changed, values)


def augmented_file(path: str | Path, module: Transform, config: AugmentConfig, seed: int) -> Augmented:
    """`augmented` for the recording at `path`, named as the file is. Raises AudioError where it can't be read."""
    return augmented(_read(Path(path), module.rate), module, config, seed, Path(path).name)


def changes_bands(module: Transform) -> bool:
    """Whether the vocal tract and the masks, which are changes to log-mel bands, apply to what `module` computes."""
    return type(module.settings) is LogMelSettings


def _read(path: Path, rate: int) -> Tensor:
    with audio.AudioStream(path, rate) as stream:
        return torch.from_numpy(np.concatenate(list(stream)))
