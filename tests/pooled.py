"""What processes of a pool are asked to do: in a module that they can import, wherever the tests are run from."""

from __future__ import annotations

import os
import time

import torch


def slow_then_fast(number: int) -> tuple[int, int]:
    time.sleep(0.2 if number == 0 else 0)
    return number, os.getpid()


def threads(_: int) -> int:
    return torch.get_num_threads()


def die(number: int) -> int:
    if number == 1:
        os._exit(9)
    return number
