"""Files of music, of whatever kind, as pieces with names: what commands read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechgru import plugins
from speechgru.errors import MusicError, SpeechGruError
from speechgru.music import abc, chorales, midi
from speechgru.music.chorales import from_parts
from speechgru.music.corpus import files_below
from speechgru.music.notes import NoteSequence

EXTENSIONS = (*midi.EXTENSIONS, *abc.EXTENSIONS)
"""Of what is found in a folder. A file of chorales (.json) must be named itself: most of that kind are none."""
_PER_BEAT = {"8th": 2, "16th": 4}
"""Steps in a beat of a file of chorales whose name ends so; of others 4."""
CORPORA = "music.corpora"


@dataclass(frozen=True, eq=False)
class Named:
    """A piece, the `file` it is from, and its name within: the title of a tune, "" for a file's only piece. `texts`:
    what a MIDI file says of itself."""

    file: str
    title: str
    notes: NoteSequence
    texts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """File and title."""
        return f"{self.file}, {self.title}" if self.title else self.file


@dataclass(frozen=True)
class Library:
    """The pieces that could be read, and what is wrong with the others."""

    pieces: tuple[Named, ...]
    problems: tuple[str, ...]

    @property
    def notes(self) -> list[NoteSequence]:
        """Of all pieces."""
        return [piece.notes for piece in self.pieces]


def find(sources: Iterable[str]) -> tuple[list[Path], list[str]]:
    """Files that `sources` (files and folders, searched with those below) mean, each once; and what is wrong."""
    found: dict[Path, None] = {}
    problems = []
    for source in sources:
        path = Path(source)
        files = files_below(path, EXTENSIONS) if path.is_dir() else [path]
        if not path.exists():
            problems.append(f"{source} doesn't exist. Check the path and the folder you are in.")
        elif not files:
            problems.append(f"{source} holds no music: no file with one of {', '.join(EXTENSIONS)}.")
        else:
            found.update(dict.fromkeys(files))
    return list(found), problems


def read(sources: Iterable[str]) -> Library:
    """All pieces of files and folders: MIDI, ABC (each tune), and JSON chorales."""
    files, problems = find(sources)
    pieces: list[Named] = []
    for path in files:
        try:
            found, broken = read_file(path)
        except (MusicError, OSError) as error:
            problems.append(str(error))
            continue
        pieces += found
        problems += broken
    return Library(tuple(pieces), tuple(problems))


def read_file(path: Path) -> tuple[list[Named], list[str]]:
    """The pieces of a file, and the tunes in it that are broken.

    Raises:
        MusicError: it can't be read at all, or is of no known kind.
    """
    suffix = path.suffix.lower()
    if suffix in abc.EXTENSIONS:
        found = abc.read(path)
        single = len(found.tunes) + len(found.broken) == 1
        tunes = [Named(str(path), "" if single else _title(tune), tune.notes) for tune in found.tunes]
        return tunes, [f"{path}, {broken}" for broken in found.broken]
    if suffix == ".json":
        sets, steps = chorales.read_json(path), _PER_BEAT.get(path.stem.rpartition("-")[2], 4)
        return [
            Named(str(path), f"{name} {index}", from_parts(parts, steps))
            for name, some in sets.items()
            for index, parts in enumerate(some)
        ], []
    if suffix in midi.EXTENSIONS or not suffix:
        read = midi.read_all(path)
        return [Named(str(path), "", read.notes, read.texts)], []
    raise MusicError(
        f"{path} is no file of music by its extension; expected one of {', '.join(EXTENSIONS)}, .json."
    )


def _title(tune: abc.Tune) -> str:
    return f"{tune.number} {tune.title}".strip() or f"line {tune.line}"


def read_corpus(name: str, root: str) -> dict[str, list[Named]]:
    """The splits of a corpus of speechgru/music/corpora below the folder `root`.

    Raises:
        ConfigError: there is no corpus of this name. CorpusError: it isn't there.
    """
    splits = plugins.find(CORPORA, name).prepare(Path(root))
    return {split: [Named(piece.id, "", piece.notes) for piece in pieces] for split, pieces in splits.items()}


def only(library: Library, what: str, sources: Sequence[str]) -> list[Named]:
    """Its pieces that have notes.

    Raises:
        SpeechGruError: there is none; the message says why.
    """
    pieces = [piece for piece in library.pieces if piece.notes.pitched()]
    if pieces:
        return pieces
    reasons = " ".join(library.problems[:3])
    raise SpeechGruError(f"There is no piece {what} in {', '.join(sources)}. {reasons}".strip())
