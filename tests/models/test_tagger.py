"""Pauses in classes."""

from __future__ import annotations

import torch

from speechgru.models.tagger import PAUSES, pause_classes


def test_each_pause_has_its_class_and_unknown_ones_too() -> None:
    seconds = torch.tensor([float("nan"), 0.0, 0.049, 0.05, 0.3, 99.0])
    assert pause_classes(seconds).tolist() == [0, 1, 1, 2, 4, len(PAUSES) + 1]
