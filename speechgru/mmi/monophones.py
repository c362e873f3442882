"""Gaussian mixtures of phones, learnt from recordings and first alignments, and then of features fitted to speakers.

Viterbi training: align, estimate, split, again. Then speaker-adaptive training (Anastasakos et al. 1996): a transform a
speaker, mixtures of the transformed features, in turns.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi import cepstra, fmllr, mixtures, three_states
from speechgru.mmi.adaptation import PRIOR_FRAMES, Adapter, Transform
from speechgru.mmi.graph import Graph
from speechgru.mmi.lexicon import SILENCE, Lexicon
from speechgru.mmi.mixtures import Mixtures

SIZE = 40  # features
FIRST = (1, 1, 2, 2)  # Gaussians a state, in each round before features are projected anew
LATER = (4, 4, 8, 8, 8)
TURNS = 3  # of transforms and mixtures
Frames = NDArray[np.float32]
_log = logging.getLogger(__name__)


@dataclass
class Recording:
    """A recording and its text: cepstra [T, C], expanded graph, speaker, the mixture of each frame [T] and,
    once it is aligned, the state of its graph."""

    cepstra: Frames
    graph: Graph
    speaker: str
    states: NDArray[np.int64]
    place: NDArray[np.int32] | None = None


def learn(recordings: Sequence[Recording], phones: int) -> tuple[cepstra.Projection, Mixtures]:
    """The projection and mixtures; the recordings' states become those of the last alignment."""
    projection = _projection(recordings, phones)
    features = [_projected(r, projection) for r in recordings]
    model = _single(recordings, features, phones)
    for gaussians in FIRST:
        model = _round(recordings, features, model, gaussians)
    projection = _projection(recordings, phones)
    features = [_projected(r, projection) for r in recordings]
    model = _single(recordings, features, phones)
    for gaussians in LATER:
        model = _round(recordings, features, model, gaussians)
    return projection, model


def adapt(
    recordings: Sequence[Recording], projection: cepstra.Projection, model: Mixtures, lexicon: Lexicon
) -> tuple[Adapter, dict[str, Transform]]:
    """What fits features to speakers, and the transforms of the recordings' own; their states are aligned anew."""
    features = [_projected(r, projection) for r in recordings]
    speakers: dict[str, list[int]] = {}
    for number, recording in enumerate(recordings):
        speakers.setdefault(recording.speaker, []).append(number)
    transforms: dict[str, Transform] = {}
    for turn in range(TURNS):
        by_speaker = {
            name: _statistics(recordings, features, numbers, model, transforms.get(name))
            for name, numbers in speakers.items()
        }
        prior = _average(list(by_speaker.values()))
        for name, statistics in by_speaker.items():
            transforms[name] = fmllr.solve(statistics + prior.scaled(PRIOR_FRAMES), transforms.get(name))
        _log.info("transforms of %d speakers", len(transforms))
        fitted = [fmllr.apply(x, transforms[r.speaker]) for x, r in zip(features, recordings)]
        for again in range(2):
            model = _round(recordings, fitted, model, model.mean.shape[1], realign=again == 0 and turn < 2)
    common = fmllr.solve(prior.scaled(1000))
    return Adapter(projection, model, prior, common, lexicon), transforms


def _projected(recording: Recording, projection: cepstra.Projection) -> Frames:
    return cepstra.splice(recording.cepstra) @ projection.rows.T - projection.offset


def _projection(recordings: Sequence[Recording], phones: int) -> cepstra.Projection:
    """Of the states as they are aligned now."""
    classes, width = three_states.PARTS * phones, (2 * cepstra.REACH + 1) * recordings[0].cepstra.shape[1]
    counts, sums, second = np.zeros(classes), np.zeros((classes, width)), np.zeros((width, width))
    for recording in recordings:
        spliced = cepstra.splice(recording.cepstra)
        order = np.argsort(recording.states, kind="stable")
        present, starts = np.unique(recording.states[order], return_index=True)
        counts += np.bincount(recording.states, minlength=classes)
        sums[present] += np.add.reduceat(spliced[order], starts)
        second += spliced.T @ spliced
    return cepstra.discriminate(counts, sums, second, min(SIZE, width))


def _single(recordings: Sequence[Recording], features: Sequence[Frames], phones: int) -> Mixtures:
    """One Gaussian a state."""
    shape = (three_states.PARTS * phones, 1, features[0].shape[1])
    flat = Mixtures(np.ones(shape[:2], np.float32), np.zeros(shape, np.float32), np.ones(shape, np.float32))
    return _round(recordings, features, flat, 1, realign=False)


def _round(
    recordings: Sequence[Recording],
    features: Sequence[Frames],
    model: Mixtures,
    gaussians: int,
    *,
    realign: bool = True,
) -> Mixtures:
    """Split to so many Gaussians, align, estimate."""
    while model.mean.shape[1] < gaussians:
        model = mixtures.split(model, seed=model.mean.shape[1])
    sums, score, frames = mixtures.Sums(model), 0.0, 0
    for recording, x in zip(recordings, features):
        path = three_states.align(model, x, recording.graph) if realign else None
        if path is not None:
            recording.states, recording.place = path.state, path.place
            score, frames = score + path.score, frames + len(x)
        sums.add(x, recording.states)
    if frames:
        _log.info("%d Gaussians a state: log-likelihood %.3f a frame", gaussians, score / frames)
    return sums.estimate()


def _statistics(
    recordings: Sequence[Recording],
    features: Sequence[Frames],
    numbers: Sequence[int],
    model: Mixtures,
    transform: Transform | None,
) -> fmllr.Statistics:
    """Of a speaker's recordings, without silence."""
    states = np.concatenate([recordings[number].states for number in numbers])
    speech = states >= three_states.PARTS * (SILENCE + 1)
    raw = np.concatenate([features[number] for number in numbers])[speech]
    return mixtures.speaker_statistics(model, raw, states[speech], transform)


def _average(statistics: Sequence[fmllr.Statistics]) -> fmllr.Statistics:
    """Of a frame."""
    total = statistics[0]
    for more in statistics[1:]:
        total = total + more
    return total.scaled(1 / total.frames)
