"""The public corpora on small copies of their published layouts, and their downloads from a server here."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import beeps
import pytest
import replicas
import soundfile
from servers import Server, serving

from speechgru.audio import encode
from speechgru.data import Utterance, corpus_download, corpus_tools, splits
from speechgru.data.corpora import (
    an4,
    cmu_arctic,
    commonvoice,
    librispeech,
    ljspeech,
    musan,
    rirs_noises,
    speech_commands,
    tedlium,
    yesno,
)
from speechgru.errors import CorpusError, DownloadError
from speechgru.utils import plugins

Rows = list[tuple[str, str, str]]


def rows(utterances: list[Utterance]) -> Rows:
    return [(u.id, u.speaker, u.text) for u in utterances]


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def say(path: Path, text: str = "see me") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".sph":
        soundfile.write(path, beeps.beep(text), beeps.RATE, format="NIST", subtype="PCM_16")
    else:
        encode.write(path, beeps.beep(text), beeps.RATE)
    return path


# --- Common Voice


def common_voice(root: Path, sentences: dict[str, str], locale: str) -> Path:
    for split in ("train", "dev", "test"):
        lines = ["client_id\tpath\tsentence_id\tsentence\tlocale"]
        for name, sentence in sentences.items():
            say(root / "clips" / f"{split}-{name}.mp3")
            lines.append(f"{split}er\t{split}-{name}.mp3\tx\t{sentence}\t{locale}")
        write(root / f"{split}.tsv", "\n".join(lines) + "\n")
    return root


def test_common_voice_in_english(tmp_path: Path) -> None:
    root = common_voice(tmp_path / "en", {"a": 'He said "café".', "b": "Room 5"}, "en")
    found = commonvoice.prepare(root)
    assert rows(found["train"]) == [
        ("train-a", "trainer", "he said cafe"),
        ("train-b", "trainer", "room five"),
    ]
    assert list(found) == ["train", "dev", "test"]
    assert [u.duration for u in found["dev"]] == pytest.approx([1.56, 1.56], abs=0.1)


def test_common_voice_in_another_language(tmp_path: Path) -> None:
    common_voice(tmp_path / "x" / "ru", {"a": "«Ёлка», — сказал он", "b": "Дом 5", "c": "L’été à 日本"}, "ru")
    with corpus_tools.collect_dropped() as dropped:
        found = commonvoice.prepare(tmp_path / "x")
    assert [u.text for u in found["test"]] == ["ёлка сказал он", "l'été à 日本"]
    assert {(d.utterance.id, d.reason) for d in dropped} == {
        (f"{s}-b", "text that can't be read out: '5'") for s in ("train", "dev", "test")
    }


def test_common_voice_of_old_has_no_extensions(tmp_path: Path) -> None:
    root = common_voice(tmp_path / "cy", {"a": "bore da"}, "")
    table = root / "train.tsv"
    table.write_text(table.read_text().replace(".mp3", ""))
    assert rows(commonvoice.prepare(root)["train"]) == [("train-a", "trainer", "bore da")]


def test_common_voice_errors(tmp_path: Path) -> None:
    root = common_voice(tmp_path / "all" / "en", {"a": "hello"}, "en")
    common_voice(tmp_path / "all" / "cy", {"a": "helo"}, "cy")
    with pytest.raises(CorpusError, match=r"holds 2 languages \(cy, en\)"):
        commonvoice.prepare(tmp_path / "all")
    write(root / "dev.tsv", "client_id\tpath\ttext\n")
    with pytest.raises(CorpusError, match=r"dev\.tsv, line 1: no column 'sentence'"):
        commonvoice.prepare(root)
    write(root / "dev.tsv", "client_id\tpath\tsentence\nx\ty\n")
    with pytest.raises(CorpusError, match=r"dev\.tsv, line 2: 2 columns; expected 3"):
        commonvoice.prepare(root)
    (root / "dev.tsv").unlink()
    with pytest.raises(CorpusError, match=r"dev\.tsv"):
        commonvoice.prepare(root)


def test_common_voice_explains_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(
        DownloadError, match=r"without an account\. 1\. .*2\. .*3\. .*tar -xzf.*4\. speechgru"
    ):
        corpus_download.fetch(commonvoice, tmp_path)


# --- TED-LIUM


def ted(root: Path) -> Path:
    line = "{0} 1 {0} {1:.2f} {2:.2f} <o,f0,male> {3}\n"
    for split in tedlium.SPLITS:
        place = root / ("data" if split == "train" else f"legacy/{split}")
        talk = f"Ann{split}_2010"
        say(place / "sph" / f"{talk}.sph", "see me we go")
        write(
            place / "stm" / f"{talk}.stm",
            ";; a comment\n"
            + line.format(talk, 0, 1.5, "it 's <unk> what(2) {NOISE} they 've said")
            + line.format(talk, 1.5, 1.7, "ignore_time_segment_in_scoring")
            + line.format(talk, 1.7, 2.345, "the end"),
        )
    return root


def test_tedlium(tmp_path: Path) -> None:
    found = tedlium.prepare(ted(tmp_path))
    assert {split: rows(us) for split, us in found.items()} == {
        split: [
            (f"Ann{split}_2010-0000000-0000150", f"Ann{split}_2010", "it's what they've said"),
            (f"Ann{split}_2010-0000170-0000235", f"Ann{split}_2010", "the end"),
        ]
        for split in tedlium.SPLITS
    }
    assert [(u.offset, u.duration) for u in found["dev"]] == [(0.0, 1.5), (1.7, 0.65)]
    (tmp_path / "legacy" / "train").mkdir()
    for kind in ("stm", "sph"):
        (tmp_path / "legacy" / "train" / kind).symlink_to(f"../../data/{kind}")
    assert rows(tedlium.prepare(tmp_path)["train"]) == rows(found["train"])


def test_tedlium_takes_other_audio_and_the_talks_that_are_there(tmp_path: Path) -> None:
    ted(tmp_path)
    path = tmp_path / "legacy" / "dev" / "sph" / "Anndev_2010.sph"
    path.unlink()
    with pytest.raises(
        CorpusError, match=r"tedlium dev: none of its 2 recordings can be used: 2 missing audio"
    ):
        tedlium.prepare(tmp_path)
    say(path.with_suffix(".opus"), "see me we go")
    assert tedlium.prepare(tmp_path)["dev"][0].audio_filepath.suffix == ".opus"


@pytest.mark.parametrize("line", ["Ann 1 Ann 3.0 2.0 <o> yes", "Ann 1 Ann x 2.0 <o> yes", "Ann 1"])
def test_tedlium_names_a_bad_line(tmp_path: Path, line: str) -> None:
    ted(tmp_path)
    table = tmp_path / "legacy" / "test" / "stm" / "Anntest_2010.stm"
    table.write_text(table.read_text() + line + "\n")
    with pytest.raises(CorpusError, match=r"Anntest_2010\.stm, line 5: 'Ann 1.*expected TALK CHANNEL"):
        tedlium.prepare(tmp_path)


# --- one voice, many voices


def test_ljspeech(tmp_path: Path) -> None:
    names = [f"LJ{chapter:03}-{i:04}" for chapter in range(1, 21) for i in (1, 2)]
    write(tmp_path / "metadata.csv", "".join(f'{n}|In 1933, "yes"|In nineteen\n' for n in names))
    for name in names:
        say(tmp_path / "wavs" / f"{name}.wav")
    found = ljspeech.prepare(tmp_path)
    chapters = {split: {u.id[:5] for u in us} for split, us in found.items()}
    assert {split: len(c) for split, c in chapters.items()} == {"train": 16, "dev": 2, "test": 2}
    assert not chapters["train"] & chapters["dev"] | chapters["train"] & chapters["test"]
    assert {u.text for us in found.values() for u in us} == {"in nineteen"}
    write(tmp_path / "metadata.csv", "LJ001-0001|a|a\nLJ001-0002\n")
    with pytest.raises(CorpusError, match=r"metadata\.csv, line 2: 1 columns"):
        ljspeech.prepare(tmp_path)


def arctic(root: Path, voices: list[str], sentences: int = 20) -> Path:
    for voice in voices:
        folder = root / f"cmu_us_{voice}_arctic"
        lines = [
            f'( arctic_a{i:04} "Lord, but I\'m glad, ""Phil"" number {i}." )\n' for i in range(sentences)
        ]
        write(folder / "etc" / "txt.done.data", "".join(lines))
        for i in range(sentences):
            say(folder / "wav" / f"arctic_a{i:04}.wav", "a")
    return root


def test_cmu_arctic_shares_neither_voices_nor_sentences(tmp_path: Path) -> None:
    found = cmu_arctic.prepare(arctic(tmp_path, ["aew", "bdl", "slt", "ksp"]))
    assert {split: len(us) for split, us in found.items()} == {"train": 32, "dev": 2, "test": 2}
    for one, other in (("train", "dev"), ("train", "test"), ("dev", "test")):
        assert not {u.speaker for u in found[one]} & {u.speaker for u in found[other]}
        assert not {u.text for u in found[one]} & {u.text for u in found[other]}
    assert found["dev"][0].text.startswith("lord but i'm glad phil number ")


def test_cmu_arctic_of_one_voice(tmp_path: Path) -> None:
    found = cmu_arctic.prepare(arctic(tmp_path, ["slt"]))
    assert {split: len(us) for split, us in found.items()} == {"train": 16, "dev": 2, "test": 2}
    assert {u.speaker for us in found.values() for u in us} == {""}
    table = tmp_path / "cmu_us_slt_arctic" / "etc" / "txt.done.data"
    write(table, '( arctic_a0000 "Fine." )\nwrong\n')
    with pytest.raises(CorpusError, match=r"txt\.done\.data, line 2: 'wrong'"):
        cmu_arctic.prepare(tmp_path)


def test_an4(tmp_path: Path) -> None:
    for split, place, speakers in (
        ("train", "an4_clstk", ["fash", "fbbh", "mmxg"]),
        ("test", "an4test_clstk", ["fcaw"]),
    ):
        names = [f"cen7-{s}-b" for s in speakers]
        # The train transcripts mark where a sentence begins, the test transcripts don't.
        mark = ("<s> ", " </s>") if split == "train" else ("", "")
        write(
            tmp_path / "etc" / f"an4_{split}.transcription",
            "".join(f"{mark[0]}M Y S{mark[1]} ({n})\n" for n in names),
        )
        for name, speaker in zip(names, speakers):
            say(tmp_path / "wav" / place / speaker / f"{name}.sph")
    found = an4.prepare(tmp_path)
    assert {split: len(us) for split, us in found.items()} == {"train": 2, "dev": 1, "test": 1}
    assert rows(found["test"]) == [("cen7-fcaw-b", "fcaw", "m y s")]
    assert {u.speaker for u in found["train"] + found["dev"]} == {"fash", "fbbh", "mmxg"}
    table = tmp_path / "etc" / "an4_test.transcription"
    table.write_text("M Y S (cen7-fcaw-b)\nno id\n")
    with pytest.raises(CorpusError, match=r"an4_test\.transcription, line 2: 'no id'"):
        an4.prepare(tmp_path)
    table.unlink()
    with pytest.raises(CorpusError, match=r"found nothing.*etc/an4_train"):
        an4.prepare(tmp_path)


def test_shortened_sphere_is_named(tmp_path: Path) -> None:
    """What libsndfile can't read: SPHERE files compressed with shorten."""
    header = (
        "NIST_1A\n   1024\nsample_coding -s26 pcm,embedded-shorten-v2.00\nsample_rate -i 16000\nend_head\n"
    )
    path = tmp_path / "wav" / "an4test_clstk" / "fcaw" / "cen7-fcaw-b.sph"
    path.parent.mkdir(parents=True)
    path.write_bytes(header.ljust(1024).encode() + b"ajkg\2" + bytes(100))
    for split in ("train", "test"):
        write(
            tmp_path / "etc" / f"an4_{split}.transcription", "YES (cen7-fcaw-b)\n" if split == "test" else ""
        )
    with pytest.raises(CorpusError, match=r"none of its 1 recordings can be used: 1 unreadable audio"):
        an4.prepare(tmp_path)


