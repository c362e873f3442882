"""From a source (path, "-", file object) to a decoder of it: libsndfile where it can, else ffmpeg where it is
installed."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import soundfile

from speechgru.audio import decode_ffmpeg, ogg, tracks
from speechgru.audio.decode_chain import ChainDecoder, Decoder
from speechgru.audio.decode_soundfile import SoundfileDecoder
from speechgru.audio.named_file import NamedFile, UnreadableError, copy, read_through
from speechgru.audio.parts import layout
from speechgru.audio.window import Part, Window, size_of
from speechgru.errors import AudioError
from speechgru.utils.near import question

_SPOOL = 16 << 20  # bytes of a pipe that are held in memory; more goes to a temporary file


def name_of(source: str | Path | BinaryIO) -> str:
    """What to call `source` in a message."""
    if isinstance(source, (str, os.PathLike)):
        return "standard input" if source == "-" else str(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "the file object"


def open_decoder(source: str | Path | BinaryIO) -> Decoder:
    """Open `source`: a path (a `Track` of it), "-" for standard input, or a binary file object (read from its start if
    it can seek).

    What can't seek (a pipe) is copied to memory, or beyond 16 MiB to a temporary file. All recordings that are joined
    in one file are read.

    Raises:
        AudioError: it isn't there, can't be read, is empty, holds no audio, or lacks the track; where the disk fails,
            an `UnreadableError`, here or while reading.
    """
    name, track = name_of(source), tracks.number_of(source)
    opened, owned = _open(source)
    file = cast(BinaryIO, NamedFile(opened, name))
    path = str(source) if isinstance(source, (str, os.PathLike)) and source != "-" else None
    try:
        if size_of(file) == 0:
            raise AudioError(f"{name} is empty (0 bytes): expected an audio file.", source=name)
        if ogg.tracks(file) > 1 and decode_ffmpeg.is_installed():  # libsndfile knows the first alone
            with closing(file) if owned else nullcontext():
                return _open_ffmpeg(name, path, file, "it has several tracks", track)
        decoder = _open_soundfile(file, owned)
    except soundfile.LibsndfileError as error:
        with closing(file) if owned else nullcontext():
            return _open_ffmpeg(name, path, file, error.error_string.rstrip("."), track)
    except BaseException:
        if owned:
            file.close()
        raise
    if track is not None and track > 1:
        decoder.close()
        raise tracks.missing(name, track, 1)
    return decoder


def _open_soundfile(file: BinaryIO, owned: bool) -> Decoder:
    """The recordings in `file` through libsndfile.

    Raises:
        soundfile.LibsndfileError: the first is no format that libsndfile knows.
    """
    found = layout(file)
    if len(found.parts) == 1 and found.parts[0] == Part(0, size_of(file)):
        return SoundfileDecoder(file, owned)

    def opened(part: Part) -> Decoder:
        return SoundfileDecoder(cast(BinaryIO, Window(file, part)), owned=False)

    end = file.close if owned else (lambda: None)
    unread = (
        f"cut short: its last {found.unread} bytes, which are sound too, could not be read: its header doesn't count "
        "them, or another kind of file begins there. Part the file, or repair the header."
    )
    openers = [partial(opened, part) for part in found.parts]
    return ChainDecoder(openers, found.notes, end, unread if found.unread else None)


def _open_ffmpeg(name: str, path: str | None, file: BinaryIO, reason: str, track: int | None) -> Decoder:
    """Let ffmpeg try what libsndfile refused for `reason`; without a regular file at `path`, on a copy of
    `file`."""
    if not decode_ffmpeg.is_installed():
        raise AudioError(
            f"{name} isn't audio that libsndfile can read ({reason}): expected WAV, FLAC, MP3, Ogg Vorbis or "
            "Opus. For other formats (M4A, WMA, WebM, video) install ffmpeg, which isn't on the PATH, or "
            "convert it to WAV.",
            source=name,
        ) from None
    in_place = path if path is not None and os.path.isfile(path) else None
    try:
        if in_place is not None:
            return decode_ffmpeg.open_file(in_place, file, track, name)
        copied = tempfile.NamedTemporaryFile()  # noqa: SIM115 (the decoder closes it)
        try:
            file.seek(0)
            copy(file, cast(BinaryIO, copied), name)
            copied.flush()
            return decode_ffmpeg.open_file(copied.name, file, track, name, copied.close)
        except BaseException:
            copied.close()
            raise
    except UnreadableError:
        raise
    except tracks.MissingTrackError as error:
        raise tracks.missing(name, error.number, error.count) from None
    except AudioError as error:
        if in_place is not None:
            read_through(in_place, name)
        raise AudioError(
            f"{name} isn't audio that libsndfile ({reason}) or ffmpeg can read; expected a recording. {error}",
            source=name,
        ) from None


def _open(source: str | Path | BinaryIO) -> tuple[BinaryIO, bool]:
    """A file that can seek, and whether it is ours to close."""
    if isinstance(source, str) and source == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise AudioError("Standard input is not connected to a recording: pipe one in, or name a file.")
        return _spool(sys.stdin.buffer, "standard input"), True
    if isinstance(source, (str, os.PathLike)):
        return _open_path(str(source)), True
    if not hasattr(source, "read"):
        raise AudioError(f"Expected a path, '-' or a binary file object, got {type(source).__name__}.")
    name = name_of(source)
    if isinstance(source.read(0), str):
        raise AudioError(f"{name} is open as text: open it in binary mode ('rb').", source=name)
    seekable = getattr(source, "seekable", None)
    return (source, False) if seekable is not None and seekable() else (_spool(source, name), True)


def _open_path(path: str) -> BinaryIO:
    with _named_errors(path):
        file = open(path, "rb")  # noqa: SIM115 (the decoder closes it)
    mode = os.fstat(file.fileno()).st_mode
    if stat.S_ISREG(mode):
        return file
    with file:
        if stat.S_ISFIFO(mode):
            return _spool(file, path)
    raise AudioError(f"{path} is a device, not an audio file.", source=path)


@contextmanager
def _named_errors(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise AudioError(f"{path}: no such file.{question(path)}", source=path) from None
    except IsADirectoryError:
        raise AudioError(f"{path} is a folder: expected an audio file.", source=path) from None
    except PermissionError:
        raise AudioError(f"{path} may not be read: its permissions forbid it.", source=path) from None
    except (OSError, ValueError) as error:
        raise AudioError(f"{path} can't be opened: {error}.", source=path) from None


def _spool(stream: BinaryIO, name: str) -> BinaryIO:
    file = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_SPOOL))  # noqa: SIM115 (the decoder closes it)
    try:
        copy(stream, file, name)
    except BaseException:
        file.close()
        raise
    return file
