"""Features of many recordings: computed on several processes, into one archive, a file each, or only their moments.

A recording is decoded block by block; its features are held until they are written, the sound is not (but for kinds
that need the whole of it, and changes by `augmented`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from speechgru import audio, featurefiles, pool
from speechgru.errors import AudioError
from speechgru.featurefiles import Values
from speechgru.features.extraction import describe
from speechgru.features.registry import transform
from speechgru.features.streaming import Streaming
from speechgru.features.transforms import Transform
from speechgru.moments import Moments
from speechgru.recipe import AugmentConfig


@dataclass(frozen=True)
class Wanted:
    """Which features, of which sound.

    Attributes:
        kind, preset, settings: as for `features.extract`.
        augment: changes of training to make first; None: none. `seed` draws them.
        strict_rate: refuse recordings of another rate than the kind's instead of resampling them.
    """

    kind: str = "log_mel"
    preset: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    augment: AugmentConfig | None = None
    seed: int = 0
    strict_rate: bool = False

    def module(self) -> Transform:
        """What computes them. Raises ConfigError for a wrong kind, preset or setting."""
        return transform(self.kind, preset=self.preset, **self.settings)

    def header(self) -> dict[str, Any]:
        """For `featurefiles`: what describes the values, and lets them be computed again."""
        found = describe(self.module(), np.zeros((0, 0), np.float32))
        return {
            "kind": found.kind,
            "settings": found.settings,
            "sample_rate": found.sample_rate,
            "bins": list(found.bins),
            "unit": found.unit,
            "frame_seconds": found.frame_seconds,
            "first_seconds": found.first_seconds,
            "augment": None if self.augment is None else {**asdict(self.augment), "seed": self.seed},
        }


@dataclass(frozen=True)
class Item:
    """A recording: its path, its name in the result, and the file for it alone, if any."""

    path: str
    name: str
    target: Path | None = None


@dataclass(frozen=True)
class Done:
    """What came of an item: `error`, or frames, their moments, and the values where an archive wants them."""

    item: Item
    error: str = ""
    warnings: tuple[str, ...] = ()
    truncated: bool = False
    source_rate: int = 0
    seconds: float = 0.0
    frames: int = 0
    moments: Moments | None = None
    values: Values | None = None


@dataclass(frozen=True)
class _Work:
    item: Item
    wanted: Wanted
    keep: bool
    stats: bool


def run(
    items: Sequence[Item],
    wanted: Wanted,
    *,
    archive: Path | None = None,
    stats: bool = False,
    processes: int = 1,
) -> Iterator[Done]:
    """Compute the features of `items`; yields in their order, when each is done and written.

    Written are the `target` of each item, and one `archive` of all, which is there when the iteration ends, without
    the recordings that failed; not at all where none succeeded, or the iteration stops before.

    Raises:
        SpeechGruError: what concerns all: a wrong setting, a file that can't be written, a process that died.
    """
    work = [_Work(item, wanted, archive is not None, stats) for item in items]
    with ExitStack() as stack:
        add: featurefiles.Add | None = None
        for done in pool.in_order(_do, work, processes, preload=[__name__]):
            if archive is not None and done.values is not None:
                add = add or stack.enter_context(featurefiles.archive(archive, wanted.header()))
                add(done.item.name, done.values)
            yield replace(done, values=None)


def compute(path: str, wanted: Wanted, add: Callable[[Values], None]) -> Done:
    """Give the features of the recording at `path` to `add`, in pieces [some frames, bins] or as a whole.

    Raises:
        AudioError: it can't be read, is shorter than a window, or has another rate and `wanted.strict_rate`.
    """
    module = _module(wanted.kind, wanted.preset, json.dumps(wanted.settings, sort_keys=True))
    name = Path(path).name
    with audio.AudioStream(path, module.rate) as stream, torch.inference_mode():
        if wanted.strict_rate and stream.source_rate != module.rate:
            raise AudioError(
                f"{path} is sampled at {stream.source_rate} Hz; --strict-rate wants {module.rate} Hz. Resample it "
                "(speechgru audio resample), or leave --strict-rate out."
            )
        blocks = (torch.from_numpy(block) for block in stream)
        frames = 0
        for values in _pieces(module, blocks, wanted, name):
            frames += len(values)
            add(np.asarray(values.numpy(), np.float32))
    return Done(
        Item(path, ""),
        warnings=tuple(stream.warnings),
        truncated=stream.truncated,
        source_rate=stream.source_rate,
        seconds=stream.seconds_read,
        frames=frames,
    )


def _pieces(module: Transform, blocks: Iterator[Tensor], wanted: Wanted, name: str) -> Iterator[Tensor]:
    if wanted.augment is not None:
        from speechgru.augmented import augmented

        yield augmented(torch.cat(list(blocks)), module, wanted.augment, wanted.seed, name).values
    elif module.whole is None and module.framing is not None:
        stream = Streaming(module)
        for block in blocks:
            yield stream.add(block)
        yield stream.finish()[0]
    else:
        yield module(torch.cat(list(blocks)))[0][0]


@lru_cache(maxsize=1)
def _module(kind: str, preset: str | None, settings: str) -> Transform:
    """All work of a process is done by one; `settings` as JSON."""
    return transform(kind, preset=preset, **json.loads(settings))


class _Collector:
    """What becomes of the pieces of one recording's features."""

    def __init__(self, hold: bool, stats: bool) -> None:
        self.hold, self.stats = hold, stats
        self.pieces: list[Values] = []
        self.moments: Moments | None = None

    def add(self, values: Values) -> None:
        if self.hold:
            self.pieces.append(values)
        if self.stats:
            more = Moments.of(values)
            self.moments = more if self.moments is None else self.moments + more


def _do(work: _Work) -> Done:
    """In a process of the pool. Errors of one recording are results; others end the run."""
    item = work.item
    found = _Collector(work.keep or item.target is not None, work.stats)
    try:
        done = compute(item.path, work.wanted, found.add)
    except AudioError as error:
        return Done(item, error=str(error))
    except OSError as error:
        return Done(item, error=f"{item.path} can't be read: {error.strerror or error}.")
    values = np.concatenate(found.pieces) if found.hold else None
    if item.target is not None and values is not None:
        with featurefiles.archive(item.target, work.wanted.header()) as write:
            write(item.name, values)
    return replace(done, item=item, moments=found.moments, values=values if work.keep else None)


def rates_note(rates: Counter[int], rate: int) -> str | None:
    """What to know where recordings had several rates, or another than the features'; None where all had `rate`."""
    if set(rates) <= {rate}:
        return None
    shown = ", ".join(f"{count} at {hertz} Hz" for hertz, count in sorted(rates.items()))
    low = [hertz for hertz in rates if hertz < rate]
    more = f" Those below {rate} Hz hold nothing above half their rate." if low else ""
    return f"recordings are {shown}; features are computed at {rate} Hz, after resampling.{more}"
