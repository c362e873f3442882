"""Batches of like duration. What is in a batch, and how it is changed, is a pure function of
(seed, epoch, position): a resumed run continues with the very batches it would have had.
"""

from __future__ import annotations

import hashlib
import logging
import math
import signal
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from speechgru.augment import choose
from speechgru.augment import speed as speed_change
from speechgru.augment.pipeline import Augmentation
from speechgru.config.recipe import AugmentConfig
from speechgru.data.manifest import Utterance, read_audio
from speechgru.errors import CorpusError, SpeechGruError
from speechgru.features import LogMel
from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.utils import files
from speechgru.utils.signals import held

# How far the durations in a bucket may differ: sorting by duration x U(1 - j, 1 + j) mixes neighbours anew in
# every epoch and keeps the padding near j / 2.
JITTER = 0.1
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batch:
    """features [B, T, F] padded with zeros, lengths [B], labels [sum of label_lengths], label_lengths [B].

    `counts` is false where another process learns from the same recordings. Of several `views` of the same recordings
    all first ones come first, then all second ones; each has the labels.
    """

    features: Tensor
    lengths: Tensor
    labels: Tensor
    label_lengths: Tensor
    counts: bool = True
    views: int = 1

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        return replace(
            self,
            features=self.features.to(device),
            lengths=self.lengths.to(device),
            labels=self.labels.to(device),
            label_lengths=self.label_lengths.to(device),
        )


def plan(durations: Sequence[float], batch_seconds: float, seed: int, epoch: int) -> list[list[int]]:
    """Indices of each batch of an epoch.

    Batches hold like durations and at most `batch_seconds` of audio, padding included (one utterance at least).
    They come in random order, but the longest first, so that a batch that doesn't fit in memory fails at once;
    in epoch 0 the others come from short to long, which is easier to learn from (Amodei et al. 2016, SortaGrad).
    """
    generator = np.random.default_rng([seed, epoch])
    keys = np.asarray(durations) * generator.uniform(1 - JITTER, 1 + JITTER, len(durations))
    batches: list[list[int]] = [[]]
    longest = 0.0
    for index in np.argsort(keys, kind="stable").tolist():
        longest = max(longest, durations[index])
        if batches[-1] and longest * (len(batches[-1]) + 1) > batch_seconds:
            batches.append([])
            longest = durations[index]
        batches[-1].append(index)
    first = max(range(len(batches)), key=lambda i: len(batches[i]) * max(durations[j] for j in batches[i]))
    others = [i for i in range(len(batches)) if i != first]
    if epoch > 0:
        generator.shuffle(others)
    return [batches[i] for i in (first, *others)]


class Encoder(Protocol):
    """What makes a text labels: a Vocabulary, or names of classes."""

    def encode(self, text: str) -> list[int]: ...


