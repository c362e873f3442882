"""What ffmpeg tells of a file before it decodes it: container, clock, audio tracks, and whether there is a picture."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from speechgru.errors import AudioError

_CLOCK = r"(\d+):(\d\d):(\d\d(?:\.\d+)?)"
_STREAM = re.compile(
    r"^ +Stream #0:\d+(?:\[0x[0-9a-f]+\])?(?:\(([^)\n]*)\))?: (Audio|Video|Subtitle): ([A-Za-z0-9_.-]+)(.*)$",
    re.M,
)
_TAG = re.compile(rf"^ +DURATION +: {_CLOCK}", re.M)
# Containers whose clock counts from the start of the recording; that of a broadcast begins anywhere.
_CLOCKED = {"mov", "matroska"}
MAX_LEAD = 600.0  # seconds of silence before the sound; more is the clock of a live stream


@dataclass(frozen=True)
class AudioTrack:
    """Language ("" where it isn't stated), codec, and the second at which its own tag says that it ends."""

    language: str
    codec: str
    end: float | None


@dataclass(frozen=True)
class Probe:
    """Attributes: format (ffmpeg's names of the container), start (the clock's first second), end (the last one that
    the container states, on its own clock; None where it doesn't, or only by the bit rate), tracks, has_others
    (a picture or subtitles beside the sound)."""

    format: str
    start: float
    end: float | None
    tracks: tuple[AudioTrack, ...]
    has_others: bool

    @property
    def keeps_clock(self) -> bool:
        """Whether times count from the clock's zero; else from its first second."""
        return bool(_CLOCKED & set(self.format.split(","))) and 0 < self.start <= MAX_LEAD

    @property
    def length(self) -> float | None:
        """Seconds from where times count to the end, of all tracks together."""
        return None if self.end is None else self.end - (0.0 if self.keeps_clock else self.start)


def probe(url: str, protocols: str) -> Probe:
    """Ask ffmpeg about `url`, which it may open by `protocols` alone.

    Raises:
        AudioError: ffmpeg can't read it, or it has a picture and no sound.
    """
    # Without an output ffmpeg ends with an error, after it has told all.
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-protocol_whitelist", protocols, "-i", url]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    text = done.stderr.decode("utf-8", "replace")
    head = re.search(r"^Input #0, (.*?), from ", text, re.M) or re.search(r"^Input #0, (\S+)$", text, re.M)
    if head is None:
        raise AudioError(f"ffmpeg says: {_reason(text)}")
    told = _parse(head[1], text)
    if told.has_others and not told.tracks:
        raise AudioError("It holds a picture or subtitles, and no sound.")
    return told


def _reason(text: str) -> str:
    """The last line of `text` that tells more than that opening failed."""
    lines = [re.sub(r"^(?:\[[^\]]*\] ?)*", "", line.strip()) for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("Error opening ")] or lines
    return telling[-1] if telling else "nothing."


def _parse(container: str, text: str) -> Probe:
    duration = re.search(rf"^ +Duration: {_CLOCK}", text, re.M)
    started = re.search(r"^ +Duration: .*start: (-?\d+(?:\.\d+)?)", text, re.M)
    start = float(started[1]) if started else 0.0
    end = None
    if duration is not None and "Estimating duration from bitrate" not in text:
        end = _seconds(duration)
        if "matroska" not in container:  # Matroska states the end, others the length
            end += start
    streams = list(_STREAM.finditer(text))
    bounds = [*(match.start() for match in streams[1:]), len(text)]
    tracks, has_others = [], False
    for match, bound in zip(streams, bounds):
        if match[2] == "Audio":
            tag = _TAG.search(text, match.end(), bound)
            tracks.append(AudioTrack(match[1] or "", match[3], _seconds(tag) if tag else None))
        else:
            has_others |= "(attached pic)" not in match[4]
    return Probe(container, start, end, tuple(tracks), has_others)


def _seconds(match: re.Match[str]) -> float:
    hours, minutes, seconds = match.groups()[-3:]
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def last_second(url: str, protocols: str) -> float:
    """Where the last packet of any track ends, on the file's own clock: nothing is decoded, all is read."""
    maps = [word for kind in ("V", "a", "s") for word in ("-map", f"0:{kind}?")]
    command = [
        "ffmpeg",
        "-nostdin",
        "-v",
        "error",
        "-protocol_whitelist",
        protocols,
        "-copyts",
        "-i",
        url,
        *maps,
    ]
    last, bases = 0.0, dict[str, float]()
    with subprocess.Popen(
        [*command, "-c", "copy", "-f", "framecrc", "-"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if base := re.match(r"#tb (\d+): (\d+)/(\d+)", line):
                bases[base[1]] = int(base[2]) / int(base[3])
            elif packet := re.match(r"(\d+), *-?\d+, *(-?\d+), *(\d+)", line):
                last = max(last, (int(packet[2]) + int(packet[3])) * bases.get(packet[1], 0.0))
    return last
