"""What the acoustic model and the classifier share, beyond what contracts/test_models.py asks of every model."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from speechgru.models import Encoder
from speechgru.models.dropout import FrameDropout
from speechgru.models.encoder import Settings, inside

SMALL = {"layers": 3, "width": 6, "channels": 2, "dropout": 0.0}


def make(**settings: object) -> Encoder:
    torch.manual_seed(0)
    return Encoder(Settings(**{**SMALL, **settings}), 8)  # type: ignore[arg-type]


def features() -> tuple[Tensor, Tensor]:
    return torch.randn(2, 32, 8, generator=torch.Generator().manual_seed(1)), torch.tensor([32, 32])


def test_layers_can_be_read_in_between() -> None:
    encoder = make()
    x, _, between = encoder.encode(*features(), after=[1, 3])
    assert [part.shape for part in between] == [x.shape, x.shape]
    assert torch.equal(between[1], x), "the third layer is the last"
    del encoder.layers[1:]
    torch.testing.assert_close(encoder.encode(*features())[0], between[0])


def test_a_residual_stack_whose_layers_are_silent_passes_on_what_comes_in() -> None:
    encoder = make(residual=True)
    torch.nn.init.zeros_(encoder.norms[-1].bias)
    for layer in encoder.layers:
        for parameter in layer.parameters():
            torch.nn.init.zeros_(parameter)
    front = encoder.front(*features())[0]
    torch.testing.assert_close(encoder.encode(*features())[0], encoder.norms[-1](front))
    assert not torch.allclose(make().encode(*features())[0], make(residual=True).encode(*features())[0])


def test_frame_dropout_draws_for_every_frame() -> None:
    dropped = FrameDropout(0.2).train()(torch.ones(40, 7, 500))
    assert not torch.equal(dropped[:, 0], dropped[:, 1])
    assert isinstance(make(dropout_kind="frame", dropout=0.5).dropout, FrameDropout)


@pytest.mark.parametrize("reset", ["before", "after"])
def test_weight_dropout_acts_on_recurrent_weights_while_training_only(reset: str) -> None:
    whole = make(reset=reset)
    dropping = make(reset=reset, weight_dropout=0.5)
    torch.testing.assert_close(dropping.eval().encode(*features())[0], whole.eval().encode(*features())[0])
    first, second = (dropping.train().encode(*features())[0] for _ in range(2))
    assert not torch.allclose(first, second)
    # The first step has no state to weigh: nothing there is dropped.
    layer = dropping.layers[0]
    x = torch.randn(3, 1, 12)
    assert torch.equal(layer(x)[0], layer(x)[0])


def test_inside() -> None:
    assert inside(torch.tensor([2, 0]), 3).tolist() == [[True, True, False], [False, False, False]]
