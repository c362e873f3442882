"""What the corpora share: finding audio and transcripts, measuring them, accounting for what is left out."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path

from speechgru.audio import stream as audio
from speechgru.data.manifest import Dropped, Utterance, counted
from speechgru.errors import AudioError, CorpusError
from speechgru.text import english as english_
from speechgru.text import languages
from speechgru.utils import walk
from speechgru.utils.files import is_file

# Where one stem has several recordings, lossless ones are taken first.
_EXTENSIONS = tuple(sorted(audio.AUDIO_EXTENSIONS, key=lambda e: (e != ".flac", e != ".wav", e)))
_THREADS = 4
_NAMED = 5
_UNMEASURED = -1.0
UNREADABLE_TEXT = "text that can't be read out"
_NAME_IT = "Then name that: corpus.language=CODE in training, --language CODE in corpus prepare."
# Share of texts with accents, from which on they are rather in another language than English.
FOREIGN = 0.1
_collected: ContextVar[list[Dropped] | None] = ContextVar("collected", default=None)
_log = logging.getLogger(__name__)


class MissingError(CorpusError):
    """A corpus, or a part of it, that isn't where it is looked for."""


@dataclass(frozen=True)
class Entry:
    """A line of a corpus before it is checked. `text` as written; `audio` is None where there is no recording."""

    id: str
    audio: Path | None
    text: str
    speaker: str = ""


def require(path: str | Path, corpus: str, expected: str, *, is_file: bool = False) -> Path:
    """`path`, if it is there.

    Raises:
        CorpusError: it isn't; the message says what was expected and how to pass the place.
    """
    path = Path(path)
    if path.is_file() if is_file else path.is_dir():
        return path
    state = "is missing" if not path.exists() else "is a folder" if path.is_dir() else "is not a folder"
    raise MissingError(
        f"{corpus}: {path} {state}. Expected {expected}. Give the right place with corpus.root=PATH."
    )


def home(root: str | Path, corpus: str, folder: str, expected: str) -> Path:
    """The corpus's own folder: `root`, or `root/folder` where that is there (`root` is what it was downloaded
    to).

    Raises:
        CorpusError: as `require`.
    """
    root = require(root, corpus, expected)
    return root / folder if (root / folder).is_dir() else root


def nothing_found(path: Path, corpus: str, expected: str) -> MissingError:
    """The error for a root that exists but holds nothing of the corpus."""
    return MissingError(
        f"{corpus}: found nothing in {path}. Expected {expected}. Give the right place with corpus.root=PATH."
    )


