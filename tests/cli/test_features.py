"""speechgru features, through the command line: results, what is said, what goes on where it stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from commands import Run, runner

from speechgru.data import feature_archive
from speechgru.features import extract
from speechgru.plots import features

RATE = 16000


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys, "features")


def save(path: str | Path, seconds: float = 0.5, rate: int = RATE, seed: int = 0) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate)), rate)
    return path


def values(path: Path | str, kind: str = "log_mel", **settings: object) -> np.ndarray:
    return extract(path, kind, output="numpy", **settings).values


def left() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


def test_help_has_examples_and_is_instant() -> None:
    code = (
        "import sys; from speechgru.cli import main\n"
        "code = main(['features', '--help'])\n"
        "heavy = {'torch', 'numpy', 'soundfile', 'librosa', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(code or str(sorted(heavy)) * bool(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "examples:\n  speechgru features " in done.stdout


# ------------------------------------------------------------------------------------------------------ good input


def test_a_file_to_a_plain_array(run: Run, folder: Path) -> None:
    path = save("a.wav")
    done = run(path, "-o", "a.npy", "n_mels=20", "--kind", "mfcc", "log_floor=1e-5")
    assert (done.code, done.out, done.err) == (0, "", "")
    expected = values(path, "mfcc", n_mels=20, log_floor=1e-5)
    assert np.load("a.npy") == pytest.approx(expected, abs=1e-5)
    header = json.loads(Path("a.npy.json").read_text())
    assert (header["kind"], header["settings"]["n_mels"], header["settings"]["log_floor"]) == (
        "mfcc",
        20,
        1e-5,
    )
    assert left() == ["a.npy", "a.npy.json", "a.wav"]


@pytest.mark.parametrize("extension", ["npz", "h5", "csv", "parquet"])
def test_a_tree_to_an_archive(extension: str, run: Run, folder: Path) -> None:
    if extension in ("h5", "parquet"):
        pytest.importorskip({"h5": "h5py", "parquet": "pyarrow"}[extension])
    for number, name in enumerate(("in/a.wav", "in/deep/talk.2024.flac")):
        save(name, seed=number)
    done = run("in", "--recursive", "-o", f"out/all.{extension}", "--preset", "whisper")
    assert (done.code, done.err) == (0, "")
    found = feature_archive.read(f"out/all.{extension}")
    assert list(found) == ["a", "deep/talk.2024"]
    for name, path in (("a", "in/a.wav"), ("deep/talk.2024", "in/deep/talk.2024.flac")):
        assert found[name] == pytest.approx(values(path, preset="whisper"), abs=1e-5)
    again = run("in", "-o", f"out/all.{extension}")
    assert (again.code, "--overwrite" in again.err) == (2, True)
    assert run("in", "-o", f"out/all.{extension}", "--overwrite", "n_mels=8").code == 0
    header = feature_archive.read_header(f"out/all.{extension}")
    assert header is not None
    assert (header["settings"]["n_mels"], len(header["bins"])) == (8, 8)


def test_a_folder_goes_on_where_it_was(run: Run, folder: Path) -> None:
    for number in range(3):
        save(f"in/{number}.wav", seed=number)
    assert run("in", "-o", "out/", "--format", "npz").code == 0
    assert left()[3:] == ["out/0.npz", "out/1.npz", "out/2.npz"]
    Path("out/1.npz").unlink()
    before = Path("out/0.npz").stat().st_mtime_ns
    done = run("in", "-o", "out/", "--format", "npz")
    assert (done.code, done.err) == (0, "speechgru: note: 2 of 3 are there already with these settings.\n")
    assert Path("out/1.npz").exists()
    assert Path("out/0.npz").stat().st_mtime_ns == before
    other = run("in", "-o", "out/", "--format", "npz", "n_mels=40")
    assert (other.code, "out/0.npz, out/1.npz, out/2.npz are already there" in other.err) == (2, True)
    assert run("in", "-o", "out/", "--format", "npz", "n_mels=40", "--overwrite").code == 0
    assert feature_archive.read("out/2.npz")["2"].shape[1] == 40


def test_what_is_older_than_its_recording_or_broken_is_not_kept(run: Run, folder: Path) -> None:
    path = save("in/a.wav")
    assert run("in", "-o", "out").code == 0
    os.utime("out/a.npy", (1, 1))
    assert "the recording is newer" in run(path, "-o", "out").err
    assert run(path, "-o", "out", "--overwrite").code == 0
    assert "1 of 1 are there already" in run(path, "-o", "out").err
    Path("out/a.npy").write_bytes(Path("out/a.npy").read_bytes()[:-7])
    assert run(path, "-o", "out").code == 2
    Path("out/a.npy").write_bytes(b"")  # what a power cut may leave
    assert run(path, "-o", "out").code == 0
    assert np.load("out/a.npy").shape == (51, 80)
    Path("out/a.npy").unlink()
    assert run(path, "-o", "out").code == 0


def test_statistics_are_those_of_all_frames(run: Run, folder: Path) -> None:
    for number in range(3):
        save(f"in/{number}.wav", 0.3 + number / 5, seed=number)
    done = run("in", "--stats", "n_mels=10")
    found = json.loads(done.out)
    everything = np.concatenate([values(f"in/{n}.wav", n_mels=10) for n in range(3)]).astype(float)
    assert (found["files"], found["frames"], found["kind"]) == (3, len(everything), "log_mel")
    assert found["mean"] == pytest.approx(everything.mean(axis=0), abs=1e-5)
    assert found["variance"] == pytest.approx(everything.var(axis=0), rel=1e-4)
    assert left() == ["in/0.wav", "in/1.wav", "in/2.wav"]
    run("in/0.wav", "-o", "out", "n_mels=10")
    both = run("in", "-o", "out", "--stats", "n_mels=10")
    assert json.loads(both.out) == found  # what was there counts
    assert len(list(Path("out").glob("*.npy"))) == 3
    normalised = run("in", "--kind", "cmvn", "base_settings.n_mels=10", "mode=global", "--stats",
                     f"mean={found['mean']}", f"deviation={np.sqrt(found['variance']).tolist()}")  # fmt: skip
    again = json.loads(normalised.out)
    assert again["mean"] == pytest.approx([0] * 10, abs=1e-4)
    assert again["variance"] == pytest.approx([1] * 10, abs=1e-3)


def test_several_processes(run: Run, folder: Path) -> None:
    for number in range(6):
        save(f"in/{number}.wav", seed=number)
    Path("in/3.wav").write_bytes(b"")
    one, two = (run("in", "-o", f"{jobs}/", "--jobs", jobs) for jobs in (1, 2))
    assert (one.code, two.code) == (1, 1)
    assert one.err == two.err == "speechgru: error: in/3.wav is empty (0 bytes): expected an audio file.\n"
    names = [f"{n}.npy" for n in (0, 1, 2, 4, 5)]
    assert sorted(p.name for p in Path("2").glob("*.npy")) == names
    assert all(Path("1", n).read_bytes() == Path("2", n).read_bytes() for n in names)


def test_events_and_pitch(run: Run, folder: Path) -> None:
    time = np.arange(2 * RATE) / RATE
    soundfile.write("a.wav", 0.3 * np.sin(2 * np.pi * 220 * time), RATE)
    assert run("a.wav", "-o", "pitch.csv", "--kind", "pitch", "method=nccf").code == 0
    rows = Path("pitch.csv").read_text().splitlines()
    assert rows[1] == "file,frame,time,f0,voicing"
    middle = rows[102].split(",")
    assert (middle[:3], float(middle[3])) == (["a", "100", "1"], pytest.approx(220, rel=0.005))
    assert run("a.wav", "-o", "onsets.csv", "--kind", "onsets").code == 0


def test_rates_are_said_and_can_be_demanded(run: Run, folder: Path) -> None:
    save("in/a.wav")
    save("in/b.wav", rate=44100)
    mixed = run("in", "-o", "a.npz")
    assert mixed.code == 0
    assert "note: recordings are 1 at 16000 Hz, 1 at 44100 Hz; features are computed at 16000 Hz" in mixed.err
    strict = run("in", "-o", "b.npz", "--strict-rate")
    assert (strict.code, "in/b.wav is sampled at 44100 Hz; --strict-rate wants 16000" in strict.err) == (
        1,
        True,
    )
    assert list(feature_archive.read("b.npz")) == ["a"]


def test_standard_input(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    data = save("a.wav").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert run("-", "-o", "b.npz").code == 0
    assert feature_archive.read("b.npz")["stdin"] == pytest.approx(values("a.wav"), abs=1e-5)
    assert run("-", "--plot", "b.png").code == 2


# --------------------------------------------------------------------------------------- pictures and augmentation


def test_a_picture(run: Run, folder: Path) -> None:
    save("a.wav")
    done = run("a.wav", "--plot", "new/a.png")
    assert (done.code, done.err) == (0, "")
    assert Path("new/a.png").read_bytes().startswith(b"\x89PNG")
    assert run("a.wav", "--plot", "new/a.png").code == 2
    assert run("a.wav", "--plot", "new/a.png", "--overwrite").code == 0


@pytest.mark.slow
def test_a_picture_has_the_kind_that_was_asked_for(run: Run, folder: Path) -> None:
    """As a panel below the others, at the height of one."""
    save("a.wav")

    def height(name: str, *arguments: str) -> int:
        done = run("a.wav", "--plot", name, *arguments)
        assert done.code == 0
        return int(np.frombuffer(Path(name).read_bytes()[20:24], ">u4")[0])

    plain = height("a.png")
    assert height("b.png", "--kind", "mfcc") == height("c.png", "n_mels=20") > plain
    assert height("d.png", "--kind", "beats") == plain


def test_silence_is_dark() -> None:
    for sound, brightest in ((np.zeros(8000), 0.0), (np.sin(np.arange(8000)) / 2, 1.0)):
        figure = features.draw(sound.astype(np.float32), 16000, "")
        image = figure.axes[1].images[0]
        assert image.norm(image.get_array()).max() == pytest.approx(brightest, abs=1e-6)


def test_augmentation_to_numbers_picture_and_sound(run: Run, folder: Path) -> None:
    save("a.wav", 1.0)

    def heard(name: str, *arguments: object) -> bytes:
        done = run("a.wav", "--sound", f"{name}.wav", "-o", f"{name}.npz", *arguments)
        assert (done.code, done.err) == (0, "")
        return Path(f"{name}.wav").read_bytes()

    noisy = ("--augment", "robust", "--augment", "noise=1", "--augment", "noise_snr=[0,1]")
    first = heard("1", *noisy, "--seed", "4", "--plot", "1.png")
    assert heard("2", *noisy, "--seed", "4") == first
    assert heard("3", *noisy, "--seed", "5") != first
    assert heard("4", *noisy, "--seed", "4", "--augment", "augment.noise_snr=[40,41]") != first
    found = feature_archive.read_header("1.npz")
    assert found is not None
    assert (found["augment"]["noise"], found["augment"]["noise_snr"], found["augment"]["seed"]) == (
        1,
        [0, 1],
        4,
    )
    assert Path("1.png").stat().st_size > 10_000
    plain = heard("5", "--augment", "none")
    original, _ = soundfile.read("a.wav")
    assert soundfile.read("5.wav")[0] == pytest.approx(original, abs=1e-4)
    assert feature_archive.read("5.npz")["a"] == pytest.approx(values("a.wav"), abs=1e-4)
    assert plain != first


# ---------------------------------------------------------------------------------------------------------- kinds


def test_kinds_and_their_settings(run: Run, folder: Path) -> None:
    found = run("--list")
    assert found.code == 0
    assert "log_mel: log-mel bands; ln power\n  rate=16000, window=0.025, hop=0.01" in found.out
    assert {"mfcc", "pitch", "chroma", "beats"} <= {line.split(":")[0] for line in found.out.splitlines()}
    save("x.wav").rename("kinds")
    assert run("kinds", "-o", "a.npy").code == 0


def test_files_may_be_named_like_settings(run: Run, folder: Path) -> None:
    save("x.wav").rename("n_mels=3")
    assert run("n_mels=3", "-o", "a.npy").code == 0
    assert np.load("a.npy").shape[1] == 80
    assert run("./n_mels=3", "n_mels=4", "-o", "b.npy").code == 0
    assert np.load("b.npy").shape[1] == 4


# ------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "expected", "code"),
    [
        (["--kind", "logmel", "--stats"], "Unknown kind of feature: 'logmel'. Did you mean 'log_mel'?", 2),
        (["n_mel=3", "--stats"], "Did you mean 'n_mels'?", 2),
        (["n_mels=many", "--stats"], "n_mels is 'many'; expected a whole number", 2),
        (["n_mels=[", "--stats"], "expected key=value", 2),
        (["--preset", "sphinx", "--stats"], "Unknown preset: 'sphinx'", 2),
        (["f_max=9000", "--stats"], "9000", 2),
        (["rate=8000", "f_max=8000", "--stats"], "8000", 2),
        ([], "-o FILE_OR_DIR, --stats, --plot or --sound", 2),
        (["-o", ""], "names no file and no folder", 2),
        (["kind"], "kind doesn't exist; all kinds are listed by --list", 2),
        (["-o", "b.txt"], "'txt'", 2),
        (["-o", "a.wav"], "'wav'", 2),
        (["-o", "file/b.npz"], "Nothing can be written into file", 2),
        (["-o", "file/"], "Nothing can be written into file", 2),
        (["-o", "/proc/b.npz"], "Nothing can be written into /proc", 2),
        (["-o", "/proc/x/"], "Nothing can be written into /proc/x", 2),
        (["b.wav", "-o", "b.npy"], "holds the features of one recording, not 2", 2),
        (["deep/a.wav", "-o", "b.npz"], "would both be called a", 2),
        (["b.wav", "--plot", "b.png"], "of one recording; 2 were given", 2),
        (["--plot", "b.jpg"], "ends in .png", 2),
        (["--seed", "3", "--stats"], "--augment", 2),
        (["--sound", "b.wav"], "--augment", 2),
        (["--augment", "none", "--sound", "a.wav", "--overwrite"], "is a file that is read", 2),
        (["--augment", "robust", "--augment", "light", "--stats"], "takes one choice", 2),
        (["--augment", "rubust", "--stats"], "Did you mean 'robust'?", 2),
        (["--augment", "noise=2", "--stats"], "augment.noise is 2", 2),
        (["--augment", "nois=1", "--stats"], "nois", 2),
        (["--augment", "noise=1", "--augment", "noise_files=nowhere", "--stats"], "noise_files=nowhere", 1),
        (["--format", "csv", "--stats"], "give the folder with -o", 2),
        (["--jobs", "0", "--stats"], "--jobs", 2),
    ],
)
def test_what_is_refused(arguments: list[str], expected: str, code: int, run: Run, folder: Path) -> None:
    for name in ("a.wav", "b.wav", "deep/a.wav"):
        save(name)
    Path("file").touch()
    before = {name: Path(name).read_bytes() for name in left()}
    refused = run("a.wav", *arguments)
    assert (refused.code, expected in refused.err) == (code, True), refused.err
    assert refused.out == ""
    assert {name: Path(name).read_bytes() for name in left()} == before


def test_sound_of_no_format_stops_the_run_before_its_work(run: Run, folder: Path) -> None:
    save("a.wav")
    refused = run("a.wav", "--augment", "none", "--sound", "b.txt", "-o", "b.npz")
    assert (refused.code, "b.txt: Unknown format to write: 'txt'" in refused.err) == (1, True)
    assert left() == ["a.wav"]


@pytest.mark.parametrize("others", [("--kind", "mfcc"), ("a.wav",), ("n_mels=3",)])
def test_the_list_of_kinds_stands_alone(others: tuple[str, ...], run: Run, folder: Path) -> None:
    refused = run("--list", *others)
    assert (refused.code, refused.out, "stands alone" in refused.err) == (2, "", True)


def test_statistics_need_no_names(run: Run, folder: Path) -> None:
    save("a.wav")
    save("b/a.wav")
    assert json.loads(run("a.wav", "b", "--stats").out)["files"] == 2


def test_settings_alone(run: Run, folder: Path) -> None:
    refused = run("n_mels=3", "--stats")
    assert (refused.code, "name a file or a folder" in refused.err) == (2, True)


def test_the_others_are_done(run: Run, folder: Path) -> None:
    save("good.wav")
    Path("empty.wav").touch()
    Path("text.wav").write_text("no sound")
    soundfile.write("nan.wav", np.array([0.1, np.nan] * 4000), RATE, subtype="FLOAT")
    save("short.wav", 0.001)
    Path("folder").mkdir()
    bad = ["empty.wav", "text.wav", "nan.wav", "short.wav", "missing.wav", "folder"]
    done = run("good.wav", *bad, "-o", "a.npz")
    assert done.code == 1
    for name in bad:
        assert f"error: {name}" in done.err
    assert list(feature_archive.read("a.npz")) == ["good"]
    nothing = run(*bad, "-o", "b.npz")
    assert (nothing.code, Path("b.npz").exists()) == (1, False)


def test_a_cut_recording_counts_as_far_as_it_goes(run: Run, folder: Path) -> None:
    path = save("a.wav", 1.0)
    path.write_bytes(path.read_bytes()[:-8000])
    done = run(path, "-o", "a.npy")
    assert (done.code, "cut short" in done.err) == (1, True)
    assert len(np.load("a.npy")) == pytest.approx(76, abs=1)


def test_missing_libraries_are_named_before_any_work(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save("a.wav")
    for name, extension in (("h5py", "h5"), ("pyarrow", "parquet")):
        monkeypatch.setitem(sys.modules, name, None)
        for arguments in (["-o", f"b.{extension}"], ["-o", "out/", "--format", extension]):
            done = run("a.wav", *arguments)
            assert (done.code, "the extra 'tables'" in done.err) == (1, True)
    assert left() == ["a.wav"]


@pytest.mark.slow
@pytest.mark.parametrize("target", ["out.csv", "out/"])
def test_ctrl_c_leaves_nothing_half_written(target: str, folder: Path) -> None:
    for number in range(40):
        save(f"in/{number:02d}.wav", 10.0, seed=number)
    more = ["--format", "csv"] if target == "out/" else []
    process = subprocess.Popen(
        [sys.executable, "-m", "speechgru", "features", "in", "-o", target, "--jobs", "1", *more],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    pattern = ".out.*" if target == "out.csv" else "out/*.csv"
    deadline = time.monotonic() + 90
    while not list(Path().glob(pattern)) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    if process.poll() is not None:
        pytest.skip("done before it could be stopped")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("done before it could be stopped")
    assert process.returncode == 130
    written = [name for name in left() if not name.startswith("in")]
    if target == "out.csv":
        assert written == []
    else:
        assert all(len(found) == 1001 for name in written for found in feature_archive.read(name).values())
