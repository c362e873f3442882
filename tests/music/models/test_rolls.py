"""Models of piano rolls: what they give are likelihoods, of what was before, the same in company and alone."""

from __future__ import annotations

import itertools
from typing import Any

import music_models
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from speechgru.errors import ConfigError
from speechgru.music.models import biaxial, roll, roll_inputs
from speechgru.music.models.likelihood import PieceScore, rates, table
from speechgru.music.score.piano_roll import KEYS, Roll

SMALL = {"layers": 2, "width": 10, "dropout": 0.3}
VARIANTS = [
    pytest.param(module, {"output": output, "reset": reset}, id=f"{module.KIND}-{output}-{reset}")
    for module, outputs in ((roll, ("independent", "nade")), (biaxial, ("independent", "chain")))
    for output in outputs
    for reset in ("before", "after")
]
every_variant = pytest.mark.parametrize(("module", "chosen"), VARIANTS)


def make(module: Any, **chosen: Any) -> Any:
    """A small network."""
    small = SMALL | ({"hidden": 7} if module is roll else {"key_width": 6, "lowest": 20, "highest": 60})
    torch.manual_seed(0)
    return music_models.decided(module.Model(module.Settings(**{**small, **chosen})).eval())


def piece(steps: int, seed: int = 0, low: int = 25, high: int = 55) -> Roll:
    """Chords that come back: the match model finds something."""
    rng = np.random.default_rng(seed)
    chords = np.zeros((4, KEYS), dtype=np.uint8)
    chords[:, low:high] = rng.random((4, high - low)) < 0.15
    return chords[rng.integers(4, size=steps)]


def batch(*rolls: Roll) -> tuple[roll_inputs.View, Tensor]:
    inputs, spans = [roll_inputs.inputs_of(r) for r in rolls], [(0, len(r)) for r in rolls]
    return roll_inputs.view(inputs, spans), roll_inputs.targets(inputs, spans)[0]


# --- likelihoods


@every_variant
def test_each_key_is_sounding_or_not(module: Any, chosen: dict[str, Any]) -> None:
    model, (view, keys) = make(module, **chosen), batch(piece(6))
    found = model(view, keys)[0]
    assert found.shape == (1, 6, KEYS) and found.dtype == torch.float32
    for key in (0, 20, 33, 60, 87):
        flipped = keys.clone()
        flipped[..., key] = 1 - flipped[..., key]
        other = model(view, flipped)[0]
        torch.testing.assert_close(found[..., key].exp() + other[..., key].exp(), torch.ones(1, 6))
        # The chain rule: a factor knows the keys below, never those above.
        torch.testing.assert_close(other[..., :key], found[..., :key], atol=1e-6, rtol=0)


@pytest.mark.parametrize("output", ["independent", "chain"])
def test_the_likelihoods_of_all_chords_add_up_to_one(output: str) -> None:
    model = make(biaxial, output=output, lowest=30, highest=36)
    view, _ = batch(piece(3, low=30, high=37))
    chords = np.array(list(itertools.product((0, 1), repeat=7)))
    features = model.encode(view)[0][:, 2:].expand(len(chords), -1, -1, -1)
    keys = torch.zeros(len(chords), 1, KEYS)
    keys[:, 0, 30:37] = torch.from_numpy(chords).float()
    likelihoods = model.log_probs(features, view, keys)[..., 30:37].sum(dim=2).exp().detach()
    assert float(likelihoods.sum()) == pytest.approx(1, abs=1e-5)
    assert float(likelihoods.max()) < 0.9


@pytest.mark.parametrize(("module", "output"), [(roll, "nade"), (biaxial, "chain")])
def test_a_key_knows_those_below(module: Any, output: str) -> None:
    model, (view, keys) = make(module, output=output), batch(piece(4))
    other = keys.clone()
    other[..., 30] = 1 - other[..., 30]
    before, after = model(view, keys)[0], model(view, other)[0]
    assert not torch.allclose(before[..., 31:50], after[..., 31:50], atol=1e-4)
    independent = make(module, output="independent")
    before, after = independent(view, keys)[0], independent(view, other)[0]
    assert torch.equal(before[..., 31:], after[..., 31:])


