"""What the network makes of recordings: outputs averaged over shifts of a frame of features.

The network has an output for every third frame only, so a recording moved by a frame to either side is seen otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from speechgru.mmi.adaptation import Transform
from speechgru.mmi.inputs import Inputs
from speechgru.mmi.network import Network

Frames = NDArray[np.float32]


def outputs(
    network: Network,
    inputs: Inputs,
    log_mels: Sequence[Frames],
    transforms: Sequence[Transform] | None = None,
    shifts: int = 3,
) -> list[Frames]:
    """Pseudo log-likelihoods [T', outputs] of each recording, run as one batch.

    Args:
        log_mels: raw, each [T, bands].
        transforms: of their speakers; None: as of unknown ones.
        shifts: 1: recordings as they are; 3: also moved by a frame to either side.
    """
    rows: list[torch.Tensor] = []
    for number, log_mel in enumerate(log_mels):
        x = inputs(log_mel, transforms[number] if transforms else None)
        rows.append(x)
        if shifts == 3:
            rows += [torch.cat([x[:1], x[:-1]]), torch.cat([x[1:], x[-1:]])]
    device = next(network.parameters()).device
    batch = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(device)
    with torch.inference_mode():
        likely, _, lengths = network(batch, torch.tensor([len(x) for x in rows], device=device))
    means = likely.float().unflatten(0, (len(log_mels), -1)).mean(dim=1).cpu().numpy()
    sizes = lengths.unflatten(0, (len(log_mels), -1))[:, 0].tolist()
    return [row[:size] for row, size in zip(means, sizes)]