def test_yesno(tmp_path: Path) -> None:
    for number in range(30):
        say(tmp_path / f"{'_'.join(f'{number:08b}')}.wav", "a")
    write(tmp_path / "README", "about")
    found = yesno.prepare(tmp_path)
    assert {split: len(us) for split, us in found.items()} == {"train": 12, "dev": 3, "test": 15}
    assert rows(found["test"])[0] == ("0_0_0_0_0_0_0_1", "", "no no no no no no no yes")


def test_speech_commands_without_lists_follow_the_rule(tmp_path: Path) -> None:
    say(tmp_path / "bed" / "0a7c2a8d_nohash_0.wav", "a")
    place = speech_commands.which_set("0a7c2a8d")
    found = speech_commands.prepare(tmp_path)
    assert [(u.id, u.speaker, u.text) for u in found[place]] == [("bed/0a7c2a8d_nohash_0", "0a7c2a8d", "bed")]
    shares = [speech_commands.which_set(f"{i:08x}") for i in range(5000)]
    assert shares.count("dev") / 5000 == pytest.approx(0.1, abs=0.02)
    assert shares.count("test") / 5000 == pytest.approx(0.1, abs=0.02)


# --- noise and rooms


def test_musan(tmp_path: Path) -> None:
    say(tmp_path / "noise" / "free-sound" / "noise-free-sound-0000.wav")
    say(tmp_path / "speech" / "us-gov" / "speech-us-gov-0000.wav")
    write(tmp_path / "noise" / "free-sound" / "LICENSE", "free")
    found = musan.prepare(tmp_path)
    assert {k: rows(us) for k, us in found.items()} == {
        "noise": [("noise/free-sound/noise-free-sound-0000", "", "")],
        "speech": [("speech/us-gov/speech-us-gov-0000", "", "")],
    }
    assert found["noise"][0].duration == pytest.approx(1.56)


