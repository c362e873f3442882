"""What processes of a pool are asked to do: in a module that they can import, wherever the tests are run from."""

from __future__ import annotations

import os
import time
from pathlib import Path

import torch


def slow_then_fast(number: int) -> tuple[int, int]:
    time.sleep(0.2 if number == 0 else 0)
    return number, os.getpid()


def leave_a_file(item: tuple[Path, int]) -> int:
    """Each but the first few takes its time."""
    folder, number = item
    time.sleep(0.2 if number >= 20 else 0)
    (folder / str(number)).touch()
    return number


def threads(_: int) -> int:
    return torch.get_num_threads()


def die(number: int) -> int:
    if number == 1:
        os._exit(9)
    return number
