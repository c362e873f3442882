"""Features fitted to a recording by the words in it."""

from __future__ import annotations

import numpy as np

from speechgru.mmi import adaptation, cepstra, fmllr, graph, mixtures, three_states
from speechgru.mmi.lexicon import Lexicon

LEXICON = Lexicon(("SIL", "A", "B"), {"ab": ((1, 2),), "ba": ((2, 1), (2,))})
SIZE = 4
TEXT = " ".join(["ab", "ba"] * 12)


def model() -> mixtures.Mixtures:
    draw = np.random.default_rng(0)
    shape = (3 * len(LEXICON.phones), 2, SIZE)
    mean = (3 * draw.normal(size=shape)).astype(np.float32)
    return mixtures.Mixtures(np.full(shape[:2], 0.5, np.float32), mean, np.full(shape, 0.3, np.float32))


def spoken(mix: mixtures.Mixtures) -> tuple[np.ndarray, np.ndarray]:
    """Frames of TEXT, four to a state, and their states."""
    draw = np.random.default_rng(1)
    phones = [0, *(p for word in TEXT.split() for p in LEXICON.words[word][0]), 0]
    states = np.repeat([3 * p + part for p in phones for part in range(3)], 4)
    which = draw.integers(2, size=len(states))
    noise = 0.3**0.5 * draw.normal(size=(len(states), SIZE))
    return (mix.mean[states, which] + noise).astype(np.float32), states


def test_three_states_a_phone() -> None:
    made = graph.build("ab ba", LEXICON)
    assert made
    wide = three_states.expand(made)
    assert (three_states.states(wide) == [3 * p + i for p in made.phone for i in range(3)]).all()
    for state in range(len(made.phone)):
        assert wide.source[wide.first[3 * state + 1]] == 3 * state
        assert wide.source[wide.first[3 * state + 2]] == 3 * state + 1
        coming = wide.source[wide.first[3 * state] : wide.first[3 * state + 1]]
        before = made.source[made.first[state] : made.first[state + 1]]
        assert coming.tolist() == (3 * before + 2).tolist()
        assert wide.start[3 * state] == made.start[state] and wide.end[3 * state + 2] == made.end[state]


def test_alignment_finds_the_states() -> None:
    mix = model()
    frames, states = spoken(mix)
    made = graph.build(TEXT, LEXICON)
    assert made
    path = three_states.align(mix, frames, three_states.expand(made))
    assert path and (path.state == states).mean() > 0.95
    assert (made.phone[path.place] == path.state // 3).all()
    assert three_states.align(mix, frames[:3], three_states.expand(made)) is None


def adapter(mix: mixtures.Mixtures, log_mel: np.ndarray, target: np.ndarray) -> adaptation.Adapter:
    """One whose projection makes `target` of the raw features, nearly."""
    spliced = cepstra.splice(cepstra.cepstra(log_mel))
    wide = np.concatenate([spliced, np.ones((len(spliced), 1))], axis=1)
    rows = np.linalg.lstsq(wide, target, rcond=None)[0]
    projection = cepstra.Projection(rows[:-1].T.astype(np.float32), -rows[-1].astype(np.float32))
    raw = cepstra.project(log_mel, projection)
    states = spoken(mix)[1]
    prior = mixtures.speaker_statistics(mix, raw, states)
    return adaptation.Adapter(
        projection, mix, prior.scaled(1 / prior.frames), np.eye(SIZE, SIZE + 1), LEXICON
    )


def test_a_recording_is_fitted_by_its_words() -> None:
    mix = model()
    clean, _ = spoken(mix)
    log_mel = np.random.default_rng(2).normal(size=(len(clean), 80)).astype(np.float32)
    log_mel[:, :SIZE] += 4 * clean
    made = adapter(mix, log_mel, clean @ (1.2 * np.eye(SIZE)) + 0.5)
    transform = made.fit(log_mel, TEXT)
    before, after = (
        mixtures.scores(mix, fmllr.apply(cepstra.project(log_mel, made.projection), t)).max(axis=1).mean()
        for t in (made.common, transform)
    )
    assert after > before + 0.05
    assert made.features(log_mel, transform).shape == (len(log_mel), SIZE)


def test_without_words_everyone_is_average() -> None:
    mix = model()
    clean, _ = spoken(mix)
    made = adapter(mix, np.random.default_rng(3).normal(size=(len(clean), 80)).astype(np.float32), clean)
    noise = np.zeros((50, 80), np.float32)
    assert made.fit(noise, "") is made.common
    assert made.fit(noise, "zebra") is made.common
    assert made.fit(noise[:4], TEXT) is made.common
