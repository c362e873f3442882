"""Forced alignment against three others: every path tried, a plain search with dictionaries, torchaudio's."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from speechgru.alignment import ctc as module
from speechgru.alignment.ctc import Path, Prices, align, align_readings
from speechgru.alignment.lattice import build

LogProbs = NDArray[np.float32]
SPACE = 1
STRICT = Prices(*[math.inf] * 6)


@pytest.fixture(params=[(1, 1), (3, 2), (512, 64)])
def sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of frames and windows of words from the smallest up: none may change a result."""
    monkeypatch.setattr(module, "BLOCK", request.param[0])
    monkeypatch.setattr(module, "FIRST_WINDOW", request.param[1])


def random_log_probs(frames: int, symbols: int, seed: int, flatness: float = 0.5) -> LogProbs:
    generator = np.random.default_rng(seed)
    return np.log(generator.dirichlet(np.full(symbols, flatness), frames) + 1e-6).astype(np.float32)


def certain(said: str, sure: float = 0.9) -> LogProbs:
    """A frame for each of the characters of `said`: `_` blank, a space, a to z."""
    symbols = "_ abcdefghijklmnopqrstuvwxyz"
    probabilities = np.full((len(said), len(symbols)), (1 - sure) / (len(symbols) - 1))
    probabilities[np.arange(len(said)), [symbols.index(c) for c in said]] = sure
    return np.log(probabilities).astype(np.float32)


def labels(text: str) -> list[list[int]]:
    return [["_ abcdefghijklmnopqrstuvwxyz".index(c) for c in word] for word in text.split()]


def spans(text: str, path: Path) -> list[tuple[int, int] | None]:
    """Frames of each word; None where it was skipped."""
    ends = list(itertools.accumulate(map(len, text.split())))
    starts = [0, *ends[:-1]]
    return [
        (int(path.starts[a]), int(path.ends[b - 1])) if path.starts[a] >= 0 else None
        for a, b in zip(starts, ends)
    ]


# ------------------------------------------------------------------------------------ plain CTC alignment


def _every_path(log_probs: LogProbs, target: list[int]) -> float:
    """The best score of all label sequences, one symbol a frame, that collapse to `target`."""
    frames, symbols = log_probs.shape
    best = -math.inf
    for path in itertools.product(range(symbols), repeat=frames):
        if [s for s, _ in itertools.groupby(path) if s] == target:
            best = max(best, sum(float(log_probs[t, s]) for t, s in enumerate(path)))
    return best


@pytest.mark.slow
@settings(max_examples=50)
@given(st.lists(st.integers(1, 2), min_size=1, max_size=4), st.integers(1, 5), st.integers(0, 10**6))
def test_strict_is_the_best_of_all_paths(target: list[int], frames: int, seed: int) -> None:
    log_probs = random_log_probs(frames, 3, seed)
    best = _every_path(log_probs, target)
    if best == -math.inf:
        with pytest.raises(ValueError, match="don't fit"):
            align(log_probs, [target], prices=STRICT)
    else:
        assert align(log_probs, [target], prices=STRICT).score == pytest.approx(best, abs=1e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(8))
def test_strict_scores_as_torchaudio_does(seed: int) -> None:
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchaudio.functional")
    if not hasattr(functional, "forced_align"):
        pytest.skip("this torchaudio has no forced_align")
    log_probs = random_log_probs(700, 29, seed)
    target = np.random.default_rng(seed).integers(1, 29, 40 + 30 * seed).tolist()
    theirs, scores = functional.forced_align(torch.from_numpy(log_probs)[None], torch.tensor([target]))
    ours = align(log_probs, [target], prices=STRICT)
    assert ours.score == pytest.approx(float(scores.sum()), abs=0.01)
    runs = [(s, len(list(group))) for s, group in itertools.groupby(theirs[0].tolist())]
    ends = np.cumsum([length for _, length in runs])
    expected = [(end - length, end) for (symbol, length), end in zip(runs, ends) if symbol]
    # Random log-probabilities hardly ever tie, so the paths are the same too.
    assert list(zip(ours.starts, ours.ends)) == expected


# --------------------------------------------------------------------------------------- with liberties


