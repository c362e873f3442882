"""A hybrid model from recordings and texts, step by step; each step's result can be kept and gone on from.

first alignments (spikes of a CTC network) → Gaussian mixtures of phones → features fitted to speakers → tied contexts
and a trigram of phones → (in `task`) cross-entropy → lattice-free MMI
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi import (
    cepstra,
    ctc_alignment,
    fmllr,
    graph,
    mixtures,
    monophones,
    numerator,
    phone_ngram,
    speakers,
    targets,
    three_states,
)
from speechgru.mmi import tying as tie
from speechgru.mmi.adaptation import FEWEST, PRIOR_FRAMES, Adapter, Transform
from speechgru.mmi.criterion import Language
from speechgru.mmi.feature_store import AlignedRecording, Store
from speechgru.mmi.graph import Graph
from speechgru.mmi.lexicon import SILENCE, Lexicon, Phones
from speechgru.mmi.targets import Aligned

CLUSTERS, LEAST = 460, 60  # of contexts; occurrences of each
ENOUGH = 2500  # recordings for the first mixtures
SEEDED = 32  # recordings that are seeded at once
AXES = 150  # along which speakers' transforms differ
_log = logging.getLogger(__name__)
Frames = NDArray[np.float32]
Spikes = Callable[[Sequence[Frames]], Sequence[Frames]]


@dataclass(frozen=True)
class Spoken:
    """What is known of a recording beforehand."""

    name: str
    seconds: float
    text: str
    speaker: str


@dataclass
class Bootstrap:
    """What the network is trained by. Of the recordings numbered `kept`: graphs, alignments. transforms: by speaker.
    habits: how words are pronounced."""

    adapter: Adapter
    language: Language
    kept: list[int]
    graphs: list[Graph]
    alignments: list[Aligned]
    transforms: dict[str, Transform]
    habits: dict[tuple[str, Phones], float]


def bootstrap(
    spoken: Sequence[Spoken], store: Store, spikes: Spikes, lexicon: Lexicon, enough: int = ENOUGH
) -> Bootstrap:
    """Alignments, mixtures, transforms, tied contexts and the trigram of some recordings.

    Args:
        spikes: log-probabilities of CTC's labels of phones, of each of some raw log-mels.
        enough: recordings that the first mixtures are learnt from; all are fitted to speakers.
    """
    kept, graphs, recordings = _seeded(spoken, store, spikes, lexicon)
    _log.info("%d of %d recordings have a first alignment", len(kept), len(spoken))
    few = recordings[:: max(len(recordings) // enough, 1)]
    projection, model = monophones.learn(few, len(lexicon.phones))
    _log.info("mixtures of %d recordings", len(few))
    adapter, transforms = monophones.adapt(recordings, projection, model, lexicon)
    places = []
    for recording in recordings:
        assert recording.place is not None  # the last round aligned them
        places.append(recording.place)
    alignments = [targets.aligned(place, text_graph) for place, text_graph in zip(places, graphs)]
    language = _language(alignments, [_fitted(r, adapter, transforms) for r in recordings], lexicon)
    usual = habits([spoken[index].text for index in kept], graphs, places, lexicon)
    return Bootstrap(adapter, language, kept, graphs, alignments, transforms, usual)


def aligned_recordings(
    made: Bootstrap, spoken: Sequence[Spoken], store: Store, speeds: Sequence[float]
) -> list[AlignedRecording]:
    """What `task` learns from, with transforms of speakers and recordings at each speed; how those of speakers differ
    is kept in the adapter."""
    result = [
        AlignedRecording(
            spoken[index].name,
            spoken[index].seconds,
            numerator.weighted(text_graph, made.language.gram),
            alignment,
            store,
            index,
        )
        for index, text_graph, alignment in zip(made.kept, made.graphs, made.alignments)
    ]
    names = [spoken[index].speaker for index in made.kept]
    crowd: list[Transform] = []
    for speed in speeds:
        whole, own = transforms_of(made.adapter, made.transforms, result, names, speed)
        crowd += whole.values()
        # Where speeds differ, so do the voices: those of this speed, and of the ones before it.
        known = speakers.learn(crowd, AXES)
        for one, name, statistics in zip(result, names, own):
            common = made.adapter.common
            fit = speakers.fit(known, statistics).astype(np.float32) if statistics else common
            one.fits = {**one.fits, speed: (whole.get(name, common), fit)}
    made.adapter = replace(made.adapter, speakers=speakers.learn(crowd, AXES))
    return result


def shares(recordings: Sequence[AlignedRecording], language: Language) -> NDArray[np.float64]:
    """Of all frames, the share of each output."""
    counts: NDArray[np.float64] = np.zeros(language.tying.outputs)
    for one in recordings:
        labels = targets.outputs(one.alignment, len(one.alignment.phone), language.tying)
        counts += np.bincount(labels, minlength=len(counts))
    parts: NDArray[np.float64] = counts / counts.sum()
    return parts


def habits(
    texts: Sequence[str], graphs: Sequence[Graph], places: Sequence[NDArray[np.int32]], lexicon: Lexicon
) -> dict[tuple[str, Phones], float]:
    """Natural logs of how often words with several pronunciations were pronounced so, against the most usual way.

    Args:
        places: the graphs' states of each frame.
    """
    counts: dict[str, Counter[Phones]] = defaultdict(Counter)
    for text, text_graph, place in zip(texts, graphs, places):
        states = place[np.concatenate([[True], np.diff(place) != 0])]
        words = text_graph.word[states]
        for number, word in enumerate(text.split()):
            counts[word][tuple(text_graph.phone[states[words == number]].tolist())] += 1
    logs: dict[tuple[str, Phones], float] = {}
    for word, seen in counts.items():
        chances = {way: seen[way] + 1.0 for way in lexicon.pronounce(word)}
        if len(chances) > 1:
            most = max(chances.values())
            logs |= {(word, way): float(np.log(chance / most)) for way, chance in chances.items()}
    return logs


def _seeded(
    spoken: Sequence[Spoken], store: Store, spikes: Spikes, lexicon: Lexicon
) -> tuple[list[int], list[Graph], list[monophones.Recording]]:
    made: dict[int, tuple[Graph, monophones.Recording]] = {}
    order = sorted(range(len(spoken)), key=lambda index: spoken[index].seconds)
    for first in range(0, len(order), SEEDED):
        numbers = order[first : first + SEEDED]
        log_mels = [store(index) for index in numbers]
        for index, log_mel, emissions in zip(numbers, log_mels, spikes(log_mels)):
            text_graph = graph.build(spoken[index].text, lexicon)
            path = ctc_alignment.seed(emissions, text_graph, len(log_mel)) if text_graph else None
            if text_graph is None or path is None:
                continue
            states = ctc_alignment.thirds_of(path, text_graph.phone, three_states.PARTS)
            expanded = three_states.expand(text_graph)
            made[index] = (
                text_graph,
                monophones.Recording(cepstra.cepstra(log_mel), expanded, spoken[index].speaker, states),
            )
    kept = sorted(made)
    return kept, [made[index][0] for index in kept], [made[index][1] for index in kept]


def _fitted(recording: monophones.Recording, adapter: Adapter, transforms: Mapping[str, Transform]) -> Frames:
    raw = cepstra.splice(recording.cepstra) @ adapter.projection.rows.T - adapter.projection.offset
    return fmllr.apply(raw, transforms[recording.speaker])


def _language(alignments: Sequence[Aligned], features: Sequence[Frames], lexicon: Lexicon) -> Language:
    """Contexts tied by the means of each phone's first and second half."""
    count, size = len(lexicon.phones), features[0].shape[1]
    counts, sums = np.zeros((count, count)), np.zeros((count, count, 2 * size))
    for alignment, x in zip(alignments, features):
        begin = np.flatnonzero(np.concatenate([[True], np.diff(alignment.segment) != 0]))
        end = np.concatenate([begin[1:], [len(x)]])
        middle = (begin + end + 1) // 2
        total = np.concatenate([np.zeros((1, size)), np.cumsum(x, axis=0)])
        halves = [
            (total[b] - total[a]) / np.maximum(b - a, 1)[:, None] for a, b in ((begin, middle), (middle, end))
        ]
        at = alignment.left[begin], alignment.phone[begin]
        np.add.at(counts, at, 1)
        np.add.at(sums, at, np.concatenate(halves, axis=1))
    gram = phone_ngram.estimate([targets.phones(alignment) for alignment in alignments], count)
    return Language(gram, tie.tie(counts, sums, CLUSTERS, LEAST))


