"""Learning and making up pieces as tokens: likelihoods, transposition, a whole run, samples that can be decoded."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import music_models
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speechgru.config import load_recipe
from speechgru.errors import CheckpointError, ConfigError, MusicError
from speechgru.music import Note, NoteSequence
from speechgru.music.files import midi
from speechgru.music.files.piece import Piece
from speechgru.music.generation.sample_tokens import TokenSampling, sample_tokens
from speechgru.music.models import token_inputs, words
from speechgru.music.models.token_model import TokenItem, TokenModel, item, load_token_model
from speechgru.music.score.keys import Key
from speechgru.music.score.notes import KeyChange, Metre
from speechgru.music.training.token_task import Task, prepare
from speechgru.training import TaskContext, estimate
from speechgru.training import run as training_run

SMALL = {"layers": 2, "width": 10, "embedding": 6, "steps_per_beat": 4, "longest": 8}
every_reset = pytest.mark.parametrize("reset", ["before", "after"])


@cache
def model(**chosen: Any) -> Any:
    """A small network."""
    torch.manual_seed(0)
    network = music_models.decided(words.Model(words.Settings(**{**SMALL, **chosen})).eval())
    if network.settings.bars:
        with torch.no_grad():
            network.bias[network.encoding.number["BAR"]] += 3
    return network


def tune(bars: int, seed: int = 0, tonic: str = "G") -> NoteSequence:
    """A tune in 3/4 with a motif that comes back."""
    rng = np.random.default_rng(seed)
    motif = [int(60 + step) for step in rng.choice([0, 2, 4, 7, 9], size=3)]
    notes = []
    for bar in range(bars):
        pitches = motif if bar % 2 else [int(60 + s) for s in rng.choice([0, 2, 4, 5, 7], size=3)]
        notes += [Note(3 * bar + i, pitch, 3 * bar + i + 1) for i, pitch in enumerate(pitches)]
    keys, metres = (KeyChange(0.0, Key(tonic)),), (Metre(0.0, 3, 4),)
    return NoteSequence(tuple(notes), keys=keys, metres=metres, length=3.0 * bars)


def items(*pieces: NoteSequence, **chosen: Any) -> list[TokenItem]:
    encoding = model(**chosen).encoding
    return [item(str(i), Piece(str(i), 4, piece), encoding) for i, piece in enumerate(pieces)]


def inputs(found: list[TokenItem]) -> list[token_inputs.TokenInputs]:
    return [token_inputs.inputs_of(each.numbers, each.encoding) for each in found]


def both(found: list[token_inputs.TokenInputs]) -> tuple[token_inputs.View, torch.Tensor]:
    spans = [(0, len(each)) for each in found]
    return token_inputs.view(found, spans), token_inputs.targets(found, spans)[0]


# --- likelihoods


@every_reset
def test_the_likelihoods_of_all_words_add_up_to_one(reset: str) -> None:
    network = model(reset=reset)
    view, numbers = both(inputs(items(tune(4), reset=reset)))
    log_probs = network.next_log_probs(network.encode(view)[0], view)
    torch.testing.assert_close(log_probs.exp().sum(dim=2), torch.ones(numbers.shape))
    found = network(view, numbers)[0]
    assert torch.equal(found[..., 0], log_probs.gather(2, numbers.unsqueeze(2))[..., 0])
    follows = torch.from_numpy(network.encoding.follows)
    assert torch.equal(log_probs[0, 1:] > -torch.inf, follows[numbers[0, :-1]])
    assert found[0, 0] == 0, "START is certain"


@every_reset
def test_words_get_the_same_alone_beside_others_and_in_parts(reset: str) -> None:
    network, pieces = model(reset=reset), inputs(items(tune(5, 1), tune(2, 2), tune(3, 3), reset=reset))
    view, numbers = both(pieces)
    together = network(view, numbers)[0]
    assert not together[1, len(pieces[1]) :].any(), "padding adds nothing"
    for row, piece in zip(together, pieces):
        alone, final = network(*both([piece]))
        torch.testing.assert_close(row[: len(piece)], alone[0], atol=1e-5, rtol=0)
        parts, state = [], None
        for span in ((0, 3), (3, 4), (4, len(piece))):
            part, state = network(
                token_inputs.view([piece], [span]), token_inputs.targets([piece], [span])[0], state
            )
            parts.append(part)
        torch.testing.assert_close(torch.cat(parts, dim=1), alone, atol=1e-5, rtol=0)
        torch.testing.assert_close(state, final, atol=1e-5, rtol=0)


def test_nothing_is_known_of_what_comes_later() -> None:
    first = items(tune(6, 1))[0].numbers
    second = (*first[:20], *items(tune(6, 2))[0].numbers[20:])
    before, after = (token_inputs.inputs_of(each, model().encoding).known for each in (first, second))
    assert np.array_equal(before[:21], after[:21]) and not np.array_equal(before[21:], after[21:])


def test_it_learns_with_all_it_has() -> None:
    torch.manual_seed(0)
    network = words.Model(words.Settings(**SMALL))
    view, numbers = both(inputs(items(tune(8, 1), tune(8, 2))))
    network(view, numbers)[0].sum().backward()
    assert not [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


# --- what is known before a token


def test_what_holds_and_where_in_the_bar_it_is() -> None:
    (found,) = items(tune(3))
    names, encoding = [found.encoding.tokens[n] for n in found.numbers], found.encoding
    known = token_inputs.inputs_of(found.numbers, encoding).known
    at = names.index("NOTE 64") if "NOTE 64" in names else names.index("END")
    last, metre, unit, signature, mode, _, since_bar, _ = known[at]
    assert [encoding.tokens[n] for n in (last, metre, unit, signature, mode)] == [
        *(names[at - 1], "METRE 3", "UNIT 4", "SIGNATURE 1", "MODE major")
    ]
    assert known[0].tolist() == [token_inputs.NOTHING] * 6 + [0, 0]
    shifts = [int(n.split()[1]) for n in names[:at][::-1][: names[:at][::-1].index("BAR")] if "SHIFT" in n]
    assert since_bar == sum(shifts)


@given(st.integers(-6, 6), st.integers(0, 5))
def test_moving_words_is_encoding_what_was_moved(semitones: int, seed: int) -> None:
    piece = tune(4, seed)
    (found,), (moved,) = items(piece), items(piece.transposed(semitones))
    once = token_inputs.inputs_of(found.numbers, found.encoding).moved(semitones)
    again = token_inputs.inputs_of(moved.numbers, moved.encoding)
    assert np.array_equal(once.tokens, again.tokens) and np.array_equal(once.known, again.known)


def test_what_can_be_moved() -> None:
    (found,) = items(tune(4), lowest=58, highest=71)
    pitches = [n.pitch for n in tune(4).notes]
    assert [s for s in range(-12, 13) if found.fits(s)] == list(range(58 - min(pitches), 72 - max(pitches)))


# --- a whole run


@pytest.fixture(autouse=True)
def _unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that only tell how long a run takes would be most of a tiny one."""
    monkeypatch.setattr(estimate, "measure", lambda *_: "")


