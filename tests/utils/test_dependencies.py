"""Packages that can't be loaded: every command says which and how to mend it, and what needs none of them works.

The packages fail for real, in processes of their own: a folder in front of Python's path holds a package of the same
name that is broken.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechgru import cli
from speechgru.errors import DependencyError, SpeechGruError
from speechgru.utils import assets, dependencies, environment, plugins

SAMPLE = str(assets.ASSETS / "sample.flac")
TEXT = "it was the first time that he had been to the city\n"

# Runs command lines in one process: for each the exit code, or the error that would be a traceback.
DRIVER = """
import contextlib, io, json, sys
from speechgru.cli import main
results = []
for line in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(line)
        except BaseException as error:
            code = f"{type(error).__name__}: {error}"
    results.append([code, out.getvalue(), err.getvalue()])
loaded = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps({"results": results, "loaded": loaded}))
"""


def _run(lines: list[list[str]], *path: Path) -> tuple[list[tuple[Any, str, str]], set[str]]:
    """Exit code, output and messages of each command line, with `path` before all other packages; what was loaded."""
    before = os.pathsep.join([*map(str, path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(lines)],
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, "PYTHONPATH": before},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    return [tuple(result) for result in told["results"]], set(told["loaded"])


def _broken(folder: Path, name: str, code: str) -> Path:
    """A folder with a package `name` whose import runs `code`."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(code)
    return folder


def _without_library(folder: Path) -> Path:
    """The installed torchaudio, file by file, but with libraries that the system can't load."""
    spec = importlib.util.find_spec("torchaudio")
    assert spec is not None
    assert spec.origin is not None
    real = Path(spec.origin).parent
    for source in real.rglob("*"):
        target = folder / "torchaudio" / source.relative_to(real)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif source.suffix == ".so":
            target.write_bytes(b"no library")
        elif source.suffix == ".py":
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source)
    return folder


def _every_command(folder: Path) -> list[list[str]]:
    """A command line that does work for each command that can work on what the package holds, and help for all."""
    text, notes = folder / "text.txt", folder / "tune.abc"
    text.write_text("it was the first time that he had been to the city\n")
    notes.write_text("X:1\nT:t\nM:2/4\nL:1/8\nK:C\nCDEF|GABc|\n")
    groups = [[name] for name in plugins.names("cli")]
    helps = [[*group, "--help"] for group in groups]
    out = folder / "out"
    out.mkdir()
    return [
        ["--help"],
        *helps,
        ["transcribe", SAMPLE, "--format", "json"],
        ["align", SAMPLE, str(text)],
        ["features", SAMPLE, "--stats"],
        ["features", SAMPLE, "--kind", "kaldi_fbank", "--stats"],
        ["features", SAMPLE, "--kind", "deltas", "--stats"],
        ["vad", SAMPLE],
        ["inspect", "english-small"],
        ["lm", "build", str(text), "-o", str(out / "x.slm"), "--discount-fallback"],
        ["lm", "perplexity", "english", str(text)],
        ["corpus", "list"],
        ["model", "list"],
        ["audio", "info", SAMPLE],
        ["audio", "resample", SAMPLE, "-o", str(out / "x.wav"), "--rate", "8000"],
        ["audio", "mix-noise", SAMPLE, "--noise", SAMPLE, "--snr", "10", "-o", str(out / "y.wav")],
        ["music", "info", str(notes)],
        ["music", "convert", str(notes), "-o", str(out / "t.mid")],
        ["train", "digits", "--show"],
        ["doctor"],
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, str, str]]:
    """What every command says where all packages load."""
    lines = _every_command(tmp_path_factory.mktemp("whole"))
    results = _run(lines)[0]
    assert [(line, result[2]) for line, result in zip(lines, results) if result[0] != 0] == []
    return results


def test_no_command_needs_torchaudios_library(whole: list[tuple[Any, str, str]], tmp_path: Path) -> None:
    path = _without_library(tmp_path / "packages")
    failed = subprocess.run(
        [sys.executable, "-c", "import torchaudio"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(path)},
    )
    assert "Could not load this library" in failed.stderr
    lines = _every_command(tmp_path)
    results, _ = _run(lines, path)
    for line, (code, out, err), (good, expected, _) in zip(lines, results, whole, strict=True):
        assert code == good, (line, code, err)
        assert "Traceback" not in err, line
        if line[0] in ("transcribe", "align", "features", "vad"):
            assert out == expected, line
    assert any(line[0] == "transcribe" and code == 0 for line, (code, _, _) in zip(lines, results))


