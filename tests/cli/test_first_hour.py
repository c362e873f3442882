"""What somebody new types wrong, and what the command line answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Outcome

from speechgru import cli
from speechgru.errors import AudioError, CheckpointError
from speechgru.inference.job import prepared
from speechgru.models import checkpoint, header
from speechgru.utils.assets import ASSETS, DEFAULT_MODEL, find_model


@pytest.fixture
def answer(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], Outcome]:
    def run(line: str) -> Outcome:
        code = cli.main(line.split())
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Outcome(code, printed.out, printed.err)

    return run


def test_a_misspelt_file(answer: Callable[[str], Outcome]) -> None:
    for name in ("k.opus", "tune.mid"):
        Path(name).touch()
    for line, meant in (
        ("transcribe k.opsu", "k.opus"),
        ("features K.opus -o k.npz", "k.opus"),
        ("audio convert k.wav -o a.flac", "k.opus"),
        ("music info tine.mid", "tune.mid"),
        ("compose --primer tunee.mid -o x.mid", "tune.mid"),
    ):
        found = answer(line)
        assert found.code == 1 and f"doesn't exist. Did you mean {meant}? Check" in found.err, found.err


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("model info english", "See speechgru inspect MODEL."),
        ("model inspect english", "See speechgru inspect."),
        ("convert a.wav", "See speechgru audio convert and speechgru music convert."),
        ("download yesno", "See speechgru corpus download."),
        ("audio transcribe a.wav", "See speechgru transcribe."),
    ],
)
def test_a_command_of_another_group(answer: Callable[[str], Outcome], line: str, hint: str) -> None:
    found = answer(line)
    assert found.code == 2 and found.err.endswith(f"{hint}\n")


def test_an_option_is_not_like_another_because_of_its_dashes(answer: Callable[[str], Outcome]) -> None:
    assert "Did you mean" not in answer("align a.wav --text a.txt").err
    assert "Did you mean '--format'?" in answer("transcribe a.wav --formt json").err


@pytest.mark.parametrize(
    ("kind", "wanted", "says"),
    [
        (
            "words",
            "acoustic",
            "One of kind words composes tunes (compose). One of kind acoustic recognizes speech",
        ),
        (
            "hybrid",
            "detector",
            "hybrid recognizes speech (transcribe, align). One of kind detector detects speech",
        ),
        ("something", "classifier", "kind 'something'; expected 'classifier'. One of kind classifier tells"),
    ],
)
def test_a_model_for_another_command(kind: str, wanted: str, says: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        checkpoint.Checkpoint(Path("m.safetensors"), kind, {}, {}).require(wanted)
    assert says in str(caught.value) and "speechgru model list" in str(caught.value)


def test_every_packaged_model_has_a_use() -> None:
    for path in ASSETS.glob("*.safetensors"):
        assert checkpoint.load(path).kind in header._USES, path


def test_a_model_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"The model englisch is not there\. Did you mean english\?"
    ) as caught:
        find_model("englisch")
    assert "again" not in str(caught.value)
    monkeypatch.setattr("speechgru.utils.assets.ASSETS", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(
        CheckpointError, match=f"default model {DEFAULT_MODEL} is not there.*Install the package again"
    ) as caught:
        find_model()
    told = str(caught.value)
    assert f"speechgru train {DEFAULT_MODEL} corpus.root=DATA, then --model runs/{DEFAULT_MODEL}" in told
    assert "holds no models" in told


def test_several_recordings_at_once_in_python() -> None:
    with pytest.raises(AudioError, match=r"Got a list; .* transcribe_many takes a list"):
        prepared(["a.wav", "b.wav"], None, 16000)  # type: ignore[arg-type]
    with pytest.raises(AudioError, match=r"or a tensor\.$"):
        prepared(1.5, None, 16000)  # type: ignore[arg-type]