def plain_search(log_probs: LogProbs, words: list[list[int]], space: int | None, prices: Prices) -> float:
    """The best score by definition: states as keys, no vectors, no blocks, float64."""
    log_probs = log_probs.astype(np.float64)
    boundaries = _skipping({0: 0.0}, words, prices)
    filler: dict[Any, float] = {}
    letters: dict[Any, float] = {}
    gaps: dict[Any, float] = {}
    for row in log_probs:
        quiet = row[0] if space is None else max(row[0], row[space])
        moved = list(_moves(row, quiet, words, prices, boundaries, filler, letters, gaps))
        boundaries, filler, letters, gaps = (
            _best(kind, moved) for kind in ("boundary", "filler", "letter", "gap")
        )
        for i, score in filler.items():
            boundaries[i] = max(score, boundaries.get(i, -math.inf))
        boundaries = _skipping(boundaries, words, prices)
    for (i, j), score in letters.items():
        if j + 1 == len(words[i]):
            boundaries[i + 1] = max(score, boundaries.get(i + 1, -math.inf))
    return _skipping(boundaries, words, prices).get(len(words), -math.inf)


def _best(kind: str, moved: list[tuple[str, Any, float]]) -> dict[Any, float]:
    found: dict[Any, float] = {}
    for name, key, score in moved:
        if name == kind:
            found[key] = max(score, found.get(key, -math.inf))
    return found


def _skipping(boundaries: dict[Any, float], words: list[list[int]], prices: Prices) -> dict[Any, float]:
    found = dict(boundaries)
    for i, score in boundaries.items():
        score -= prices.skip
        for j in range(i, len(words)):
            score -= prices.skip_word + prices.skip_character * len(words[j])
            found[j + 1] = max(score, found.get(j + 1, -math.inf))
    return found


def _moves(
    row: NDArray[np.float64],
    quiet: float,
    words: list[list[int]],
    prices: Prices,
    boundaries: dict[Any, float],
    filler: dict[Any, float],
    letters: dict[Any, float],
    gaps: dict[Any, float],
) -> Iterator[tuple[str, Any, float]]:
    loud = row.max() - prices.filler_frame

    def between(i: int, score: float) -> Iterator[tuple[str, Any, float]]:
        yield "boundary", i, score + quiet
        yield "filler", i, score - prices.filler + loud

    for i, score in filler.items():
        yield "filler", i, score + loud
    for i, score in boundaries.items():
        yield from between(i, score)
        if i < len(words):
            yield "letter", (i, 0), score + row[words[i][0]]
    for (i, j), score in letters.items():
        yield "letter", (i, j), score + row[words[i][j]]
        if j + 1 == len(words[i]):
            yield from between(i + 1, score)
            if i + 1 < len(words) and words[i + 1][0] != words[i][j]:
                yield "letter", (i + 1, 0), score - prices.join + row[words[i + 1][0]]
        else:
            yield "gap", (i, j + 1), score + row[0]
            if words[i][j + 1] != words[i][j]:
                yield "letter", (i, j + 1), score + row[words[i][j + 1]]
    for (i, j), score in gaps.items():
        yield "gap", (i, j), score + row[0]
        yield "letter", (i, j), score + row[words[i][j]]


def price_of(
    log_probs: LogProbs, words: list[list[int]], space: int | None, prices: Prices, path: Path
) -> float:
    """What a path scores, and that it is one: in order, equal letters parted, words whole or skipped."""
    log_probs = log_probs.astype(np.float64)
    quiet = log_probs[:, 0] if space is None else np.maximum(log_probs[:, 0], log_probs[:, space])
    loud = log_probs.max(axis=1) - prices.filler_frame
    total, position, first, was_skipped, last = 0.0, 0, 0, False, 0
    for word in words:
        place = slice(first, first + len(word))
        first += len(word)
        starts, ends = path.starts[place], path.ends[place]
        if starts[0] < 0:
            assert (starts == -1).all() and (ends == -1).all()
            total -= prices.skip_word + prices.skip_character * len(word) + prices.skip * (not was_skipped)
            was_skipped = True
            continue
        assert position <= starts[0] and (starts < ends).all() and (ends[:-1] <= starts[1:]).all()
        total += _boundary(quiet[position : starts[0]], loud[position : starts[0]], prices)
        if last and position == starts[0]:
            assert word[0] != last
            total -= prices.join
        for j, label in enumerate(word):
            total += log_probs[starts[j] : ends[j], label].sum()
            if j:
                assert ends[j - 1] < starts[j] or label != word[j - 1]
                total += log_probs[ends[j - 1] : starts[j], 0].sum()
        position, last, was_skipped = ends[-1], word[-1], False
    return total + _boundary(quiet[position:], loud[position:], prices)


def _boundary(quiet: NDArray[np.float64], loud: NDArray[np.float64], prices: Prices) -> float:
    calm, filler = 0.0, -math.inf
    for still, any_ in zip(quiet, loud):
        calm, filler = max(calm, filler) + still, max(filler, calm - prices.filler) + any_
    return max(calm, filler)


CHEAP = Prices(0.7, 0.4, 0.9, 0.3, 0.2, 0.5)
MILD = Prices(2.0, 0.2, 1.5, 0.5, 1.0, 0.1)


