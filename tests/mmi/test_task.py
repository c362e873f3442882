"""A hybrid model learns a made-up language with fit(), by cross-entropy and then by the lattice-free criterion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from speechgru.config import Recipe
from speechgru.config.trainer import OptimizerConfig, TrainerConfig
from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.mmi import graph, numerator, phone_ngram, targets, task, tying
from speechgru.mmi.criterion import Language
from speechgru.mmi.inputs import Disturbance, Inputs, chosen
from speechgru.mmi.lexicon import Lexicon
from speechgru.mmi.network import Network, Settings
from speechgru.training import fit

LEXICON = Lexicon(("SIL", "A", "B", "C"), {"ab": ((1, 2),), "ca": ((3, 1),), "bc": ((2, 3),)})
BANDS = 20


@dataclass
class Made:
    """A recording of log-mel alone."""

    name: str
    seconds: float
    text: graph.Graph
    alignment: targets.Aligned
    mel: np.ndarray

    def log_mel(self, speed: float) -> np.ndarray:
        places = np.minimum((np.arange(int(len(self.mel) / speed)) * speed).astype(int), len(self.mel) - 1)
        return self.mel[places]

    def transforms(self, speed: float) -> Sequence[np.ndarray]:
        return ()


def language(count: int) -> tuple[Language, list[Made]]:
    draw = np.random.default_rng(0)
    means = 2 * draw.normal(size=(4, BANDS))
    made = []
    for number in range(count):
        words = draw.choice(list(LEXICON.words), 3)
        text_graph = graph.build(" ".join(words), LEXICON)
        assert text_graph
        row = [0, *(p for word in words for p in LEXICON.words[word][0]), 0]
        lengths = draw.integers(6, 12, len(row))
        phone = np.repeat(row, lengths).astype(np.int32)
        before = np.repeat([0, *row[:-1]], lengths).astype(np.int32)
        before[phone == 0] = 0
        segment = np.repeat(np.arange(len(row)), lengths).astype(np.int32)
        mel = (means[phone] + 0.5 * draw.normal(size=(len(phone), BANDS))).astype(np.float32)
        alignment = targets.Aligned(before, phone, segment)
        made.append(Made(f"recording {number}", len(phone) / 100, text_graph, alignment, mel))
    gram = phone_ngram.estimate([targets.phones(one.alignment) for one in made], 4)
    for one in made:
        one.text = numerator.weighted(one.text, gram)
    return Language(gram, tying.untied(4)), made


def learner(stage: str, model: Network, spoken: Language, made: list[Made]) -> task.Task:
    settings = task.Settings(stage=stage, batch_seconds=4.0, speeds=(0.9, 1.0))  # type: ignore[arg-type]
    inputs = Inputs(FeatureSettings(n_mels=BANDS, normalise="none"))
    return task.Task(model, inputs, spoken, made[4:], {"dev": made[:4]}, settings)


def recipe(epochs: int) -> Recipe:
    trainer = TrainerConfig(epochs=epochs, average=0.0, precision="float32")
    return Recipe("hybrid", seed=1, optimizer=OptimizerConfig(lr=0.01), trainer=trainer)


def test_learning_in_two_stages(tmp_path: Path) -> None:
    torch.manual_seed(0)
    spoken, made = language(24)
    model = Network(Settings(layers=1, width=16, channels=4, dropout=0.0), BANDS, spoken.tying.outputs)
    before = learner("mmi", model, spoken, made).evaluate()
    first = learner("ce", model, spoken, made)
    fit(first, recipe(4), tmp_path / "ce", quiet=True)
    shares = np.bincount(
        np.concatenate([targets.outputs(m.alignment, len(m.mel), spoken.tying) for m in made])
    )
    task.begin_mmi(model, shares / shares.sum())
    second = learner("mmi", model, spoken, made)
    middle = second.evaluate()
    assert middle["frames/dev"] > max(0.6, before["frames/dev"])
    fit(second, recipe(3), tmp_path / "mmi", quiet=True)
    after = second.evaluate()
    assert after["score"] < middle["score"] < before["score"]
    assert after["score"] == pytest.approx(-after["mmi/dev"])


def test_plans_repeat_themselves() -> None:
    spoken, made = language(12)
    model = Network(Settings(layers=1, width=4, channels=2), BANDS, spoken.tying.outputs)
    learning = learner("mmi", model, spoken, made)
    assert learning.plan(1) == learning.plan(1) != learning.plan(2)
    one, two = (next(learning.load(learning.plan(1), 1)) for _ in range(2))
    torch.testing.assert_close(one.features, two.features)
    assert learning.describe([(0, 1.0), (1, 0.9)]) == "recording 4, recording 5"


def test_targets_at_other_speeds() -> None:
    _, (made, *_) = language(1)
    ties = tying.untied(4)
    slow = targets.outputs(made.alignment, len(made.log_mel(0.5)), ties, 0.5)
    plain = targets.outputs(made.alignment, len(made.mel), ties)
    assert len(slow) == -(-len(made.log_mel(0.5)) // 3)
    entered = [output for output in plain.tolist() if output % 2 == 0]
    assert [output for output in slow.tolist() if output % 2 == 0] == entered
    assert [output // 2 for output in entered] == targets.phones(made.alignment)


def test_features_are_disturbed_in_training_alone() -> None:
    inputs = Inputs(FeatureSettings(n_mels=BANDS, normalise="none"))
    mel = np.random.default_rng(0).normal(size=(300, BANDS)).astype(np.float32)
    plain = inputs(mel)
    changed = inputs(mel, None, Disturbance(frequency_mask_max=5), torch.Generator().manual_seed(1))
    assert plain.shape == changed.shape and (changed == 0).sum() > (plain == 0).sum()


def test_one_of_a_recordings_transforms_is_drawn() -> None:
    generator = torch.Generator().manual_seed(0)
    two = (np.eye(2, 3), 2 * np.eye(2, 3))
    drawn = [chosen(two, (0.5, 0.3), generator) for _ in range(400)]
    counts = [sum(transform is one for transform in drawn) for one in (*two, None)]
    assert 160 < counts[0] < 240 and 80 < counts[1] < 160 and 40 < counts[2] < 120
    assert chosen((), (0.5, 0.3), generator) is None