TINY = [
    *("model.width=8", "model.embedding=6", "trainer.tensorboard=false", "trainer.device=cpu"),
    *("trainer.epochs=1", "trainer.batch_characters=300", "trainer.precision=float32"),
]
LETTERS = "GABcdefg"


def abc(number: int) -> str:
    rng = np.random.default_rng(number)
    bars = ["".join(LETTERS[i] for i in rng.integers(8, size=4)) for _ in range(8)]
    return f"X:{number}\nT:Tune {number}\nM:4/4\nL:1/4\nK:G\n{'|'.join(bars)}|]\n"


def folk(folder: Path, *overrides: str) -> Any:
    path = folder / "data" / "music" / "folk" / "book.abc"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(abc(number) for number in range(1, 41)))
    return load_recipe(
        "folk", [*TINY, f"corpus.root={folder / 'data'}", f"output={folder / 'run'}", *overrides]
    )


def test_the_loss_is_that_of_whole_pieces(tmp_path: Path) -> None:
    overrides = ["model.dropout=0.0", "augment.pitch=[0.0]", "music.chunk=50", "music.run_in=1000"]
    recipe = folk(tmp_path, *overrides)
    learning = Task(TaskContext(recipe, prepare(recipe), torch.device("cpu")))
    losses = [learning.loss(batch) for batch in learning.load(learning.plan(0)[:3], 0)]
    assert all(loss.isfinite() for loss, _ in losses)
    losses = [learning.loss(batch) for batch in learning.load(learning.plan(0), 0)]
    score = TokenModel(learning.model).score(learning.data.train)
    assert sum(count for _, count in losses) == sum(row[1] for row in score.table)
    assert sum(loss.item() for loss, _ in losses) == pytest.approx(sum(r[0] for r in score.table), rel=1e-4)


