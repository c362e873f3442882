"""Mixtures of phones from made-up recordings of speakers who differ by a linear transform."""

from __future__ import annotations

import numpy as np
import pytest

from speechgru.mmi import ctc_alignment, graph, mixtures, monophones, three_states
from speechgru.mmi.lexicon import Lexicon

LEXICON = Lexicon(("SIL", "A", "B", "C"), {"ab": ((1, 2),), "ca": ((3, 1),), "bc": ((2, 3),)})
CEPSTRA = 5


def recordings(count: int = 30) -> tuple[list[monophones.Recording], list[np.ndarray]]:
    """Recordings whose first alignments are off, and their true states."""
    draw = np.random.default_rng(0)
    means = 4 * draw.normal(size=(3 * len(LEXICON.phones), CEPSTRA))
    voices = [np.eye(CEPSTRA) + 0.25 * draw.normal(size=(CEPSTRA, CEPSTRA)) for _ in range(3)]
    made, truth = [], []
    for number in range(count):
        words = draw.choice(list(LEXICON.words), 5)
        phones = [0, *(p for word in words for p in LEXICON.words[word][0]), 0]
        states = np.repeat([3 * p + part for p in phones for part in range(3)], draw.integers(3, 6))
        x = (means[states] + draw.normal(size=(len(states), CEPSTRA))) @ voices[number % 3].T
        text_graph = graph.build(" ".join(words), LEXICON)
        assert text_graph
        off = np.roll(states, draw.integers(-4, 5))
        made.append(
            monophones.Recording(
                x.astype(np.float32), three_states.expand(text_graph), f"voice {number % 3}", off
            )
        )
        truth.append(states)
    return made, truth


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monophones, "SIZE", 8)
    monkeypatch.setattr(monophones, "LATER", (1, 2))


@pytest.mark.usefixtures("small")
def test_alignments_get_better_and_speakers_alike() -> None:
    made, truth = recordings()
    right = [np.mean(r.states // 3 == t // 3) for r, t in zip(made, truth)]
    projection, model = monophones.learn(made, len(LEXICON.phones))
    better = [np.mean(r.states // 3 == t // 3) for r, t in zip(made, truth)]
    assert np.mean(better) > np.mean(right) + 0.04
    before = np.mean([likelihood(r, model, projection, None) for r in made])
    adapter, transforms = monophones.adapt(made, projection, model, LEXICON)
    assert set(transforms) == {"voice 0", "voice 1", "voice 2"}
    after = np.mean([likelihood(r, adapter.mixtures, projection, transforms[r.speaker]) for r in made])
    assert after > before + 0.5


def likelihood(r: monophones.Recording, model, projection, transform) -> float:
    """A frame's, with the transform's volume."""
    x = monophones._projected(r, projection)
    volume = 0.0
    if transform is not None:
        x = (x @ transform[:, :-1].T + transform[:, -1]).astype(np.float32)
        volume = np.linalg.slogdet(transform[:, :-1])[1]
    return float(mixtures.scores(model, x)[np.arange(len(x)), r.states].mean() + volume)


def test_seeds_are_where_the_spikes_are() -> None:
    text_graph = graph.build("ab ca", LEXICON)
    assert text_graph
    log_probs = np.full((12, 6), -8.0, np.float32)
    log_probs[:, 0] = -0.1
    for frame, label in ((2, 2), (4, 3), (7, 1), (8, 4), (10, 2)):
        log_probs[frame], log_probs[frame, label] = -8, -0.1
    path = ctc_alignment.seed(log_probs, text_graph, 24)
    assert path is not None
    phones = text_graph.phone[path]
    assert [phones[0], phones[5], phones[9], phones[17], phones[21]] == [0, 1, 2, 3, 1]
    assert ctc_alignment.seed(log_probs[:3], text_graph, 6) is None


def test_phones_are_cut_into_thirds() -> None:
    path = np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int32)
    assert ctc_alignment.thirds_of(path, np.array([2, 1]), 3).tolist() == [6, 6, 7, 7, 8, 8, 3, 4]
