"""What is in a batch: every recording once, like lengths together, and the same whoever asks and when."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from speechgru.audio import encode
from speechgru.audio import stream as audio
from speechgru.config.recipe import AugmentConfig
from speechgru.data import Recordings, Utterance, dataset
from speechgru.data import plan_batches as plan
from speechgru.data.dataset import JITTER, collate
from speechgru.errors import AudioError, CorpusError
from speechgru.features import LogMel
from speechgru.features.frontend import Settings
from speechgru.text import Vocabulary

RATE = 16000
FEATURES = Settings(n_mels=16)
VOCABULARY = Vocabulary(("<blank>", " ", "a", "b", "c"))
AUGMENTATION = AugmentConfig(speed=[0.9, 1.0, 1.1], time_masks=1, frequency_masks=1, frequency_mask_max=4)
DURATIONS = st.lists(st.floats(0.1, 30), min_size=1, max_size=60)
EPOCHS = st.integers(0, 5)


def padded(batch: Sequence[int], durations: Sequence[float]) -> float:
    return len(batch) * max(durations[i] for i in batch)


# --- plan


@given(DURATIONS, st.floats(1, 100), st.integers(0, 3), EPOCHS)
def test_a_plan_holds_each_index_once_below_the_cap(
    durations: list[float], cap: float, seed: int, epoch: int
) -> None:
    planned = plan(durations, cap, seed, epoch)
    assert sorted(i for batch in planned for i in batch) == list(range(len(durations)))
    for batch in planned:
        assert len(batch) == 1 or padded(batch, durations) <= cap


@given(DURATIONS, st.floats(1, 100), st.integers(0, 3), EPOCHS)
def test_a_plan_is_a_pure_function_and_begins_with_the_largest(
    durations: list[float], cap: float, seed: int, epoch: int
) -> None:
    planned = plan(durations, cap, seed, epoch)
    np.random.seed(epoch)
    assert plan(durations, cap, seed, epoch) == planned
    sizes = [padded(batch, durations) for batch in planned]
    assert sizes[0] == max(sizes)


def test_the_cap_counts_the_longest_and_not_the_last() -> None:
    # Of nearly one length, so that the jitter decides who comes last in a batch.
    durations = np.random.default_rng(0).uniform(5, 6, 300).tolist()
    assert all(padded(batch, durations) <= 17 for batch in plan(durations, 17, 0, 1))


def test_batches_are_filled_as_far_as_the_cap_allows() -> None:
    assert sorted(map(len, plan([1.0] * 10, 4.0, seed=0, epoch=0))) == [2, 4, 4]


def test_epochs_and_seeds_differ() -> None:
    durations = np.random.default_rng(0).uniform(1, 10, 100).tolist()
    plans = [plan(durations, 30, seed, epoch) for seed in (0, 1) for epoch in (0, 1, 2)]
    assert all(a != b for i, a in enumerate(plans) for b in plans[:i])
    # Not only the order: who is beside whom changes too.
    assert {frozenset(b) for b in plans[1]} != {frozenset(b) for b in plans[2]}


def test_the_first_epoch_goes_from_short_to_long_and_others_do_not() -> None:
    durations = np.random.default_rng(0).uniform(1, 10, 200).tolist()

    def means(epoch: int) -> list[float]:
        return [float(np.mean([durations[i] for i in b])) for b in plan(durations, 30, 0, epoch)[1:]]

    assert means(0) == sorted(means(0))
    assert means(1) != sorted(means(1))


def test_like_durations_share_a_batch() -> None:
    durations = np.random.default_rng(0).uniform(1, 10, 500).tolist()
    for epoch in (0, 1):
        planned = plan(durations, 30, 0, epoch)
        assert sum(padded(b, durations) for b in planned) < (1 + JITTER) * sum(durations)


# --- Recordings


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    """Five recordings of noise, at two rates."""
    generator = np.random.default_rng(0)
    found = []
    for i, text in enumerate(("a", "b b", "cab", "abc a", "c")):
        path, seconds, rate = tmp_path / f"{i}.wav", 0.5 + 0.2 * i, RATE if i % 2 else 8000
        soundfile.write(path, generator.normal(0, 0.1, round(seconds * rate)), rate)
        found.append(Utterance(path, seconds, text, id=str(i)))
    return found


def recordings(
    utterances: Sequence[Utterance], augmentation: AugmentConfig = AUGMENTATION, cache: Path | None = None
) -> Recordings:
    return Recordings(utterances, VOCABULARY, FEATURES, augmentation, seed=3, cache=cache)


def test_features_depend_on_epoch_and_index_alone(utterances: list[Utterance]) -> None:
    forwards, backwards = recordings(utterances), recordings(utterances)
    keys = [(epoch, index) for epoch in (0, 1) for index in range(5)]
    first = {key: forwards[key] for key in keys}
    torch.manual_seed(99)
    for key in reversed(keys):
        features, labels = backwards[key]
        assert torch.equal(features, first[key][0])
        assert labels == first[key][1] == VOCABULARY.encode(utterances[key[1]].text)
    assert any(
        first[0, i][0].shape != first[1, i][0].shape or not torch.equal(first[0, i][0], first[1, i][0])
        for i in range(5)
    )


def test_workers_change_nothing(utterances: list[Utterance]) -> None:
    plan = [[4, 1], [0], [3, 2]]
    alone, helped = (list(dataset.load(recordings(utterances), plan, 1, workers)) for workers in (0, 2))
    assert len(alone) == len(helped) == 3
    for one, other in zip(alone, helped):
        assert all(torch.equal(getattr(one, n), getattr(other, n)) for n in ("features", "lengths", "labels"))
    assert alone[0].label_lengths.tolist() == [1, 3]


def test_recordings_are_changed_each_in_its_own_way(utterances: list[Utterance]) -> None:
    masking = AugmentConfig(frequency_masks=2, frequency_mask_max=8)
    same = recordings([utterances[1]] * 5, masking)
    assert any(not torch.equal(same[0, 0][0], same[0, i][0]) for i in range(1, 5))


class _Deaf(Recordings):
    def __getitem__(self, key: tuple[int, int]) -> tuple[torch.Tensor, list[int]]:
        return super().__getitem__(key)[0], [int(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)]


def test_workers_leave_ctrl_c_to_the_loop(utterances: list[Utterance]) -> None:
    deaf = _Deaf(utterances, VOCABULARY, FEATURES, AUGMENTATION, seed=3)
    assert [batch.labels.tolist() for batch in dataset.load(deaf, [[0], [1]], 0, 1)] == [[1], [1]]


def test_without_augmentation_the_features_are_those_of_the_recording(utterances: list[Utterance]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a narrow-band file is no news to training
        features, _ = recordings(utterances, AugmentConfig())[0, 1]
    signal = torch.from_numpy(audio.read(utterances[1].audio_filepath, RATE))
    assert torch.equal(features, LogMel(FEATURES)(signal)[0][0])


def test_speed_and_masks_are_applied(utterances: list[Utterance]) -> None:
    plain = recordings(utterances, AugmentConfig())[0, 1][0]
    fast = recordings(utterances, AugmentConfig(speed=[2.0]))[0, 1][0]
    assert len(fast) == pytest.approx(len(plain) / 2, abs=1)
    masking = AugmentConfig(frequency_masks=2, frequency_mask_max=8)
    bands = [
        band for epoch in range(5) for band in (recordings(utterances, masking)[epoch, 1][0] == 0).all(dim=0)
    ]
    assert any(bands) and not all(bands)


def test_an_offset_takes_a_part(utterances: list[Utterance]) -> None:
    whole = torch.from_numpy(audio.read(utterances[3].audio_filepath, RATE))
    part = replace(utterances[3], offset=0.25, duration=0.5)
    assert torch.equal(recordings([]).samples(part), whole[4000:12000])
    head = replace(utterances[3], duration=0.5)
    assert torch.equal(recordings([]).samples(head), whole[:8000])
    # A header may be off by a little: that is no part.
    assert torch.equal(recordings([]).samples(replace(utterances[3], duration=1.05)), whole)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_recording_is_named_in_one_line(utterances: list[Utterance], workers: int) -> None:
    utterances[2].audio_filepath.write_bytes(b"no audio at all")
    with pytest.raises(AudioError, match=r"2\.wav") as caught:
        list(dataset.load(recordings(utterances), [[0], [2]], 0, workers))
    assert "Traceback" not in str(caught.value) and "\n" not in str(caught.value)


# --- the cache


@pytest.mark.slow
@pytest.mark.parametrize("speed", [1.0, 0.9])
def test_the_cache_gives_the_same_samples(utterances: list[Utterance], tmp_path: Path, speed: float) -> None:
    plain, cached = recordings(utterances), recordings(utterances, cache=tmp_path / "cache")
    for utterance in (*utterances, replace(utterances[3], offset=0.25, duration=0.5)):
        expected = plain.samples(utterance, speed)
        for _ in range(2):  # written, then read
            found = cached.samples(utterance, speed)
            assert found.dtype == torch.float32 and found.shape == expected.shape
            # Speed works on what is cached, so it may round twice.
            assert (found - expected).abs().max() < 0.51 / 32767 * (1 if speed == 1 else 4)


def test_the_cache_is_read(
    utterances: list[Utterance], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = recordings(utterances, cache=tmp_path / "cache")[1, 0][0]
    monkeypatch.setattr(audio, "read", lambda *_: pytest.fail("decoded again"))
    assert torch.equal(recordings(utterances, cache=tmp_path / "cache")[1, 0][0], first)


def test_the_cache_forgets_a_file_that_changed(utterances: list[Utterance], tmp_path: Path) -> None:
    cached, path = recordings(utterances, cache=tmp_path / "cache"), utterances[1].audio_filepath
    before = cached.samples(utterances[1])
    samples, _ = soundfile.read(path)
    soundfile.write(path, -samples, RATE)
    os.utime(path, ns=(1, 1))  # the size is the same, and clocks may be coarse
    assert torch.allclose(cached.samples(utterances[1]), -before, atol=1e-4)


def test_parts_speeds_and_rates_are_cached_apart(utterances: list[Utterance], tmp_path: Path) -> None:
    cached = recordings(utterances, cache=tmp_path / "cache")
    part = replace(utterances[1], offset=0.1, duration=0.2)
    lengths = [len(cached.samples(u, speed)) for u in (utterances[1], part) for speed in (1.0, 1.25)]
    assert lengths == [11200, 8960, 3200, 2560]
    slow = Recordings(utterances, VOCABULARY, Settings(8000, f_max=4000), AUGMENTATION, 3, tmp_path / "cache")
    assert len(slow.samples(utterances[1])) == 5600


# --- collate


def test_collate_pads_with_zeros_and_joins_labels() -> None:
    items = [(torch.ones(2, 3), [1, 2]), (torch.full((4, 3), 2.0), [3])]
    batch = collate(items)
    assert batch.features.shape == (2, 4, 3)
    assert torch.equal(batch.features[0], torch.tensor([[1.0] * 3] * 2 + [[0.0] * 3] * 2))
    assert torch.equal(batch.features[1], items[1][0])
    assert (batch.lengths.tolist(), batch.labels.tolist(), batch.label_lengths.tolist()) == (
        [2, 4],
        [1, 2, 3],
        [2, 1],
    )
    assert batch.to(torch.device("cpu")).labels.tolist() == [1, 2, 3]


def test_recordings_without_text_have_no_labels() -> None:
    batch = collate([(torch.ones(2, 3), [])])
    assert (batch.labels.tolist(), batch.label_lengths.tolist()) == ([], [0])


# --- what can't be read or kept


def second(folder: Path) -> Recordings:
    """One recording of a second, to be kept in `folder`/cache."""
    path = folder / "a.wav"
    encode.write(path, np.zeros(RATE, np.float32), RATE)
    utterances = [Utterance(path, 1.0, "a")]
    return Recordings(utterances, VOCABULARY, FEATURES, AugmentConfig(), 1, folder / "cache")


def test_a_recording_that_is_cut_short_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recordings = second(tmp_path)
    path = tmp_path / "a.wav"
    path.write_bytes(path.read_bytes()[:20000])
    for _ in range(2):
        recordings[0, 0]
    assert len(caplog.messages) == 1, "once: then it comes from the cache"
    assert "a.wav is damaged or cut short" in caplog.messages[0]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_cache_that_can_not_be_written_says_what_to_do(tmp_path: Path, workers: int) -> None:
    recordings = second(tmp_path)
    (tmp_path / "cache").touch()  # a file where the folder should be
    with pytest.raises(CorpusError, match=r"Can't keep decoded audio in .*corpus\.cache=false") as caught:
        list(dataset.load(recordings, [[0]], 0, workers))
    assert "Traceback" not in str(caught.value)
