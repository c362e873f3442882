"""Which sound files can be written: formats by their extension, and the bit depths that each has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from speechgru.errors import AudioError
from speechgru.utils.plugins import unknown

FLOAT = "float"
BITS = ("8", "16", "24", "32", FLOAT)

_UNSIGNED = {"8": "PCM_U8", "16": "PCM_16", "24": "PCM_24", "32": "PCM_32", FLOAT: "FLOAT"}
_SIGNED = {**_UNSIGNED, "8": "PCM_S8"}
# Extension → libsndfile's container, and its sample formats by their bits; lossy ones have one, under "".
_FORMATS: dict[str, tuple[str, dict[str, str]]] = {
    "wav": ("WAV", _UNSIGNED),
    "flac": ("FLAC", {bits: _SIGNED[bits] for bits in ("8", "16", "24")}),
    "mp3": ("MP3", {"": "MPEG_LAYER_III"}),
    "ogg": ("OGG", {"": "VORBIS"}),
    "opus": ("OGG", {"": "OPUS"}),
    "aiff": ("AIFF", _SIGNED),
    "au": ("AU", _SIGNED),
    "caf": ("CAF", _SIGNED),
    "w64": ("W64", _UNSIGNED),
}
FORMATS = tuple(_FORMATS)
_BITS_OF = {"PCM_S8": "8", "PCM_U8": "8", "PCM_16": "16", "PCM_24": "24", "PCM_32": "32"}
_BITS_OF |= {"FLOAT": FLOAT, "DOUBLE": FLOAT}
# Rates in Hz that the others don't have; libsndfile's own message names neither.
RATES = {
    "opus": (8000, 12000, 16000, 24000, 48000),
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}


@dataclass(frozen=True)
class Encoding:
    """How a file is written: its format (an extension), libsndfile's names, bits ("" where lossy)."""

    format: str
    container: str
    subtype: str
    bits: str


def bits_of(subtype: str) -> str:
    """One of `BITS` for libsndfile's name of a sample format; "" for a lossy or unknown one."""
    return _BITS_OF.get(subtype, "")


def format_of(path: str | Path) -> str:
    """The format that the extension of `path` names.

    Raises:
        AudioError: none of `FORMATS`.
    """
    name = Path(path).suffix.lower().lstrip(".")
    name = {"wave": "wav", "aif": "aiff", "oga": "ogg"}.get(name, name)
    if name not in _FORMATS:
        raise AudioError(
            f"{path}: {unknown('format to write', name, FORMATS)} One of these extensions names it.",
            source=path,
        )
    return name


def encoding(path: str | Path, bits: str | None = None, like: str = "") -> Encoding:
    """How to write `path`: the extension names the format, `bits` (of `BITS`) the sample format.

    Without `bits`, as many as `like` (libsndfile's name of the source's) has, where the format has those; 24 for
    more than it has, 16 for a lossy source.

    Raises:
        AudioError: an unknown extension, or `bits` that the format doesn't have.
    """
    name = format_of(path)
    container, subtypes = _FORMATS[name]
    if bits is None:
        wanted = bits_of(like) or "16"
        bits = "" if "" in subtypes else wanted if wanted in subtypes else "24"
    if bits not in subtypes:
        has = "no bit depth: it is lossy" if "" in subtypes else f"{', '.join(subtypes)} bits"
        raise AudioError(
            f"{path}: {name} has {has}; got {bits}. Leave it out, or choose another format.", source=path
        )
    return Encoding(name, container, subtypes[bits], bits)