class Recordings(Dataset[tuple[Tensor, list[int]]]):
    """Features and labels of utterances; keys are (epoch, index), or (epoch, index, view) for other masks on what is
    else the same. `views` says how many of them a batch holds.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        vocabulary: Encoder,
        features: FeatureSettings,
        augmentation: AugmentConfig,
        seed: int,
        cache: Path | None = None,
        views: int = 1,
    ) -> None:
        self.utterances, self.vocabulary, self.seed, self.cache = utterances, vocabulary, seed, cache
        self.views = views
        self.speeds, self.features = augmentation.speed, LogMel(features)
        self.augmentation = Augmentation(augmentation, features, self._noise)

    def __getitem__(self, key: tuple[int, ...]) -> tuple[Tensor, list[int]]:
        epoch, index, *view = key
        utterance, draw = self.utterances[index], self.drawing(epoch, index)
        generator = draw()
        signal = self.samples(utterance, choose(self.speeds, generator))
        features = self.features(self.augmentation.signal(signal, draw))[0][0]
        masks = draw("view", *view) if any(view) else generator
        changed = self.augmentation.features(features, draw, masks)
        return changed, self.vocabulary.encode(utterance.text)

    @property
    def durations(self) -> list[float]:
        """Seconds of each, by which they are put into batches."""
        return [utterance.duration for utterance in self.utterances]

    def drawing(self, epoch: int, index: int) -> Callable[..., torch.Generator]:
        """What gives a generator for each name of a change to a recording: always the same."""
        return lambda *name: torch.Generator().manual_seed(_seed(self.seed, epoch, index, *name))

    def _noise(self, path: Path) -> Tensor:
        return self.samples(Utterance(path, math.inf, ""))

    def samples(self, utterance: Utterance, speed: float = 1.0) -> Tensor:
        """The signal [time] of an utterance at a speed, from the cache where there is one."""
        if self.cache is None:
            return self._read(utterance, speed)
        path = self.cache / f"{_fingerprint(utterance, speed, self.features.rate)}.npy"
        if not path.exists():
            quantised = (self._read(utterance, speed) * 32767).round().clamp(-32768, 32767).short().numpy()
            try:
                with files.atomic_path(path) as temporary:
                    np.save(temporary, quantised, allow_pickle=False)
            except OSError as error:
                raise CorpusError(
                    f"Can't keep decoded audio in {self.cache}: {error}. Make room there, pass "
                    "corpus.cache_folder=FOLDER for another place, or corpus.cache=false to decode anew each time."
                ) from error
        return torch.from_numpy(np.load(path, allow_pickle=False)).float() / 32767

    def _read(self, utterance: Utterance, speed: float) -> Tensor:
        if speed != 1:
            return speed_change.speed(self.samples(utterance), speed)
        # Other warnings than that of a cut are the corpus's business: a line for each narrow-band file helps nobody.
        sound = read_audio(utterance, self.features.rate)
        if sound.truncated:
            _log.warning(
                "%s is damaged or cut short: unpacked only in part? It is learnt from as far as it can be read.",
                utterance.audio_filepath,
            )
        return torch.from_numpy(sound.signal)


def collate(items: Sequence[tuple[Tensor, list[int]]]) -> Batch:
    """Pad the features and join the labels of several utterances."""
    return Batch(
        torch.nn.utils.rnn.pad_sequence([features for features, _ in items], batch_first=True),
        torch.tensor([len(features) for features, _ in items]),
        torch.tensor([label for _, labels in items for label in labels]),
        torch.tensor([len(labels) for _, labels in items]),
    )


def load(
    recordings: Recordings, batches: Sequence[Sequence[int]], epoch: int, workers: int
) -> Generator[Batch, None, None]:
    """The batches of an epoch, read ahead by `workers` processes (0: by the caller).

    Closing it ends the workers.

    Raises:
        SpeechGruError: a recording can't be read.
    """
    views = recordings.views
    loader = DataLoader(
        recordings,
        batch_sampler=[
            [(epoch, i, view) if view else (epoch, i) for view in range(views) for i in batch]
            for batch in batches
        ],
        collate_fn=collate,
        num_workers=workers,
        worker_init_fn=_start_worker if workers else None,
    )
    iterator = iter(loader)
    try:
        for batch in iterator:
            yield replace(batch, views=views)
    except SpeechGruError as error:
        # From a worker it comes wrapped in the worker's traceback, whose last line is what it says.
        raise type(error)(str(error).strip().rpartition(f"{type(error).__name__}: ")[2]) from None
    finally:
        with held():
            del iterator  # ends the workers


def _start_worker(_: int) -> None:
    # Ctrl-C reaches the whole process group; the loop decides when to stop, and stops its workers then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _seed(*parts: int | str) -> int:
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big") >> 1


def _fingerprint(utterance: Utterance, speed: float, rate: int) -> str:
    """Of all that decides the samples: the file as it is now, the part, the speed and the rate."""
    state = utterance.audio_filepath.stat()
    parts = (
        str(utterance.audio_filepath.absolute()),
        state.st_size,
        state.st_mtime_ns,
        utterance.offset,
        utterance.duration,
        speed,
        rate,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
