"""speechgru audio ..., through the command line: results, what is said, and what is refused before any work."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from commands import Run, runner

from speechgru import cli
from speechgru.utils import plugins

RATE = 16000
COMMANDS = [name.replace("_", "-") for name in plugins.names("cli.audio")]
# What each needs beside recordings and -o.
MORE = {"resample": ["--rate", "8000"], "mix-noise": ["--snr", "10"]}
WRITERS = [name for name in COMMANDS if name != "info"]
TO_FILE = [name for name in WRITERS if name != "split-at-pauses"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    call = runner(capsys, "audio")
    return lambda command, *arguments: call(command, *arguments, *MORE.get(command, []))


def speech(seed: int = 0, channels: int = 2) -> np.ndarray:
    """Two seconds of noise with a second of near-silence between them and half a one around: [time, channels]."""
    generator = np.random.default_rng(seed)
    loud = np.repeat([1e-4, 0.1, 1e-4, 0.1, 1e-4], [8000, RATE, RATE, RATE, 8000])
    return generator.standard_normal((len(loud), channels)) * loud[:, None]


def save(path: str | Path, seed: int = 0, **options: object) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, speech(seed), RATE, **options)
    return path


def left() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*"))


def test_the_commands_are_these(run: Run) -> None:
    assert cli.main(["audio", "--help"]) == 0
    wanted = "convert info mix-noise normalize resample split-at-pauses trim-silence"
    assert " ".join(COMMANDS) == wanted


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_and_is_instant(command: str) -> None:
    code = (
        "import sys; from speechgru.cli import main\n"
        f"code = main(['audio', '{command}', '--help'])\n"
        "heavy = {'torch', 'numpy', 'soundfile', 'librosa', 'scipy', 'pyloudnorm'} & set(sys.modules)\n"
        "sys.exit(code or str(sorted(heavy)) * bool(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"examples:\n  speechgru audio {command} " in done.stdout
    assert f"usage: speechgru audio {command} " in done.stdout


def test_dashes_are_asked_for(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audio", "trim-silense", "a.wav"]) == 2
    assert "Did you mean 'trim-silence'?" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------ good recordings


def test_info_for_people_and_machines(run: Run, folder: Path) -> None:
    save("a.wav", subtype="PCM_16")
    shown = run("info", "a.wav")
    assert (shown.code, shown.err) == (0, "")
    lines = {
        key.strip(): value for key, _, value in (x.strip().partition("  ") for x in shown.out.splitlines())
    }
    assert lines["duration"].strip() == "0:00:04.000 (4.000 s)"
    assert "WAV PCM_16" in shown.out
    save("b.flac", seed=1)
    found = run("info", ".", "--format", "json")
    entries = [json.loads(line) for line in found.out.splitlines()]
    assert [(e["audio_filepath"], e["channels"], e["bits"]) for e in entries] == [
        ("a.wav", 2, "16"),
        ("b.flac", 2, "16"),
    ]
    assert all(0.4 < e["silence"] < 0.6 for e in entries)
    assert all(e["loudness"] == pytest.approx(-17, abs=3) for e in entries)


@pytest.mark.parametrize("command", TO_FILE)
def test_a_file_to_a_file(command: str, run: Run, folder: Path) -> None:
    save("a.wav", subtype="PCM_24")
    done = run(command, "a.wav", "-o", "new/b.flac")
    assert done.code == 0, done.err
    info = soundfile.info("new/b.flac")
    assert (info.channels, info.subtype) == (2, "PCM_24")
    assert info.samplerate == (8000 if command == "resample" else RATE)
    assert left() == ["a.wav", "new", "new/b.flac"]


@pytest.mark.parametrize("command", TO_FILE)
def test_a_tree_to_a_tree_and_again(command: str, run: Run, folder: Path) -> None:
    for name in ("in/a.wav", "in/deep/talk.2024.flac"):
        save(name)
    done = run(command, "in", "-o", "out", "--recursive")
    assert done.code == 0, done.err
    written = ["out/a.wav", "out/deep/talk.2024.flac"]
    assert [name for name in left() if Path(name).is_file()] == [
        "in/a.wav",
        "in/deep/talk.2024.flac",
        *written,
    ]
    first = {name: Path(name).read_bytes() for name in written}
    again = run(command, "in", "-o", "out", "--recursive")
    assert again.code == 2
    assert "out/a.wav, out/deep/talk.2024.flac are already there. Pass --overwrite" in again.err
    assert run(command, "in", "-o", "out", "--recursive", "--overwrite").code == 0
    assert {name: Path(name).read_bytes() for name in written} == first


def test_formats_of_a_folder(run: Run, folder: Path) -> None:
    save("in/a.wav")
    save("in/b.wav", seed=1)
    assert run("convert", "in", "-o", "out", "--format", "ogg", "--channels", "1").code == 0
    assert [soundfile.info(f"out/{name}.ogg").channels for name in "ab"] == [1, 1]
    assert run("convert", "in/a.wav", "-o", "out/", "--format", "wav", "--bits", "8").code == 0
    assert soundfile.info("out/a.wav").subtype == "PCM_U8"


def test_standard_input(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = save("a.wav").read_bytes()
    for command in ("convert", "mix-noise"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert run(command, "-", "-o", f"{command}.wav").code == 0
        assert soundfile.info(f"{command}.wav").frames == 4 * RATE
    for command in ("trim-silence", "normalize", "split-at-pauses"):
        refused = run(command, "-", "-o", "out.wav")
        assert (refused.code, "standard input" in refused.err) == (2, True)


def test_parts_and_their_manifest(run: Run, folder: Path) -> None:
    save("in/talk.wav")
    save("in/deep/talk.wav", seed=1)
    done = run("split-at-pauses", "in", "-o", "parts", "--recursive", "--format", "flac")
    assert done.code == 0, done.err
    assert "in/talk.wav: 2 parts, parts/talk.jsonl" in done.err
    parts = [f"{name}talk{end}" for name in ("", "deep/") for end in ("-0001.flac", "-0002.flac", ".jsonl")]
    assert sorted(str(p.relative_to("parts")) for p in Path("parts").rglob("*.*")) == sorted(parts)
    again = run("split-at-pauses", "in", "-o", "parts")
    assert again.code == 2
    assert "--overwrite" in again.err
    assert run("split-at-pauses", "in", "-o", "parts", "--overwrite", "--pause", "2").code == 0
    names = sorted(p.name for p in Path("parts").iterdir() if p.is_file())
    assert names == ["talk-0001.wav", "talk.jsonl"]


def test_noise_is_the_files_own_whatever_lies_beside_it(run: Run, folder: Path) -> None:
    for number, name in enumerate(("a", "b", "c")):
        save(f"in/{name}.wav", seed=number)
    run("mix-noise", "in", "-o", "all", "--seed", "5")
    run("mix-noise", "in/b.wav", "-o", "b.wav", "--seed", "5")
    run("mix-noise", "in/b.wav", "-o", "other.wav", "--seed", "6")
    assert Path("b.wav").read_bytes() == Path("all/b.wav").read_bytes()
    assert Path("b.wav").read_bytes() != Path("other.wav").read_bytes()


def test_normalizing_says_what_it_did(run: Run, folder: Path) -> None:
    save("a.wav")
    done = run("normalize", "a.wav", "-o", "b.wav", "--lufs", "-30")
    gain = float(re.search(r"gain ([+-][\d.]+) dB", done.err)[1])
    assert gain == pytest.approx(-13, abs=3)
    assert run("normalize", "a.wav", "-o", "c.wav", "--peak", "-3").code == 0
    assert np.abs(soundfile.read("c.wav")[0]).max() == pytest.approx(10 ** (-3 / 20), abs=1e-4)


# ---------------------------------------------------------------------------------------------------- bad input


def write_empty(path: Path) -> None:
    path.write_bytes(b"")


def write_text(path: Path) -> None:
    path.write_text("no sound")


def write_nan(path: Path) -> None:
    soundfile.write(path, np.array([0.1, np.nan, 0.2]), RATE, subtype="FLOAT")


def write_no_samples(path: Path) -> None:
    soundfile.write(path, np.zeros(0), RATE)


def make_folder(path: Path) -> None:
    path.mkdir()


def leave_missing(path: Path) -> None:
    pass


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "make", [write_empty, write_text, write_nan, write_no_samples, make_folder, leave_missing]
)
def test_the_others_are_done(make: Callable[[Path], None], command: str, run: Run, folder: Path) -> None:
    make(folder / "bad.wav")
    save("good.wav")
    more = ["-o", "out"] if command in WRITERS else []
    done = run(command, "bad.wav", "good.wav", *more)
    assert done.code == 1
    assert "speechgru: error: bad.wav" in done.err
    if command in WRITERS:
        stem = "good-0001.wav" if command == "split-at-pauses" else "good.wav"
        assert Path("out", stem).exists()
        assert not [name for name in left() if name.startswith("out") and "bad" in name]
    else:
        assert "good.wav" in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_a_cut_recording_is_done_as_far_as_it_goes(command: str, run: Run, folder: Path) -> None:
    path = save("a.wav", subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:-40_000])
    more = ["-o", "out/"] if command in WRITERS else []
    done = run(command, "a.wav", *more)
    assert done.code == 1
    assert "cut short" in done.err + done.out
    assert not more or list(Path("out").iterdir())


@pytest.mark.parametrize("command", TO_FILE)
def test_what_is_refused_before_any_work(command: str, run: Run, folder: Path) -> None:
    save("a.wav")
    save("other/a.wav", seed=1)
    Path("link.wav").symlink_to("a.wav")
    Path("file").write_text("")
    before = {name: Path(name).read_bytes() for name in left() if Path(name).is_file()}
    for arguments, expected, code in (
        (["a.wav", "-o", "a.wav", "--overwrite"], "a file that is read", 2),
        (["a.wav", "-o", "link.wav", "--overwrite"], "a file that is read", 2),
        (["a.wav", "-o", "."], "a file that is read", 2),
        (["a.wav", "-o", "b.xyz"], "Unknown format to write: 'xyz'", 2),
        (["a.wav", "-o", "b"], "Unknown format to write", 2),
        (["a.wav", "-o", "b.wav", "--format", "flac"], "--format is for a folder", 2),
        (["a.wav", "other/a.wav", "-o", "out"], "would both be written to", 2),
        (["a.wav", "-o", "file/b.wav"], "Nothing can be written into file", 2),
        (["a.wav", "-o", "/proc/b.wav"], "Nothing can be written into /proc", 2),
        (["a.wav"], "-o", 2),
        (["a.wav", "-o", ""], "names no file and no folder", 2),
        (["other", "-o", "b.wav"], "-o b.wav names a file", 2),
        (["a.wav", "other/a.wav", "-o", "b.flac"], "-o b.flac names a file", 2),
    ):
        refused = run(command, *arguments)
        assert (refused.code, expected in refused.err) == (code, True), (arguments, refused.err)
    assert {name: Path(name).read_bytes() for name in left() if Path(name).is_file()} == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["resample", "a.wav", "-o", "b.wav", "--rate", "0"],
        ["resample", "a.wav", "-o", "b.wav", "--rate", "1e4"],
        ["resample", "a.wav", "-o", "b.wav", "--rate", "1600000"],
        ["convert", "a.wav", "-o", "b.wav", "--bits", "12"],
        ["convert", "a.wav", "-o", "b.wav", "--channels", "-1"],
        ["trim-silence", "a.wav", "-o", "b.wav", "--threshold", "0"],
        ["trim-silence", "a.wav", "-o", "b.wav", "--padding", "nan"],
        ["normalize", "a.wav", "-o", "b.wav", "--lufs", "3"],
        ["normalize", "a.wav", "-o", "b.wav", "--peak", "nan"],
        ["normalize", "a.wav", "-o", "b.wav", "--peak", "-1", "--ceiling", "-2"],
        ["mix-noise", "a.wav", "-o", "b.wav", "--snr", "inf"],
        ["mix-noise", "a.wav", "-o", "b.wav", "--snr", "3", "--noise", "a.wav", "--colour", "pink"],
        ["split-at-pauses", "a.wav", "-o", "b", "--pause", "0"],
        ["split-at-pauses", "a.wav", "-o", "a.wav"],
        ["split-at-pauses", "a.wav", "-o", "b.wav"],
        ["split-at-pauses", "a.wav", "-o", ""],
        ["info"],
    ],
)
def test_wrong_usage(arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save("a.wav")
    assert cli.main(["audio", *arguments]) == 2
    assert capsys.readouterr().err
    assert left() == ["a.wav"]


def test_noise_that_is_missing_or_overwritten(run: Run, folder: Path) -> None:
    save("a.wav")
    save("noise.wav", seed=1)
    missing = run("mix-noise", "a.wav", "-o", "b.wav", "--noise", "nowhere.wav")
    assert (missing.code, "nowhere.wav" in missing.err) == (1, True)
    own = run("mix-noise", "a.wav", "-o", "noise.wav", "--noise", "noise.wav", "--overwrite")
    assert (own.code, "the noise itself" in own.err) == (2, True)
    assert left() == ["a.wav", "noise.wav"]


def test_a_recording_named_like_a_part_is_safe(run: Run, folder: Path) -> None:
    save("talk.wav")
    save("talk-0001.wav", seed=1)
    refused = run("split-at-pauses", "talk.wav", "talk-0001.wav", "-o", ".", "--overwrite")
    assert refused.code == 2
    assert left() == ["talk-0001.wav", "talk.wav"]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["resample", "split-at-pauses"])
def test_ctrl_c_leaves_nothing_half_written(command: str, folder: Path) -> None:
    with soundfile.SoundFile("long.wav", "w", 48000, 2, "PCM_16") as file:
        block = np.random.default_rng(0).standard_normal((48000, 2)) * 0.1
        block[:24000] *= 1e-3
        for _ in range(300):
            file.write(block)
    more = ["--rate", "44100"] if command == "resample" else ["--pause", "0.3"]
    process = subprocess.Popen(
        [sys.executable, "-m", "speechgru", "audio", command, "long.wav", "-o", "out/", *more],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    deadline = time.monotonic() + 60
    while not (started := list(Path().glob("out/.*"))) and time.monotonic() < deadline:
        time.sleep(0.02)
        if process.poll() is not None:
            pytest.skip("done before it could be stopped")
    assert started
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("done before it could be stopped")
    assert process.returncode == 130
    assert left() == ["long.wav", "out"]
