"""A hybrid model made of made-up recordings, from spikes to a network that is trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from speechgru.config import Recipe
from speechgru.config.trainer import OptimizerConfig, TrainerConfig
from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.mmi import graph, monophones, pipeline, refit, targets, task
from speechgru.mmi.feature_store import Store
from speechgru.mmi.inputs import Inputs
from speechgru.mmi.lexicon import Lexicon
from speechgru.mmi.network import Network, Settings
from speechgru.training import fit

LEXICON = Lexicon(
    ("SIL", "A", "B", "C"), {"ab": ((1, 2), (2, 2)), "ca": ((3, 1),), "bc": ((2, 3),), "a": ((1,), (3,))}
)
FEATURES = FeatureSettings(n_mels=40, normalise="none")
SPEAKERS = ("low", "high")
RATE = 16000


class Tones:
    """Recordings whose phones are tones, higher or lower with the speaker; spikes know them."""

    def __init__(self, count: int) -> None:
        draw = np.random.default_rng(0)
        self.spoken, self.rows = [], []
        for number in range(count):
            words = draw.choice(list(LEXICON.words), 4).tolist()
            phones = [0, *(p for word in words for p in LEXICON.words[word][0]), 0]
            row = np.repeat(phones, draw.integers(8, 14, len(phones)))
            speaker = SPEAKERS[number % 2]
            self.rows.append(row)
            self.spoken.append(pipeline.Spoken(f"{number}", len(row) / 100, " ".join(words), speaker))

    def __call__(self, index: int, speed: float = 1.0) -> torch.Tensor:
        row, draw = self.rows[index], np.random.default_rng(index)
        row = row[np.minimum((np.arange(int(len(row) / speed)) * speed).astype(int), len(row) - 1)]
        pitch = (1.0 if self.spoken[index].speaker == "low" else 1.15) * speed
        tones = np.array([[1, 1], [500, 1500], [900, 2600], [1800, 3500]]) * pitch
        frequency = np.repeat(tones[row], 160, axis=0)
        phase = 2 * np.pi * np.cumsum(frequency, axis=0) / RATE
        loud = np.repeat(np.where(row == 0, 0.0, 0.2), 160)
        return torch.from_numpy(
            (loud * np.sin(phase).sum(axis=1) + 0.01 * draw.normal(size=len(loud))).astype(np.float32)
        )

    def spikes(self, index: int) -> np.ndarray:
        """CTC's labels of phones at a quarter of the frames: blank, space, A, B, C."""
        row = self.rows[index][::4]
        log_probs = np.full((len(row), 5), -6.0, np.float32)
        starts = np.concatenate([[True], np.diff(row) != 0]) & (row > 0)
        log_probs[np.arange(len(row)), np.where(starts, row + 1, 0)] = -0.05
        return log_probs


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monophones, "SIZE", 12)
    monkeypatch.setattr(monophones, "LATER", (1, 2))
    monkeypatch.setattr(pipeline, "LEAST", 3)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_from_spikes_to_a_network(tmp_path: Path) -> None:
    tones = Tones(24)
    store = Store(tmp_path, "train", tones, len(tones.spoken), FEATURES)
    numbers = {len(store(index)): index for index in range(24)}
    made = pipeline.bootstrap(
        tones.spoken, store, lambda mels: [tones.spikes(numbers[len(mel)]) for mel in mels], LEXICON
    )
    assert made.kept == list(range(24)) or len(numbers) < 24
    right = [
        np.mean(alignment.phone[: len(tones.rows[index])] == tones.rows[index])
        for index, alignment in zip(made.kept, made.alignments)
    ]
    assert np.mean(right) > 0.8
    recordings = pipeline.aligned_recordings(made, tones.spoken, store, (0.9, 1.0))
    assert all(len(one.transforms(speed)) == 2 for one in recordings for speed in (0.9, 1.0))
    dev = refit.for_dev(made.adapter, made.language, tones.spoken[:4], store)
    assert len(dev) == 4
    inputs = Inputs(FEATURES, made.adapter)
    model = Network(
        Settings(layers=1, width=16, channels=4, dropout=0.0, fitted=12), 40, made.language.tying.outputs
    )
    settings = task.Settings("ce", batch_seconds=4.0, speeds=(0.9, 1.0))
    learning = task.Task(model, inputs, made.language, recordings, {"dev": dev}, settings)
    trainer = TrainerConfig(epochs=6, precision="float32")
    recipe = Recipe("hybrid", seed=1, optimizer=OptimizerConfig(lr=0.01), trainer=trainer)
    fit(learning, recipe, tmp_path / "run", quiet=True)
    assert learning.evaluate()["frames/dev"] > 0.5
    assert pipeline.shares(recordings, made.language).sum() == pytest.approx(1)


def test_habits_are_counted() -> None:
    text_graph = graph.build("a ab a", LEXICON)
    assert text_graph
    words = {0: (3,), 1: (1, 2), 2: (3,)}
    path, before = [], 0
    for number, way in words.items():
        for phone in way:
            states = np.flatnonzero(
                (text_graph.word == number) & (text_graph.phone == phone) & (text_graph.left == before)
            )
            path += [int(states[0])] * 3
            before = phone
    logs = pipeline.habits(["a ab a"], [text_graph], [np.array(path, np.int32)], LEXICON)
    assert logs["a", (3,)] == 0 and logs["a", (1,)] == pytest.approx(np.log(1 / 3))
    assert logs["ab", (1, 2)] == 0 and logs["ab", (2, 2)] == pytest.approx(np.log(1 / 2))
    assert targets.phones(targets.aligned(np.array(path, np.int32), text_graph)) == [3, 1, 2, 3]


def test_log_mel_is_made_once(tmp_path: Path) -> None:
    tones = Tones(2)
    first = Store(tmp_path, "train", tones, 2, FEATURES)(1, 0.9)

    def never(index: int, speed: float = 1.0) -> torch.Tensor:
        raise AssertionError("made twice")

    again = Store(tmp_path, "train", never, 2, FEATURES)(1, 0.9)
    np.testing.assert_array_equal(first, again)
