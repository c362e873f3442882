"""The schedule at its corners, weight decay where it belongs, the running average against a plain loop."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

from speechgru.config.trainer import OptimizerConfig, ScheduleConfig
from speechgru.training.optim import Average, factor, optimizer

NAMES = ("constant", "cosine", "linear", "noam", "plateau")


def rates(total: int, **config: Any) -> list[float]:
    schedule = ScheduleConfig(**config)
    return [factor(step, total, schedule) for step in range(total)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("warmup", [0.0, 0.05, 0.25, 1 / 3])
@pytest.mark.parametrize("total", [10, 97, 1000])
def test_rises_in_a_line_to_1_then_never_rises(name: str, warmup: float, total: int) -> None:
    found = rates(total, name=name, warmup=warmup)
    peak = int(warmup * total)
    assert found[0] > 0
    assert found[peak] == max(found) == 1
    steps = [after - before for before, after in pairwise(found[: peak + 1])]
    assert steps == pytest.approx([1 / (peak + 1)] * peak)
    assert all(after <= before for before, after in pairwise(found[peak:]))


@pytest.mark.parametrize("name", ["cosine", "linear"])
@pytest.mark.parametrize("final", [0.0, 0.01, 0.5, 1.0])
@pytest.mark.parametrize("total", [10, 101])
def test_ends_at_final(name: str, final: float, total: int) -> None:
    found = rates(total, name=name, warmup=0.1, final=final)
    assert found[-1] == pytest.approx(final, abs=1e-12)
    assert factor(total, total, ScheduleConfig(name=name, warmup=0.1, final=final)) == pytest.approx(final)  # type: ignore[arg-type]


def test_the_cosine_is_a_cosine_and_the_line_a_line() -> None:
    cosine, line = (rates(101, name=name, warmup=0.0, final=0.2) for name in ("cosine", "linear"))
    assert cosine[50] == pytest.approx(0.6) and line[50] == pytest.approx(0.6)
    assert cosine[25] == pytest.approx(0.2 + 0.8 * (1 + math.sqrt(0.5)) / 2)
    assert line[25] == pytest.approx(0.8)


def test_noam_is_the_papers() -> None:
    """Vaswani et al. 2017, eq. 3: min(s^-0.5, s w^-1.5), here with a peak of 1 at step w."""
    found, warm = rates(1000, name="noam", warmup=0.099), 100
    paper = [min(s**-0.5, s * warm**-1.5) * warm**0.5 for s in range(1, 1001)]
    assert found == pytest.approx(paper, rel=1e-9)


def test_onecycle_is_pytorchs() -> None:
    total = 200
    found = rates(total, name="onecycle", warmup=0.3, final=1e-4 / 25)
    model = nn.Linear(1, 1)
    stepper = torch.optim.SGD(model.parameters(), lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(stepper, 1.0, total_steps=total, pct_start=0.3)
    expected = []
    for _ in range(total):
        expected.append(theirs.get_last_lr()[0])
        stepper.step()
        theirs.step()
    assert found == pytest.approx(expected, abs=0.03)  # ours has one step more of rise
    assert max(found) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(5))
def test_plateau_is_pytorchs(seed: int) -> None:
    scores = torch.rand(40, generator=torch.Generator().manual_seed(seed)).tolist()
    stepper = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    # Theirs waits for one more score than its patience says.
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(stepper, factor=0.5, patience=2, threshold=0.0)
    config = ScheduleConfig(name="plateau", warmup=0.0, final=0.0, decay=0.5, patience=3)
    for count in range(1, 41):
        theirs.step(scores[count - 1])
        assert factor(5, 10, config, scores[:count]) == pytest.approx(stepper.param_groups[0]["lr"])


@pytest.mark.parametrize("name", ["adam", "adamw", "rmsprop", "sgd"])
def test_every_optimizer_reaches_the_bottom_of_a_bowl(name: str) -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    target = torch.randn(2, 3)
    momentum = 0.9 if name == "sgd" else 0.0
    config = OptimizerConfig(name=name, lr=0.02, weight_decay=0.0, momentum=momentum)  # type: ignore[arg-type]
    stepper = optimizer(model, config)
    for _ in range(400):
        stepper.zero_grad()
        loss = (model.weight - target).square().sum() + model.bias.square().sum()
        loss.backward()
        stepper.step()
    assert loss.item() < 1e-2


def test_momentum_is_handed_on() -> None:
    for name in ("rmsprop", "sgd"):
        config = OptimizerConfig(name=name, momentum=0.7)  # type: ignore[arg-type]
        assert {group["momentum"] for group in optimizer(nn.Linear(2, 2), config).param_groups} == {0.7}


def test_constant_stays_at_1() -> None:
    assert set(rates(20, name="constant", warmup=0.0, final=0.1)) == {1.0}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("warmup", [0.0, 0.05, 0.99])
@pytest.mark.parametrize("total", [1, 2, 3])
def test_the_shortest_runs_still_learn(name: str, warmup: float, total: int) -> None:
    assert all(0 < rate <= 1 for rate in rates(total, name=name, warmup=warmup, final=0.01))
    assert 1 in rates(total, name=name, warmup=warmup)


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = nn.Conv2d(1, 2, 3)
        self.norm = nn.LayerNorm(4)
        self.linear = nn.Linear(4, 3)


@pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
def test_the_optimizer_is_what_the_recipe_says(name: str, kind: type) -> None:
    model = Small()
    config = OptimizerConfig(name=name, lr=0.003, betas=[0.8, 0.95], eps=1e-5)  # type: ignore[arg-type]
    made = optimizer(model, config)
    assert type(made) is kind
    for group in made.param_groups:
        assert (group["lr"], group["betas"], group["eps"]) == (0.003, (0.8, 0.95), 1e-5)
    held = [id(p) for group in made.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters())


def test_weight_decay_acts_on_matrices_only() -> None:
    model = Small()
    for parameter in model.parameters():
        nn.init.ones_(parameter)
        parameter.grad = torch.zeros_like(parameter)
    optimizer(model, OptimizerConfig(name="adamw", lr=0.1, weight_decay=0.5)).step()
    for name, parameter in model.named_parameters():
        expected = 1 - 0.1 * 0.5 if name in ("convolution.weight", "linear.weight") else 1.0
        torch.testing.assert_close(parameter, torch.full_like(parameter, expected), msg=name)


@pytest.mark.parametrize("decay", [0.3, 0.999])
def test_the_average_equals_a_plain_loop(decay: float) -> None:
    model = Small()
    average = Average(model, decay)
    expected = {name: p.detach().double().clone() for name, p in model.named_parameters()}
    for n in range(1, 31):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter))
        average.update(model.named_parameters())
        keep = min(decay, (1 + n) / (10 + n))
        for name, parameter in model.named_parameters():
            expected[name] = keep * expected[name] + (1 - keep) * parameter.detach().double()
    assert average.updates == 30
    assert average.weights.keys() == expected.keys()
    for name, weights in average.weights.items():
        torch.testing.assert_close(weights.double(), expected[name], atol=1e-5, rtol=0, msg=name)


def test_the_average_leaves_the_model_alone() -> None:
    model = Small()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    average = Average(model, 0.9)
    with torch.no_grad():
        model.linear.weight.add_(1)
    assert torch.equal(average.weights["linear.weight"], before["linear.weight"])
    average.update(model.named_parameters())
    assert torch.equal(model.linear.weight, before["linear.weight"] + 1)
    assert not any(w.requires_grad for w in average.weights.values())
