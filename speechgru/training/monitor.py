"""What shows how a run goes: a bar on the terminal, curves in TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speechgru.utils import dependencies


def bar(name: str, total: int, done: int, quiet: bool) -> Any:
    """A progress bar of `total` batches on stderr, `done` of them before; none where stderr is no terminal."""
    from tqdm import tqdm

    return tqdm(
        desc=name, total=total, initial=done, unit="batch", leave=False, disable=True if quiet else None
    )


class Curves:
    """TensorBoard event files in `folder`/tensorboard, or nothing where `folder` is None or TensorBoard (an extra)
    isn't installed."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.writer: Any = None

    def __enter__(self) -> Curves:
        if self.folder is not None and dependencies.is_installed("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(str(self.folder / "tensorboard"))
        return self

    def __exit__(self, *_: object) -> None:
        if self.writer is not None:
            self.writer.close()

    def add(self, figures: Mapping[str, float], step: int) -> None:
        """Add a point to the curve of each figure."""
        if self.writer is not None:
            for name, value in figures.items():
                self.writer.add_scalar(name, value, step)
