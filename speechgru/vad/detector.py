"""A speech detector from its file: where somebody speaks in a recording, whole or block by block."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgru import audio
from speechgru.audio import energy
from speechgru.audio.array import pad
from speechgru.audio.energy import Signal
from speechgru.audio.segments import Rules, Span, spans
from speechgru.errors import AudioError, AudioWarning, ConfigError
from speechgru.features import LogMel
from speechgru.models import checkpoint
from speechgru.models.audio_header import AudioHeader
from speechgru.utils import device as devices
from speechgru.utils.assets import find_model

KIND = "detector"
SOUNDS = ("speech",)
BLOCK_SECONDS = 30.0
_OF_SOUND = ("clipped", "narrow")  # warnings that matter to recognition alone
RELEASE = 0.7  # of the threshold: where speech that has begun ends

Probabilities = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class DetectorHeader(AudioHeader):
    """The header of a speech detector: `sounds` its outputs stand for, and the `threshold` that was best on dev."""

    KIND: ClassVar[str] = KIND

    sounds: tuple[str, ...]
    threshold: float

    def __post_init__(self) -> None:
        if self.sounds != SOUNDS or self.features.normalise != "none":
            raise ConfigError("it detects other things than speech, or not as it comes in")
        self.rules  # noqa: B018  refuses an impossible threshold

    @property
    def outputs(self) -> tuple[str, ...]:
        """The sounds."""
        return self.sounds

    @property
    def rules(self) -> Rules:
        """What makes frames a stretch of speech."""
        return Rules(threshold=self.threshold, release=RELEASE * self.threshold)


class Detector:
    """Tells where somebody speaks. Make one with `load_detector`.

    Attributes:
        sample_rate: of its signals, in Hz.
        frame_seconds: from one of its frames to the next; frame t is centred at t * frame_seconds.
        rules: what makes frames a stretch of speech, with the threshold that was best on dev.
    """

    def __init__(self, model: Any, features: LogMel, rules: Rules) -> None:
        self.model, self.features, self.rules = model, features, rules
        settings = features.settings
        self.sample_rate = features.rate
        self.frame_seconds: float = settings.hop * model.stride
        # Samples on either side that a frame of features looks at.
        self.reach: int = settings.size // 2

    @torch.inference_mode()
    def probabilities(self, signals: Sequence[Signal]) -> list[Probabilities]:
        """Of speech in each frame of each signal [time] at `sample_rate`, all in one batch.

        Memory grows with the longest; `stream` gives the same in as little as its blocks want.
        """
        padded, lengths = pad(signals, 1)
        log_odds, frames = self.model(*self.features(padded.to(self.device), lengths.to(self.device)))
        rows = log_odds[..., 0].sigmoid().cpu().numpy()
        return [row[:count] for row, count in zip(rows, frames.tolist(), strict=True)]

    def stream(self) -> Stream:
        """Detection in a recording that comes block by block."""
        return Stream(self)

    def detect(self, blocks: Iterable[Signal]) -> tuple[Probabilities, float]:
        """Probabilities [frames] of a recording that comes in `blocks` [time] at `sample_rate`, and its seconds."""
        stream, samples, parts = self.stream(), 0, []
        for block in blocks:
            parts.append(stream.feed(block))
            samples += len(block)
        return np.concatenate([*parts, stream.finish()]), samples / self.sample_rate

    def spans(self, source: Any, rules: Rules | None = None) -> tuple[list[Span], float]:
        """The stretches of speech in a recording (a path, "-" or a binary file), and how long it is, in seconds.

        Warns with `AudioWarning` of what is cut short, or is read in another way than it seems. A very quiet file is
        read twice, the second time amplified; what can't be read twice stays as it is.

        Raises:
            AudioError: it can't be read.
        """
        meter = _Meter(self.sample_rate)
        with audio.AudioStream(source, self.sample_rate, BLOCK_SECONDS) as stream:
            probabilities, duration = self.detect(meter.add(block) for block in stream)
            told = [each for each in stream.warnings if each.kind not in _OF_SOUND]
        for each in told:
            warnings.warn(AudioWarning(each.kind, f"{stream.name}: {each}"), stacklevel=2)
        if meter.gain != 1.0 and isinstance(source, (str, Path)) and Path(source).is_file():
            with audio.AudioStream(source, self.sample_rate, BLOCK_SECONDS) as stream:
                probabilities, duration = self.detect(block * np.float32(meter.gain) for block in stream)
        return spans(probabilities, self.frame_seconds, duration, rules or self.rules), duration

    def holds_speech(self, signal: Signal) -> bool:
        """Whether there is any stretch of speech in `signal` [time] at `sample_rate`."""
        (probabilities,) = self.probabilities([signal])
        return bool(spans(probabilities, self.frame_seconds, len(signal) / self.sample_rate, self.rules))

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        device: torch.device = next(self.model.parameters()).device
        return device


class _Meter:
    """The gain that the loudest block of a recording asks for (`energy.gain_of`)."""

    def __init__(self, rate: int) -> None:
        self._rate, self._top = rate, -np.inf
        self.gain = 1.0

    def add(self, block: Signal) -> Signal:
        gain, top = energy.gain_of(block, self._rate)
        if top > self._top:
            self._top, self.gain = top, gain
        return block


class Stream:
    """Detection block by block, with the probabilities that `Detector.probabilities` gives of the whole.

    Held are the samples that the next frames still look at, and the state of the network.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector, self._model = detector, detector.model
        self._held: Signal = np.zeros(0, np.float32)
        self._begin = 0  # feature frame at which the held samples begin
        self._next = 0  # the model's frame that comes next
        self._late = self._model.settings.delay  # outputs that are still to be left out
        self._state: Tensor | None = None
        hop = detector.features.settings.hop_length
        # In frames of features: their own reach, and what the convolutions look back at.
        self._before = -(-detector.reach // hop), self._model.CONTEXT * self._model.stride
        self._hop = hop

    def feed(self, signal: Signal) -> Probabilities:
        """Probabilities [frames] of the frames that `signal` [time] has made certain, often of earlier ones."""
        if signal.ndim != 1:
            raise AudioError(f"A detector is fed mono blocks [time]; got shape {signal.shape}.")
        self._held = np.concatenate([self._held, signal.astype(np.float32, copy=False)])
        certain = self._begin + 1 + (len(self._held) - self._detector.reach) // self._hop
        return self._until(certain // self._model.stride * self._model.stride)

    def finish(self) -> Probabilities:
        """Those of the last frames: the recording is over."""
        frames = self._begin + 1 + len(self._held) // self._hop
        before = self._until(frames)
        width = self._model.settings.width
        silence = torch.zeros(1, self._model.settings.delay, width, device=self._detector.device)
        return np.concatenate([before, self._judged(silence)])

    @torch.inference_mode()
    def _until(self, end: int) -> Probabilities:
        """Of the frames that are made of features before frame `end`, a multiple of the stride or the last."""
        model, stride = self._model, self._model.stride
        first = max(self._next * stride - self._before[1], 0)  # of the features that the next frames look at
        if end <= self._next * stride:
            return np.zeros(0, np.float32)
        features, _ = self._detector.features(torch.from_numpy(self._held).to(self._detector.device))
        features = features[:, first - self._begin : end - self._begin]
        frames, _ = model.encode(features, torch.tensor([features.shape[1]], device=features.device))
        frames = frames[:, self._next - first // stride :]
        self._next += frames.shape[1]
        begin = max(self._next * stride - self._before[1] - self._before[0], 0)
        self._held, self._begin = self._held[(begin - self._begin) * self._hop :].copy(), begin
        return self._judged(frames)

    @torch.inference_mode()
    def _judged(self, frames: Tensor) -> Probabilities:
        if not frames.shape[1]:
            return np.zeros(0, np.float32)
        log_odds, self._state = self._model.judge(frames, self._state)
        late = min(self._late, frames.shape[1])
        self._late -= late
        probabilities: Probabilities = log_odds[0, late:, 0].sigmoid().cpu().numpy()
        return probabilities


def load_detector(path: str | Path, device: str = "cpu") -> Detector:
    """Load what `speechgru train vad` wrote, or a detector that comes with the package, by name.

    Raises:
        CheckpointError: no such file, a model of another kind, or a damaged one.
    """
    file, device = find_model(path), devices.find(device)
    loaded = checkpoint.load(file)
    header = loaded.read(DetectorHeader)
    model = checkpoint.network(loaded, header.model, header.features.n_mels, len(header.sounds))
    return Detector(model.to(device), LogMel(header.features).to(device), header.rules)
