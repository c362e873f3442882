"""Files of music, of whatever kind, as pieces with names: what commands read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from speechgru.errors import MusicError, SpeechGruError
from speechgru.music.files import abc, chorale_json, midi
from speechgru.music.files.midi_oddities import Oddities
from speechgru.music.files.piece import files_below
from speechgru.music.score.chorale import from_parts
from speechgru.music.score.notes import NoteSequence
from speechgru.utils import plugins
from speechgru.utils.console import say
from speechgru.utils.near import question

EXTENSIONS = (*midi.EXTENSIONS, *midi.WRAPPED, *abc.EXTENSIONS)
"""Of what is found in a folder. A file of chorales (.json) must be named itself: most of that kind are none."""
CORPORA = "music.corpora"


@dataclass(frozen=True, eq=False)
class Named:
    """A piece, the `file` it is from, and its name within: the title of a tune, "" for a file's only piece. `texts`:
    what a MIDI file says of itself. `oddities`: what is wrong with it. `is_tune`: of an ABC file."""

    file: str
    title: str
    notes: NoteSequence
    texts: tuple[str, ...] = ()
    oddities: Oddities = field(default_factory=Oddities)
    is_tune: bool = False

    @property
    def name(self) -> str:
        """File and title."""
        return f"{self.file}, {self.title}" if self.title else self.file


@dataclass(frozen=True)
class Missing:
    """What could not be read, and why: a tune of an ABC file (`is_tune`), or a whole file."""

    file: str
    title: str
    problem: str
    is_tune: bool = False


@dataclass(frozen=True)
class Library:
    """Files' pieces in their order, those too that could not be read. `absent`: what is wrong with the sources
    themselves. `remarks`: what was made of a file that doesn't say it."""

    entries: tuple[Named | Missing, ...] = ()
    absent: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __add__(self, other: Library) -> Library:
        return Library(self.entries + other.entries, self.absent + other.absent, self.remarks + other.remarks)

    @property
    def pieces(self) -> list[Named]:
        """Those that could be read."""
        return [piece for piece in self.entries if isinstance(piece, Named)]

    @property
    def problems(self) -> list[str]:
        """What is wrong with the others."""
        return [*self.absent, *(piece.problem for piece in self.entries if isinstance(piece, Missing))]

    @property
    def notes(self) -> list[NoteSequence]:
        """Of all pieces."""
        return [piece.notes for piece in self.pieces]

    def print_problems(self) -> None:
        """Say the problems and the remarks on stderr."""
        for problem in self.problems:
            say(f"error: {problem}")
        for remark in self.remarks:
            say(f"note: {remark}")

    def print_left_out(self) -> None:
        """Say how many tunes of ABC files were left out, if any."""
        tunes = [piece for piece in self.entries if piece.is_tune]
        broken = sum(isinstance(piece, Missing) for piece in tunes)
        if broken:
            say(f"note: {broken} of {len(tunes)} tune{'s' * (len(tunes) > 1)} left out")


def find(sources: Iterable[str]) -> tuple[list[Path], list[str]]:
    """Files that `sources` (files and folders, searched with those below) mean, each once; and what is wrong."""
    paths: dict[Path, None] = {}
    problems = []
    for source in sources:
        path = Path(source)
        files = files_below(path, EXTENSIONS) if path.is_dir() else [path]
        if not path.exists():
            problems.append(
                f"{source} doesn't exist.{question(source)} Check the path and the folder you are in."
            )
        elif not files:
            problems.append(f"{source} holds no music: no file with one of {', '.join(EXTENSIONS)}.")
        else:
            paths.update(dict.fromkeys(files))
    return list(paths), problems


def read(sources: Iterable[str]) -> Library:
    """All pieces of files and folders: MIDI, ABC (each tune), and JSON chorales."""
    files, absent = find(sources)
    entries, remarks = list[Named | Missing](), list[str]()
    for path in files:
        try:
            inside = read_file(path)
        except (MusicError, OSError) as error:
            entries.append(Missing(str(path), "", str(error)))
            continue
        entries += inside.entries
        remarks += inside.remarks
    return Library(tuple(entries), tuple(absent), tuple(remarks))


def read_file(path: Path) -> Library:
    """The pieces of a file, and the tunes in it that are broken, in the order of the file.

    Raises:
        MusicError: it can't be read at all, or is of no known kind.
    """
    suffix = path.suffix.lower()
    if suffix in abc.EXTENSIONS:
        return Library(tuple(_tunes(path)))
    if suffix == ".json":
        return _chorales(path)
    if suffix in (*midi.EXTENSIONS, *midi.WRAPPED) or not suffix:
        read = midi.read_all(path)
        return Library((Named(str(path), "", read.notes, read.texts, read.oddities),))
    raise MusicError(
        f"{path} is no file of music by its extension; expected one of {', '.join(EXTENSIONS)}, .json."
    )


def _tunes(path: Path) -> list[Named | Missing]:
    """Of an ABC file. The title of its only tune is ""."""
    inside = abc.read(path)
    tunes: list[abc.Tune | abc.Broken] = [*inside.tunes, *inside.broken]
    tunes.sort(key=lambda tune: tune.line)
    entries = list[Named | Missing]()
    for tune in tunes:
        title = _title(tune) if len(tunes) > 1 else ""
        if isinstance(tune, abc.Tune):
            entries.append(Named(str(path), title, tune.notes, is_tune=True))
        else:
            entries.append(Missing(str(path), title, f"{path}, {tune}", is_tune=True))
    return entries


def _chorales(path: Path) -> Library:
    inside = chorale_json.read(path)
    pieces = [
        Named(str(path), f"{name} {index}", from_parts(parts, inside.steps_per_beat))
        for name, some in inside.sets.items()
        for index, parts in enumerate(some)
    ]
    return Library(tuple(pieces), remarks=inside.remarks)


def _title(tune: abc.Tune | abc.Broken) -> str:
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
