"""Sound files and signals: `read`, `write`, `info`, `AudioStream`, `resample`.

The way of a file to samples: `stream` (blocks of one rate) → `decode` (which decoder) → `decode_soundfile` or
`decode_ffmpeg`; and back: `formats` (which there are) → `encode`. `array`, `resampling`, `mix`, `energy` and `segments`
work on samples in memory; `quality`, `loudness` and `measure` judge a recording; `edit` and `split` write files.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgru.audio.encode import write
    from speechgru.audio.resampling import resample
    from speechgru.audio.stream import AudioInfo, AudioStream, info, is_audio, read
    from speechgru.errors import AudioWarning

_HOMES = {
    "AudioInfo": "speechgru.audio.stream",
    "AudioStream": "speechgru.audio.stream",
    "AudioWarning": "speechgru.errors",
    "info": "speechgru.audio.stream",
    "is_audio": "speechgru.audio.stream",
    "read": "speechgru.audio.stream",
    "resample": "speechgru.audio.resampling",
    "write": "speechgru.audio.encode",
}

__all__ = ["AudioInfo", "AudioStream", "AudioWarning", "info", "is_audio", "read", "resample", "write"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
