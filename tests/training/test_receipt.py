"""A finished run is run again: the same to the bit, refused where it can't be, honest where it differs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import replicas
import torch

from speechgru import cli
from speechgru.config import Recipe, load_recipe
from speechgru.config.section import Section
from speechgru.errors import TrainingError
from speechgru.models import checkpoint
from speechgru.music.training.settings import MusicConfig
from speechgru.tasks.ctc_settings import CtcConfig
from speechgru.tasks.text_settings import TextConfig, TextSourceConfig
from speechgru.tasks.vad_settings import VadConfig
from speechgru.training import receipt as receipts
from speechgru.training import run as training_run
from speechgru.training.receipt import Receipt

pytestmark = pytest.mark.usefixtures("log_levels")

TINY = [
    *("model.layers=1", "model.width=16", "model.channels=2", "features.n_mels=16", "trainer.threads=1"),
    *("trainer.epochs=2", "trainer.batch_seconds=1.5", "trainer.tensorboard=false"),
    *("trainer.device=cpu", "trainer.precision=float32"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run on beeps."""
    folder = tmp_path_factory.mktemp("work")
    arguments = ["digits", *TINY, f"corpus.root={folder / 'data'}", f"output={folder / 'run'}"]
    replicas.build(load_recipe("digits", arguments[1:]), folder / "data")
    assert cli.main(["train", *arguments, "--quiet"]) == 0
    return folder / "run"


def test_a_run_is_repeated_to_the_bit(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reproduce", str(run / "receipt.json"), "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "weights: the same to the bit" in out
    again = receipts.read(Path(f"{run}-again"))
    assert dataclasses.replace(again, overrides=[]) == dataclasses.replace(receipts.read(run), overrides=[])


def test_other_weights_are_told(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipts.write(tmp_path, dataclasses.replace(receipts.read(run), weights="0" * 64, commit="abc"))
    assert cli.main(["reproduce", str(tmp_path), f"output={tmp_path / 'out'}", "--quiet"]) == 1
    found = capsys.readouterr()
    assert "weights: not the same" in found.out
    assert "commit abc then" in found.err


def test_other_settings_and_data_are_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = f"output={tmp_path / 'out'}"
    assert cli.main(["reproduce", str(run), where, "optimizer.lr=0.5"]) == 1
    assert "settings are not those of the receipt" in capsys.readouterr().err
    recipe = load_recipe("digits", [*TINY, f"corpus.root={tmp_path / 'data'}"])
    replicas.build(recipe, tmp_path / "data")
    (removed, *_) = sorted((tmp_path / "data").rglob("1_*_0.wav"))
    removed.unlink()
    assert cli.main(["reproduce", str(run), where, f"corpus.root={tmp_path / 'data'}"]) == 1
    assert "data are not those of the receipt" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_another_number_of_processes_is_named(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receipts.write(tmp_path, dataclasses.replace(receipts.read(run), processes=4))
    assert cli.main(["reproduce", str(tmp_path)]) == 2
    assert "torchrun --nproc-per-node 4 -m speechgru reproduce" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", [None, "", "[]", "{}", '{"format": "speechgru-receipt/1"}', "\x00", "[" * 9999]
)
def test_what_is_no_receipt_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "receipt.json").write_text(content)
    with pytest.raises(TrainingError, match=r"receipt\.json"):
        receipts.read(tmp_path)


def test_the_hash_is_of_weights_alone(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.float16)}
    for name, header in (("x", {"seconds": 1}), ("y", {"seconds": 2})):
        checkpoint.save(tmp_path / f"{name}.safetensors", "acoustic", header, tensors)
    checkpoint.save(tmp_path / "z.safetensors", "acoustic", {}, {**tensors, "b": torch.ones(2)})
    x, y, z = (receipts.weights(tmp_path / f"{name}.safetensors") for name in "xyz")
    assert x == y != z


def test_it_survives_being_written(tmp_path: Path, run: Path) -> None:
    receipt = receipts.read(run)
    assert receipts.read(receipts.write(tmp_path, receipt)) == receipt
    assert Receipt(**json.loads((tmp_path / "receipt.json").read_text())) == receipt


@pytest.mark.parametrize(
    ("task", "settings", "expected"),
    [
        ("ctc", None, "8122958e12dd6deb"),
        ("ctc", CtcConfig(), "8122958e12dd6deb"),
        ("ctc", CtcConfig(smoothing=0.1), "80ce2770ee62fa84"),
        ("vad", VadConfig(), "e9660520a2b7bfbf"),
        ("vad", VadConfig(alone=0.1), "c67a4cd2e8c2beb6"),
        ("rolls", MusicConfig(), "601f5c852022f3e5"),
        ("rolls", MusicConfig(chunk=100), "82f9a252f324f1a0"),
        ("language", TextConfig([TextSourceConfig("b")], parts=2), "4dc66a03ee69c69e"),
        ("classify", None, "3eb906f0b8c992ef"),
    ],
)
def test_receipts_of_earlier_versions_hold(task: str, settings: Section | None, expected: str) -> None:
    """A new setting, or another default, changes the fingerprint of every run: leave it out at its default."""
    recipe = Recipe("a", task=task, settings=settings)
    assert receipts.fingerprint(training_run.shaping(recipe))[:16] == expected
