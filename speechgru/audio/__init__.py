"""Sound files and signals: `read`, `write`, `info`, `AudioStream`, `resample`.

The way of a file to samples: `stream` (blocks of one rate) → `decode` (which decoder) → `decode_soundfile` or
`decode_ffmpeg`, through `decode_chain` where `parts` or `containers` tell that a file holds several; `downmix` makes
channels one; and back: `formats` (which there are) → `encode`. `array`, `resampling`, `mix`, `energy` and `segments`
work on samples in memory; `quality`, `loudness` and `measure` judge a recording; `edit` and `split` write files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechgru.utils.faces import lazy

if TYPE_CHECKING:
    from speechgru.audio.encode import write
    from speechgru.audio.resampling import resample
    from speechgru.audio.stream import AudioInfo, AudioStream, Track, info, is_audio, read
    from speechgru.errors import AudioWarning


__all__ = [
    "AudioInfo",
    "AudioStream",
    "AudioWarning",
    "Track",
    "info",
    "is_audio",
    "read",
    "resample",
    "write",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "AudioInfo": "stream",
        "AudioStream": "stream",
        "AudioWarning": "stream",
        "Track": "stream",
        "info": "stream",
        "is_audio": "stream",
        "read": "stream",
        "resample": "resampling",
        "write": "encode",
    },
)
