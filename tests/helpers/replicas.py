"""Small copies of corpora: the layout that a recipe's sources want, with beeps for speech."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import cycle
from pathlib import Path

import beeps
import numpy as np
import soundfile

from speechgru.audio import encode
from speechgru.config import Recipe, load_recipe
from speechgru.config.recipe import SourceConfig
from speechgru.data.corpora import librispeech
from speechgru.utils import plugins

SENTENCES = ("see me", "we go", "a bad cab", "hear it", "old fox", "new day", "quiz us", "jay pays")
PER_SPLIT = 2
TINY = (
    *("model.layers=1", "model.width=16", "model.channels=2", "features.n_mels=16"),
    *("trainer.epochs=2", "trainer.batch_seconds=1.5", "trainer.tensorboard=false"),
    *("trainer.device=cpu", "trainer.precision=float32"),
)


def build(recipe: Recipe, root: Path) -> None:
    """Write below `root` what every source of `recipe` looks for.

    Where the recipe has id lists, the recordings are the first few of each list and source; elsewhere three
    speakers, so that a corpus can part them.
    """
    ids = _listed(recipe)
    for source in recipe.corpus.sources:
        _LAYOUTS[source.name](root / source.path, ids[source.label])


def digits(folder: Path, output: str) -> list[str]:
    """Arguments of `speechgru train` for a run of some seconds on a small copy of the digits, both below `folder`."""
    overrides = [*TINY, f"corpus.root={folder / 'data'}", f"output={folder / output}"]
    build(load_recipe("digits", overrides), folder / "data")
    return ["digits", *overrides]


def source(name: str, path: Path, speakers: Iterable[str] = ("anna", "ben", "carl")) -> SourceConfig:
    """A source of its own: two recordings a speaker in the layout of corpus `name` (folder or digits)."""
    _LAYOUTS[name](path, [f"{speaker}/{i}" for speaker in speakers for i in range(PER_SPLIT)])
    return SourceConfig(name, str(path))


def lay_out(name: str, place: Path) -> None:
    """The corpus `name` at `place`, with a few recordings in each of its splits."""
    _LAYOUTS[name](place, [])


def _listed(recipe: Recipe) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    folder = recipe.splits_folder()
    # In order: which sentence a recording gets must not change from run to run.
    for split in (
        dict.fromkeys((*recipe.corpus.train, *recipe.corpus.dev, *recipe.corpus.test)) if folder else ()
    ):
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
    encode.write(path, beeps.beep(text), beeps.RATE)
    return path


def _write(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _librispeech(root: Path, ids: list[str]) -> None:
    chapters: dict[str, list[str]] = defaultdict(list)
    places: dict[str, str] = {}
    for name, text in zip(ids, cycle(SENTENCES)):
        chapters[name.rpartition("-")[0]].append(f"{name} {text.upper()}")
    if not ids:
        for number, subset in enumerate(librispeech.SUBSETS, start=1):
            places[f"{number}-1"] = subset
            chapters[f"{number}-1"] = [f"{number}-1-000{i} {SENTENCES[i].upper()}" for i in range(PER_SPLIT)]
    for chapter, lines in chapters.items():
        folder = root / places.get(chapter, "dev-clean") / chapter.replace("-", "/")
        _write(folder / f"{chapter}.trans.txt", lines)
        for line in lines:
            name, _, text = line.partition(" ")
            _say(folder / f"{name}.wav", text.lower())


def _speechocean762(root: Path, ids: list[str]) -> None:
    # Its own two splits: which of them an utterance is in makes no difference to id lists.
    ids = ids or [f"{speaker:05}000{i}" for speaker in (11, 21, 10, 12) for i in range(PER_SPLIT)]
    said = dict(zip(ids, cycle(SENTENCES)))
    test = set(ids[-PER_SPLIT:])
    for split, names in (("train", [n for n in said if n not in test]), ("test", sorted(test))):
        _write(root / split / "text", [f"{n}\t{said[n].upper()}" for n in names])
        _write(root / split / "utt2spk", [f"{n}\t{n[:5]}" for n in names])
        _write(root / split / "wav.scp", [f"{n}\tWAVE/SPEAKER{n[:5]}/{n}.WAV" for n in names])
        for name in names:
            _say(root / "WAVE" / f"SPEAKER{name[:5]}" / f"{name}.flac", said[name])


def _commonvoice(root: Path, ids: list[str]) -> None:
    columns = ["client_id", "path", "sentence", "up_votes", "locale"]
    for split in ("train", "dev", "test"):
        rows = [columns]
        for i in range(PER_SPLIT):
            name = f"common_voice_en_{split}{i}.mp3"
            _say(root / "clips" / name, SENTENCES[i])
            rows.append([f"hash-of-{split}", name, f"{SENTENCES[i].capitalize()}!", "2", "en"])
        for i, name in enumerate(ids if split == "train" else ()):
            _say(root / "clips" / f"{name}.mp3", SENTENCES[i % len(SENTENCES)])
            rows.append([f"hash-of-{name}", f"{name}.mp3", SENTENCES[i % len(SENTENCES)], "2", "en"])
        _write(root / f"{split}.tsv", ["\t".join(row) for row in rows])


def _tedlium(root: Path, ids: list[str]) -> None:
    """A talk a split, of which each sentence is a segment; train's files are links, as in the release."""
    for split in ("train", "dev", "test"):
        talk, place = f"Speaker{split}_2010X", root / ("data" if split == "train" else f"legacy/{split}")
        lines, signal, end = [], np.zeros(0, np.float32), 0.0
        for text in SENTENCES[:PER_SPLIT]:
            signal = np.concatenate([signal, beeps.beep(text)])
            start, end = end, len(signal) / beeps.RATE
            lines.append(f"{talk} 1 {talk} {start:.2f} {end:.2f} <o,f0,male> {text} <unk>")
        _write(place / "stm" / f"{talk}.stm", lines)
        (place / "sph").mkdir()
        soundfile.write(place / "sph" / f"{talk}.sph", signal, beeps.RATE, format="NIST", subtype="PCM_16")


