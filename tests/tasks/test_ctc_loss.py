"""CTC against the sum over all paths, the divergence against PyTorch's distributions, and how the parts are mixed."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from speechgru.errors import ConfigError
from speechgru.tasks.ctc_loss import disagreement, divergence, objective
from speechgru.tasks.ctc_settings import CtcConfig

LENGTHS, LABELS, LABEL_LENGTHS = torch.tensor([5, 3]), torch.tensor([1, 2, 2, 1]), torch.tensor([3, 1])


def outputs(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 5, 3, generator=generator).mul(2).log_softmax(dim=2)


def by_paths(log_probs: Tensor) -> float:
    """The negative log of the summed probability of every path that reads as the labels."""
    total = 0.0
    for row, length, labels in zip(log_probs, LENGTHS.tolist(), ([1, 2, 2], [1])):
        likelihood = 0.0
        for path in itertools.product(range(3), repeat=length):
            if [s for s, _ in itertools.groupby(path) if s] == labels:
                likelihood += math.exp(sum(float(row[t, s]) for t, s in enumerate(path)))
        total -= math.log(likelihood)
    return total


def value(settings: CtcConfig, *between: Tensor) -> float:
    return float(objective(outputs(0), LENGTHS, LABELS, LABEL_LENGTHS, settings, between))


def test_it_is_ctc() -> None:
    assert value(CtcConfig()) == pytest.approx(by_paths(outputs(0)), rel=1e-5)


def test_lower_layers_have_their_share() -> None:
    own, first, second = (by_paths(outputs(seed)) for seed in range(3))
    mixed = value(CtcConfig(intermediate=0.3), outputs(1), outputs(2))
    assert mixed == pytest.approx(0.7 * own + 0.3 * (first + second) / 2, rel=1e-5)


def test_smoothing_has_its_share() -> None:
    smooth = float(divergence(outputs(0), LENGTHS))
    assert smooth > 0
    assert value(CtcConfig(smoothing=0.1)) == pytest.approx(
        0.9 * by_paths(outputs(0)) + 0.1 * smooth, rel=1e-5
    )


def test_divergence_is_that_of_the_valid_frames_from_the_uniform_distribution() -> None:
    log_probs = outputs(3)
    uniform = torch.distributions.Categorical(logits=torch.zeros(3))
    expected = sum(
        float(
            torch.distributions.kl_divergence(
                torch.distributions.Categorical(logits=log_probs[b, t]), uniform
            )
        )
        for b, length in enumerate(LENGTHS.tolist())
        for t in range(length)
    )
    assert float(divergence(log_probs, LENGTHS)) == pytest.approx(expected, rel=1e-5)
    even = torch.full((1, 4, 7), 1 / 7).log()
    assert float(divergence(even, torch.tensor([4]))) == pytest.approx(0, abs=1e-5)


def test_the_middle_layer_is_read_unless_others_are_named() -> None:
    assert CtcConfig().layers(4) == []
    assert CtcConfig(intermediate=0.3).layers(4) == [2]
    assert CtcConfig(intermediate=0.3, intermediate_layers=[1, 3]).layers(4) == [1, 3]
    with pytest.raises(ConfigError, match=r"ctc.intermediate_layers is \[4\]; expected layers from 1 to 3"):
        CtcConfig(intermediate=0.3, intermediate_layers=[4]).layers(4)


@pytest.mark.parametrize("wrong", [{"intermediate": 1.0}, {"smoothing": -0.1}])
def test_impossible_shares_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=rf"ctc.{next(iter(wrong))} is"):
        CtcConfig(**wrong)


def test_disagreement_is_the_symmetric_divergence_of_two_views() -> None:
    first, second = outputs(1), outputs(2)
    expected = 0.0
    for p, q in ((first, second), (second, first)):
        rows = torch.distributions.kl_divergence(
            torch.distributions.Categorical(logits=p), torch.distributions.Categorical(logits=q)
        )
        expected += 0.5 * float(sum(row[:length].sum() for row, length in zip(rows, LENGTHS.tolist())))
    assert float(disagreement(torch.cat([first, second]), LENGTHS)) == pytest.approx(expected, rel=1e-5)
    assert float(disagreement(torch.cat([first, first]), LENGTHS)) == 0


def test_each_view_learns_from_the_other_alone() -> None:
    first, second = (outputs(seed).requires_grad_() for seed in (1, 2))
    disagreement(torch.cat([first, second]), LENGTHS).backward()
    # Of KL(sg(q) || p) the gradient over log p is -q: nothing of the term in which p is held fixed.
    assert torch.allclose(first.grad[0], -0.5 * second.detach()[0].exp(), atol=1e-6)
    assert (first.grad[1, 3:] == 0).all()  # padding


@pytest.mark.parametrize("wrong", [{"consistency": -0.1}, {"pronounced": 1.0}])
def test_more_settings_have_ranges(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=rf"ctc.{next(iter(wrong))} is"):
        CtcConfig(**wrong)
