"""Small copies of corpora: the layout that a recipe's sources want, with beeps for speech."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import cycle
from pathlib import Path

import beeps

from speechgru import audio, plugins
from speechgru.recipe import Recipe, SourceConfig

SENTENCES = ("see me", "we go", "a bad cab", "hear it", "old fox", "new day", "quiz us", "jay pays")
PER_SPLIT = 2


def build(recipe: Recipe, root: Path) -> None:
    """Write below `root` what every source of `recipe` looks for.

    Where the recipe has id lists, the recordings are the first few of each list and source; elsewhere three
    speakers, so that a corpus can part them.
    """
    ids = _listed(recipe)
    for source in recipe.corpus.sources:
        _LAYOUTS[source.name](root / source.path, ids[source.label])


def source(name: str, path: Path, speakers: Iterable[str] = ("anna", "ben", "carl")) -> SourceConfig:
    """A source of its own: two recordings a speaker in the layout of corpus `name` (folder or digits)."""
    _LAYOUTS[name](path, [f"{speaker}/{i}" for speaker in speakers for i in range(PER_SPLIT)])
    return SourceConfig(name, str(path))


def _listed(recipe: Recipe) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    folder = recipe.splits_folder()
    for split in {*recipe.corpus.train, *recipe.corpus.dev, *recipe.corpus.test} if folder else ():
        counts: dict[str, int] = defaultdict(int)
        assert folder is not None
        for line in (folder / f"{split}.txt").read_text(encoding="utf-8").split():
            label, _, name = line.partition("/")
            counts[label] += 1
            if counts[label] <= PER_SPLIT:
                found[label].append(name)
    return found


def _say(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    audio.write(path, beeps.beep(text), beeps.RATE)
    return path


def _write(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _librispeech(root: Path, ids: list[str]) -> None:
    chapters: dict[str, list[str]] = defaultdict(list)
    for name, text in zip(ids or ["1-2-0000"], cycle(SENTENCES)):
        chapters[name.rpartition("-")[0]].append(f"{name} {text.upper()}")
    for chapter, lines in chapters.items():
        folder = root / "dev-clean" / chapter.replace("-", "/")
        _write(folder / f"{chapter}.trans.txt", lines)
        for line in lines:
            name, _, text = line.partition(" ")
            _say(folder / f"{name}.wav", text.lower())


def _speechocean762(root: Path, ids: list[str]) -> None:
    # Its own two splits: which of them an utterance is in makes no difference to id lists.
    said = dict(zip(ids or ["000010001", "000020001"], cycle(SENTENCES)))
    for split, names in (("train", list(said)[::2]), ("test", list(said)[1::2])):
        _write(root / split / "text", [f"{n}\t{said[n].upper()}" for n in names])
        _write(root / split / "utt2spk", [f"{n}\t{n[:5]}" for n in names])
        _write(root / split / "wav.scp", [f"{n}\tWAVE/SPEAKER{n[:5]}/{n}.WAV" for n in names])
        for name in names:
            _say(root / "WAVE" / f"SPEAKER{name[:5]}" / f"{name}.flac", said[name])


def _folder(root: Path, ids: list[str]) -> None:
    for name, text in zip(ids, cycle(SENTENCES)):
        _write(_say(root / f"{name}.wav", text).with_suffix(".txt"), [text])


def _tsv(table: Path, ids: list[str]) -> None:
    said = dict(zip(ids, cycle(SENTENCES)))
    _write(table, [f"{name}.wav\t{text}" for name, text in said.items()])
    for name, text in said.items():
        _say(table.parent / f"{name}.wav", text)


def _speech_commands(root: Path, ids: list[str]) -> None:
    for name in ids or ["bed/0_nohash_0"]:
        _say(root / f"{name}.wav", name.partition("/")[0])


def _free_spoken_digits(root: Path, ids: list[str]) -> None:
    speakers = {name.partition("/")[0] for name in ids} or {"anna", "ben", "carl"}
    for speaker in speakers:
        for digit, word in ((1, "one"), (6, "six")):
            _say(root / f"{digit}_{speaker}_0.wav", word)


_LAYOUTS: dict[str, Callable[[Path, list[str]], None]] = {
    "librispeech": _librispeech,
    "speechocean762": _speechocean762,
    "folder": _folder,
    "tsv": _tsv,
    "speech_commands": _speech_commands,
    "free_spoken_digits": _free_spoken_digits,
}
assert set(_LAYOUTS) <= set(plugins.names("corpora"))