def test_the_nade_is_that_of_the_equations() -> None:
    model, (view, keys) = make(roll, output="nade"), batch(piece(5))
    h = model.encode(view)[0][0, 3]
    v = keys[0, 3]
    found = model(view, keys)[0][0, 3]
    a = model.start.weight @ h + model.start.bias
    for k in range(KEYS):
        p = torch.sigmoid(model.head.weight[k] @ h + model.head.bias[k] + model.readout[k] @ torch.tanh(a))
        assert float(found[k].exp()) == pytest.approx(float(p if v[k] else 1 - p), rel=1e-4)
        a = a + model.sounding[k] * v[k]


# --- time


@every_variant
def test_nothing_is_known_of_what_comes_later(module: Any, chosen: dict[str, Any]) -> None:
    model, first = make(module, **chosen), piece(12)
    second = np.concatenate([first[:6], piece(6, seed=9)])
    before, after = (model(*batch(each))[0][0] for each in (first, second))
    torch.testing.assert_close(before[:6], after[:6], atol=1e-6, rtol=0)
    assert not torch.allclose(before[6:], after[6:], atol=1e-3)


@every_variant
def test_the_state_carries_on(module: Any, chosen: dict[str, Any]) -> None:
    model, inputs = make(module, **chosen), [roll_inputs.inputs_of(piece(20, s)) for s in (1, 2)]
    whole, final = model(
        roll_inputs.view(inputs, [(0, 20)] * 2), roll_inputs.targets(inputs, [(0, 20)] * 2)[0]
    )
    parts, state = [], None
    for span in ((0, 7), (7, 8), (8, 20)):
        part, state = model(
            roll_inputs.view(inputs, [span] * 2), roll_inputs.targets(inputs, [span] * 2)[0], state
        )
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(state, final, atol=1e-5, rtol=0)


