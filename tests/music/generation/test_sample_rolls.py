"""Rolls that a model makes up: the same for the same seed, true to the model, to the primer and to all constraints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import music_sets
import numpy as np
import pytest
import torch

from speechgru.errors import MusicError
from speechgru.music.generation.sample_rolls import FREE, RollSampling, sample_rolls
from speechgru.music.models import biaxial, roll
from speechgru.music.models.roll_model import RollModel
from speechgru.music.score.piano_roll import KEYS

PRIMER = music_sets.rolls([9], 1)[0]


def model(module: Any = biaxial, seed: int = 0, **settings: Any) -> RollModel:
    torch.manual_seed(seed)
    small = {"hidden": 6} if module is roll else {"key_width": 6, "lowest": 20, "highest": 70}
    network = module.Model(module.Settings(**{"width": 8, **small, **settings}))
    with torch.no_grad():
        network.head.bias += 1.5  # something to hear
        network.head.weight *= 4
    return RollModel(network)


every_model = pytest.mark.parametrize(
    ("module", "output"),
    [(roll, "independent"), (roll, "nade"), (biaxial, "independent"), (biaxial, "chain")],
)


@every_model
def test_the_same_seed_gives_the_same_piece_alone_and_with_others(module: Any, output: str) -> None:
    made = model(module, output=output)
    several = sample_rolls(made, 12, 3, options=RollSampling(seed=5))
    assert several.shape == (3, 12, KEYS) and several.dtype == np.uint8 and set(np.unique(several)) == {0, 1}
    assert np.array_equal(sample_rolls(made, 12, options=RollSampling(seed=5))[0], several[0])
    assert not np.array_equal(several[0], several[1])
    assert not np.array_equal(sample_rolls(made, 12, options=RollSampling(seed=6))[0], several[0])


@every_model
def test_a_primer_is_kept_and_heard(module: Any, output: str) -> None:
    made = model(module, output=output)
    found = sample_rolls(made, 20, 2, primer=PRIMER)
    assert all(np.array_equal(piece[:9], PRIMER) for piece in found)
    # Where chance has no say, what goes on from a piece's own beginning is that piece.
    whole = sample_rolls(made, 12, options=RollSampling(seed=3, top_p=0.5))[0]
    again = sample_rolls(made, 12, primer=whole[:7], options=RollSampling(seed=8, top_p=0.5))[0]
    assert np.array_equal(again, whole)
    assert np.array_equal(sample_rolls(made, 9, primer=PRIMER)[0], PRIMER)


def test_keys_come_as_often_as_the_model_says() -> None:
    made = model(output="chain")
    found = sample_rolls(made, 1, 1500, options=RollSampling(seed=1))[:, 0]
    with torch.inference_mode():
        from speechgru.music.models import roll_inputs

        empty = roll_inputs.inputs_of(np.zeros((1, KEYS), dtype=np.uint8))
        view = roll_inputs.view([empty], [(0, 1)])
        features, _ = made.network.encode(view)
        keys = torch.from_numpy(found).float()[:, None]
        log_probs = made.network.log_probs(features.expand(len(found), -1, -1, -1), view, keys)[:, 0]
        # Each key's probability given the keys that were drawn below it.
        chances = torch.where(keys[:, 0] > 0, log_probs.exp(), 1 - log_probs.exp()).double().numpy()
    z = (found - chances).sum(axis=0) / np.sqrt((chances * (1 - chances)).sum(axis=0))
    assert np.abs(z).max() < 4.5 and chances.mean() > 0.02


@every_model
def test_constraints_hold_in_every_step(module: Any, output: str) -> None:
    made = model(module, output=output)
    scale = (0, 2, 4, 5, 7, 9, 11)
    options = RollSampling(lowest=48, highest=72, pitch_classes=scale, top_k=3, temperature=1.5)
    found = sample_rolls(made, 15, 2, options=options)
    pitches = np.flatnonzero(found.any(axis=(0, 1))) + 21
    assert found.any() and pitches.min() >= 48 and pitches.max() <= 72 and set(pitches % 12) <= set(scale)
    assert found.sum(axis=2).max() <= 3
    assert sample_rolls(made, 15, 2, options=RollSampling(temperature=1.5)).sum(axis=2).max() > 3


@every_model
def test_given_keys_sound_and_given_rests_are_silent(module: Any, output: str) -> None:
    fixed = np.full((10, KEYS), FREE, dtype=np.int8)
    fixed[:, 45:] = 0
    fixed[np.arange(10), 45 + np.arange(10)] = 1
    found = sample_rolls(model(module, output=output), 10, options=RollSampling(highest=50), fixed=fixed)[0]
    assert np.array_equal(found[:, 45:], fixed[:, 45:])
    assert found[:, 30:45].sum() == 0 and found[:, :30].any()


def test_top_p_leaves_out_what_is_unlikely() -> None:
    made = model(output="independent")
    sure = sample_rolls(made, 10, 2, options=RollSampling(top_p=0.5, seed=1))
    assert np.array_equal(sure[0], sure[1]), "the likelier of the two always comes"
    cold = sample_rolls(made, 10, options=RollSampling(temperature=1e-6, seed=4))[0]
    assert np.array_equal(sure[0], cold)
    some = sample_rolls(made, 10, 2, options=RollSampling(top_p=0.95, seed=1))
    assert not np.array_equal(some[0], some[1])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"temperature": 0.0}, "temperature 0.0; expected a number above 0"),
        ({"temperature": float("nan")}, "temperature nan"),
        ({"top_k": -1}, "top_k -1"),
        ({"top_p": 0.0}, "top_p 0.0"),
        ({"seed": -1}, "seed -1"),
        ({"lowest": 80, "highest": 70}, "pitches 80 to 70"),
        ({"pitch_classes": ()}, r"pitch classes \[\]"),
        ({"pitch_classes": (0, 12)}, r"pitch classes \[0, 12\]"),
    ],
)
def test_settings_that_make_no_music(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(MusicError, match=message):
        RollSampling(**wrong)


def test_pieces_that_cannot_be(tmp_path: Path) -> None:
    made = model()
    with pytest.raises(MusicError, match=r"primer has 9 steps, the piece 8\. Make the piece longer"):
        sample_rolls(made, 8, primer=PRIMER)
    with pytest.raises(MusicError, match="0 steps and 1 pieces"):
        sample_rolls(made, 0)
    with pytest.raises(MusicError, match=r"got shape \[3, 88\]"):
        sample_rolls(made, 4, fixed=np.zeros((3, KEYS), dtype=np.int8))
    with pytest.raises(MusicError, match="piano roll must be"):
        sample_rolls(made, 9, primer=2 * PRIMER)
