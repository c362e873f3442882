"""A hybrid model as one file: the network, what its outputs are, pronunciations, what features are fitted by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.mmi import cepstra, fmllr, lexicon, mixtures, speakers
from speechgru.mmi.adaptation import Adapter
from speechgru.mmi.lexicon import Phones
from speechgru.mmi.network import Network, Settings
from speechgru.mmi.search import Weights
from speechgru.mmi.tying import Tying
from speechgru.models import checkpoint

KIND = "hybrid"
_NET, _TIES, _FIT = "network.", "tying.", "adapter."


@dataclass(frozen=True)
class Hybrid:
    """A network of tied states and all that is needed to recognize speech with it.

    features: of the log-mel, not normalised. adapter: None where features are not fitted to speakers. habits: natural
    logs of how usual pronunciations are. weights: of the search. dictionary, lm: names of packaged ones.
    """

    network: Network
    tying: Tying
    features: FeatureSettings
    adapter: Adapter | None
    habits: Mapping[tuple[str, Phones], float] = field(default_factory=dict)
    weights: Weights = field(default_factory=Weights)
    dictionary: str = "english"
    lm: str = "english"


def save(
    path: str | Path, model: Hybrid, provenance: Mapping[str, Any], dtype: torch.dtype | None = None
) -> None:
    """Write a model; the network's weights as `dtype` where given."""
    tensors = {
        _NET + name: tensor.to(dtype) if dtype else tensor
        for name, tensor in model.network.state_dict().items()
    }
    tensors |= {_TIES + name: torch.from_numpy(table) for name, table in model.tying._asdict().items()}
    if model.adapter:
        tensors |= {_FIT + name: torch.from_numpy(table) for name, table in _parts(model.adapter).items()}
    header = {
        "model": {"settings": asdict(model.network.settings), "bands": model.network.bands},
        "features": {"settings": asdict(model.features), "fingerprint": model.features.fingerprint},
        "habits": [[word, list(way), value] for (word, way), value in model.habits.items()],
        "search": model.weights._asdict(),
        "dictionary": model.dictionary,
        "lm": model.lm,
        "provenance": dict(provenance),
    }
    checkpoint.save(path, KIND, header, tensors)


def load(path: str | Path) -> Hybrid:
    """Read a model.

    Raises:
        CheckpointError: no such file, or it is of another kind.
    """
    loaded = checkpoint.load(path).require(KIND)
    described, tensors = loaded.get("model"), loaded.tensors
    tying = Tying(*(tensors[_TIES + name].numpy() for name in Tying._fields))
    network = Network(Settings(**described["settings"]), described["bands"], tying.outputs)
    network.load_state_dict(
        {name.removeprefix(_NET): t.float() for name, t in tensors.items() if name.startswith(_NET)}
    )
    words = lexicon.packaged(loaded.get("dictionary"))
    return Hybrid(
        network.eval(),
        tying,
        FeatureSettings.stored(loaded.get("features")),
        _adapter(tensors, words) if described["settings"]["fitted"] else None,
        {(word, tuple(way)): value for word, way, value in loaded.get("habits")},
        Weights(**loaded.get("search")),
        loaded.get("dictionary"),
        loaded.get("lm"),
    )


def _parts(adapter: Adapter) -> dict[str, np.ndarray]:
    return {
        "rows": adapter.projection.rows,
        "offset": adapter.projection.offset,
        **adapter.mixtures._asdict(),
        "first": adapter.prior.first,
        "second": adapter.prior.second,
        "common": adapter.common,
        **(
            {"speaker": adapter.speakers.mean, "directions": adapter.speakers.directions}
            if adapter.speakers
            else {}
        ),
    }


def _adapter(tensors: Mapping[str, Tensor], words: lexicon.Lexicon) -> Adapter:
    part = {name.removeprefix(_FIT): t.numpy() for name, t in tensors.items() if name.startswith(_FIT)}
    return Adapter(
        cepstra.Projection(part["rows"], part["offset"]),
        mixtures.Mixtures(part["weight"], part["mean"], part["variance"]),
        fmllr.Statistics(1.0, part["first"], part["second"]),  # of a frame
        part["common"],
        words,
        speakers.Speakers(part["speaker"], part["directions"]) if "directions" in part else None,
    )
