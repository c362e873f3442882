"""Manifests: one utterance a line, JSON: NeMo's audio_filepath, duration, text, offset, lang; and speaker, id.

`read_audio` is how the recording of an utterance is read, in training, scoring and classification alike.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from speechgru.audio import AudioStream, AudioWarning
from speechgru.audio.array import Sound
from speechgru.errors import AudioError, ManifestError
from speechgru.text import Vocabulary
from speechgru.utils import files, json_text

MOST_SECONDS = 1e9  # thirty years; what is more is no time
TOLERANCE = 0.1  # seconds by which a recording may differ from its manifest and still be meant whole


@dataclass(frozen=True)
class Utterance:
    """One recording (or a part of one) and its text. `duration` and `offset` in seconds.

    `language`: the code of what is spoken (`en`, `pt-BR`); empty where it isn't stated.
    """

    audio_filepath: Path
    duration: float
    text: str
    speaker: str = ""
    id: str = ""
    offset: float = 0.0
    language: str = ""


_Reason = tuple[str, str]  # its kind, and a detail or ""


@dataclass(frozen=True)
class Dropped:
    """An utterance that is not used, and why: the kind of reason, and a detail for people."""

    utterance: Utterance
    kind: str
    detail: str = ""

    @property
    def reason(self) -> str:
        """`kind`, or `kind: detail`."""
        return f"{self.kind}: {self.detail}" if self.detail else self.kind


def read(path: str | Path) -> list[Utterance]:
    """Read a manifest; relative audio paths are relative to its folder. Unknown keys are passed over.

    Raises:
        ManifestError: the file can't be read, or a line isn't an utterance; the message names the line.
    """
    path = Path(path)
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(
            f"Can't read the manifest {path}: {error}. Expected JSON Lines in UTF-8."
        ) from error
    folder = path.absolute().parent
    # Not splitlines(): a JSON string may hold U+2028 and its like, which are no line ends in JSON Lines.
    lines = enumerate(content.split("\n"), start=1)
    return [_utterance(line, folder, f"{path}, line {number}") for number, line in lines if line.strip()]


def read_set(path: str | Path) -> list[Utterance]:
    """As `read`, of a manifest that isn't empty.

    Raises:
        ManifestError: as there, or it holds no utterances.
    """
    utterances = read(path)
    if not utterances:
        raise ManifestError(f"{path} has no utterances; at least one line is expected.")
    return utterances


def write(path: str | Path, utterances: Iterable[Utterance]) -> None:
    """Write a manifest, whole or not at all.

    Audio below the manifest's folder is written relative to it, so that the folder can be moved; other audio
    absolute.
    """
    folder = Path(path).absolute().parent
    files.write_text(path, "".join(_line(u, folder) + "\n" for u in utterances))


def read_audio(utterance: Utterance, rate: int, source: str | Path | None = None) -> Sound:
    """The samples of `utterance`, mono [time] at `rate` Hz, and what is wrong with its recording.

    Without an offset and with a duration that differs from the file's by at most `TOLERANCE` it is the whole file, as
    durations in manifests are rounded, and decoders disagree about padding. Else it is what lies from `offset` to
    `duration` seconds later (infinite: to the end). If the recording ends more than `TOLERANCE` before that, the
    samples are those that there are, and `truncated` is true.

    `source` is read where it is given: a `Track` of the utterance's file.

    Raises:
        AudioError: the file can't be read, or nothing of the utterance is in it.
    """
    first, end = round(utterance.offset * rate), utterance.offset + utterance.duration
    blocks, count = [np.zeros(0, np.float32)], 0
    # As a string: "-" is standard input.
    path = str(utterance.audio_filepath) if source is None else source
    with AudioStream(path, rate, block_seconds=None) as stream:
        for block in stream:
            if count + len(block) > first:
                blocks.append(block[max(first - count, 0) :])
            count += len(block)
            if count > (end + TOLERANCE) * rate:
                break
        warnings = stream.warnings
    signal = np.concatenate(blocks)
    is_part = first > 0 or count > (end + TOLERANCE) * rate
    if is_part and math.isfinite(end):
        signal = signal[: round(utterance.duration * rate)]
    short = (
        f"cut short: {count / rate:.2f} readable seconds, but its manifest asks for {end:.2f}; correct offset and "
        "duration, or replace the file."
    )
    if not len(signal):
        path = str(utterance.audio_filepath)
        raise AudioError(f"{path}: {short}", source=path)
    if math.isfinite(end):
        # Of a part it doesn't matter that its file is cut short behind it.
        is_short = count < (end - TOLERANCE) * rate
        warnings = [w for w in warnings if w.kind != "truncated" or not (is_part or is_short)]
        warnings = [AudioWarning("truncated", short)] * is_short + warnings
    return Sound(signal, tuple(warnings))


def check(
    utterances: Iterable[Utterance],
    vocabulary: Vocabulary | None = None,
    *,
    frames_per_second: float | None = None,
    min_duration: float = 0.1,
    max_duration: float = math.inf,
) -> tuple[list[Utterance], list[Dropped]]:
    """Part the utterances that a model can train on from those that it can't.

    Args:
        vocabulary: where given, every character of a text must be in it.
        frames_per_second: the model's output frames in a second; where given, an utterance needs at least one
            frame for each label and one more between equal neighbours, or CTC has no path for it.
        min_duration, max_duration: in seconds, both allowed.

    Returns:
        (kept, dropped), in the order given. Reasons (the first that holds): `missing audio`, `empty text`,
        `characters outside the vocabulary: ...`, `too short: ...`, `too long: ...`, `too short for CTC: ...`.
    """
    kept: list[Utterance] = []
    dropped: list[Dropped] = []
    for utterance in utterances:
        reason = (
            _unreadable(utterance, vocabulary)
            or _wrong_length(utterance, min_duration, max_duration)
            or _too_short_for_ctc(utterance, frames_per_second)
        )
        if reason:
            dropped.append(Dropped(utterance, *reason))
        else:
            kept.append(utterance)
    return kept, dropped


def summary(dropped: Iterable[Dropped]) -> dict[str, int]:
    """How many were dropped for each kind of reason, the most frequent first."""
    return dict(Counter(d.kind for d in dropped).most_common())


def counted(dropped: Iterable[Dropped]) -> str:
    """The same for people: `3 missing audio, 1 too long`."""
    return ", ".join(f"{count} {reason}" for reason, count in summary(dropped).items())


def write_dropped(path: str | Path, dropped: Iterable[Dropped]) -> None:
    """Write a tab-separated list with a header: id, audio_filepath, duration, reason, text."""
    rows = [("id", "audio_filepath", "duration", "reason", "text")]
    for d in dropped:
        u = d.utterance
        rows.append((u.id, str(u.audio_filepath), f"{u.duration:.3f}", d.reason, u.text))
    files.write_text(path, "".join("\t".join(" ".join(cell.split()) for cell in row) + "\n" for row in rows))


def _unreadable(utterance: Utterance, vocabulary: Vocabulary | None) -> _Reason | None:
    if not files.is_file(utterance.audio_filepath):
        return "missing audio", ""
    if not utterance.text.strip():
        return "empty text", ""
    unknown = vocabulary.unknown(utterance.text) if vocabulary else set()
    return ("characters outside the vocabulary", " ".join(map(repr, sorted(unknown)))) if unknown else None


def _wrong_length(utterance: Utterance, shortest: float, longest: float) -> _Reason | None:
    if utterance.duration < shortest:
        return "too short", f"{utterance.duration:.3f} s < {shortest:g} s"
    if utterance.duration > longest:
        return "too long", f"{utterance.duration:.3f} s > {longest:g} s"
    return None


def _too_short_for_ctc(utterance: Utterance, frames_per_second: float | None) -> _Reason | None:
    if frames_per_second is None:
        return None
    frames = int(utterance.duration * frames_per_second)
    labels = len(utterance.text)
    repeats = sum(a == b for a, b in pairwise(utterance.text))
    if frames >= labels + repeats:
        return None
    return "too short for CTC", f"{frames} frames < {labels} labels + {repeats} repeats"


def _line(utterance: Utterance, folder: Path) -> str:
    audio = utterance.audio_filepath.absolute()
    entry = {
        "audio_filepath": (audio.relative_to(folder) if audio.is_relative_to(folder) else audio).as_posix(),
        "duration": utterance.duration,
        "text": utterance.text,
        "speaker": utterance.speaker,
        "id": utterance.id,
        "offset": utterance.offset,
    }
    if utterance.language:
        entry["lang"] = utterance.language
    line = json.dumps(entry, ensure_ascii=False, allow_nan=False)
    # A file name that isn't UTF-8 holds surrogates, which only the escaped form can carry.
    return line if _is_utf8(line) else json.dumps(entry, allow_nan=False)


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _utterance(line: str, folder: Path, where: str) -> Utterance:
    try:
        entry = json_text.loads(line)
    except ValueError as error:
        raise ManifestError(f"{where}: not JSON ({error}); expected one JSON object a line.") from error
    if not isinstance(entry, dict):
        raise ManifestError(f"{where}: a JSON {type(entry).__name__}; expected an object.")
    audio = _text(entry, "audio_filepath", where)
    if not audio or "\0" in audio:
        raise ManifestError(f"{where}: audio_filepath is {audio!r}; expected the path of a recording.")
    return Utterance(
        audio_filepath=Path(os.path.join(folder, audio)),
        duration=_seconds(entry, "duration", where),
        text=_text(entry, "text", where),
        speaker=_name(entry, "speaker", where),
        id=_name(entry, "id", where),
        offset=_seconds({"offset": 0.0} | entry, "offset", where),
        language=_name(entry, "lang", where),
    )


def _required(entry: dict[str, Any], key: str, where: str) -> Any:
    if key not in entry:
        raise ManifestError(
            f"{where}: no {key!r}; expected audio_filepath, duration and text. Got {sorted(entry)}."
        )
    return entry[key]


def _text(entry: dict[str, Any], key: str, where: str) -> str:
    value = _required(entry, key, where)
    if not isinstance(value, str):
        raise ManifestError(f"{where}: {key} is {value!r}; expected a string.")
    return value


def _name(entry: dict[str, Any], key: str, where: str) -> str:
    """An optional name; some tools write speakers as numbers, or null where unknown."""
    value = entry.get(key)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ManifestError(f"{where}: {key} is {value!r}; expected a string.")
    return str(value)


def _seconds(entry: dict[str, Any], key: str, where: str) -> float:
    value = _required(entry, key, where)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST_SECONDS:
        raise ManifestError(f"{where}: {key} is {_shown(value)}; expected seconds, 0 or more.")
    return float(value)


def _shown(value: Any) -> str:
    """For a message. Python refuses to write out whole numbers of thousands of digits."""
    try:
        return repr(value)
    except ValueError:
        return "a number of thousands of digits"