@pytest.mark.usefixtures("sizes")
@pytest.mark.parametrize(
    "prices", [CHEAP, MILD, Prices(), STRICT], ids=["cheap", "mild", "default", "strict"]
)
@pytest.mark.parametrize("space", [None, SPACE])
def test_the_best_path_is_found_and_its_score_is_its_price(prices: Prices, space: int | None) -> None:
    generator = np.random.default_rng(0)
    skipped = 0
    for seed in range(40):
        symbols = int(generator.integers(3, 7))
        log_probs = random_log_probs(
            int(generator.integers(0, 30)), symbols, seed, generator.choice([0.1, 1.0])
        )
        words = [
            generator.integers(1, symbols, generator.integers(1, 4)).tolist()
            for _ in range(generator.integers(1, 7))
        ]
        best = plain_search(log_probs, words, space, prices)
        if best == -math.inf:
            with pytest.raises(ValueError, match="don't fit"):
                align(log_probs, words, space, prices)
            continue
        found = align(log_probs, words, space, prices)
        assert found.score == pytest.approx(best, abs=1e-3)
        assert price_of(log_probs, words, space, prices, found) == pytest.approx(best, abs=1e-3)
        skipped += int((found.starts < 0).sum())
    assert (skipped == 0) == (prices is STRICT)


def test_words_that_are_said_keep_their_frames() -> None:
    said = "__the__ cat_ s_at__"
    found = align(certain(said), labels("the cat sat"), SPACE)
    assert spans("the cat sat", found) == [(2, 5), (8, 11), (13, 17)]


def test_letters_that_repeat_are_parted_by_a_blank() -> None:
    said = "_ab_ba bb__aa__"
    found = align(certain(said), labels("abba ba"), SPACE, STRICT)
    assert list(zip(found.starts, found.ends)) == [(1, 2), (2, 3), (4, 5), (5, 6), (7, 9), (11, 13)]


def test_words_nobody_said_are_skipped_not_stretched() -> None:
    said = "__the" + "_" * 60 + " cat_ sat__"
    text = "the very big black cat sat down there"
    found = spans(text, align(certain(said), labels(text), SPACE))
    assert [word for word, span in zip(text.split(), found) if span] == ["the", "cat", "sat"]
    assert found[0] == (2, 5)


def test_speech_the_text_lacks_is_passed_over() -> None:
    extra = "this_ is_ no_ part_ of_ the_ text_ at_ al_l_ "
    said = "_the_ cat_ " + extra + "sat_ here_"
    found = spans("the cat sat here", align(certain(said), labels("the cat sat here"), SPACE))
    assert found[:2] == [(1, 4), (6, 9)]
    assert found[2] == (11 + len(extra), 14 + len(extra))


def test_a_word_in_place_of_another() -> None:
    text = "my hippopotamus sat"
    found = spans(text, align(certain("_my_ elephant_ sat_"), labels(text), SPACE))
    assert found == [(1, 3), None, (15, 18)]


@pytest.mark.usefixtures("sizes")
def test_the_first_and_the_last_words_can_be_missing() -> None:
    said = "_cat sat_"
    text = "elephant cat sat hippopotamus"
    assert spans(text, align(certain(said), labels(text), SPACE)) == [None, (1, 4), (5, 8), None]


def test_no_frames_skip_everything() -> None:
    found = align(certain(""), labels("cat"), SPACE)
    assert found.starts.tolist() == [-1, -1, -1]
    assert found.score == -(6.0 + 1.0 + 3.0)


def speech(words: int, seed: int, pause: int = 3) -> tuple[str, str, list[tuple[int, int]]]:
    """Text, what is said frame by frame, and where each word lies; pauses differ by a lot."""
    generator = np.random.default_rng(seed)
    text: list[str] = []
    said: list[str] = []
    places: list[tuple[int, int]] = []
    frames = 0
    for _ in range(words):
        word = "".join(generator.choice(list("abcdefghijklmnopqrstuvwxyz"), generator.integers(2, 8)))
        gap = "_" * int(generator.exponential(pause)) + " "
        spelt = "_".join(word)
        places.append((frames + len(gap), frames + len(gap) + len(spelt)))
        text.append(word)
        said += [gap, spelt]
        frames += len(gap) + len(spelt)
    return " ".join(text), "".join(said), places


def test_a_long_pause_and_a_missing_chapter_disturb_nothing() -> None:
    text, said, places = speech(900, 0)
    cut, pause = places[300][0], 5000
    # The first third, a long silence, and only the last third of the text.
    heard = said[:cut] + "_" * pause + said[places[600][0] :]
    shift = pause - (places[600][0] - cut)
    found = spans(text, align(certain(heard), labels(text), SPACE))
    assert found[:300] == places[:300]
    assert found[600:] == [(a + shift, b + shift) for a, b in places[600:]]
    assert not any(found[300:600])


