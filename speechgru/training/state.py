"""What an interrupted run goes on from: where it stood, in `last.pt` beside the weights and the optimizer's moments."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from speechgru.errors import TrainingError
from speechgru.utils.files import check_readable

STATE = "last.pt"


@dataclass
class Progress:
    """Where a run stands: everything but tensors."""

    epoch: int = 0
    """The epoch that runs, from 0."""
    done: int = 0
    """Batches of it that are done."""
    step: int = 0
    best: float = math.inf
    best_epoch: int = -1
    seconds: float = 0.0
    loss_sum: float = 0.0
    """Over the batches of this epoch."""
    history: list[dict[str, Any]] = field(default_factory=list)


def saved_state(folder: Path, fingerprint: str, device: torch.device | str = "cpu") -> dict[str, Any]:
    """What a resumed run goes on from, known to be of the run with this fingerprint.

    Raises:
        TrainingError: there is none, it can't be read, or it belongs to a run with other settings.
    """
    path = folder / STATE
    if not path.is_file():
        raise nothing_to_resume(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a damaged file says
            state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        stored = state["fingerprint"]
    except Exception as error:  # torch raises a dozen kinds for a damaged file
        try:
            check_readable(path)
        except OSError as failing:  # which is no damage
            raise TrainingError(
                f"{path} can't be read: {failing.strerror or failing}. Copy the run's folder to another disk and "
                "resume it there with output=FOLDER."
            ) from error
        raise TrainingError(
            f"{path} is damaged or no state of a run ({type(error).__name__}); delete it and train anew."
        ) from error
    if stored != fingerprint:
        raise TrainingError(
            f"{path} belongs to a run with other settings or other data. Resume with the recipe and overrides it "
            "was started with, or choose another output=FOLDER."
        )
    return state


def nothing_to_resume(path: Path) -> TrainingError:
    """The error for a resume without a saved state."""
    return TrainingError(f"There is nothing to resume: {path} does not exist. Train without --resume first.")
