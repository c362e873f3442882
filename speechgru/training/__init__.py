"""Training: runs (`train`), the loop (`fit`), their state, optimisation, reports, searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechgru.utils.faces import lazy

if TYPE_CHECKING:
    from speechgru.training.loop import fit
    from speechgru.training.run import Run, train
    from speechgru.training.task import Task, TaskContext

__all__ = ["Run", "Task", "TaskContext", "fit", "train"]

__getattr__, __dir__ = lazy(
    __name__, {"Run": "run", "Task": "task", "TaskContext": "task", "fit": "loop", "train": "run"}
)
