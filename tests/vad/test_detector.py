"""Stretches of speech from probabilities, labels from levels, and a detector that hears as it goes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import vads
from hypothesis import given
from hypothesis import strategies as st

from speechgru.audio import encode
from speechgru.audio.segments import Rules, held, runs, spans, without_gaps, without_runs
from speechgru.errors import AudioError, CheckpointError, ConfigError
from speechgru.evaluation.vad import count, measures, summarise
from speechgru.models import checkpoint
from speechgru.utils.assets import find_model
from speechgru.vad import Detector, labels, load_detector

RATE = vads.RATE
masks = st.lists(st.booleans(), max_size=40).map(lambda values: np.array(values, dtype=bool))
values = st.lists(st.floats(0, 1), max_size=60).map(np.array)


def mask(text: str) -> np.ndarray:
    return np.array([letter == "#" for letter in text])


def drawn(mask: np.ndarray) -> str:
    return "".join("#" if value else "." for value in mask)


# --- spans


def test_runs_gaps_and_blips() -> None:
    assert runs(mask("##..#.###")).tolist() == [[0, 2], [4, 5], [6, 9]]
    assert drawn(without_runs(mask("##..#.###"), 2)) == "##....###"
    assert drawn(without_gaps(mask("..##.##...#."), 2)) == "..#####...#."
    assert drawn(without_gaps(mask("..##.##...#."), 4)) == "..#########."


@given(masks, st.integers(0, 6))
def test_what_is_left_is_long_enough(given: np.ndarray, shortest: int) -> None:
    kept = without_runs(given, shortest)
    assert not (kept & ~given).any()
    assert all(end - start >= shortest for start, end in runs(kept))
    filled = without_gaps(given, shortest)
    assert not (given & ~filled).any()
    gaps = runs(filled)
    assert all(after - before >= shortest for before, after in zip(gaps[:-1, 1], gaps[1:, 0]))
    if given.any():  # the ends stay where they are
        assert runs(filled)[[0, -1], [0, 1]].tolist() == runs(given)[[0, -1], [0, 1]].tolist()


@given(values)
def test_two_thresholds_are_a_schmitt_trigger(probabilities: np.ndarray) -> None:
    on, expected = False, []
    for value in probabilities:
        on = value >= 0.6 or (on and value >= 0.3)
        expected.append(on)
    assert held(probabilities, 0.6, 0.3).tolist() == expected


def test_a_span_is_as_long_as_its_frames_and_its_padding() -> None:
    heard = np.array([0, 0, 0.9, 0.4, 0.9, 0, 0, 0, 0, 0])
    bare = Rules(pause=0, shortest=0, padding=0)
    assert spans(heard, 0.04, 0.4, bare) == [pytest.approx((0.06, 0.18))]
    assert spans(heard, 0.04, 0.4, Rules(release=0.5, pause=0, shortest=0, padding=0)) == [
        pytest.approx((0.06, 0.1)),
        pytest.approx((0.14, 0.18)),
    ]
    assert spans(heard, 0.04, 0.25, Rules(padding=0.1)) == [pytest.approx((0.0, 0.25))]
    assert spans(heard, 0.04, 0.4, Rules(shortest=0.2)) == []
    assert spans(np.zeros(0), 0.04, 0.0, Rules()) == []


@given(values, st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 0.5))
def test_spans_are_in_order_apart_and_within(
    heard: np.ndarray, pause: float, shortest: float, padding: float
) -> None:
    duration = len(heard) * 0.04
    found = spans(heard, 0.04, duration, Rules(pause=pause, shortest=shortest, padding=padding))
    edges = [edge for span in found for edge in span]
    assert all(a < b for a, b in pairwise(edges))
    assert not edges or (edges[0] >= 0 and edges[-1] <= duration)


@pytest.mark.parametrize(
    "wrong", [{"threshold": 1.0}, {"release": 0.6}, {"pause": -1}, {"padding": float("nan")}]
)
def test_rules_without_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="got"):
        Rules(**wrong)


# --- labels


def test_levels_tell_speech_from_pauses() -> None:
    generator = np.random.default_rng(0)
    signal = generator.standard_normal(3 * RATE).astype(np.float32) * 1e-4
    for start, end in ((0.5, 1.0), (1.1, 1.5), (2.2, 2.5)):
        signal[round(start * RATE) : round(end * RATE)] *= 300
    signal[round(1.9 * RATE) : round(1.91 * RATE)] *= 1000  # a click
    found = runs(labels.spoken(signal, RATE)) * labels.GRID_SECONDS
    np.testing.assert_allclose(found, [[0.5, 1.5], [2.2, 2.5]], atol=0.011)


@given(st.floats(-30, 30))
def test_labels_do_not_depend_on_the_level(decibels: float) -> None:
    signal = vads.voice(1.0, 0)
    louder = signal * np.float32(10 ** (decibels / 20))
    assert (labels.spoken(louder, RATE) == labels.spoken(signal, RATE)).mean() > 0.99


def test_frames_take_what_half_of_them_is() -> None:
    grid = mask("....####....##..")
    assert drawn(labels.at_frames(grid, 0.04, 5)) == ".###."  # centres at 0, 40, 80 ms, ...
    assert drawn(labels.at_frames(grid, 0.01, 16)).count("#") == 6
    assert drawn(labels.on_grid(mask(".#.#"), 0.04, 16)) == "..####....######"


@given(masks.filter(len), st.sampled_from([0.02, 0.04, 0.06]))
def test_frames_and_grid_agree_where_nothing_changes(given: np.ndarray, step: float) -> None:
    count = 2 + round(len(given) * 0.01 / step)
    back = labels.on_grid(labels.at_frames(given, step, count), step, len(given))
    if given.all() or not given.any():
        assert (back == given).all()
    assert len(back) == len(given)


def test_power_and_gain() -> None:
    signal = np.concatenate([np.full(1600, 0.1), np.full(1600, 0.5)]).astype(np.float32)
    said = np.repeat([True, False], 10)
    assert labels.power(signal, said, RATE) == pytest.approx(0.01)
    assert labels.power(signal, ~said & False, RATE) == 0
    scaled = signal * labels.gain(0.01, -20)
    assert 10 * np.log10(labels.power(scaled, said, RATE)) == pytest.approx(-20)
    assert labels.gain(0.0, -20) == 1


# --- agreement


def test_counts_and_measures() -> None:
    found, said = mask("###..#....x"), mask("##.#.#....")
    counts = count(found, said)
    assert counts.tolist() == [3, 1, 1, 5]
    assert measures(counts) == pytest.approx(
        {"precision": 0.75, "recall": 0.75, "f1": 0.75, "false_alarms": 1 / 6}
    )
    nobody = measures(count(found, mask("..........")))
    assert nobody["precision"] == 0 and np.isnan(nobody["recall"]) and np.isnan(nobody["f1"])
    assert nobody["false_alarms"] == pytest.approx(0.4)


def test_a_set_is_pooled_and_shown_by_condition() -> None:
    rows = [np.array(row, float) for row in ([8, 2, 0, 10], [5, 0, 5, 10], [0, 4, 0, 16])]
    found = summarise(rows, ["clean", "0 dB", "noise alone"], ["a", "b", "c"])
    assert found.total.tolist() == [13, 6, 5, 36] and found.over == "3 stretches"
    shown = found.to_dict()
    assert shown["f1"] == pytest.approx(26 / 37) and shown["conditions"]["clean"]["precision"] == 0.8
    low, high = found.interval
    assert low < 26 / 37 < high
    assert "| 0 dB | 100.00 % | 50.00 % | 66.67 % | 0.00 % |" in found.details()
    assert "undefined" in found.details() and found.describe().startswith("precision")
    alone = summarise(rows[2:], ["noise alone"], [""])
    assert alone.details() == "" and alone.cells()["F1"] == "undefined"
    assert alone.cells()["95 % interval of F1"] == "none"


# --- the detector


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return vads.save_detector(tmp_path_factory.mktemp("model") / "vad.safetensors")


@pytest.fixture(scope="module", params=[(2, 2, "after"), (4, 0, "before"), (8, 3, "after")])
def detector(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Detector:
    stride, delay, reset = request.param
    folder = tmp_path_factory.mktemp("model")
    return load_detector(
        vads.save_detector(folder / "m.safetensors", subsampling=stride, delay=delay, reset=reset, layers=2)
    )


@pytest.mark.parametrize("sizes", [(1, 7), (160, 161), (640, 100), (5000, 20000), (100000, 1)])
def test_a_stream_says_what_the_whole_says(detector: Detector, sizes: tuple[int, int]) -> None:
    signal = vads.voice(2.03, 1)
    (whole,) = detector.probabilities([signal])
    steps = np.random.default_rng(0).integers(min(sizes), max(sizes) + 1, 40000)
    steps = steps if max(sizes) > 100 else np.concatenate([[2000], steps])  # tiny blocks are slow
    edges = np.cumsum(steps)
    if max(sizes) < 100:
        edges = np.concatenate([edges[:40], [20000]])
    blocks = np.split(signal, edges[edges < len(signal)])
    found, seconds = detector.detect(blocks)
    assert seconds == pytest.approx(len(signal) / RATE)
    np.testing.assert_allclose(found, whole, atol=1e-5)
    (other,) = detector.probabilities([vads.voice(2.03, 9)])
    assert np.abs(whole - other).max() > 0.02, "an output that hardly changes proves nothing"


@pytest.mark.parametrize("count", [1, 100, 319, 320, 641, 1280])
def test_a_very_short_recording_is_heard_alike(detector: Detector, count: int) -> None:
    signal = vads.voice(0.2, 2)[:count]
    (whole,) = detector.probabilities([signal])
    found, _ = detector.detect([signal[: count // 2], signal[count // 2 :]])
    np.testing.assert_allclose(found, whole, atol=1e-5)
    assert len(whole) == -(-(1 + count // 320) // detector.model.stride)


def test_a_recording_gets_the_same_alone_and_beside_others(detector: Detector) -> None:
    signals = [vads.voice(seconds, 3 + i) for i, seconds in enumerate((0.9, 0.03, 1.7, 1.68))]
    for together, signal in zip(detector.probabilities(signals), signals):
        np.testing.assert_allclose(together, detector.probabilities([signal])[0], atol=1e-5)


def latency(detector: Detector) -> float:
    """Seconds from the middle of a frame until a stream knows of it: what the network, then the features look ahead."""
    settings = detector.features.settings
    ahead = (1 + detector.model.settings.delay) * detector.model.stride - 1
    return ahead * settings.hop + detector.reach / detector.sample_rate


def test_nothing_is_known_beyond_the_latency(detector: Detector) -> None:
    signal = vads.voice(2.0, 4)
    changed = signal.copy()
    changed[RATE:] = vads.voice(1.0, 5)
    before, after = detector.probabilities([signal, changed])
    certain = int((1.0 - latency(detector)) / detector.frame_seconds)
    np.testing.assert_allclose(after[: certain + 1], before[: certain + 1], atol=1e-6)
    assert np.abs(after[certain + 1 :] - before[certain + 1 :]).max() > 1e-3


def test_a_stream_tells_a_frame_as_soon_as_it_may(detector: Detector) -> None:
    stream, signal = detector.stream(), vads.voice(1.5, 6)
    for end in range(RATE // 50, len(signal), RATE // 50):
        stream.feed(signal[end - RATE // 50 : end])
    known = len(detector.stream().feed(signal[:end]))
    assert (known - 1) * detector.frame_seconds + latency(detector) <= end / RATE
    assert known * detector.frame_seconds + latency(detector) > end / RATE
    assert len(stream._held) < RATE


def test_a_learnt_detector_finds_where_it_is_loud(path: Path, tmp_path: Path) -> None:
    detector = load_detector(path)
    signal = np.concatenate([np.zeros(RATE), vads.loud(0.8), np.zeros(RATE)]).astype(np.float32)
    encode.write(tmp_path / "a.wav", signal, RATE)
    (span,), duration = detector.spans(tmp_path / "a.wav", Rules(padding=0.0))
    assert span == pytest.approx((1.0, 1.8), abs=0.09) and duration == pytest.approx(2.8)
    assert detector.holds_speech(signal)
    assert not detector.holds_speech(np.zeros(RATE, np.float32))
    with pytest.raises(AudioError, match="no such"):
        detector.spans(tmp_path / "none.wav")
    with pytest.raises(AudioError, match="mono"):
        detector.stream().feed(np.zeros((2, 100), np.float32))


def test_the_threshold_comes_with_the_file(path: Path) -> None:
    rules = load_detector(path).rules
    assert rules.threshold == 0.4 and rules.release == pytest.approx(0.28)


def test_a_model_of_another_kind_or_damaged(path: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="expected 'detector'"):
        load_detector(find_model())
    loaded = checkpoint.load(path)
    for wrong in (
        {"sounds": ["music"]},
        {"threshold": "high"},
        {"threshold": 2.0},
        {"features": {}},
        {"model": {"name": "none"}},
    ):
        checkpoint.save(tmp_path / "m.safetensors", "detector", {**loaded.header, **wrong}, loaded.tensors)
        with pytest.raises(CheckpointError, match=r"m\.safetensors .*fits no model"):
            load_detector(tmp_path / "m.safetensors")


# --- the network


def test_a_detector_learns_with_all_it_has() -> None:
    from speechgru.models import detector

    torch.manual_seed(0)
    model = detector.Model(detector.Settings(layers=2, width=12, channels=3), 20, 1).train()
    x = torch.randn(3, 40, 20)
    log_odds, lengths = model(x, torch.tensor([40, 25, 33]))
    assert log_odds.shape == (3, 20, 1) and lengths.tolist() == [20, 13, 17]
    log_odds.sum().backward()
    assert not [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    for wrong in ({"layers": 0}, {"delay": -1}, {"dropout": 1.0}, {"subsampling": 3}):
        with pytest.raises(ConfigError, match="got"):
            detector.Settings(**wrong)
