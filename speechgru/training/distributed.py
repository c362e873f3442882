"""Several processes that train one model: `torchrun --nproc-per-node N -m speechgru train ...`.

Each process takes its share of every batch; gradients are summed over all before each step, so that N processes do
what one would do with N times the batch. torchrun tells each process its place through environment variables; a
process started without them is a group of one, which opens no connection.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed, nn

_Item = TypeVar("_Item")
# How long the others wait for a process that reads slowly or writes a checkpoint.
TIMEOUT = timedelta(minutes=30)


@dataclass(frozen=True)
class Group:
    """The processes of a run: this one's `rank` in [0, size), and its place on its own machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """The one process that writes files and speaks."""
        return self.rank == 0

    def share(self, items: Sequence[_Item]) -> list[_Item]:
        """This process's part of `items`: every size-th, so that sorted items are spread evenly."""
        return list(items[self.rank :: self.size])

    def sums(self, values: Iterable[float]) -> list[float]:
        """Each of `values` summed over the processes."""
        values = list(values)
        if self.size == 1:
            return values
        total = torch.tensor(values, dtype=torch.float64, device=self._device())
        distributed.all_reduce(total)
        return [float(value) for value in total]

    def any(self, flag: bool) -> bool:
        """Whether `flag` is true in some process."""
        return self.sums([float(flag)])[0] > 0

    def sum_gradients(self, model: nn.Module, figures: Sequence[float]) -> list[float]:
        """Replace every gradient by its sum over the processes; returns the sums of `figures`. One exchange."""
        if self.size == 1:
            return list(figures)
        parameters = [p for p in model.parameters() if p.requires_grad]
        parts = [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters]
        flat = torch.cat([*parts, torch.tensor(figures, dtype=parts[0].dtype, device=parts[0].device)])
        distributed.all_reduce(flat)
        *gradients, sums = torch.split(flat, [*map(len, parts), len(figures)])
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.view_as(parameter)
        return [float(value) for value in sums]

    def _device(self) -> torch.device:
        return torch.device("cuda" if distributed.get_backend() == "nccl" else "cpu")


ALONE = Group()


def place() -> Group:
    """This process's place in its run, as torchrun wrote it into the environment; alone where it didn't."""
    size, rank, local = (int(os.environ.get(name, "") or default) for name, default in _VARIABLES.items())
    return Group(rank, size, local)


_VARIABLES: dict[str, Any] = {"WORLD_SIZE": 1, "RANK": 0, "LOCAL_RANK": 0}


@contextmanager
def joined(group: Group, device: torch.device) -> Iterator[None]:
    """Connected to the other processes inside the block: NCCL between GPUs, gloo between CPUs."""
    if group.size == 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        yield
    finally:
        distributed.destroy_process_group()
