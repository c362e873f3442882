"""Small untrained models of notes in files, with something to say."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from speechgru.models import checkpoint
from speechgru.music.models import roll, words


def decided(network: Any) -> Any:
    """The network with weights twice as large: its outputs are as decided as a trained one's."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:
                parameter.mul_(2)
    return network


def rolls(path: Path, corpus: str = "jsb_chorales", seed: int = 0, **chosen: Any) -> Path:
    """A model of piano rolls that learnt, it says, from `corpus`."""
    torch.manual_seed(seed)
    network = roll.Model(roll.Settings(**{"width": 8, "hidden": 6, **chosen}))
    with torch.no_grad():
        network.head.bias += 1.0
        network.head.weight *= 4
    return _save(path, "roll", "roll", network, corpus)


def tunes(path: Path, corpus: str = "folk", seed: int = 0, **chosen: Any) -> Path:
    """A model of tokens; bar lines come often enough to end a piece."""
    torch.manual_seed(seed)
    settings = {"width": 10, "embedding": 6, "steps_per_beat": 4, "longest": 8, **chosen}
    network = decided(words.Model(words.Settings(**settings)))
    with torch.no_grad():
        network.bias[network.encoding.number["BAR"]] += 4
        network.bias[[n for n, token in enumerate(network.encoding.tokens) if token.startswith("SHIFT")]] += 2
    return _save(path, "words", "words", network, corpus)


def _save(path: Path, kind: str, name: str, network: Any, corpus: str) -> Path:
    header = {
        "model": {"name": name, "settings": asdict(network.settings)},
        "corpus": {"sources": [{"name": corpus, "path": "."}], "train": ["train"], "test": ["test"]},
        "provenance": {"seed": 1},
    }
    checkpoint.save(path, kind, header, network.state_dict())
    return path