def transforms_of(
    adapter: Adapter,
    transforms: Mapping[str, Transform],
    recordings: Sequence[AlignedRecording],
    names: Sequence[str],
    speed: float,
) -> tuple[dict[str, Transform], list[fmllr.Statistics | None]]:
    """Of each speaker, at a speed, in single precision; and the recordings' statistics, None where nobody speaks.

    Args:
        transforms: of speakers at speed 1.
    """
    totals: dict[str, fmllr.Statistics] = {}
    own: list[fmllr.Statistics | None] = []
    prior = adapter.prior.scaled(PRIOR_FRAMES)
    for one, speaker in zip(recordings, names):
        raw = cepstra.project(one.log_mel(speed), adapter.projection)
        at = np.minimum((np.arange(len(raw)) * speed).astype(int), len(one.alignment.phone) - 1)
        states = _parts(one.alignment)[at]
        speech = states >= three_states.PARTS * (SILENCE + 1)
        if speech.sum() < FEWEST:
            own.append(None)
            continue
        under = transforms.get(speaker, adapter.common) if speed == 1 else adapter.common
        statistics = mixtures.speaker_statistics(adapter.mixtures, raw[speech], states[speech], under)
        totals[speaker] = totals[speaker] + statistics if speaker in totals else statistics
        own.append(fmllr.Statistics(statistics.frames, *(s.astype(np.float32) for s in statistics[1:])))
    whole = {
        name: fmllr.solve(statistics + prior, adapter.common).astype(np.float32)
        for name, statistics in totals.items()
    }
    return whole, own


def _parts(alignment: Aligned) -> NDArray[np.int64]:
    """Mixtures of an alignment's frames, each phone cut into equal parts."""
    row = np.array(targets.phones(alignment))
    return ctc_alignment.thirds_of(alignment.segment, row, three_states.PARTS)
