"""Features of many recordings: computed on several processes, into one archive, a file each, or only their moments.

A recording is decoded block by block, and its features wait on the disk where they are many: memory doesn't grow with
its length (but for kinds that need the whole of it, and changes by `augmented`).

Mean and variance of each column of whatever streams by, in float64, mergeable in any order.

Sums of squares lose all digits where the mean is large against the deviation; these don't. Source: Chan, Golub and
LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances".
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechgru import audio
from speechgru.config.recipe import AugmentConfig
from speechgru.data import feature_archive
from speechgru.data._feature_spool import Spool, Values
from speechgru.errors import AudioError, AudioWarning
from speechgru.features import Streaming, transform
from speechgru.features.base import Transform
from speechgru.features.extraction import describe
from speechgru.utils import process_pool

_CHUNK = 16  # recordings that a process gets at once, at most


@dataclass(frozen=True)
class Moments:
    """Of each of several columns: how many values, their mean, and their summed squared distance from it; [columns]."""

    count: int
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Moments:
        """Of `values` [rows, columns]."""
        if not len(values):
            nothing = np.zeros(values.shape[1])
            return cls(0, nothing, nothing)
        mean = values.mean(axis=0, dtype=np.float64)
        return cls(len(values), mean, np.square(values - mean).sum(axis=0))

    def __add__(self, other: Moments) -> Moments:
        """Of the values of both."""
        count = self.count + other.count
        share = other.count / max(count, 1)
        apart = other.mean - self.mean
        squares = self.squares + other.squares + np.square(apart) * self.count * share
        return Moments(count, self.mean + apart * share, squares)

    @property
    def variance(self) -> NDArray[np.float64]:
        """Mean squared distance from the mean; 0 where there are no values."""
        return self.squares / max(self.count, 1)


@dataclass(frozen=True)
class Wanted:
    """Which features, of which sound.

    Attributes:
        kind, preset, settings: as for `features.extract`.
        augment: changes of training to make first; None: none. `seed` draws them.
        strict_rate: refuse recordings of another rate than the kind's instead of resampling them.
        track: of files with several, if one is chosen; the recordings' paths name it too.
    """

    kind: str = "log_mel"
    preset: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    augment: AugmentConfig | None = None
    seed: int = 0
    strict_rate: bool = False
    track: int | None = None

    def module(self) -> Transform:
        """What computes them. Raises ConfigError for a wrong kind, preset or setting."""
        return transform(self.kind, preset=self.preset, **self.settings)

    def header(self) -> dict[str, Any]:
        """For `featurefiles`: what describes the values, and lets them be computed again."""
        blank = describe(self.module(), np.zeros((0, 0), np.float32))
        return {
            "kind": blank.kind,
            "settings": blank.settings,
            "sample_rate": blank.sample_rate,
            "bins": list(blank.bins),
            "unit": blank.unit,
            "frame_seconds": blank.frame_seconds,
            "first_seconds": blank.first_seconds,
            "augment": None if self.augment is None else {**asdict(self.augment), "seed": self.seed},
            **({} if self.track is None else {"track": self.track}),
        }


@dataclass(frozen=True)
class Item:
    """A recording: its path, its name in the result, and the file for it alone, if any."""

    path: str
    name: str
    target: Path | None = None


@dataclass(frozen=True)
class Done:
    """What came of an item: `error`, or frames, their moments, and the values until an archive has them."""

    item: Item
    error: str = ""
    warnings: tuple[AudioWarning, ...] = ()
    truncated: bool = False
    source_rate: int = 0
    seconds: float = 0.0
    frames: int = 0
    moments: Moments | None = None
    values: Spool | None = None


@dataclass(frozen=True)
class _Work:
    item: Item
    wanted: Wanted
    header: dict[str, Any]
    scratch: Path
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
    header = wanted.header()
    with ExitStack() as stack:
        scratch = stack.enter_context(_scratch(archive, items))
        work = [_Work(item, wanted, header, scratch, archive is not None, stats) for item in items]
        add: feature_archive.Add | None = None
        # Values on their way to an archive take memory; without them, chunks as large as still share the work out.
        chunk = 1 if archive is not None else max(1, min(_CHUNK, len(work) // (8 * processes)))
        for done in process_pool.in_order(_do, work, processes, preload=[__name__], chunk=chunk):
            if archive is not None and done.values is not None:
                add = add or stack.enter_context(feature_archive.archive(archive, header))
                add(done.item.name, done.values)
                done.values.discard()
            yield replace(done, values=None)


@contextmanager
def _scratch(archive: Path | None, items: Sequence[Item]) -> Iterator[Path]:
    """A folder on the disk of the results, made by what needs it."""
    targets = (item.target for item in items if item.target is not None)
    beside = archive or next(targets, None) or Path()  # without results nothing waits
    folder = beside.parent / f".speechgru-{secrets.token_hex(4)}"
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
                "(speechgru audio resample), or leave --strict-rate out.",
                source=path,
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
        from speechgru.augment.preview import augmented

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

    def __init__(self, spool: Spool | None, stats: bool) -> None:
        self.spool, self.stats = spool, stats
        self.moments: Moments | None = None

    def add(self, values: Values) -> None:
        if self.spool is not None:
            self.spool.add(values)
        if self.stats:
            more = Moments.of(values)
            self.moments = more if self.moments is None else self.moments + more


def _do(work: _Work) -> Done:
    """In a process of the pool. Errors of one recording are results; others end the run."""
    item = work.item
    spool = Spool(work.scratch) if work.keep or item.target is not None else None
    collector = _Collector(spool, work.stats)
    try:
        done = compute(item.path, work.wanted, collector.add)
    except AudioError as error:
        return Done(item, error=str(error))
    except OSError as error:
        return Done(item, error=f"{item.path} can't be read: {error.strerror or error}.")
    if item.target is not None and spool is not None:
        # A file that a power cut left unfinished is known by its header, and can be made again.
        with feature_archive.archive(item.target, work.header, durable=False) as write:
            write(item.name, spool)
        if not work.keep:
            spool.discard()
    return replace(done, item=item, moments=collector.moments, values=spool if work.keep else None)


def rates_note(rates: Counter[int], rate: int) -> str | None:
    """What to know where recordings had several rates, or another than the features'; None where all had `rate`."""
    if set(rates) <= {rate}:
        return None
    shown = ", ".join(f"{count} at {hertz} Hz" for hertz, count in sorted(rates.items()))
    low = [hertz for hertz in rates if hertz < rate]
    more = f" Those below {rate} Hz hold nothing above half their rate." if low else ""
    return f"recordings are {shown}; features are computed at {rate} Hz, after resampling.{more}"