def _ljspeech(root: Path, ids: list[str]) -> None:
    names = ids or [f"LJ{chapter:03}-000{i}" for chapter in range(1, 5) for i in range(PER_SPLIT)]
    said = dict(zip(names, cycle(SENTENCES)))
    _write(root / "metadata.csv", [f"{n}|{text.upper()}|{text}." for n, text in said.items()])
    for name, text in said.items():
        _say(root / "wavs" / f"{name}.wav", text)


def _cmu_arctic(root: Path, ids: list[str]) -> None:
    said = {f"arctic_a{i:04}": SENTENCES[i % len(SENTENCES)] for i in range(20)}
    for voice in ("aew", "bdl", "slt"):
        folder = root / f"cmu_us_{voice}_arctic"
        _write(folder / "etc" / "txt.done.data", [f'( {n} "{text}." )' for n, text in said.items()])
        for name, text in said.items():
            _say(folder / "wav" / f"{name}.wav", text)


def _an4(root: Path, ids: list[str]) -> None:
    for split, place, speakers in (
        ("train", "an4_clstk", ("fash", "fbbh", "mmxg")),
        ("test", "an4test_clstk", ("fcaw",)),
    ):
        names = [f"an{i}-{speaker}-b" for speaker in speakers for i in range(PER_SPLIT)]
        said = dict(zip(names, cycle(SENTENCES)))
        lines = [f"<s> {t.upper()} </s> ({n})" for n, t in said.items()]
        _write(root / "etc" / f"an4_{split}.transcription", lines)
        for name, text in said.items():
            path = root / "wav" / place / name.split("-")[1] / f"{name}.sph"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, beeps.beep(text), beeps.RATE, format="NIST", subtype="PCM_16")


def _yesno(root: Path, ids: list[str]) -> None:
    for number in range(20):
        digits = f"{number:08b}"
        _say(root / f"{'_'.join(digits)}.wav", " ".join("yes" if d == "1" else "no" for d in digits))


def _folder(root: Path, ids: list[str]) -> None:
    for name, text in zip(ids or [f"hello-{i}" for i in range(2 * len(SENTENCES))], cycle(SENTENCES)):
        _write(_say(root / f"{name}.wav", text).with_suffix(".txt"), [text])


def _tsv(table: Path, ids: list[str]) -> None:
    said = dict(zip(ids, cycle(SENTENCES)))
    _write(table, [f"{name}.wav\t{text}" for name, text in said.items()])
    for name, text in said.items():
        _say(table.parent / f"{name}.wav", text)


def _speech_commands(root: Path, ids: list[str]) -> None:
    if not ids:
        lists: dict[str, list[str]] = {"training": [], "validation": [], "testing": []}
        for number, lines in enumerate(lists.values()):
            lines += [f"{word}/0000000{number}_nohash_0" for word in ("bed", "cat", "happy")]
        for kind in ("validation", "testing"):
            _write(root / f"{kind}_list.txt", [f"{name}.wav" for name in lists[kind]])
        ids = [name for lines in lists.values() for name in lines]
    for name in ids:
        _say(root / f"{name}.wav", name.partition("/")[0])


def _free_spoken_digits(root: Path, ids: list[str]) -> None:
    speakers = {name.partition("/")[0] for name in ids} or {"anna", "ben", "carl"}
    for speaker in speakers:
        for digit, word in ((1, "one"), (6, "six")):
            _say(root / f"{digit}_{speaker}_0.wav", word)


_LAYOUTS: dict[str, Callable[[Path, list[str]], None]] = {
    "librispeech": _librispeech,
    "speechocean762": _speechocean762,
    "commonvoice": _commonvoice,
    "tedlium": _tedlium,
    "ljspeech": _ljspeech,
    "cmu_arctic": _cmu_arctic,
    "an4": _an4,
    "yesno": _yesno,
    "folder": _folder,
    "tsv": _tsv,
    "speech_commands": _speech_commands,
    "free_spoken_digits": _free_spoken_digits,
}
assert set(_LAYOUTS) <= set(plugins.names("data.corpora"))
