"""speechgru transcribe, through the command line: what goes in, what comes out, what is said about it."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from beeps import RATE, beep, recognizer, save_checkpoint, sentence, spoken
from commands import Run, runner

from speechgru import cli
from speechgru.utils import plugins


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The real command line in this process, with an engine that recognizes beeps."""
    monkeypatch.setattr(
        "speechgru.inference.load.load_recognizer", lambda *_, batch_size, **__: recognizer(batch_size)
    )
    return runner(capsys, "transcribe")


def save(path: str | Path, text: str = "hello", **options: Any) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, beep(text), RATE, **options)
    return path


# ------------------------------------------------------------------------------------ good recordings


def test_one_file(run: Run, folder: Path) -> None:
    found = run(save("a.wav", "hello all |of you"))
    assert (found.code, found.out, found.err) == (0, "hello all\nof you\n", "")


def test_several_files_are_lines_of_path_tab_text_in_the_order_given(run: Run, folder: Path) -> None:
    for name in ("b", "a", "c"):
        save(f"{name}.wav", f"this is {name}")
    found = run("b.wav", "a.wav", "c.wav")
    assert found.code == 0
    assert found.out == "b.wav\tthis is b\na.wav\tthis is a\nc.wav\tthis is c\n"


def test_a_folder_with_spaces_in_its_name(run: Run, folder: Path) -> None:
    save("old tapes/side one.wav", "one")
    save("old tapes/side two.flac", "two")
    Path("old tapes/notes.txt").write_text("no sound")
    found = run(folder / "old tapes")
    assert found.code == 0
    assert found.out == f"{folder}/old tapes/side one.wav\tone\n{folder}/old tapes/side two.flac\ttwo\n"


def test_json_of_one_is_an_object_and_of_several_one_a_line(run: Run, folder: Path) -> None:
    save("a.wav", "one two")
    save("b.wav", "three")
    one = json.loads(run("a.wav", "--format", "json").out)
    assert (one["text"], one["audio_filepath"], one["truncated"]) == ("one two", "a.wav", False)
    assert one["segments"][0]["words"][1]["text"] == "two"
    lines = [json.loads(line) for line in run("a.wav", "b.wav", "--format", "json").out.splitlines()]
    assert [line["text"] for line in lines] == ["one two", "three"]
    assert lines[0] == one


@pytest.mark.parametrize(
    ("format_", "pattern"),
    [
        ("srt", r"1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\none two\n\n"),
        ("vtt", r"WEBVTT\n\n00:00:00\.\d{3} --> 00:00:0\d\.\d{3}\none two\n"),
        ("tsv", r"start\tend\ttext\n\d+\t\d+\tone two\n"),
        ("ctm", r"a 1 \d\.\d{3} \d\.\d{3} one 0\.9000\na 1 \d\.\d{3} \d\.\d{3} two 0\.9000\n"),
    ],
)
def test_other_formats_of_one_file(run: Run, folder: Path, format_: str, pattern: str) -> None:
    found = run(save("a.wav", "one two"), "--format", format_)
    assert found.code == 0
    assert re.fullmatch(pattern, found.out)


def test_ctm_of_several_shares_stdout_unless_names_are_the_same(run: Run, folder: Path) -> None:
    save("x/a.wav", "one")
    save("y/b.wav", "two")
    save("y/a.wav", "two")
    assert [line.split()[0] for line in run("x/a.wav", "y/b.wav", "--format", "ctm").out.splitlines()] == [
        "a",
        "b",
    ]
    refused = run("x/a.wav", "y/a.wav", "--format", "ctm")
    assert (refused.code, refused.out) == (2, "")
    assert "both be called a" in refused.err


