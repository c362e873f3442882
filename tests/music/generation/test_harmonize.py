"""Chorales for a melody: it stays on top, three voices are below, and what is drawn follows the model's law."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import music_models
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speechgru.errors import CheckpointError, MusicError
from speechgru.music import Note, NoteSequence, load_composer
from speechgru.music.files import primer
from speechgru.music.generation import harmonize
from speechgru.music.generation.harmonize import Line, on_grid
from speechgru.music.generation.request import Request
from speechgru.music.score import chorale, piano_roll, scales
from speechgru.music.score import voices as voice_assignment
from speechgru.music.score.chorale import REST
from speechgru.music.score.notes import Tempo


@pytest.fixture(scope="module")
def composer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_composer(music_models.rolls(tmp_path_factory.mktemp("models") / "chorales.safetensors"))


MELODY = primer.parse("C5 D5:1/2 E5:1/2 R F5:2 D5 C5")


def test_the_melody_stays_and_three_voices_are_below_it(composer: Any) -> None:
    found = harmonize.harmonize(composer, MELODY, Request(qpm=70.0), particles=8)
    assert [note for note in found.notes if note.voice == 0] == list(MELODY.notes)
    assert found.voices == [0, 1, 2, 3] and found.tempos == (Tempo(0, 70),)
    parts = chorale.to_parts(found, 2)
    sung = np.where(parts == REST, -100, parts)
    assert (sung[:, 1:] >= sung[:, 2:].max(axis=1, keepdims=True)).all() or (np.diff(sung[:, 1:]) <= 0).all()
    on = parts[:, 0] != REST
    assert (sung[on, 0] > sung[on, 1]).all(), "nothing sounds at the melody's height"
    assert (parts[:, 1:] != REST).all(axis=1).mean() > 0.8


def test_key_and_range_are_the_lower_voices_alone(composer: Any) -> None:
    wanted = Request(scale=scales.scale("Eb"), lowest=45, highest=65, seed=3)
    found = harmonize.harmonize(composer, MELODY, wanted, particles=8)
    lower = {note.pitch for note in found.notes if note.voice}
    assert (
        min(lower) >= 45 and max(lower) <= 65 and {pitch % 12 for pitch in lower} <= set(wanted.scale.classes)
    )
    assert [note for note in found.notes if note.voice == 0] == list(MELODY.notes)


def test_nobody_sings_before_the_melody_does(composer: Any) -> None:
    late = primer.parse("R:2 R:1/2 C5:1/2 D5 E5 C5")
    found = harmonize.harmonize(composer, late, Request(), particles=8)
    assert [note for note in found.notes if note.voice == 0] == list(late.notes)
    assert min(note.start for note in found.notes if note.voice) == 2, "the step in which the melody begins"


def test_the_end_is_at_home_where_the_melody_is(composer: Any) -> None:
    def home(text: str) -> float:
        bass = []
        for number in range(8):
            wanted = Request(scale=scales.scale("C"), lowest=47)
            piece = harmonize.harmonize(composer, primer.parse(text), wanted, number, particles=32)
            bass.append(max((n for n in piece.notes if n.voice == 3), key=lambda n: n.start).pitch % 12 == 0)
        return float(np.mean(bass))

    assert home("E5 D5 C5") > home("E5 C5 D5") + 0.3


def test_seed_and_number_tell_harmonies_apart(composer: Any) -> None:
    def made(number: int, seed: int = 1) -> NoteSequence:
        return harmonize.harmonize(composer, MELODY, Request(seed=seed), number, particles=4)

    assert made(0) == made(0) and len({made(0), made(1), made(0, 2)}) == 3


def test_of_chords_the_highest_notes_are_the_melody(composer: Any) -> None:
    found = harmonize.harmonize(composer, primer.parse("C5+E5+G5:2 D5"), Request(), particles=4)
    assert [(n.pitch, n.start) for n in found.notes if n.voice == 0] == [(79, 0), (74, 2)]


# --- the law: with many particles and no costs it is the model's, given the melody


class Coin:
    """A model of two keys below a melody whose chances depend on the step before; enough to sum over all pieces."""

    keys = (40, 43)

    def __init__(self, steps: int) -> None:
        self.steps = steps
        rng = np.random.default_rng(3)
        self.lower = rng.normal(size=(2, 2, 2)) * 1.5  # of each key, given the last step's two
        self.top = rng.normal(size=(2, 2)) * 2.5  # of the melody's note, given this step's two

    def eval(self) -> Coin:
        return self

    def parameters(self) -> Any:
        return iter([torch.zeros(1)])

    def encode(self, view: Any, state: Any) -> Any:
        return view.previous, torch.zeros(1, len(view.previous), 1)

    def sampler(self) -> Any:
        return self.draw

    def draw(self, features: torch.Tensor, choose: Any) -> np.ndarray:
        last = features[:, 0].numpy().astype(int)
        keys = np.zeros((len(last), piano_roll.KEYS), dtype=np.uint8)
        a, b = last[:, self.keys[0]], last[:, self.keys[1]]
        for key in range(piano_roll.KEYS):
            logits = np.full(len(last), -50.0)
            if key in self.keys:
                logits = self.lower[self.keys.index(key)][a, b]
            elif key == 60:
                logits = self.top[keys[:, self.keys[0]], keys[:, self.keys[1]]]
            sounds = choose(key, logits)
            keys[:, key] = False if sounds is None else sounds
        return keys

    def exact(self) -> dict[tuple[int, ...], float]:
        """p(lower keys of all steps | the melody sounds in every step)."""
        found = {}
        for path in product((0, 1), repeat=2 * self.steps):
            p, last = 1.0, (0, 0)
            for t in range(self.steps):
                now = path[2 * t : 2 * t + 2]
                for i in range(2):
                    chance = 1 / (1 + np.exp(-self.lower[i][last]))
                    p *= chance if now[i] else 1 - chance
                p, last = p / (1 + np.exp(-self.top[now])), now
            found[path] = p
        total = sum(found.values())
        return {path: p / total for path, p in found.items()}


def test_what_is_drawn_follows_the_model_given_the_melody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harmonize, "FAULT", 0.0)
    monkeypatch.setattr(harmonize, "MISSING", 0.0)
    coin, steps, particles, runs = Coin(3), 3, 64, 250

    class Holder:
        class model:  # noqa: N801
            network = coin

    line = Line(np.full(steps, 60 + piano_roll.LOWEST), np.full(steps, 60 + piano_roll.LOWEST))
    options = harmonize.sampling(Request(top_k=3))
    marginals = np.zeros(2 * steps)
    for number in range(runs):
        search: Any = harmonize._Search(Holder, line, options, 0, number, particles)  # type: ignore[arg-type]
        seats = search.run(None)
        marginals += [key + piano_roll.LOWEST in seats[t] for t in range(steps) for key in coin.keys]
    exact = coin.exact()
    wanted = np.array([sum(p for path, p in exact.items() if path[i]) for i in range(2 * steps)])
    blind = 1 / (1 + np.exp(-coin.lower[:, 0, 0]))
    z = (marginals / runs - wanted) / np.sqrt(wanted * (1 - wanted) / runs)
    assert np.abs(z).max() < 3.5
    assert np.abs(blind - wanted[:2]).max() > 0.1, "the melody makes a difference here"


def test_costs_keep_faults_out(composer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from speechgru.music.score import voice_leading

    tune = primer.parse("C5 D5 E5 F5 G5 A5 G5 F5 E5 D5 C5 D5 E5 F5 G5:2")

    def faulty(cost: float) -> float:
        monkeypatch.setattr(harmonize, "FAULT", cost)
        monkeypatch.setattr(harmonize, "MISSING", cost)
        found = [harmonize.harmonize(composer, tune, Request(lowest=45), n, particles=24) for n in range(4)]
        parts = [chorale.to_parts(piece, 1) for piece in found]
        return sum(len(list(voice_leading.find(part))) + (np.diff(part[:, 1:]) == 0).sum() for part in parts)

    assert faulty(3.0) < 0.8 * faulty(0.0)


# --- parts


def test_a_melody_on_a_coarse_grid() -> None:
    line = on_grid(primer.parse("C5:1/2 B4:1/2 R:1/2 D5:1/2 R F5"), 1)
    assert line.top.tolist() == [72, 74, REST, 77] and line.floor.tolist() == [71, 74, 74, 77]
    fine = on_grid(primer.parse("C5:1/2 B4"), 2)
    assert fine.top.tolist() == [72, 71, 71]
    fixed = harmonize.given(line, 0)
    assert (fixed[: 71 - 21] == -1).all() and fixed[72 - 21] == 1 and fixed[71 - 21 :].sum() == 1


@given(
    st.sets(st.integers(40, 80), min_size=1, max_size=3),
    st.lists(st.integers(40, 80), min_size=3, max_size=3),
)
def test_every_note_has_a_voice_and_no_voices_cross(keys: set[int], before: list[int]) -> None:
    seats = voice_assignment.doubled(tuple(sorted(keys)), tuple(before))
    assert set(seats) == keys and list(seats) == sorted(seats, reverse=True)


def test_a_voice_that_is_left_doubles_what_is_near() -> None:
    assert voice_assignment.doubled((50, 64), (64, 62, 48)) == (64, 64, 50)
    assert voice_assignment.doubled((50, 64), (64, 52, 48)) == (64, 50, 50)
    assert voice_assignment.doubled((), (64, 52, 48)) == (REST,) * 3 and voice_assignment.doubled(
        (50,), (REST,) * 3
    ) == (
        50,
        50,
        50,
    )


def test_of_few_notes_voices_rest() -> None:
    assert voice_assignment.rested((60,), (72, 65, 58, 50)) == (REST, REST, 60, REST)
    assert voice_assignment.rested((50, 71), (72, 65, 58, 50)) == (71, REST, REST, 50)
    assert voice_assignment.rested((), (72, 65, 58, 50)) == (REST,) * 4


@given(st.lists(st.sets(st.integers(30, 60), max_size=4), min_size=1, max_size=8))
def test_a_roll_in_voices_is_the_same_roll(steps: list[set[int]]) -> None:
    roll = np.zeros((len(steps), piano_roll.KEYS), dtype=np.uint8)
    for row, keys in zip(roll, steps):
        row[list(keys)] = 1
    parts = voice_assignment.in_voices(roll)
    assert parts is not None
    for keys, voices in zip(steps, parts):
        sung = [pitch for pitch in voices if pitch != REST]
        assert {pitch - piano_roll.LOWEST for pitch in sung} == keys and sung == sorted(sung, reverse=True)
        assert len(sung) == (4 if len(keys) >= 3 else len(keys))
    piece = chorale.from_parts(parts, 2)
    assert np.array_equal(piano_roll.to_roll(piece, 2), roll)


def test_five_notes_are_too_many_for_four_voices() -> None:
    assert voice_assignment.in_voices(np.ones((1, piano_roll.KEYS), dtype=np.uint8)) is None


# --- what can't be


def test_models_and_melodies_that_make_no_chorale(composer: Any, tmp_path: Path) -> None:
    other = load_composer(music_models.rolls(tmp_path / "other.safetensors", "nottingham"))
    tunes = load_composer(music_models.tunes(tmp_path / "tunes.safetensors"))
    for wrong, corpus in ((other, "nottingham"), (tunes, "folk")):
        with pytest.raises(CheckpointError, match=f"learnt from {corpus}.*speechgru train jsb_chorales"):
            harmonize.harmonize(wrong, MELODY, Request())
    with pytest.raises(MusicError, match="no note"):
        harmonize.harmonize(composer, NoteSequence(), Request())
    with pytest.raises(MusicError, match="has 5000 steps"):
        harmonize.harmonize(composer, NoteSequence((Note(0, 72, 5000),)), Request())