@pytest.mark.parametrize(
    "code", ["raise ImportError('broken')", "raise OSError('libx.so: cannot open')", "1 / 0"]
)
def test_a_torchaudio_that_fails_is_named_by_the_commands_that_need_it(
    code: str, whole: list[tuple[Any, str, str]], tmp_path: Path
) -> None:
    lines = _every_command(tmp_path)
    results, _ = _run(lines, _broken(tmp_path / "packages", "torchaudio", code))
    failing = {line[0] for line, result in zip(lines, results) if result[0] != 0}
    assert failing == {"transcribe", "align", "features", "vad", "audio"}
    for line, (code_, _, err), (good, _, _) in zip(lines, results, whole, strict=True):
        assert code_ in (good, 1), (line, code_)
        if code_ != good:
            assert "torchaudio can't be loaded" in err, line
            assert f"torch {importlib.metadata.version('torch')}" in err, line
            assert "-m pip install" in err, line
            assert "torchaudio==" in err, line


@pytest.mark.parametrize(
    ("name", "code", "line"),
    [
        ("torch", "raise ImportError('broken')", ["transcribe", SAMPLE]),
        ("torch", "raise OSError('libx.so: cannot open')", ["features", SAMPLE, "--stats"]),
        ("numba", "raise ImportError('needs NumPy 9 or less')", ["transcribe", SAMPLE]),
        ("librosa", "1 / 0", ["features", SAMPLE, "--kind", "chroma", "--stats"]),
        (
            "librosa",
            "raise OSError('libx.so: cannot open')",
            ["features", SAMPLE, "--kind", "energy", "--stats"],
        ),
        ("soundfile", "raise OSError('libx.so: cannot open')", ["transcribe", SAMPLE]),
        ("soundfile", "raise OSError('libx.so: cannot open')", ["audio", "info", SAMPLE]),
        ("hydra", "raise ImportError('broken')", ["train", "digits", "--show"]),
        ("numpy", "raise AttributeError('_ARRAY_API')", ["transcribe", SAMPLE]),
        (
            "numba",
            "raise OSError('libx.so: cannot open')",
            ["features", SAMPLE, "--kind", "chroma", "--stats"],
        ),
        ("pyloudnorm", "raise OSError('libx.so: cannot open')", ["audio", "info", SAMPLE]),
        ("h5py", "raise OSError('libx.so: cannot open')", ["features", SAMPLE, "-o", "no/such/folder/a.h5"]),
        (
            "matplotlib",
            "raise ImportError('broken')",
            ["transcribe", SAMPLE, "--plot", "no/such/folder/a.png"],
        ),
    ],
)
def test_a_package_that_fails_is_named_with_the_command_that_mends_it(
    name: str, code: str, line: list[str], tmp_path: Path
) -> None:
    results, _ = _run([line, ["--help"], ["doctor"]], _broken(tmp_path, name, code))
    status, _, err = results[0]
    assert status == 1, (status, err)
    package = dependencies.distribution(name)
    assert f"{package} can't be loaded" in err
    assert f"{package} {importlib.metadata.version(package)}" in err
    assert "-m pip install" in err
    assert results[1][0] == 0
    assert results[2][0] == 0


@pytest.mark.parametrize(
    "line",
    [
        ["--help"],
        ["lm", "build", "TEXT", "-o", "OUT", "--discount-fallback"],
        ["corpus", "list"],
        ["doctor"],
        ["model", "list"],
    ],
)
def test_commands_without_sound_load_no_torchaudio(line: list[str], tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("one two three\n" * 9)
    names = {"TEXT": str(tmp_path / "text.txt"), "OUT": str(tmp_path / "x.slm")}
    results, loaded = _run([[names.get(word, word) for word in line]])
    assert results[0][0] == 0, results[0][2]
    assert "torchaudio" not in loaded


def test_midi_files_are_read_and_written_without_another_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from speechgru.music import Note, NoteSequence
    from speechgru.music.files import midi

    monkeypatch.setitem(sys.modules, "mido", None)
    midi.write(tmp_path / "a.mid", NoteSequence((Note(0.0, 60, 1.0),)))
    assert cli.main(["music", "info", str(tmp_path / "a.mid")]) == 0
    assert cli.main(["music", "convert", str(tmp_path / "a.mid"), "-o", str(tmp_path / "b.mid")]) == 0
    assert (tmp_path / "b.mid").read_bytes() == (tmp_path / "a.mid").read_bytes()


def test_without_packaging_one_line_says_so(tmp_path: Path) -> None:
    results, _ = _run(
        [["doctor"], ["train", "digits", "--show"]], _broken(tmp_path, "packaging", "raise ImportError('x')")
    )
    assert results[0][0] == 1
    assert "packaging can't be loaded: x. To mend it:" in results[0][2]
    assert not isinstance(results[1][0], str)


def test_a_cpu_torch_is_mended_from_its_own_index_and_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "torch_build", lambda: "CPU")
    again = dependencies.install_command("torch")
    assert "--force-reinstall --no-deps 'torch" in again
    assert again.endswith("/whl/cpu")
    assert "torch<" not in dependencies.install_command("torchaudio")
    assert dependencies.install_command("torchaudio").startswith(f"{sys.executable} -m pip install")


def test_a_folder_that_cannot_be_written_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (note,) = environment.notes([], {})
    assert "compiled functions, can't be written" in note


