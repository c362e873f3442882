"""Recordings aligned and fitted by a model that exists: what a hybrid model is trained on further."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np

from speechgru.mmi import cepstra, fmllr, graph, numerator, phone_ngram, targets, three_states
from speechgru.mmi.adaptation import Adapter, Transform
from speechgru.mmi.criterion import Language
from speechgru.mmi.feature_store import AlignedRecording, Store
from speechgru.mmi.graph import Graph
from speechgru.mmi.phone_ngram import PhoneGram
from speechgru.mmi.pipeline import Spoken, transforms_of
from speechgru.mmi.targets import Aligned
from speechgru.mmi.tying import Tying


class Refitted(NamedTuple):
    """A recording: its number, its text's graph, its alignment, its transforms by speed as in `AlignedRecording`."""

    number: int
    graph: Graph
    alignment: Aligned
    fits: Mapping[float, Sequence[Transform]]


Numbers: TypeAlias = Sequence[int]
Work: TypeAlias = Callable[[Numbers], list[Refitted]]


def aligned(adapter: Adapter, spoken: Spoken, store: Store, number: int) -> Refitted | None:
    """A recording fitted on its own, by its text; None where the text can't be in it."""
    text_graph = graph.build(spoken.text, adapter.lexicon)
    if text_graph is None:
        return None
    log_mel = store(number)
    transform = adapter.fit(log_mel, spoken.text)
    raw = cepstra.project(log_mel, adapter.projection)
    path = three_states.align(adapter.mixtures, fmllr.apply(raw, transform), three_states.expand(text_graph))
    if path is None:
        return None
    return Refitted(number, text_graph, targets.aligned(path.place, text_graph), {1.0: [transform]})


def of_speaker(
    adapter: Adapter, spoken: Sequence[Spoken], store: Store, speeds: Sequence[float], numbers: Numbers
) -> list[Refitted]:
    """Recordings `numbers`, of one speaker, with the speaker's and their own transforms at each speed."""
    found = [one for number in numbers if (one := aligned(adapter, spoken[number], store, number))]
    recordings = [_recording(one, one.graph, spoken, store) for one in found]
    names = [spoken[one.number].speaker for one in found]
    known = {name: one.fits[1.0][0] for name, one in zip(names, found)}
    for speed in speeds:
        whole, statistics = transforms_of(adapter, known, recordings, names, speed)
        for recording, name, own in zip(recordings, names, statistics):
            common = adapter.common.astype(np.float32)
            fit = adapter.solve(own, common).astype(np.float32) if own else common
            recording.fits = {**recording.fits, speed: (whole.get(name, common), fit)}
    return [one._replace(fits=recording.fits) for one, recording in zip(found, recordings)]


def prepared(
    adapter: Adapter,
    tying: Tying,
    spoken: Sequence[Spoken],
    store: Store,
    speeds: Sequence[float],
    each: Callable[[Work, Iterable[Numbers]], Iterable[list[Refitted]]] = map,
    gram: PhoneGram | None = None,
) -> tuple[Language, list[AlignedRecording]]:
    """What `task` learns from; the outputs are the model's.

    Args:
        gram: a trigram of phones; None: it is estimated from the alignments.
        each: applies a function to each of some speakers, in any order; several processes may share it.
    """
    groups: dict[str, list[int]] = {}
    for number, one in enumerate(spoken):
        groups.setdefault(one.speaker, []).append(number)
    work = partial(of_speaker, adapter, spoken, store, speeds)
    found = sorted((one for part in each(work, groups.values()) for one in part), key=lambda one: one.number)
    rows = [targets.phones(one.alignment) for one in found]
    language = Language(gram or phone_ngram.estimate(rows, len(adapter.lexicon.phones)), tying)
    texts = (numerator.weighted(one.graph, language.gram) for one in found)
    return language, [_recording(one, text, spoken, store) for one, text in zip(found, texts)]


def for_dev(
    adapter: Adapter, language: Language, spoken: Sequence[Spoken], store: Store
) -> list[AlignedRecording]:
    """Dev recordings, each aligned and fitted on its own, by its text."""
    found = [one for number, given in enumerate(spoken) if (one := aligned(adapter, given, store, number))]
    texts = (numerator.weighted(one.graph, language.gram) for one in found)
    return [_recording(one, text, spoken, store) for one, text in zip(found, texts)]


def _recording(one: Refitted, text: Graph, spoken: Sequence[Spoken], store: Store) -> AlignedRecording:
    about = spoken[one.number]
    return AlignedRecording(about.name, about.seconds, text, one.alignment, store, one.number, one.fits)
