"""`speechgru evaluate` through the command line's own door, with a scripted recognizer behind it."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from speechgru.cli import main
from speechgru.data import Utterance, manifest
from speechgru.text import Vocabulary
from speechgru.text.normalize import ENGLISH
from speechgru.transcript import Segment, Transcript, Word

RATE = 16000


class Hears:
    """Hears "yes" in every recording that can be read."""

    sample_rate = RATE
    engine = SimpleNamespace(vocabulary=Vocabulary(("<blank>", " ", "'", *"abcdefghijklmnopqrstuvwxyz")))
    symbols = engine.vocabulary.symbols
    normaliser = ENGLISH

    def transcribe_many(self, sources, batch_size=None):
        assert batch_size in (2, None)
        for source in sources:
            yield source, Transcript((Segment((Word("yes", 0.0, 0.5, 0.9),)),), 1.0, source=str(source))


@pytest.fixture
def loaded(monkeypatch):
    """What load_recognizer was asked for."""
    asked = []

    def load_recognizer(model, device, **options):
        asked.append((model, device))
        return Hears()

    fake = SimpleNamespace(load_recognizer=load_recognizer)
    monkeypatch.setitem(sys.modules, "speechgru.inference.load", fake)
    return asked


@pytest.fixture
def make_manifest(tmp_path):
    def make(name, texts):
        utterances = []
        for number, text in enumerate(texts):
            path = tmp_path / f"{name}-{number}.wav"
            soundfile.write(path, np.linspace(-0.5, 0.5, RATE), RATE)
            utterances.append(Utterance(path, 1.0, text, f"s{number}"))
        manifest.write(tmp_path / name, utterances)
        return str(tmp_path / name)

    return make


def test_prints_rates_counts_interval_normaliser_and_speed(loaded, make_manifest, capsys):
    path = make_manifest("test.jsonl", ["Yes!", "no", "yes sir", "yes"])
    assert main(["evaluate", "--model", "m.safetensors", "--batch-size", "2", path]) == 0
    out = capsys.readouterr().out
    assert out.startswith(path + "\n")
    for part in (
        *("WER                40.00 %, 95 % interval", "5 words: 1 substitutions, 0 insertions, 1 deletions"),
        *("CER ", "4 utterances (4 speakers, fewer than 10)", "english-1", "0.001 h", "real-time factor"),
    ):
        assert part in out
    assert loaded == [("m.safetensors", "cpu")]


def test_each_manifest_has_its_own_block(loaded, make_manifest, capsys):
    good, bad = make_manifest("good.jsonl", ["yes"]), make_manifest("bad.jsonl", ["no"])
    assert main(["evaluate", good, bad]) == 0
    out = capsys.readouterr().out
    assert out.index(good) < out.index("WER                0.00 %") < out.index(bad) < out.index("100.00 %")
    assert loaded == [(None, "cpu")]


def test_json_is_json_and_nothing_else_is_on_stdout(loaded, make_manifest, capsys):
    paths = [make_manifest("a.jsonl", ["yes"]), make_manifest("b.jsonl", [""])]
    assert main(["evaluate", "--format", "json", *paths]) == 0
    read = json.loads(capsys.readouterr().out)
    assert list(read) == paths
    assert (read[paths[0]]["wer"], read[paths[1]]["wer"], read[paths[1]]["insertions"]) == (0, None, 1)


def test_details_hold_every_set(loaded, make_manifest, tmp_path, capsys):
    paths = [make_manifest("a.jsonl", ["yes", "no"]), make_manifest("b.jsonl", ["oh yes"])]
    assert main(["evaluate", *paths, "--details", str(tmp_path / "new" / "d.tsv")]) == 0
    rows = [line.split("\t") for line in (tmp_path / "new" / "d.tsv").read_text().splitlines()]
    assert [row[0] for row in rows] == ["set", paths[0], paths[0], paths[1]]
    assert [row[-1] for row in rows] == ["alignment", "yes", "(no>yes)", "(-oh) yes"]


def test_a_folder_of_recordings_with_texts_is_a_set(loaded, tmp_path, capsys):
    folder = tmp_path / "my recordings"
    (folder / "anna").mkdir(parents=True)
    for name, text in (("anna/one", "Yes!"), ("two", "no"), ("three", None)):
        soundfile.write(folder / f"{name}.wav", np.linspace(-0.5, 0.5, RATE), RATE)
        if text is not None:
            (folder / f"{name}.txt").write_text(text)
    assert main(["evaluate", "--format", "json", str(folder)]) == 0
    scored = json.loads(capsys.readouterr().out)[str(folder)]
    assert (scored["utterances"], scored["wer"]) == (2, 0.5)
    (folder / "two.wav").write_bytes(b"")
    assert main(["evaluate", "--format", "json", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)[str(folder)]["utterances"] == 1
    assert f"{folder / 'two.wav'}: not scored" in err
    for text in folder.rglob("*.txt"):
        text.unlink()
    assert main(["evaluate", str(folder)]) == 1
    assert "no text" in capsys.readouterr().err
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["evaluate", str(empty)]) == 1
    assert ".txt file of the same name" in capsys.readouterr().err


def test_a_run_is_scored_on_what_it_didnt_train_on(loaded, make_manifest, tmp_path, capsys):
    (tmp_path / "run" / "manifests").mkdir(parents=True)
    for name in ("train", "dev", "test"):
        make_manifest(f"run/manifests/{name}.jsonl", ["yes"])
    run = tmp_path / "run"
    assert main(["evaluate", str(run), "--format", "json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == [
        f"{run}/manifests/dev.jsonl", f"{run}/manifests/test.jsonl"
    ]  # fmt: skip
    assert main(["evaluate", str(run), "--model", "other.safetensors"]) == 0
    assert loaded == [(str(run), "cpu"), ("other.safetensors", "cpu")]
    assert main(["evaluate", str(run / "manifests")]) == 2
    assert f"{run}/manifests/dev.jsonl" in capsys.readouterr().err


def test_unreadable_recordings_are_named_not_scored_and_exit_1(loaded, make_manifest, tmp_path, capsys):
    path = make_manifest("test.jsonl", ["yes", "yes"])
    (tmp_path / "test.jsonl-1.wav").unlink()
    assert main(["evaluate", path]) == 1
    out, err = capsys.readouterr()
    assert "test.jsonl-1.wav" in err
    assert "not scored" in err
    assert "not scored         1 recordings" in out
    assert "in 1 utterances" in out


def test_characters_that_cannot_be_read_out_are_named(loaded, make_manifest, capsys):
    assert main(["evaluate", make_manifest("test.jsonl", ["yes 世"])]) == 0
    assert "世" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"), [(None, "missing.jsonl"), ("", "no utterances"), ('{"text": "a"}', "line 1")]
)
def test_bad_manifests_are_refused_before_a_model_is_loaded(loaded, tmp_path, capsys, content, message):
    path = tmp_path / "missing.jsonl"
    if content is not None:
        path.write_text(content)
    assert main(["evaluate", str(path)]) == 1
    assert message in capsys.readouterr().err
    assert loaded == []


def test_details_into_a_folder_are_refused_before_the_work(loaded, make_manifest, tmp_path, capsys):
    assert main(["evaluate", make_manifest("a.jsonl", ["yes"]), "--details", str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err
    assert loaded == []


@pytest.mark.parametrize("arguments", [[], ["--batch-size", "0", "x"], ["--format", "xml", "x"]])
def test_wrong_usage(arguments, capsys):
    assert main(["evaluate", *arguments]) == 2
    assert "See speechgru evaluate --help." in capsys.readouterr().err


@pytest.fixture
def tiny_model(tmp_path):
    """A real checkpoint with random weights: it hears nonsense, by the public path."""
    import dataclasses

    import torch

    from speechgru.features.frontend import Settings as FeatureSettings
    from speechgru.models import checkpoint
    from speechgru.models.acoustic import Model, Settings

    torch.manual_seed(0)
    features, settings = FeatureSettings(), Settings(layers=1, width=16, channels=4)
    header = {
        "model": {"name": "acoustic", "settings": dataclasses.asdict(settings)},
        "features": {
            "kind": "log_mel", "settings": dataclasses.asdict(features), "fingerprint": features.fingerprint
        },
        "vocabulary": ["<blank>", " ", *"abcde"],
        "decoder": {"name": "greedy", "settings": {}},
        "provenance": {},
    }  # fmt: skip
    path = tmp_path / "tiny.safetensors"
    checkpoint.save(path, "acoustic", header, Model(settings, features.n_mels, 7).state_dict())
    return str(path)


def test_a_real_checkpoint_goes_the_whole_way(tiny_model, make_manifest, capsys):
    path = make_manifest("test.jsonl", ["yes no", "no"])
    results = []
    for size in ("1", "2"):
        arguments = ["--model", tiny_model, "--batch-size", size, "--format", "json"]
        assert main(["evaluate", *arguments, path]) == 0
        results.append(json.loads(capsys.readouterr().out)[path])
    assert (results[0]["utterances"], results[0]["words"], results[0]["audio_seconds"]) == (2, 3, 2.0)
    assert results[0]["wer"] > 0
    times = {"wall_seconds", "real_time_factor"}
    assert [results[0][key] for key in results[0].keys() - times] == [
        results[1][key] for key in results[0].keys() - times
    ]