def read_text(path: Path) -> str:
    r"""A text file as a string with `\n` line ends. UTF-8, UTF-16 with a mark, or Windows' western code page.

    Raises:
        CorpusError: the file can't be read or isn't text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"Can't read {path}: {error.strerror}. Expected a text file.") from error
    decoded = _decode(data)
    if decoded is None or "\0" in decoded:
        raise CorpusError(f"{path} is not text. Expected a transcript in UTF-8.")
    return decoded.replace("\r\n", "\n").replace("\r", "\n")


def _decode(data: bytes) -> str | None:
    is_utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    # cp1252 is latin-1 with curly quotes; the few bytes it lacks are left to latin-1.
    for encoding in ("utf-16",) if is_utf16 else ("utf-8-sig", "cp1252", "latin-1"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def read_table(path: Path) -> list[tuple[str, str]]:
    """Lines `key<white space>rest` as pairs; empty lines are passed over, a key alone gives an empty rest."""
    parts = (line.split(None, 1) for line in read_text(path).split("\n") if line.strip())
    return [(p[0], p[1].strip() if len(p) == 2 else "") for p in parts]


def audio_by_stem(folder: Path, *, recursive: bool = False) -> dict[str, Path]:
    """Recordings in `folder`, sorted by stem. Keys are relative paths without extension, parted by `/`.

    Where one stem has several files, FLAC is preferred, then WAV. Hidden files are passed over.
    """
    return files_by_stem(folder, _EXTENSIONS, recursive=recursive)


def files_by_stem(folder: Path, extensions: tuple[str, ...], *, recursive: bool = False) -> dict[str, Path]:
    """As `audio_by_stem`, for any extensions (lower case, with the dot; the first is preferred)."""
    paths: dict[str, Path] = {}
    for path in _files(folder, recursive):
        if path.suffix.lower() not in extensions:
            continue
        key = relative_id(path, folder)
        if key not in paths or _rank(path, extensions) < _rank(paths[key], extensions):
            paths[key] = path
    return dict(sorted(paths.items()))


def relative_id(path: Path, folder: Path) -> str:
    """`path` below `folder` without extension, parted by `/`; elsewhere its stem. The same on any machine."""
    if not path.is_relative_to(folder):
        return path.stem
    inside = path.relative_to(folder)
    return (inside.with_suffix("") if inside.name else inside).as_posix()


def same_stem(path: Path) -> Path | None:
    """`path` if it is there, else a recording beside it with its stem and another extension, else None."""
    if is_file(path):
        return path
    # A name that is none, such as "..", has no suffix to change.
    beside: Iterable[Path] = [path.with_suffix(e) for e in _EXTENSIONS] if path.name else []
    return next((p for p in beside if is_file(p)), None)


def _files(folder: Path, recursive: bool) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        _log.warning("%s can't be listed and is left out: %s", error.filename, error.strerror)

    # A folder that isn't there holds nothing: `utterances` says what that means for the corpus.
    for found in walk.walk(folder, recursive=recursive, on_error=unreadable) if folder.is_dir() else ():
        yield from found.files


def _rank(path: Path, extensions: tuple[str, ...]) -> tuple[int, str]:
    return extensions.index(path.suffix.lower()), path.suffix


def utterances(entries: Iterable[Entry], corpus: str, language: str = languages.ENGLISH) -> list[Utterance]:
    """Normalise the texts and measure the audio of `entries`; keep those that can be used, in their order.

    The others are counted in one warning of the log, and listed through `collect_dropped`. Texts of another
    language than English keep all their letters (`vocabulary.letters`).

    Raises:
        CorpusError: an id occurs twice, or there are entries and none can be used.
    """
    given = [
        Utterance(e.audio or Path(), _UNMEASURED, e.text, e.speaker, e.id, language=language) for e in entries
    ]
    return checked(given, corpus)


def checked(given: Iterable[Utterance], corpus: str) -> list[Utterance]:
    """As `utterances`, for what is an utterance already; a duration below 0 is measured. What states no language
    is in English."""
    stated = [u if u.language else replace(u, language=languages.ENGLISH) for u in given]
    _tell_foreign_letters(stated, corpus)
    return _sifted(stated, corpus, _check)


def sounds(paths: Mapping[str, Path], corpus: str) -> list[Utterance]:
    """Recordings without words (noise, impulse responses) by id: measured, their text is empty.

    Raises:
        CorpusError: none of them can be read.
    """
    return _sifted([Utterance(p, _UNMEASURED, "", id=name) for name, p in paths.items()], corpus, _measured)


def _sifted(
    given: Iterable[Utterance], corpus: str, check: Callable[[Utterance], Utterance | Dropped]
) -> list[Utterance]:
    given = list(given)
    _refuse_repeated([u.id for u in given], corpus)
    with ThreadPoolExecutor(_THREADS) as pool:
        results = list(pool.map(check, given))
    lost = [r for r in results if isinstance(r, Dropped)]
    report(lost, corpus)
    if given and len(lost) == len(given):
        unread = lost[0].kind == UNREADABLE_TEXT
        why = f"Is it in another language? {_NAME_IT}" if unread else "Was the archive unpacked only in part?"
        raise CorpusError(
            f"{corpus}: none of its {len(given)} recordings can be used: {counted(lost)}, the first is "
            f"{given[0].id!r} ({lost[0].reason}). {why}"
        )
    return [r for r in results if isinstance(r, Utterance)]


def _tell_foreign_letters(given: list[Utterance], corpus: str) -> None:
    """English loses its accents (café, naïve), and another language that is taken for it would too."""
    english = [u.text for u in given if languages.is_english(u.language)]
    strange = [_foreign_letters(text) for text in english]
    count = sum(map(bool, strange))
    if count > FOREIGN * len(english):
        _log.warning(
            "%s: %d of %d texts hold letters that English lacks (%s); they lose their accents. Is it in another "
            f"language? {_NAME_IT}",
            corpus,
            count,
            len(english),
            " ".join(sorted(set().union(*strange))[:_NAMED]),
        )


def _foreign_letters(text: str) -> set[str]:
    """The letters of an English text that lose an accent; those of other scripts leave it out (reported too)."""
    foreign = {c for c in text if c.isalpha() and not c.isascii()}
    return foreign - english_.unsupported_characters(text) if foreign else foreign


@contextmanager
def collect_dropped() -> Iterator[list[Dropped]]:
    """Everything that corpora leave out inside the `with` block, as a list that grows.

    >>> with collect_dropped() as dropped:
    ...     splits = {"train": utterances([Entry("a", None, "hello")], "mine")}
    >>> [d.reason for d in dropped]
    ['missing audio']
    """
    dropped: list[Dropped] = []
    token = _collected.set(dropped)
    try:
        yield dropped
    finally:
        _collected.reset(token)


def report(dropped: list[Dropped], corpus: str) -> None:
    """One line in the log for what `corpus` left out, with names, and all of it for `collect_dropped`."""
    if not dropped:
        return
    collected = _collected.get()
    if collected is not None:
        collected.extend(dropped)
    names = ", ".join(d.utterance.id for d in dropped[:_NAMED]) + (", ..." if len(dropped) > _NAMED else "")
    _log.warning("%s: left out %d utterances: %s (%s)", corpus, len(dropped), counted(dropped), names)


def _refuse_repeated(ids: list[str], corpus: str) -> None:
    repeated = [i for i, n in Counter(ids).items() if n > 1]
    if repeated:
        raise CorpusError(
            f"{corpus}: {len(repeated)} ids occur more than once, the first is {repeated[0]!r}. "
            "Expected one line a recording; remove the repeated lines or files."
        )


def _check(given: Utterance) -> Utterance | Dropped:
    if not is_file(given.audio_filepath):
        return Dropped(_plain(given), "missing audio")
    english = languages.is_english(given.language)
    unsupported = (english_.unsupported_characters if english else english_.unreadable)(given.text)
    if unsupported:
        return Dropped(_plain(given), UNREADABLE_TEXT, " ".join(map(repr, sorted(unsupported))))
    normalised = (english_.normalise if english else english_.letters)(given.text)
    if not normalised:
        return Dropped(_plain(given), "empty text")
    return _measured(replace(given, text=normalised))


def _measured(given: Utterance) -> Utterance | Dropped:
    try:
        return replace(given, duration=duration(given.audio_filepath)) if given.duration < 0 else given
    except AudioError as error:
        return Dropped(_plain(given), "unreadable audio", str(error))


def _plain(given: Utterance) -> Utterance:
    """For a list of what was left out: an unmeasured duration is 0."""
    return replace(given, duration=max(given.duration, 0.0))


def duration(path: Path) -> float:
    """Seconds of audio in `path`, from its header; a file that doesn't state them is decoded.

    Raises:
        AudioError: it can't be read.
    """
    stated = audio.info(path).duration
    if stated is not None:
        return stated
    with audio.AudioStream(path) as stream:
        return sum(len(block) for block in stream) / stream.sample_rate
