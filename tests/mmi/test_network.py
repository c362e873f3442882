"""The network of tied states: a recording's outputs are the same alone and in a batch."""

from __future__ import annotations

import pytest
import torch

from speechgru.mmi import network


@pytest.mark.parametrize(("bands", "fitted"), [(20, 0), (0, 6), (20, 6)])
def test_alone_and_in_a_batch(bands: int, fitted: int) -> None:
    torch.manual_seed(0)
    net = network.Network(network.Settings(layers=2, width=8, channels=4, fitted=fitted), bands, 10).eval()
    lengths = torch.tensor([31, 17, 3, 1])
    rows = [torch.randn(int(n), bands + fitted) for n in lengths]
    with torch.no_grad():
        likely, posterior, frames = net(torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), lengths)
        assert frames.tolist() == [11, 6, 1, 1] and likely.shape == posterior.shape == (4, 11, 10)
        for row, length, expected, n in zip(rows, lengths, likely, frames.tolist()):
            alone, _, _ = net(row.unsqueeze(0), length.view(1))
            torch.testing.assert_close(alone[0], expected[:n], atol=1e-5, rtol=1e-4)