def test_rirs_noises(tmp_path: Path) -> None:
    for place in (
        "real_rirs_isotropic_noises/RVB2014_type1_rir_largeroom1_far_angla",
        "real_rirs_isotropic_noises/air_type1_air_binaural_aula_carolina_1_7_90_3",
        "real_rirs_isotropic_noises/RVB2014_type1_noise_largeroom1_1",
        "simulated_rirs/smallroom/Room001/Room001-00001",
        "simulated_rirs/largeroom/Room001/Room001-00001",
    ):
        say(tmp_path / f"{place}.wav", "a")
    found = rirs_noises.prepare(tmp_path)
    assert {k: len(us) for k, us in found.items()} == {
        "real_rirs": 2,
        "isotropic_noises": 1,
        "simulated_rirs": 2,
    }
    assert "simulated_rirs/smallroom/Room001/Room001-00001" in {u.id for u in found["simulated_rirs"]}


# --- half a corpus


def test_a_corpus_without_its_audio_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "dev-clean" / "1" / "2" / "1-2.trans.txt", "1-2-0000 YES\n1-2-0001 NO\n")
    with pytest.raises(
        CorpusError, match=r"librispeech dev-clean: none of its 2 .*2 missing audio.*only in part"
    ):
        librispeech.prepare(tmp_path)


