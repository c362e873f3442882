"""What is particular to the acoustic model; what every model promises is in contracts/test_models.py."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from speechgru.errors import ConfigError
from speechgru.models.acoustic import Model, Settings
from speechgru.models.dropout import LockedDropout


@pytest.mark.parametrize(
    "wrong",
    [
        {"layers": 0},
        {"width": 0},
        {"channels": -1},
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"subsampling": 3},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))}.*{next(iter(wrong.values()))}"):
        Settings(**wrong)


def test_dropout_is_the_same_in_all_frames_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    dropout = LockedDropout(0.2).train()
    dropped = dropout(torch.ones(40, 7, 500))
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    assert float((dropped == 0).float().mean()) == pytest.approx(0.2, abs=0.01)
    assert not torch.equal(dropped[0], dropped[1])


def test_dropout_comes_before_each_layer_and_the_head() -> None:
    model = Model(Settings(layers=3, width=4, channels=1), 4, 3)
    calls: list[int] = []
    model.dropout.register_forward_hook(lambda *_: calls.append(1))
    model(torch.zeros(1, 8, 4), torch.tensor([8]))
    assert len(calls) == 4


def test_log_probabilities_stay_float32_under_autocast() -> None:
    torch.manual_seed(0)
    model = Model(Settings(layers=1, width=8, channels=2), 10, 5).eval()
    batch = torch.randn(2, 12, 10), torch.tensor([12, 12])
    exact = model(*batch)[0]
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(*batch)[0]
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, atol=0.05, rtol=0)
    assert not torch.equal(rough, exact)