def test_half_an_hour_takes_little_memory() -> None:
    text, said, places = speech(4500, 1, pause=2)
    frames = 45_000
    log_probs = certain(said[:frames])
    align(log_probs[:10], labels("a"), SPACE)  # compiled before anything is counted
    tracemalloc.start()
    found = align(log_probs, labels(text), SPACE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6
    heard = [place for place in places if place[1] <= frames]
    assert len(heard) > 3500
    assert spans(text, found)[: len(heard)] == heard


# ---------------------------------------------------------------------------------------------- readings

NO_SKIP = Prices(math.inf, math.inf, math.inf, math.inf, math.inf, 0.4)


@pytest.mark.usefixtures("sizes")
@pytest.mark.parametrize(("prices", "most_words"), [(NO_SKIP, 3), (CHEAP, 1), (MILD, 1)])
def test_the_best_of_all_readings_is_taken(prices: Prices, most_words: int) -> None:
    """As good as the best of the texts that any choice of readings makes, each searched by itself."""
    generator = np.random.default_rng(1)
    others = 0
    for seed in range(60):
        symbols = int(generator.integers(3, 7))
        log_probs = random_log_probs(int(generator.integers(4, 30)), symbols, seed, 0.3)
        texts: list[list[list[list[int]]]] = []
        for _ in range(generator.integers(1, 5)):
            size = int(generator.integers(1, 4))  # of all readings: skipping them costs the same
            texts.append(
                [
                    [
                        generator.integers(1, symbols, size).tolist()
                        for _ in range(generator.integers(1, most_words + 1))
                    ]
                    for _ in range(generator.integers(1, 4))
                ]
            )
        choices = itertools.product(*texts)
        best = max(
            plain_search(log_probs, [word for reading in choice for word in reading], SPACE, prices)
            for choice in choices
        )
        if best == -math.inf:
            with pytest.raises(ValueError, match="don't fit"):
                align_readings(log_probs, texts, SPACE, prices)
            continue
        assert module._align(log_probs, build(texts, prices), SPACE, prices).score == pytest.approx(
            best, abs=1e-3
        )
        runs = align_readings(log_probs, texts, SPACE, prices)
        taken = [list(run.labels) for run in runs if run]
        assert all(
            run is None or list(run.labels) == list(itertools.chain.from_iterable(text[run.reading]))
            for run, text in zip(runs, texts)
        )
        spans = [(a, b) for run in runs if run for a, b in zip(run.starts, run.ends)]
        assert all(0 <= a < b for a, b in spans) and all(x[1] <= y[0] for x, y in itertools.pairwise(spans))
        others += sum(bool(run and run.reading) for run in runs)
        assert most_words == 1 or len(taken) == len(texts)
    assert others > 10


def test_the_reading_that_fits_is_taken_whatever_comes_first() -> None:
    texts = [
        [labels(reading) for reading in readings] for readings in (["he"], ["ab ce", "ac be", "a b"], ["was"])
    ]
    runs = align_readings(certain("_he_ a_ b_ _was_"), texts, SPACE)
    assert [run.reading for run in runs if run] == [0, 2, 0]
    assert runs[1] is not None and runs[1].starts.tolist() == [5, 8]
    first, other, last = align_readings(certain("_he_ xylophones_ was_"), texts, SPACE)
    assert other is None
    assert first is not None and last is not None
    assert (first.starts[0], last.starts[0]) == (1, 17)


def test_many_readings_in_a_long_text_need_no_more_than_their_windows() -> None:
    text, said, places = speech(300, 2)
    words = text.split()
    texts = [
        [[*labels(word)]] if i % 7 else [labels("zzz xxx"), labels(word), labels("q")]
        for i, word in enumerate(words)
    ]
    runs = align_readings(certain(said), texts, SPACE)
    assert [(int(run.starts[0]), int(run.ends[-1])) for run in runs if run] == places
    assert {run.reading for run in runs[::7] if run} == {1}


@pytest.mark.parametrize(("hours", "most"), [(1, 0.05e9), (3, 0.2e9), (10, 0.8e9)])
def test_blocks_are_neither_too_many_nor_too_long(hours: int, most: float) -> None:
    """Kept scores, and codes of a window that begins twice as early as it has to: 14 letters a second."""
    frames, letters = hours * 90_000, hours * 3600 * 14
    block = module.block_size(frames, letters)
    said = block / frames * letters
    assert 9 * letters * frames / block + 4 * block * said < most