# --- splits


def test_three_ways_is_stable_and_fair() -> None:
    names = [f"speaker{i}" for i in range(100)]
    places = splits.three_ways(names)
    assert places == splits.three_ways(reversed(names + names))
    assert [list(places.values()).count(s) for s in ("train", "dev", "test")] == [80, 10, 10]
    assert splits.three_ways(names, seed=2) != places
    assert set(splits.three_ways(["a", "b"]).values()) == {"train"}
    assert sorted(splits.three_ways(["a", "b", "c"]).values()) == ["dev", "test", "train"]


# --- downloads

DOWNLOADABLE = [
    n for n in plugins.names("data.corpora") if hasattr(plugins.find("data.corpora", n), "ARCHIVES")
]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr("speechgru.utils.download.PAUSE_SECONDS", 0.0)
    with serving() as found:
        yield found


def lay_out(name: str, module: Any, root: Path) -> None:
    """A small copy of the corpus at root/FOLDER, as its archives unpack."""
    if name == "musan":
        say(root / "musan" / "noise" / "a.wav")
    elif name == "rirs_noises":
        say(root / "RIRS_NOISES" / "simulated_rirs" / "a.wav")
    else:
        replicas.lay_out(name, root / module.FOLDER)


def pack(folder: Path, base: Path, as_zip: bool) -> bytes:
    """`folder` with names relative to `base`."""
    buffer = io.BytesIO()
    if as_zip:
        with zipfile.ZipFile(buffer, "w") as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(base))
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            tar.add(folder, folder.relative_to(base))
    return buffer.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("name", DOWNLOADABLE)
def test_download_then_prepare(
    name: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: ModuleType = plugins.find("data.corpora", name)
    lay_out(name, module, tmp_path / "there")
    local = {}
    for part, archive in module.ARCHIVES.items():
        folder = tmp_path / "there" / archive.folder
        if folder.is_dir():
            content = pack(folder, tmp_path / "there" / archive.inside, archive.name.endswith(".zip"))
            url = server.put(archive.name, content)
            local[part] = dataclasses.replace(
                archive, url=url, size=len(content), checksum=f"sha256:{hashlib.sha256(content).hexdigest()}"
            )
    assert local
    monkeypatch.setattr(module, "ARCHIVES", local)
    server.breaks = 1
    folders = corpus_download.fetch(module, tmp_path / "here")
    assert all(folder.is_dir() for folder in folders)
    found = module.prepare(tmp_path / "here")
    assert {split: rows(us) for split, us in found.items()} == {
        split: rows(us) for split, us in module.prepare(tmp_path / "there" / module.FOLDER).items()
    }
    assert sum(map(len, found.values()))
    asked = len(server.requests)
    assert corpus_download.fetch(module, tmp_path / "here") == folders
    assert len(server.requests) == asked
