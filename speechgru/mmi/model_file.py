"""A hybrid model as one file: the network, what its outputs are, pronunciations, what features are fitted by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.lm.table import SPECIAL
from speechgru.mmi import cepstra, fmllr, lexicon, mixtures, phone_ngram, speakers, spoken_words, tree
from speechgru.mmi.adaptation import Adapter
from speechgru.mmi.lexicon import Phones
from speechgru.mmi.network import Network, Settings
from speechgru.mmi.phone_ngram import PhoneGram
from speechgru.mmi.search import Weights
from speechgru.mmi.spoken_words import SpokenWords
from speechgru.mmi.tying import Tying
from speechgru.models import Checkpoint, checkpoint
from speechgru.models.audio_header import AudioHeader
from speechgru.utils import schema

KIND = "hybrid"
_NET, _TIES, _FIT, _WORDS, _GRAM = "network.", "tying.", "adapter.", "words.", "phones."


@dataclass(frozen=True, kw_only=True)
class HybridHeader(AudioHeader):
    """The header of a hybrid model.

    bands: log-mel bands among the network's inputs, beside features that are fitted. habits: words, pronunciations and
    natural logs of how usual they are. search: its weights. dictionary, lm: names of packaged ones. languages: codes of
    what it writes. phones: names, silence first; none of files that don't hold pronunciations. words: tells the list of
    words apart that these are of. favoured: what words gain in the search, natural logs.
    """

    KIND: ClassVar[str] = KIND

    bands: int
    habits: list[tuple[str, list[int], float]] = field(default_factory=list)
    search: dict[str, Any] = field(default_factory=dict)
    dictionary: str = "english"
    lm: str = "english"
    languages: tuple[str, ...] = ("en",)
    phones: tuple[str, ...] = ()
    words: str = ""
    favoured: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Hybrid:
    """A network of tied states and all that is needed to recognize speech with it.

    features: of the log-mel, not normalised. adapter: None where features are not fitted to speakers. habits: natural
    logs of how usual pronunciations are. weights: of the search. dictionary, lm: names of packaged ones. spoken: the
    pronunciations of the words of a list with this digest; None: they are looked up. gram: of the phones of training,
    which the model is trained further with; None: not known. favoured: what words gain in the search, natural logs.
    """

    network: Network
    tying: Tying
    features: FeatureSettings
    adapter: Adapter | None
    habits: Mapping[tuple[str, Phones], float] = field(default_factory=dict)
    weights: Weights = field(default_factory=Weights)
    dictionary: str = "english"
    lm: str = "english"
    spoken: SpokenWords | None = None
    digest: str = ""
    gram: PhoneGram | None = None
    favoured: Mapping[str, float] = field(default_factory=dict)


def with_pronunciations(model: Hybrid, words: Sequence[str]) -> Hybrid:
    """The model with the pronunciations of the words of its language model."""
    known = model.adapter.lexicon if model.adapter else lexicon.packaged(model.dictionary)
    ways = [(way, place) for way, place, _ in tree.pronunciations(words, len(SPECIAL), known)]
    return replace(model, spoken=spoken_words.pack(ways), digest=spoken_words.digest(words))


def save(
    path: str | Path,
    model: Hybrid,
    provenance: Mapping[str, Any],
    dtype: torch.dtype | None = None,
    entries: Mapping[str, Any] | None = None,
) -> None:
    """Write a model; the network's weights as `dtype` where given.

    Args:
        entries: of the header, that others than the model's parts read: how its words are judged.
    """
    tensors = {
        _NET + name: tensor.to(dtype) if dtype else tensor
        for name, tensor in model.network.state_dict().items()
    }
    tensors |= {_TIES + name: torch.from_numpy(table) for name, table in model.tying._asdict().items()}
    if model.spoken:
        tensors |= {_WORDS + name: torch.from_numpy(table) for name, table in model.spoken._asdict().items()}
    if model.gram:
        packed = phone_ngram.pack(model.gram)
        tensors |= {_GRAM + name: torch.from_numpy(table) for name, table in packed._asdict().items()}
    if model.adapter:
        tensors |= {_FIT + name: torch.from_numpy(table) for name, table in _parts(model.adapter).items()}
    header = {
        "model": {"name": KIND, "settings": asdict(model.network.settings)},
        "bands": model.network.bands,
        "features": {"settings": asdict(model.features), "fingerprint": model.features.fingerprint},
        "habits": [[word, list(way), value] for (word, way), value in model.habits.items()],
        "search": model.weights._asdict(),
        "dictionary": model.dictionary,
        **_words(model),
        "lm": model.lm,
        **({"favoured": dict(model.favoured)} if model.favoured else {}),
        "provenance": dict(provenance),
        **(entries or {}),
    }
    checkpoint.save(path, KIND, header, tensors)


def load(path: str | Path) -> Hybrid:
    """Read a model.

    Raises:
        CheckpointError: no such file, or it is of another kind.
    """
    return of(checkpoint.load(path))


def of(loaded: Checkpoint) -> Hybrid:
    """The model in a file that is read already.

    Raises:
        CheckpointError: it is of another kind, or its parts don't fit together.
    """
    header, tensors = loaded.read(HybridHeader), loaded.tensors
    with checkpoint.fitting(loaded.path):
        missing = [name for name in _needed(header) if name not in tensors]
        if missing:
            raise ValueError(f"there is no tensor {missing[0]!r}")
        tying = Tying(*(tensors[_TIES + name].numpy() for name in Tying._fields))
        settings = schema.build(Settings, header.model.settings, "model")
        network = Network(settings, header.bands, tying.outputs)
        network.load_state_dict(
            {name.removeprefix(_NET): t.float() for name, t in tensors.items() if name.startswith(_NET)}
        )
        weights = Weights(**header.search)
        spoken = _spoken(tensors) if header.words else None
        gram = _gram(tensors) if _GRAM + "start" in tensors else None
    words = (
        lexicon.Lexicon(header.phones, {}, rest=lambda: lexicon.packaged(header.dictionary))
        if header.phones
        else lexicon.packaged(header.dictionary)
    )
    return Hybrid(
        network.eval(),
        tying,
        header.features,
        _adapter(tensors, words) if settings.fitted else None,
        {(word, tuple(way)): value for word, way, value in header.habits},
        weights,
        header.dictionary,
        header.lm,
        spoken,
        header.words,
        gram,
        header.favoured,
    )


def _words(model: Hybrid) -> dict[str, Any]:
    """The header's entries of pronunciations."""
    if not model.spoken:
        return {}
    known = model.adapter.lexicon if model.adapter else lexicon.packaged(model.dictionary)
    return {"phones": list(known.phones), "words": model.digest}


def _spoken(tensors: Mapping[str, Tensor]) -> SpokenWords:
    missing = [name for name in SpokenWords._fields if _WORDS + name not in tensors]
    if missing:
        raise ValueError(f"there is no tensor {_WORDS + missing[0]!r}")
    return SpokenWords(*(tensors[_WORDS + name].numpy() for name in SpokenWords._fields))


def _gram(tensors: Mapping[str, Tensor]) -> PhoneGram:
    missing = [name for name in phone_ngram.Packed._fields if _GRAM + name not in tensors]
    if missing:
        raise ValueError(f"there is no tensor {_GRAM + missing[0]!r}")
    packed = phone_ngram.Packed(*(tensors[_GRAM + name].numpy() for name in phone_ngram.Packed._fields))
    return phone_ngram.unpack(packed)


def _needed(header: HybridHeader) -> list[str]:
    fitted = ("rows", "offset", "weight", "mean", "variance", "first", "second", "common")
    return [_TIES + name for name in Tying._fields] + [
        _FIT + name for name in fitted if header.model.settings.get("fitted")
    ]


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