@every_variant
def test_a_piece_gets_the_same_alone_and_beside_others(module: Any, chosen: dict[str, Any]) -> None:
    model, rolls = make(module, **chosen), [piece(n, n) for n in (9, 1, 14)]
    view, keys = batch(*rolls)
    together = model(view, keys)[0]
    lengths = torch.tensor([len(r) for r in rolls])
    states = model.encode(view, None, lengths)[1]
    for i, each in enumerate(rolls):
        alone, state = model(*batch(each))
        torch.testing.assert_close(together[i, : len(each)], alone[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(states[:, i], state[:, 0], atol=1e-5, rtol=0)


@every_variant
def test_a_step_is_drawn_from_what_scores_it(module: Any, chosen: dict[str, Any]) -> None:
    model, rolls = make(module, **chosen), [piece(5, 1), piece(5, 2)]
    view, keys = batch(*rolls)
    expected = model(view, keys)[0][:, 4]
    all_odds: list[Any] = []

    class Choose:
        last = KEYS - 1

        def __call__(self, key: int, odds: Any) -> Any:
            all_odds.append(torch.from_numpy(np.asarray(odds, dtype=np.float32)))
            sounds = keys[:, 4, key].numpy().astype(bool)
            return sounds if sounds.any() else None

    with torch.inference_mode():
        drawn = model.sampler()(model.encode(view)[0][:, 4:], Choose())
    assert np.array_equal(drawn, keys[:, 4].numpy())
    found = torch.nn.functional.logsigmoid(torch.stack(all_odds, dim=1) * (2 * keys[:, 4] - 1))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@every_variant
def test_it_learns_with_all_it_has(module: Any, chosen: dict[str, Any]) -> None:
    model, (view, keys) = make(module, **chosen).train(), batch(piece(9, 1), piece(9, 2))
    model(view, keys)[0].sum().backward()
    assert not [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not torch.allclose(model(view, keys)[0], model(view, keys)[0]), "dropout acts in training"
    model.eval()
    assert torch.equal(model(view, keys)[0], model(view, keys)[0])


def test_what_is_moved_up_is_the_same_music() -> None:
    model = make(biaxial, output="independent", lowest=0, highest=KEYS - 1)
    with torch.no_grad():
        model.place.zero_()
    inputs = roll_inputs.inputs_of(piece(8))
    first = model(*batch(inputs.roll))[0]
    moved = model(*batch(inputs.moved(5).roll))[0]
    torch.testing.assert_close(moved[..., 5:], first[..., :-5], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("module", "wrong"),
    [
        (roll, {"width": 0}),
        (roll, {"dropout": 1.0}),
        (biaxial, {"lowest": 50, "highest": 40}),
        (biaxial, {"reach": 0}),
    ],
)
def test_sizes_that_make_no_network(module: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"wants .*; got \w+Settings"):
        module.Settings(**wrong)


# --- what is known before a step

melodies = st.lists(st.integers(0, 2), min_size=1, max_size=30)


@given(melodies)
def test_what_is_predicted_followed_the_longest_earlier_passage(symbols: list[int]) -> None:
    rolls = np.zeros((len(symbols), KEYS), dtype=np.uint8)
    rolls[np.arange(len(symbols)), symbols] = 1
    inputs = roll_inputs.inputs_of(rolls)
    predicted, match = inputs.predicted, inputs.match
    history = roll_inputs.RollHistory(len(rolls))
    for t in range(len(symbols)):
        best, place = 0, None
        for s in range(1, t):  # a passage that ends before s, which predicts s
            length = 0
            while length < s and symbols[s - 1 - length] == symbols[t - 1 - length]:
                length += 1
            if length and length >= best:
                best, place = length, s
        assert match[t] == history.match == best
        expected = rolls[place] if place is not None else np.zeros(KEYS)
        assert np.array_equal(predicted[t], expected) and np.array_equal(history.predicted, expected)
        history.append(rolls[t])


def test_what_lies_around_a_key() -> None:
    keys = torch.from_numpy(piece(3, low=0, high=KEYS)).float()[:, 10:71]
    near, classes, under = (
        roll_inputs.neighbours(keys, 3),
        roll_inputs.pitch_classes(keys),
        roll_inputs.below(keys),
    )
    told = biaxial.decided(keys)
    for t, k in itertools.product(range(3), (0, 2, 30, 60)):
        sounding = [int(i) for i in keys[t].nonzero()[:, 0]]
        assert near[t, k].tolist() == [float(k + d in sounding) for d in range(-3, 4)]
        assert classes[t, k].tolist() == [sum((i - k) % 12 == c for i in sounding) for c in range(12)]
        assert under[t, k] == sum(i < k for i in sounding)
        lower = [i for i in sounding if i < k]
        expected = [float(k - d in lower) for d in range(biaxial.BELOW, 0, -1)]
        expected += [sum((k - i) % 12 == c for i in lower) for c in range(12)]
        assert told[t, k].tolist() == [*expected, len(lower) / 4]


def test_a_view_of_a_part_is_the_part_of_the_view() -> None:
    inputs = [roll_inputs.inputs_of(piece(15, s)) for s in (1, 2)]
    whole = roll_inputs.view(inputs, [(0, 15), (0, 15)])
    part = roll_inputs.view(inputs, [(0, 4), (9, 15)])
    for a, b in zip(whole, part):
        assert torch.equal(b[0, :4], a[0, :4]) and torch.equal(b[1], a[1, 9:15])
    keys, inside = roll_inputs.targets(inputs, [(0, 4), (9, 15)])
    assert inside.sum(dim=1).tolist() == [4, 6] and not keys[0, 4:].any()
    assert torch.equal(keys[1], torch.from_numpy(inputs[1].roll[9:]).float())


def test_the_conventions() -> None:
    scores = [PieceScore("a", 4.0, 6.0, 3), PieceScore("b", 1.0, 0.0, 1), PieceScore("c", 2.0, 10.0, 5)]
    found = rates(table(scores).sum(axis=0))
    assert found["rest"] == pytest.approx(16 / 6)
    assert found["all"] == pytest.approx(23 / 9)
    assert found["mean"] == pytest.approx((10 / 3 + 1 + 12 / 5) / 3)


@every_variant
def test_steps_that_are_heard_one_by_one_are_heard_the_same(module: Any, chosen: dict[str, Any]) -> None:
    """What makes up music is the same model as what is trained: see `layers.advance`."""
    model, inputs = make(module, **chosen), [roll_inputs.inputs_of(piece(15, s)) for s in (1, 2)]
    expected, state, found = model.encode(roll_inputs.view(inputs, [(0, 15)] * 2))[0], None, []
    with torch.inference_mode():
        for t in range(15):
            features, state = model.encode(roll_inputs.view(inputs, [(t, t + 1)] * 2), state)
            found.append(features)
    torch.testing.assert_close(torch.cat(found, dim=1), expected, atol=1e-5, rtol=0)
