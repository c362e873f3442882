"""Changes to sound files, each a plain function from a file to a file: what sox, or an editor, would be used for.

Every channel is kept, samples pass through float32, and the result is written whole or not at all. All but
`mix_noise` hold a few blocks of the recording, whatever its length. The target's extension names its format, its
sample format is the source's where that exists there (`formats.encoding`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechgru.audio import encode, formats
from speechgru.audio.downmix import Downmix
from speechgru.audio.loudness import (
    LOWEST_DB,
    LOWEST_RATE,
    MAX_CHANNELS,
    SHORTEST,
    THRESHOLD_DB,
    FrameLevels,
    Loudness,
    TruePeak,
    amplitude,
    decibels,
)
from speechgru.audio.stream import BLOCK, AudioStream, Block, read
from speechgru.errors import AudioError

LUFS = -23.0  # EBU R 128
CEILING_DB = -1.0  # dB true peak; EBU R 128


@dataclass(frozen=True)
class Edited:
    """What a user should know of a result: remarks, and whether the source was cut short."""

    notes: tuple[str, ...] = ()
    truncated: bool = False


def convert(
    source: str | Path, target: str | Path, *, channels: int | None = None, bits: str | None = None
) -> Edited:
    """Write `source` as the format that the extension of `target` names.

    Args:
        channels: 1 (their mean, those turned round that would cancel), or as many copies of a single one; None: as
            they are.
        bits: one of `formats.BITS`; None: the source's.

    Raises:
        AudioError: `source` can't be read, `target` not be written so.
    """
    with _open(source) as stream:
        mixer = Downmix(stream.channels, stream.sample_rate)
        edited = _write(target, stream, _mixed(stream, channels or stream.channels, mixer), bits)
    warning = mixer.warning()
    return edited if warning is None else Edited((*edited.notes, warning.text), edited.truncated)


def resample(source: str | Path, target: str | Path, rate: int, *, bits: str | None = None) -> Edited:
    """Change the sampling rate to `rate` Hz (soxr, quality HQ): n samples become n * rate / from_rate, rounded.

    Raises:
        AudioError: as `convert`.
    """
    with _open(source, rate) as stream:
        return _write(target, stream, stream, bits)


def trim_silence(
    source: str | Path, target: str | Path, *, threshold: float = THRESHOLD_DB, padding: float = 0.1
) -> Edited:
    """Cut what is quiet at both ends: frames of 10 ms more than `threshold` dB below the loudest one.

    Args:
        threshold: dB, above 0. A channel that is loud keeps all.
        padding: seconds that are kept before the first and after the last loud frame.

    Raises:
        AudioError: as `convert`; or the recording is digital silence.
    """
    with _open(source) as stream:
        rate, meter = stream.sample_rate, FrameLevels(stream.sample_rate)
        for block in stream:
            meter.add(block)
    level = meter.finish()
    if level.max() <= LOWEST_DB:
        raise AudioError(f"{source} is silent from start to end: nothing would be left.", source=source)
    loud = np.flatnonzero(level >= level.max() - threshold)
    size, kept = meter.size, round(padding * rate)
    start, end = max(int(loud[0]) * size - kept, 0), (int(loud[-1]) + 1) * size + kept
    with _open(source) as stream:
        edited = _write(target, stream, _part(stream, start, end))
    cut = f"kept {start / rate:.2f} to {min(end, len(level) * size) / rate:.2f} s."
    return Edited((cut, *edited.notes), edited.truncated)


def normalise(
    source: str | Path, target: str | Path, *, lufs: float = LUFS, ceiling: float = CEILING_DB
) -> Edited:
    """Make the integrated loudness (EBU R 128) `lufs`, by one gain for the whole.

    Where that would lift the true peak above `ceiling` dB, the gain is as much less, which a note says: more takes
    a compressor.

    Raises:
        AudioError: as `convert`; or shorter than 400 ms, below 4 kHz, more than 5 channels, or nothing above
        -70 LUFS.
    """
    with _open(source) as stream:
        before, peak = _loudness(stream)
    gain = amplitude(lufs - before)
    notes = []
    if peak * gain > amplitude(ceiling):
        gain = amplitude(ceiling) / peak
        notes.append(
            f"{before + decibels(gain):.1f} LUFS instead of {lufs:g}: the true peak is at {ceiling:g} dB already."
        )
    return _amplified(source, target, gain, notes)


def normalise_peak(source: str | Path, target: str | Path, *, peak: float) -> Edited:
    """Bring the largest sample to `peak` dB of full scale, by one gain for the whole.

    Raises:
        AudioError: as `convert`; or the recording is digital silence.
    """
    with _open(source) as stream:
        largest = max(float(np.abs(block).max()) for block in stream)
    if not largest:
        raise AudioError(
            f"{source} is silent from start to end: no gain brings it to {peak:g} dB.", source=source
        )
    return _amplified(source, target, amplitude(peak) / largest, [])


def mix_noise(
    source: str | Path,
    target: str | Path,
    *,
    snr: float,
    seed: int = 0,
    noise: str | Path | None = None,
    colour: float = 1.0,
) -> Edited:
    """Add noise `snr` dB below the recording (mean powers over all of it), as training does (`augment.noise`).

    The same noise goes into every channel. What would then exceed full scale is turned down, noise and all.

    Args:
        noise: a recording, mixed to mono, resampled, from a random place and repeated; None: Gaussian noise
            whose power falls as 1 / f ** `colour` (0 white, 1 pink, 2 brown).
        seed: the same one gives the same file.

    Raises:
        AudioError: as `convert`; or `noise` can't be read, or either is silent.
    """
    import torch

    from speechgru.audio import mix

    with _open(source) as stream:
        signal = torch.from_numpy(np.concatenate(list(stream)))
        rate, generator = stream.sample_rate, torch.Generator().manual_seed(seed)
        if noise is None:
            added = mix.coloured(len(signal), colour, generator)
        else:
            added = mix.fit(torch.from_numpy(read(noise, rate, warn=False)), len(signal), generator)
        for name, samples in ((source, signal), (noise, added)):
            if not samples.any():
                raise AudioError(
                    f"{name} is silent: there is no signal-to-noise ratio of silence.", source=name
                )
        # In one row, so that the ratio is of all channels together and the noise alike in each.
        row = mix.add(signal.reshape(-1), added.repeat_interleave(signal.shape[1]), snr)
        mixed = row.reshape(signal.shape).numpy()
        peak, notes = float(np.abs(mixed).max()), []
        if peak > 1:
            mixed = mixed / np.float32(peak)
            notes.append(f"turned down by {decibels(peak):.1f} dB: the mixture exceeded full scale.")
        edited = _write(target, stream, _blocks(mixed))
    return Edited((*notes, *edited.notes), edited.truncated)


def _open(source: str | Path, rate: int | None = None) -> AudioStream:
    return AudioStream(source, rate, block_seconds=None, channels="all")


def _mixed(stream: AudioStream, wanted: int, mixer: Downmix) -> Iterator[Block]:
    if wanted not in (stream.channels, 1) and stream.channels != 1:
        raise AudioError(
            f"{stream.name} has {stream.channels} channels; they can become 1 (their mean), not {wanted}.",
            source=stream.name,
        )
    for block in stream:
        if wanted == block.shape[1]:
            yield block
        elif wanted == 1:
            yield mixer.add(block)[:, None]
        else:
            yield np.repeat(block, wanted, axis=1)


def _part(blocks: Iterable[Block], start: int, end: int) -> Iterator[Block]:
    """Frames [start, end) of `blocks`."""
    position = 0
    for block in blocks:
        yield block[max(start - position, 0) : max(end - position, 0)]
        position += len(block)


def _blocks(signal: Block) -> Iterator[Block]:
    return (signal[start : start + BLOCK] for start in range(0, len(signal), BLOCK))


def _loudness(stream: AudioStream) -> tuple[float, float]:
    """LUFS and true peak (1.0 at full scale)."""
    if stream.sample_rate < LOWEST_RATE or stream.channels > MAX_CHANNELS:
        raise AudioError(
            f"{stream.name} has {stream.channels} channels at {stream.sample_rate} Hz; loudness is defined for up "
            f"to {MAX_CHANNELS}, and measured from {LOWEST_RATE} Hz up. Normalise its --peak instead.",
            source=stream.name,
        )
    meter = Loudness(stream.sample_rate, stream.channels)
    peak = TruePeak(stream.sample_rate, stream.channels)
    for block in stream:
        meter.add(block)
        peak.add(block)
    measured = meter.integrated
    if measured is None:
        raise AudioError(
            f"{stream.name} is shorter than {SHORTEST:g} s, the shortest that has a loudness. Normalise its "
            "--peak instead.",
            source=stream.name,
        )
    if math.isinf(measured):
        raise AudioError(
            f"{stream.name} holds nothing above -70 LUFS: it is silent, by EBU R 128.", source=stream.name
        )
    return measured, peak.finish()


def _amplified(source: str | Path, target: str | Path, gain: float, notes: list[str]) -> Edited:
    with _open(source) as stream:
        blocks = (block * np.float32(gain) for block in stream)
        edited = _write(target, stream, blocks)
    return Edited((f"gain {decibels(gain):+.1f} dB.", *notes, *edited.notes), edited.truncated)


def _write(
    target: str | Path, stream: AudioStream, blocks: Iterable[Block], bits: str | None = None
) -> Edited:
    how = formats.encoding(target, bits, like=stream.subtype)
    clipped = encode.write(target, blocks, stream.sample_rate, how, warn=False)
    notes = [f"{clipped} samples beyond full scale were clipped."] if clipped else []
    notes += [warning.text for warning in stream.warnings]
    return Edited(tuple(notes), stream.truncated)