def test_standard_input(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = save("a.wav", "from a pipe").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    found = run("-")
    assert (found.code, found.out) == (0, "from a pipe\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert run("-", "-o", "out").code == 0
    assert Path("out/stdin.txt").read_text() == "from a pipe\n"


def test_a_file_named_twice_is_transcribed_once(run: Run, folder: Path) -> None:
    save("a.wav")
    assert run("a.wav", "./a.wav", ".").out == "a.wav\thello\n"


def test_a_name_that_is_no_text_is_printed_as_it_is(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = b"caf\xe9.wav"
    save("a.wav").rename(os.fsdecode(odd))
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="utf-8"))
    assert cli.main(["transcribe", "."]) == 0
    assert raw.getvalue() == odd + b"\thello\n"
    for format_ in ("txt", "json", "ctm"):
        assert cli.main(["transcribe", ".", "--format", format_, "-o", "out"]) == 0
    assert sorted(os.listdir(b"out")) == [b"caf\xe9." + end for end in (b"ctm", b"json", b"txt")]


def test_a_long_file(run: Run, folder: Path) -> None:
    text = sentence(100, 5, pause_every=7)
    assert " ".join(run(save("long.wav", text)).out.split()) == spoken(text)


def test_any_batch_size_gives_the_same(run: Run, folder: Path) -> None:
    for i in range(9):
        save(f"{i}.wav", sentence(i + 1, i))
    first = run(".", "--batch-size", 1)
    assert first.out.count("\n") == 9
    assert first.out == run(".", "--batch-size", 8).out


# ------------------------------------------------------------------------------------------- to files


def test_output_keeps_the_tree(run: Run, folder: Path) -> None:
    save("in/a.wav", "one")
    save("in/deep/er/a.b.wav", "two")
    found = run("in", "--recursive", "-o", "out")
    assert (found.code, found.out) == (0, "")
    assert Path("out/a.txt").read_text() == "one\n"
    assert Path("out/deep/er/a.b.txt").read_text() == "two\n"
    assert sorted(p.name for p in Path("out").rglob("*") if p.is_file()) == ["a.b.txt", "a.txt"]


@pytest.mark.parametrize("format_", ["txt", "json", "srt", "vtt", "tsv", "ctm"])
def test_every_format_makes_its_file(run: Run, folder: Path, format_: str) -> None:
    save("a.wav", "one")
    save("b.wav", "two")
    assert run("a.wav", "b.wav", "--format", format_, "-o", "out").code == 0
    assert "one" in Path(f"out/a.{format_}").read_text()
    assert "two" in Path(f"out/b.{format_}").read_text()


def test_names_that_collide_are_refused_before_any_work(run: Run, folder: Path) -> None:
    save("a.wav")
    save("a.flac")
    found = run("a.wav", "a.flac", "-o", "out")
    assert found.code == 2
    assert all(name in found.err for name in ("a.wav", "a.flac", "out/a.txt"))
    assert not Path("out").exists()
    save("x/a.wav")
    save("y/a.wav")
    assert run("x", "y", "-o", "out").code == 2
    assert not Path("out").exists()


def test_what_is_there_is_kept_unless_told_otherwise(run: Run, folder: Path) -> None:
    save("a.wav", "new")
    Path("out").mkdir()
    Path("out/a.txt").write_text("old")
    found = run("a.wav", "-o", "out")
    assert found.code == 2
    assert "--overwrite" in found.err
    assert Path("out/a.txt").read_text() == "old"
    assert run("a.wav", "-o", "out", "--overwrite").code == 0
    assert Path("out/a.txt").read_text() == "new\n"


def test_a_recording_is_never_replaced_by_its_transcript(run: Run, folder: Path) -> None:
    shutil.copy(save("a.wav"), "a.txt")
    before = Path("a.txt").read_bytes()
    found = run("a.txt", "-o", ".", "--overwrite")
    assert found.code == 2
    assert Path("a.txt").read_bytes() == before


def test_an_output_folder_that_is_a_file(run: Run, folder: Path) -> None:
    save("a.wav")
    Path("out").write_text("")
    found = run("a.wav", "-o", "out")
    assert found.code == 2
    assert "Nothing can be written into out: Not a directory" in found.err
    Path("new/a.txt").mkdir(parents=True)
    found = run("a.wav", "-o", "new", "--overwrite")
    assert (found.code, "new/a.txt is a folder" in found.err) == (2, True)


def test_a_result_that_cannot_be_written_is_named_and_the_rest_is_written(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save("a.wav")
    save("b.wav")
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).name == "a.txt":
            raise OSError(28, "No space left on device", str(source))
        replace(source, target)

    monkeypatch.setattr("speechgru.utils.files.os.replace", full)
    found = run("a.wav", "b.wav", "-o", "out")
    assert found.code == 1
    assert "can't write out/a.txt: No space left on device" in found.err
    assert os.listdir("out") == ["b.txt"]
    assert Path("out/b.txt").read_text() == "hello\n"


# --------------------------------------------------------------------------------------- bad recordings


def _unreadable(path: Path) -> None:
    save(path).chmod(0)


@pytest.fixture
def nobody(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give up root's right to read everything."""
    if os.geteuid() != 0:
        yield
        return
    # The package itself may lie where only root can read: import all that the command needs, list its folders.
    assert run(save("good.wav")).code == 0
    found = {room: plugins.names(room) for room in ("cli", "decoding", "writers")}
    monkeypatch.setattr(plugins, "names", found.__getitem__)
    folder.chmod(0o755)
    os.seteuid(65534)
    yield
    os.seteuid(0)


def _without_samples(path: Path) -> None:
    soundfile.write(path, np.zeros(0), RATE)


def _with(value: float) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        samples = beep("hello")
        samples[1000] = value
        soundfile.write(path, samples, RATE, subtype="FLOAT")

    return make


BAD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (lambda path: None, r"doesn't exist"),
    "0 bytes": (lambda path: path.touch(), r"empty"),
    "no samples": (_without_samples, r"no samples"),
    "not audio": (lambda path: path.write_text("Dear diary, today " * 50), r"isn't audio"),
    "NaN": (_with(float("nan")), r"NaN"),
    "Inf": (_with(float("inf")), r"infinite|Inf"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_named_and_explained(run: Run, folder: Path, kind: str) -> None:
    make, message = BAD[kind]
    make(Path("bad.wav"))
    found = run("bad.wav")
    assert (found.code, found.out) == (1, "")
    assert re.search(message, found.err)
    assert found.err.startswith("speechgru: error: ")
    assert "bad.wav" in found.err
    assert found.err.count("\n") == 1
    assert "Traceback" not in found.err


def test_an_unreadable_file(run: Run, folder: Path, request: pytest.FixtureRequest) -> None:
    _unreadable(Path("bad.wav"))
    request.getfixturevalue("nobody")
    found = run("bad.wav")
    assert (found.code, found.out) == (1, "")
    assert re.search("bad.wav.*[Pp]ermission", found.err)


def test_the_good_of_a_mixed_batch_are_finished(run: Run, folder: Path) -> None:
    kinds = list(BAD)
    for i, kind in enumerate(kinds):
        save(f"{i} good.wav", f"good {chr(97 + i)}")
        BAD[kind][0](Path(f"{i} bad.wav"))
    names = [f"{i} {word}.wav" for i in range(len(kinds)) for word in ("bad", "good")]
    found = run(*names, "-o", "out")
    assert found.code == 1
    assert sorted(p.name for p in Path("out").iterdir()) == [f"{i} good.txt" for i in range(len(kinds))]
    for i in range(len(kinds)):
        assert f"{i} bad.wav" in found.err
        assert Path(f"out/{i} good.txt").read_text() == f"good {chr(97 + i)}\n"


@pytest.mark.parametrize("format_", ["wav", "flac", "ogg", "mp3"])
def test_of_a_truncated_file_the_readable_part_is_written(run: Run, folder: Path, format_: str) -> None:
    path = save(f"cut.{format_}", sentence(40, 0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    whole = spoken(sentence(40, 0))
    found = run(path)
    assert found.code == 1
    assert "cut" in found.err
    assert "warning" in found.err
    said = " ".join(found.out.split())
    assert 0.3 * len(whole) < len(said) < 0.7 * len(whole)
    assert whole.startswith(said.rsplit(" ", 1)[0])
    assert json.loads(run(path, "--format", "json").out)["truncated"]


def test_silence_is_an_empty_text_and_said_to_be(run: Run, folder: Path) -> None:
    soundfile.write("silence.wav", np.zeros(RATE), RATE)
    found = run("silence.wav")
    assert (found.code, found.out) == (0, "")
    assert "no speech" in found.err
    save("a.wav")
    assert run("silence.wav", "a.wav").out == "silence.wav\t\na.wav\thello\n"


def test_narrow_band_is_a_warning_and_no_failure(run: Run, folder: Path) -> None:
    soundfile.write("phone.wav", beep("abc", 8000), 8000)
    found = run("phone.wav")
    assert (found.code, found.out) == (0, "abc\n")
    assert "narrow band" in found.err


# --------------------------------------------------------------------------------------------- folders


def test_folders_without_audio(run: Run, folder: Path) -> None:
    Path("empty").mkdir()
    found = run("empty")
    assert (found.code, found.out) == (1, "")
    assert "empty holds no audio" in found.err
    save("top/inner/a.wav", "inner")
    found = run("top")
    assert (found.code, found.out) == (1, "")
    assert "1 folder inside top" in found.err
    assert "--recursive" in found.err
    assert run("top", "--recursive").out == "top/inner/a.wav\tinner\n"


def test_folders_left_out_are_mentioned(run: Run, folder: Path) -> None:
    save("top/a.wav", "top")
    save("top/inner/b.wav", "inner")
    found = run("top")
    assert (found.code, found.out) == (0, "top/a.wav\ttop\n")
    assert "--recursive" in found.err


def test_an_empty_name_is_not_the_current_folder(run: Run, folder: Path) -> None:
    save("a.wav")
    found = run("")
    assert (found.code, found.out) == (1, "")
    assert "names no recording" in found.err


def test_a_bad_folder_does_not_stop_the_files(run: Run, folder: Path) -> None:
    save("a.wav")
    Path("empty").mkdir()
    found = run("empty", "a.wav")
    assert (found.code, found.out) == (1, "a.wav\thello\n")


# ----------------------------------------------------------------------------------------------- usage


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("a.wav", "--format", "doc"),
        ("a.wav", "--batch-size", "0"),
        ("a.wav", "--batch-size", "x"),
        ("a.wav", "--x"),
    ],
)
def test_wrong_usage(run: Run, folder: Path, arguments: tuple[str, ...]) -> None:
    save("a.wav")
    found = run(*arguments)
    assert (found.code, found.out) == (2, "")
    assert found.err.endswith("See speechgru transcribe --help.\n")
    assert found.err.count("\n") == 1
    assert "_positive" not in found.err


@pytest.mark.parametrize("format_", ["srt", "vtt", "tsv"])
def test_formats_that_cannot_share_stdout(run: Run, folder: Path, format_: str) -> None:
    save("a.wav")
    save("b.wav")
    found = run("a.wav", "b.wav", "--format", format_)
    assert (found.code, found.out) == (2, "")
    assert "-o DIR" in found.err


@pytest.mark.parametrize("name", ["talk.srt", "talk.json", "my notes.TXT", "talk.TextGrid", "new/talk.vtt"])
def test_a_files_extension_names_the_format(run: Run, folder: Path, name: str) -> None:
    save("a.wav", "one two")
    found = run("a.wav", "-o", name)
    assert (found.code, found.out) == (0, "")
    assert Path(name).read_text() == run("a.wav", "--format", Path(name).suffix[1:].lower()).out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "talk.doc"), "Unknown extension: 'doc'"),
        (("-o", "talk.srt", "--format", "vtt"), "names the format srt"),
        (("b.wav", "-o", "talk.srt"), "several recordings go into a folder"),
        (("-o", ""), "names no file"),
        (("-o", "there.txt"), "--overwrite"),
        (("-o", "a.wav"), "Unknown extension"),
        (("--resume",), "Pass -o"),
        (("-o", "out", "--resume", "--overwrite"), "not allowed with"),
        (("--lm", "nowhere.slm"), "nowhere.slm is not there"),
        (("--rescore", "nowhere.safetensors"), "nowhere.safetensors does not exist"),
        (("--lm-weight", "nan"), "'nan' is not a number of at least 0"),
        (("--decoder", "beem"), "Did you mean 'beam'?"),
        (("--device", "gpu"), "'gpu' is no device"),
    ],
)
def test_what_cannot_be_is_refused_before_a_model_is_loaded(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.setattr("speechgru.inference.load.load_recognizer", lambda *_, **__: pytest.fail("loaded"))
    save("a.wav")
    save("b.wav")
    Path("there.txt").write_text("kept")
    found = run("a.wav", *arguments)
    assert found.code == (1 if "nowhere" in message else 2)
    assert message in found.err and found.err.count("\n") == 1
    assert Path("there.txt").read_text() == "kept"


@pytest.mark.parametrize("option", ["--resume", "--skip-existing"])
def test_a_stopped_batch_goes_on_where_it_was(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    for name in ("a", "deep/b", "c.2024"):
        save(f"in/{name}.wav", name[0])
    Path("out").mkdir()
    Path("out/a.txt").write_text("earlier")
    found = run("in", "--recursive", "-o", "out", option)
    assert found.code == 0
    assert "1 of 3 are there already" in found.err
    assert Path("out/a.txt").read_text() == "earlier"
    assert Path("out/deep/b.txt").read_text() == "d\n"
    assert Path("out/c.2024.txt").is_file()
    monkeypatch.setattr("speechgru.inference.load.load_recognizer", lambda *_, **__: pytest.fail("loaded"))
    assert run("in", "--recursive", "-o", "out", option).code == 0
    assert run("in/a.wav", "-o", "out/a.txt", option).code == 0


def test_segments_are_printed_as_they_are_ready(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = sentence(400, 3, pause_every=5)
    save("long.wav", text)
    whole = recognizer().transcribe("long.wav")
    assert len(whole.segments) > 20 and whole.duration > 200
    printed: list[str] = []

    class Paper(io.StringIO):
        def write(self, piece: str) -> int:
            printed.append(piece)
            return super().write(piece)

        def flush(self) -> None:
            printed.append("|")

    for format_ in ("txt", "ctm"):
        printed.clear()
        paper = Paper()
        monkeypatch.setattr("sys.stdout", paper)
        assert cli.main(["transcribe", "long.wav", "--format", format_]) == 0
        expected = io.StringIO()
        plugins.find("writers", format_).write(whole, expected)
        assert paper.getvalue() == expected.getvalue()
        parts = [part for part in "".join(printed).split("|") if part]
        assert len(parts) >= 2 and len(parts[0]) < len(expected.getvalue()) / 2


def test_overwrite_without_a_folder_is_a_mistake(run: Run, folder: Path) -> None:
    found = run(save("a.wav"), "--overwrite")
    assert found.code == 2
    assert "-o FILE_OR_DIR" in found.err


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save("a.wav")
    save("b.wav")

    class Interrupted:
        def transcribe_many(self, sources: list[str], **_: Any) -> Any:
            heard = recognizer()
            yield sources[0], heard.transcribe(sources[0])
            raise KeyboardInterrupt

    monkeypatch.setattr("speechgru.inference.load.load_recognizer", lambda *_, **__: Interrupted())
    found = run("a.wav", "b.wav", "-o", "out")
    assert found.code == 130
    assert "stopped: 1 of 2 are written. The same command with --resume does the rest." in found.err
    assert [p.name for p in Path("out").iterdir()] == ["a.txt"]


# ---------------------------------------------------------------------------- the real thing, its own process


def subprocess_run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "speechgru", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, errors="surrogateescape", timeout=100, **options
    )


@pytest.mark.slow
def test_a_real_process_with_a_real_checkpoint_reads_a_pipe(folder: Path) -> None:
    model = save_checkpoint(folder / "tiny.safetensors")
    good = save("good.wav", sentence(5, 0))
    Path("bad.wav").touch()
    with good.open("rb") as sound:
        found = subprocess_run(
            "transcribe", "-", "bad.wav", "--model", model, "--format", "json", stdin=sound
        )
    assert found.returncode == 1, found.stderr
    only = json.loads(found.stdout)
    assert (only["audio_filepath"], only["model"]) == ("-", "tiny")
    assert only["duration"] == pytest.approx(len(beep(sentence(5, 0))) / RATE, abs=0.01)
    assert "bad.wav" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_missing_model_says_what_to_do(folder: Path) -> None:
    found = subprocess_run("transcribe", save("a.wav"), "--model", "nowhere.safetensors")
    assert found.returncode == 1
    assert "nowhere.safetensors" in found.stderr
    assert "--model FILE" in found.stderr
    assert "Traceback" not in found.stderr


# ------------------------------------------------------------------------------------ what a file holds


def test_joined_recordings_are_transcribed_to_the_last(run: Run, folder: Path) -> None:
    for name in ("a.mp3", "a.wav", "a.flac"):
        save(name, "one")
        save(f"b{name[1:]}", "two")
        Path(f"joined{name[1:]}").write_bytes(Path(name).read_bytes() + Path(f"b{name[1:]}").read_bytes())
        found = run(f"joined{name[1:]}")
        assert (found.code, "".join(found.out.split()), found.err) == (0, "onetwo", ""), name


def test_an_inverted_side_is_said_and_costs_no_word(run: Run, folder: Path) -> None:
    signal = beep("hello")
    soundfile.write("a.wav", np.stack([signal, -signal], axis=1), RATE)
    found = run("a.wav")
    assert (found.code, found.out) == (0, "hello\n")
    assert "warning: a.wav: channel 2 cancels the rest" in found.err


def test_a_track_that_is_not_there_is_an_error_of_that_file_alone(run: Run, folder: Path) -> None:
    save("a.wav", "one")
    found = run("a.wav", "--track", "2")
    assert (found.code, found.out) == (1, "")
    assert "a.wav has one audio track; got track 2" in found.err
    assert run("a.wav", "--track", "1").out == "one\n"
    assert run("a.wav", "--track", "0").code == 2