def test_the_recipe_of_tunes_trains(tmp_path: Path) -> None:
    recipe = folk(tmp_path)
    run = training_run.train(recipe, [], command="speechgru train folk", quiet=True)
    report = json.loads((run.folder / "report.json").read_text())
    assert list(report["scores"]) == ["dev", "test"]
    score = report["scores"]["test"]
    assert 0 < score["nats_per_note"] < 3 * np.log(296) and score["notes"] == 32 * score["pieces"]
    assert "| nats per note |" in (run.folder / "report.md").read_text()
    made = load_token_model(run.model)
    assert made.header.model.name == "words"
    (numbers,) = sample_tokens(made, options=TokenSampling(bars=3, seed=1))
    assert made.encoding.decode(numbers).length >= 0


def test_the_recipe_of_own_files_trains(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(4):
        midi.write(tmp_path / "data" / f"{number}.mid", tune(4, number))
    given = [*TINY, f"corpus.root={tmp_path / 'data'}", f"output={tmp_path / 'run'}"]
    run = training_run.train(load_recipe("own_midi", given), quiet=True)
    assert run.evaluations["test"].to_dict()["pieces"] == 1


def test_pieces_that_the_encoding_has_no_words_for_are_left_out(tmp_path: Path) -> None:
    recipe = folk(tmp_path, "model.lowest=70", "model.highest=100")
    with pytest.raises(Exception, match="0 pieces to learn from"):
        prepare(recipe)
    with pytest.raises(MusicError, match="longest of an event encoding"):
        prepare(folk(tmp_path, "model.longest=0"))
    with pytest.raises(ConfigError, match="words model wants"):
        folk(tmp_path, "model.width=0")


def test_a_model_of_rolls_is_no_model_of_words(tmp_path: Path) -> None:
    recipe = folk(tmp_path)
    Task(TaskContext(recipe, prepare(recipe), torch.device("cpu"))).save(tmp_path / "words.safetensors", {})
    from speechgru.music.models.roll_model import load_roll_model

    with pytest.raises(CheckpointError, match="of kind 'words'; expected 'roll'"):
        load_roll_model(tmp_path / "words.safetensors")


# --- samples


def made_up(count: int = 1, primer: NoteSequence | None = None, **options: Any) -> list[list[int]]:
    found = TokenModel(model())
    start = found.encoding.encode(primer) if primer else ()
    return sample_tokens(found, count, options=TokenSampling(**{"most": 120, **options}), primer=start)


def test_the_same_seed_gives_the_same_piece_alone_and_with_others() -> None:
    several = made_up(3, seed=4)
    assert made_up(1, seed=4)[0] == several[0] != several[1]
    assert made_up(1, seed=5)[0] != several[0]


@pytest.mark.parametrize("seed", range(5))
def test_every_piece_can_be_decoded_and_holds_to_its_constraints(seed: int) -> None:
    encoding = model().encoding
    (numbers,) = made_up(seed=seed, lowest=60, highest=72, pitch_classes=(0, 2, 4, 5, 7, 9, 11))
    assert numbers[0] == encoding.start and numbers[-1] == encoding.end
    piece = encoding.decode(numbers)
    assert all(60 <= n.pitch <= 72 and n.pitch % 12 in (0, 2, 4, 5, 7, 9, 11) for n in piece.notes)


def test_bars_are_counted() -> None:
    for primer in (None, tune(3)):
        for numbers in made_up(3, bars=5, most=1000, primer=primer):
            piece = model().encoding.decode(numbers)
            assert piece.length - piece.notes[0].start == 5 * piece.metres[0].bar if piece.metres else 20
            assert max(note.end for note in piece.notes) <= piece.length


def test_a_primer_is_kept_and_settles_key_and_metre() -> None:
    encoding, primer = model().encoding, tune(2, 3)
    start = encoding.encode(primer)[:-1]
    for numbers in made_up(3, seed=2, primer=primer):
        assert numbers[: len(start)] == start
        piece = encoding.decode(numbers)
        assert piece.keys == primer.keys and piece.metres == primer.metres
    # Where chance has no say, what goes on from a piece's own beginning is that piece.
    (whole,) = made_up(seed=1, top_k=1, most=60)
    found = TokenModel(model())
    cut = max(i for i in range(25) if found.encoding.follows[whole[i], found.encoding.end]) + 1
    again = sample_tokens(found, options=TokenSampling(seed=9, top_k=1, most=61 - cut), primer=whole[:cut])
    assert again[0] == whole and len(whole) >= 60


def test_words_come_as_often_as_the_model_says() -> None:
    network = model()
    (first,) = inputs(items(tune(1)))
    view = token_inputs.view([first], [(0, 6)])
    expected = network.next_log_probs(network.encode(view)[0], view)[0, 5].exp().double().detach().numpy()
    start, count = [int(n) for n in first.tokens[:5]], 3000
    pieces = sample_tokens(
        TokenModel(network), count, options=TokenSampling(most=1, settled=False, closed=False), primer=start
    )
    drawn = np.bincount([piece[5] for piece in pieces], minlength=len(expected))
    z = (drawn - count * expected) / np.sqrt(count * expected * (1 - expected) + 1e-9)
    assert np.abs(z[expected > 1e-3]).max() < 4.5


def test_top_k_and_top_p_leave_out_what_is_unlikely() -> None:
    assert made_up(2, top_k=1)[0] == made_up(2, top_k=1, seed=8)[1]
    assert made_up(1, top_p=1e-9)[0] == made_up(1, top_k=1)[0] == made_up(1, temperature=1e-6)[0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"temperature": 0.0}, "temperature 0.0"),
        ({"top_p": 1.5}, "top_p 1.5"),
        ({"bars": -1}, "bars -1"),
        ({"pitch_classes": (13,)}, "pitch classes"),
        ({"most": 0}, "at most 0 tokens"),
        (
            {"lowest": 61, "highest": 61, "pitch_classes": (0,)},
            r"No note .* C♯4 to C♯4 and is one of C\. Widen",
        ),
    ],
)
def test_settings_that_make_no_music(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(MusicError, match=message):
        made_up(**wrong)


def test_primers_that_cannot_be() -> None:
    with pytest.raises(MusicError, match=r"primer has 4 bars, the piece 2\. Make the piece longer"):
        made_up(bars=2, primer=tune(4))
    with pytest.raises(MusicError, match="0 pieces"):
        made_up(0)
    found = TokenModel(model())
    with pytest.raises(MusicError, match="begins with the token START"):
        sample_tokens(found, primer=[3, 4])
    quiet = TokenModel(model(bars=False))
    with pytest.raises(MusicError, match="has no bar lines"):
        sample_tokens(quiet, options=TokenSampling(bars=2))


@every_reset
def test_words_that_are_heard_one_by_one_are_heard_the_same(reset: str) -> None:
    """What makes up music is the same model as what is trained: see `layers.advance`."""
    network, (piece,) = model(reset=reset), inputs(items(tune(3), reset=reset))
    view, numbers = both([piece])
    expected, state, found = network(view, numbers)[0], None, []
    with torch.inference_mode():
        for t in range(len(piece)):
            part = token_inputs.view([piece], [(t, t + 1)])
            features, state = network.encode(part, state)
            found.append(network.next_log_probs(features, part).gather(2, numbers[:, t : t + 1, None]))
    torch.testing.assert_close(torch.cat(found, dim=1), expected, atol=1e-5, rtol=0)
