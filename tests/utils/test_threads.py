"""Parts of some work in several threads: all of it, in order, each calculating alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
import torch

from speechgru.utils.threads import map_parts


@pytest.mark.parametrize("count", [0, 1, 2, 5])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_order(count: int, workers: int) -> None:
    names, threads = set(), torch.get_num_threads()

    def squares(items: Sequence[int]) -> list[int]:
        names.add(threading.get_ident())
        assert torch.get_num_threads() == 1
        return [item * item for item in items]

    assert map_parts(squares, range(count), workers) == [item * item for item in range(count)]
    assert threading.get_ident() not in names
    assert torch.get_num_threads() == threads


def test_an_error_is_the_callers() -> None:
    threads = torch.get_num_threads()

    def fail(items: Sequence[int]) -> list[int]:
        raise ValueError(f"of {items}")

    with pytest.raises(ValueError, match="of"):
        map_parts(fail, [1, 2, 3], 2)
    assert torch.get_num_threads() == threads
