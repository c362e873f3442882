"""`speechgru export`, and commands that run what it wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("onnx", reason="the extra onnx isn't installed")
pytest.importorskip("onnxruntime", reason="the extra onnx isn't installed")

from onnx_models import PHONES, RATE, SYMBOLS, edit, save_checkpoint, speech, with_pieces

from speechgru.cli import main
from speechgru.inference import export
from speechgru.inference.engines import onnx
from speechgru.models import checkpoint
from speechgru.utils.assets import ASSETS

SAMPLE = str(ASSETS / "sample.flac")


@pytest.fixture
def model(folder: Path) -> Path:
    return save_checkpoint(folder / "mine.safetensors", phones=PHONES)


def test_both_files_are_written_and_named(model: Path, capsys: Any) -> None:
    assert main(["export", str(model), "-o", "out"]) == 0
    size = Path("out/model.onnx").stat().st_size
    assert capsys.readouterr().out.split("\n")[0] == f"out/model.onnx: {size:,} bytes"
    rows = Path("out/tokens.txt").read_text().split("\n")
    assert rows[:4] == ["<blk> 0", "▁ 1", "' 2", "a 3"]
    assert sorted(path.name for path in Path("out").iterdir()) == ["model.onnx", "tokens.txt"]


def test_the_blank_of_nemo_is_last(model: Path) -> None:
    assert main(["export", str(model), "-o", "out", "--layout", "nemo"]) == 0
    assert Path("out/tokens.txt").read_text().split("\n")[len(SYMBOLS) - 1] == f"<blk> {len(SYMBOLS) - 1}"


def test_the_metadata_hold_the_header(model: Path) -> None:
    assert main(["export", str(model), "-o", "out"]) == 0
    engine = onnx.load(Path("out/model.onnx"))
    stored = json.loads(engine._session.get_modelmeta().custom_metadata_map["speechgru"])
    assert stored == checkpoint.load(model).header
    assert engine.sounds == PHONES


@pytest.mark.parametrize(("option", "share", "off"), [("--float16", 0.55, 0.05), ("--int8", 0.35, 0.5)])
def test_smaller_weights(folder: Path, option: str, share: float, off: float) -> None:
    model = save_checkpoint(folder / "mine.safetensors", width=128)
    assert main(["export", str(model), "-o", "out"]) == 0
    assert main(["export", str(model), "-o", "small", option]) == 0
    (small,) = Path("small").glob("*.onnx")
    assert small.name == f"model.{option[2:]}.onnx"
    assert small.stat().st_size < share * Path("out/model.onnx").stat().st_size
    signal = speech(2.0)
    ((exact,), (near,)) = (onnx.load(each).run([signal]) for each in (Path("out/model.onnx"), small))
    assert np.abs(np.exp(exact) - np.exp(near)).max() < off
    assert (exact.argmax(axis=1) == near.argmax(axis=1)).mean() > 0.9


def test_int8_weights_are_off_by_half_a_step_at_most(folder: Path) -> None:
    import onnx as library

    path = save_checkpoint(folder / "mine.safetensors", width=64, layers=1)
    made = export.graph(checkpoint.load(path), "int8")
    stored = {each.name: library.numpy_helper.to_array(each) for each in made.graph.initializer}
    matrix = checkpoint.load(path).tensors["front.project.weight"].numpy()
    nodes = [node for node in made.graph.node if node.op_type == "DequantizeLinear"]
    node = next(node for node in nodes if stored[node.input[0]].shape == matrix.shape)
    whole, scales = stored[node.input[0]], stored[node.input[1]]
    assert whole.dtype == np.int8
    assert (np.abs(whole * scales[:, None] - matrix) <= scales[:, None] / 2 + 1e-7).all()


def test_existing_files_stay(model: Path, capsys: Any) -> None:
    assert main(["export", str(model), "-o", "out"]) == 0
    before = Path("out/model.onnx").read_bytes()
    assert main(["export", str(model), "-o", "out"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["export", str(model), "-o", "out", "--overwrite"]) == 0
    assert Path("out/model.onnx").read_bytes() == before


def test_models_that_cant_be_exported(folder: Path, capsys: Any) -> None:
    assert main(["export", "english", "-o", "out"]) == 1
    assert "of kind 'hybrid', and only those that CTC trained" in capsys.readouterr().err
    model = save_checkpoint(folder / "mine.safetensors", subsampling=2)
    assert main(["export", str(model), "-o", "out", "--layout", "zipformer2_ctc"]) == 2
    assert "an output every 4 frames, and this one has one every 2" in capsys.readouterr().err
    assert main(["export", "nowhere.safetensors", "-o", "out"]) == 1
    assert not Path("out").exists()


def test_what_loses_accuracy_is_not_written(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    import dataclasses

    soundfile.write("talk.wav", speech(3.0), RATE)
    row = {"audio_filepath": "talk.wav", "text": "a word or two", "duration": 3.0}
    Path("dev.jsonl").write_text(json.dumps(row) + "\n")
    assert main(["export", str(model), "-o", "out", "--dev", "dev.jsonl"]) == 0
    assert "WER" in capsys.readouterr().err
    from speechgru import evaluation

    real, rates = evaluation.evaluate, []

    def worse(*args: Any) -> Any:
        found = real(*args)
        rates.append(found)
        counts = found.score.words
        counts = dataclasses.replace(counts, insertions=counts.insertions + len(rates) - 1)
        return dataclasses.replace(found, score=dataclasses.replace(found.score, words=counts))

    monkeypatch.setattr(evaluation, "evaluate", worse, raising=False)
    assert main(["export", str(model), "-o", "other", "--int8", "--dev", "dev.jsonl"]) == 1
    assert "25.00 points of word error rate more errors" in capsys.readouterr().err
    assert not Path("other").exists()
    assert main(["export", str(model), "-o", "other", "--dev", "test.jsonl"]) == 2


def test_a_missing_package_is_named(model: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from speechgru.utils import dependencies

    assert main(["export", str(model), "-o", "out"]) == 0
    monkeypatch.setattr(dependencies, "is_installed", lambda name: not name.startswith("onnx"))
    assert main(["export", str(model), "-o", "other"]) == 1
    assert "export needs onnx, which isn't installed (the extra 'onnx')" in capsys.readouterr().err
    for arguments in (["--model", "out"], ["--model", str(model), "--runtime", "onnx"]):
        assert main(["transcribe", SAMPLE, *arguments]) == 1
        assert "isn't installed (the extra 'onnx')" in capsys.readouterr().err


def test_errors_of_models_have_exit_code_1(folder: Path, capsys: Any) -> None:
    made = with_pieces(folder / "theirs")
    made.with_name("tokens.txt").write_text("<blk> 0\n")
    assert main(["transcribe", SAMPLE, "--model", str(made)]) == 1
    assert "1 tokens and the network 13 outputs" in capsys.readouterr().err
    edit(made, model_type="whisper")
    assert main(["transcribe", SAMPLE, "--model", str(made.parent)]) == 1
    assert "Whisper" in capsys.readouterr().err
    assert main(["inspect", str(made)]) == 1
    assert "is a model in ONNX" in capsys.readouterr().err


def test_models_of_others_are_searched_with_a_language_model(folder: Path, capsys: Any) -> None:
    made = with_pieces(folder / "theirs")
    soundfile.write("talk.wav", speech(3.0), RATE)
    texts = set()
    for options in (
        [],
        ["--decoder", "beam"],
        ["--lm", "tiny.arpa"],
        ["--hotwords", "dog", "--hotword-weight", "9"],
    ):
        if "--lm" in options:
            words = "\n".join(f"-0.5 {word}" for word in ("<unk>", "</s>", "the", "dog"))
            Path("tiny.arpa").write_text(f"\\data\\\nngram 1=5\n\n\\1-grams:\n{words}\n-99 <s>\n\n\\end\\\n")
        assert main(["transcribe", "talk.wav", "--model", str(made), *options]) == 0
        texts.add(capsys.readouterr().out)
    assert len(texts) >= 3
    assert any("dog" in text.split() for text in texts)


NO_TORCH = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchaudio"):
            raise ModuleNotFoundError(f"{name} was imported", name=name)

sys.meta_path.insert(0, Refuse())
from speechgru.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_model_in_onnx_runs_without_pytorch(model: Path) -> None:
    assert main(["export", str(model), "-o", "out"]) == 0
    command = [sys.executable, "-c", NO_TORCH, "transcribe", SAMPLE, "--model", "out", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["model"] == "out"