def test_errors_that_no_import_raised_are_left_alone() -> None:
    for error in (ValueError("x"), OSError("disk full"), ImportError("x", name="no_package_of_ours")):
        try:
            raise error
        except Exception as raised:
            told = dependencies.explain(raised)
        assert told is None


def test_the_message_of_a_missing_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "is_installed", lambda module: False)
    monkeypatch.setattr(dependencies, "version", lambda name: None)
    with pytest.raises(
        DependencyError, match=r"--plot needs matplotlib.*extra 'plot'.*pip install 'matplotlib[<>=.,0-9]+'"
    ):
        dependencies.require("matplotlib", "--plot")


def test_every_import_of_the_package_is_asked_for() -> None:
    """What a line of speechgru imports is a package that pyproject names, or Python's own."""
    import ast

    import speechgru

    roots = set()
    for file in Path(speechgru.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                roots |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                roots.add(node.module.partition(".")[0])
    third = roots - set(sys.stdlib_module_names) - {"speechgru", "__future__"}
    assert {dependencies.distribution(root) for root in third} <= set(dependencies.wanted())


def test_installed_versions_are_those_wanted() -> None:
    rows = {row.name: row for row in environment.packages()}
    assert {"torch", "torchaudio", "numba", "librosa", "soundfile", "hydra-core", "jiwer"} <= rows.keys()
    assert not [row for row in rows.values() if not row.fits]
    assert environment.faults(list(rows.values()), {}) == []


def test_doctor_names_what_does_not_fit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = dependencies.version
    monkeypatch.setattr(
        dependencies, "version", lambda name: "2.11.1" if name == "torchaudio" else real(name)
    )
    assert cli.main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "torchaudio is 2.11.1; speechgru wants ==2.11.0" in out
    assert "-m pip install torchaudio==2.11.0" in out


def test_doctors_json_holds_what_a_bug_report_should(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"speechgru", "python", "system", "cores", "threads", "gpu", "ffmpeg"} <= told["machine"].keys()
    assert told["faults"] == []
    versions = {row["name"]: row["version"] for row in told["packages"]}
    assert versions["torch"] == importlib.metadata.version("torch")
    for place in told["folders"].values():
        assert place["free"] > 0


def test_a_library_that_does_not_load_is_a_fault_unless_torch_is_for_cpus() -> None:
    def rows(build: str) -> list[environment.Package]:
        return [
            environment.Package("torch", "2.14.1", ">=2.11,<2.15", build=build),
            environment.Package("torchaudio", "2.11.0", "==2.11.0"),
        ]

    loaded = {
        "torch": "",
        "torchaudio": "OSError: Could not load this library: x.so.",
        environment.PYTHON_PART: "",
    }
    (fault,) = environment.faults(rows("CUDA 13.0"), loaded)
    assert "torchaudio can't be loaded" in fault
    assert environment.faults(rows("CPU"), loaded) == []
    assert "Python part" in environment.notes(rows("CPU"), loaded)[0]
    (fault,) = environment.faults(rows("CPU"), {**loaded, environment.PYTHON_PART: "ImportError: broken."})
    assert "torchaudio can't be loaded" in fault


def test_a_package_that_hangs_or_dies_while_loading_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _broken(tmp_path, "dying", "import os; os._exit(3)")
    _broken(tmp_path, "hanging", "import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(environment, "LOAD_SECONDS", 1.0)
    told = environment.loads(("dying", "hanging", "json"))
    assert "status 3" in told["dying"]
    assert "more than 1 s" in told["hanging"]
    assert told["json"] == ""


def test_torchaudios_python_part_computes_the_same(tmp_path: Path) -> None:
    """Each kind of features that takes torchaudio, and augmentation, in a process without its library."""
    code = (
        "import sys, numpy as np, torch\n"
        "import speechgru\n"
        "from speechgru.audio.mix import add\n"
        "from speechgru.augment.speed import speed\n"
        "signal = torch.sin(torch.arange(16000.0) * 0.05) * 0.3\n"
        "rows = {k: getattr(speechgru, k)(signal.numpy(), sample_rate=16000).numpy()\n"
        "        for k in ('log_mel', 'mel', 'mfcc', 'lfcc', 'deltas', 'kaldi_fbank', 'kaldi_mfcc')}\n"
        "rows['speed'] = speed(signal, 1.1).numpy()\n"
        "rows['noise'] = add(signal, signal.flip(0), 10.0).numpy()\n"
        "np.savez(sys.argv[1], **rows)\n"
    )
    paths = {"real": [], "python": [str(_without_library(tmp_path / "packages"))]}
    for name, path in paths.items():
        before = os.pathsep.join([*path, *filter(None, [os.environ.get("PYTHONPATH")])])
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / name)],
            check=True,
            env={**os.environ, "PYTHONPATH": before},
        )
    with np.load(tmp_path / "real.npz") as real, np.load(tmp_path / "python.npz") as python:
        assert len(real.files) == 9
        for name in real.files:
            np.testing.assert_array_equal(real[name], python[name])


def test_dependency_errors_are_errors_of_ours() -> None:
    assert issubclass(DependencyError, SpeechGruError)
