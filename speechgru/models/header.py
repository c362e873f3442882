"""The headers of model files: typed, checked, and read without PyTorch. `speechgru.models.checkpoint` has the files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from speechgru.errors import CheckpointError, ConfigError, SpeechGruError
from speechgru.utils import schema

FORMAT = "speechgru/1"


@dataclass(frozen=True)
class NetworkEntry:
    """A header's `model`: the name of the network's plugin, and its settings."""

    name: str
    settings: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Header:
    """The header that files of every kind have; a kind of model has a class of its own, with its further entries.

    Fields are named as in the file; `path`, of the file, isn't stored.
    """

    KIND: ClassVar[str] = ""
    """Of the models that have such a header; "": of any."""

    model: NetworkEntry
    provenance: dict[str, Any] = field(default_factory=dict)
    path: Path = Path()

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the network's outputs stand for, where it has names for them."""
        return ()


H = TypeVar("H", bound=Header)


def entry(path: Path, entries: Mapping[str, Any], key: str) -> Any:
    """One of the `entries` of the header of the file at `path`.

    Raises:
        CheckpointError: it is missing.
    """
    if key not in entries:
        raise CheckpointError(f"{path} lacks {key!r} in its header; the file is damaged or incomplete.")
    return entries[key]


# What a model of each kind is for, and where its name is given.
_USES = {
    "acoustic": "recognizes speech (transcribe, align)",
    "hybrid": "recognizes speech (transcribe, align)",
    "detector": "detects speech (vad, transcribe --detector)",
    "tagger": "restores punctuation (transcribe --punctuation-model)",
    "classifier": "tells recordings apart (classify)",
    "language": "rescores what a search found (transcribe --rescore)",
    "words": "composes tunes (compose)",
    "roll": "composes in voices (compose)",
}


def _uses(*kinds: str) -> str:
    """A sentence for each of these kinds that is known."""
    return "".join(f"One of kind {kind} {_USES[kind]}. " for kind in kinds if kind in _USES)


def require(path: Path, kind: str, wanted: str) -> None:
    """Refuse a file whose model is of another kind than the one `wanted`.

    Raises:
        CheckpointError: it is.
    """
    if kind != wanted:
        raise CheckpointError(
            f"{path} holds a model of kind {kind!r}; expected {wanted!r}. {_uses(kind, wanted)}"
            "speechgru model list shows what there is."
        )


def read(path: Path, kind: str, entries: Mapping[str, Any], header: type[H]) -> H:
    """The header of a model of `kind`, of its decoded JSON. Entries that `header` doesn't know are passed over.

    Raises:
        CheckpointError: the model is of another kind; an entry is missing, of another type or makes no sense.
    """
    if header.KIND:
        require(path, kind, header.KIND)
    known = [each for each in fields(header) if each.name != "path"]
    wanted = [each for each in known if each.default is MISSING and each.default_factory is MISSING]
    values = {each.name: entry(path, entries, each.name) for each in wanted}
    values |= {each.name: entries[each.name] for each in known if each.name in entries}
    with fitting(path):
        for name, value in values.items():
            if value is None:  # what may be None there is what a file may leave out
                raise ConfigError(f"{name} is null; expected a value, or no such entry")
        return replace(schema.build(header, values), path=path)


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """What goes wrong inside is the fault of the header of the file at `path`.

    Raises:
        CheckpointError: something did.
    """
    try:
        yield
    except CheckpointError:
        raise
    except (SpeechGruError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} has a damaged header that fits no model: {error}") from error
