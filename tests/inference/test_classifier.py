"""The classifier: it learns, it counts what it confuses, and it says what it can't read."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import beeps
import numpy as np
import pytest
import torch

from speechgru import audio, cli
from speechgru.audio import encode
from speechgru.config import Recipe
from speechgru.config.recipe import CorpusConfig, SourceConfig
from speechgru.config.trainer import OptimizerConfig, TrainerConfig
from speechgru.data import Utterance, manifest
from speechgru.data.preparation import Data
from speechgru.errors import CheckpointError, CorpusError, SpeechGruError
from speechgru.evaluation.classification import Classification, _interval, evaluate
from speechgru.inference import load_classifier
from speechgru.inference.classifier import Classes
from speechgru.models import checkpoint
from speechgru.tasks import classify
from speechgru.tasks.classify import Task
from speechgru.text import Vocabulary
from speechgru.training import TaskContext, loop
from speechgru.training.distributed import Group
from speechgru.utils import assets
from speechgru.utils.assets import find_model

CPU = torch.device("cpu")
WORDS = ("bed", "cat", "dad")
SOUNDS = {"bed": "a", "cat": "j", "dad": "s"}


@pytest.fixture(scope="module")
def utterances(tmp_path_factory: pytest.TempPathFactory) -> list[Utterance]:
    """Each word by four speakers, who are louder and slower than each other."""
    folder, found = tmp_path_factory.mktemp("words"), []
    for speaker in range(4):
        for word in WORDS:
            signal = np.pad(beeps.beep(SOUNDS[word]) * (0.4 + 0.2 * speaker), (400 * speaker, 100))
            path = folder / f"{word}{speaker}.wav"
            encode.write(path, signal.astype(np.float32), beeps.RATE)
            found.append(Utterance(path, len(signal) / beeps.RATE, word, f"s{speaker}", f"{word}{speaker}"))
    return found


def recipe(**trainer: Any) -> Recipe:
    return Recipe(
        "words",
        task="classify",
        corpus=CorpusConfig(cache=False),
        features={"name": "log_mel", "n_mels": 20},
        model={"name": "classifier", "layers": 1, "width": 12, "channels": 4, "dropout": 0.0},
        optimizer=OptimizerConfig(lr=0.03),
        trainer=TrainerConfig(device="cpu", precision="float32", tensorboard=False, **trainer),
    )


def data(train: list[Utterance], dev: list[Utterance]) -> Data:
    return Data(train, {"dev": dev}, {}, Vocabulary.from_texts(WORDS), {"words": 0.01}, {})


def task(given: Data, group: Group | None = None, **trainer: Any) -> Task:
    return Task(TaskContext(recipe(**trainer), given, CPU, {"recipe": "words"}, group or Group()))


@pytest.fixture(scope="module")
def trained(utterances: list[Utterance], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, given = tmp_path_factory.mktemp("run"), recipe(epochs=40, evaluate_every=10, batch_seconds=100)
    learning = Task(TaskContext(given, data(utterances[:9], utterances[9:]), CPU, {"recipe": "words"}))
    loop.fit(learning, given, folder, quiet=True)
    return folder / "best.safetensors"


def test_it_learns_words_of_speakers_it_never_heard(trained: Path, utterances: list[Utterance]) -> None:
    classifier = load_classifier(trained)
    assert classifier.classes.names == WORDS
    found = evaluate(classifier, utterances[9:])
    assert found.accuracy == 1 and (found.confusions == np.eye(3)).all()
    (answer,) = classifier.classify([audio.read(utterances[9].audio_filepath, classifier.sample_rate)])
    assert answer.label == "bed" and answer.confidence > 0.5
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert checkpoint.load(trained).header["provenance"]["score"] == 0


def test_the_loss_and_the_error_are_those_of_each_recording(utterances: list[Utterance]) -> None:
    learning = task(data(utterances, utterances))
    learning.model.eval()
    (batch,) = learning.load([[4, 0, 11]], 0)
    loss, count = learning.loss(batch)
    alone = [learning.loss(next(iter(learning.load([[i]], 0)))) for i in (4, 0, 11)]
    assert count == 3
    assert loss.item() == pytest.approx(sum(value.item() for value, _ in alone), rel=1e-4)
    batches = [b for i in range(len(utterances)) for b in learning.load([[i]], 0)]
    wrong = sum(int(learning.model(b.features, b.lengths).argmax() != b.labels[0]) for b in batches)
    figures = learning.evaluate()
    assert wrong > 0 and figures == {"score": wrong / 12, "error/dev": wrong / 12}


def test_processes_share_a_batch(utterances: list[Utterance]) -> None:
    given, plan = data(utterances, utterances), [[3, 0, 11], [5]]
    whole = [task(given).loss(batch) for batch in task(given).load(plan, 0)]
    shares = [task(given, Group(rank, 2)) for rank in range(2)]
    parts = [[each.loss(batch) for batch in each.load(plan, 0)] for each in shares]
    for (total, count), *own in zip(whole, *parts):
        assert sum(c for _, c in own) == count
        assert sum(value.item() for value, _ in own) == pytest.approx(total.item(), rel=1e-4)


def test_confusions_are_counted(trained: Path, utterances: list[Utterance], tmp_path: Path) -> None:
    classifier = load_classifier(trained)
    swapped = [replace(u, text="cat") if u.text == "bed" else u for u in utterances[9:]]
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    broken = Utterance(tmp_path / "broken.wav", 1.0, "cat")
    found = evaluate(classifier, [*swapped, broken])
    assert found.confusions.tolist() == [[0, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert found.accuracy == pytest.approx(2 / 3)
    assert len(found.failed) == 1 and "broken.wav" in found.failed[0]
    assert "| cat | 1 | 1 | 0 |" in found.details()
    assert "accuracy       66.67 %" in found.describe()
    assert json.loads(json.dumps(found.to_dict()))["confusions"][1] == [1, 1, 0]
    with pytest.raises(CorpusError, match="no class 'dog'; expected one of: bed, cat, dad"):
        evaluate(classifier, [replace(utterances[0], text="dog")])
    with pytest.raises(SpeechGruError, match="None of 1 recordings"):
        evaluate(classifier, [broken])


def test_only_the_part_that_a_manifest_names_is_heard(
    trained: Path, utterances: list[Utterance], tmp_path: Path
) -> None:
    signals = [audio.read(u.audio_filepath, beeps.RATE) for u in utterances[9:]]
    encode.write(tmp_path / "all.wav", np.concatenate(signals), beeps.RATE)
    offsets = np.cumsum([0, *map(len, signals)]) / beeps.RATE
    parts = [
        replace(u, audio_filepath=tmp_path / "all.wav", offset=float(offset))
        for u, offset in zip(utterances[9:], offsets)
    ]
    assert evaluate(load_classifier(trained), parts).accuracy == 1


def test_many_classes_make_no_table() -> None:
    names = tuple(f"c{i}" for i in range(30))
    many = Classification(names, np.eye(30, dtype=np.int64), (1.0, 1.0), "30 recordings")
    assert many.details() == ""
    assert many.describe().endswith("not scored     0")


def test_the_interval_draws_speakers_where_there_are_ten() -> None:
    # Every speaker is all right or all wrong: recordings are no better than one each.
    right = [(f"s{i}", i % 2 == 0) for i in range(20) for _ in range(50)]
    (low, high), over = _interval(right, 0)
    assert over == "20 speakers" and 0.2 < low < 0.35 and 0.65 < high < 0.8
    (low, high), over = _interval([("", hit) for _, hit in right], 0)
    assert over == "1000 recordings" and 0.46 < low < 0.48 and 0.52 < high < 0.54


def test_a_model_of_another_kind_or_damaged(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="expected 'classifier'"):
        load_classifier(find_model())
    loaded = checkpoint.load(trained)
    for wrong in ({"classes": 3}, {"features": {}}, {"model": {"name": "none"}}, {"classes": ["one", "two"]}):
        checkpoint.save(tmp_path / "m.safetensors", "classifier", {**loaded.header, **wrong}, loaded.tensors)
        with pytest.raises(CheckpointError, match=r"m\.safetensors .*fit"):
            load_classifier(tmp_path / "m.safetensors")


def test_what_cannot_be_told_apart_is_refused(utterances: list[Utterance], tmp_path: Path) -> None:
    def corpus(**splits: list[Utterance]) -> Recipe:
        sources = []
        for name, part in splits.items():
            manifest.write(tmp_path / f"{name}.jsonl", part)
            sources.append(SourceConfig("jsonl", str(tmp_path / f"{name}.jsonl"), label=name))
        held = {"train": ["train/all"], "dev": ["dev/all"]}
        return replace(recipe(), corpus=CorpusConfig(root=str(tmp_path), sources=sources, **held))  # type: ignore[arg-type]

    bed, others = utterances[:1], utterances[4:]
    with pytest.raises(CorpusError, match="dev/all has the class 'cat', which train lacks"):
        classify.prepare(corpus(train=bed, dev=others))
    with pytest.raises(CorpusError, match="recordings of bed only; expected two classes"):
        classify.prepare(corpus(train=bed, dev=[u for u in others if u.text == "bed"]))
    assert len(classify.prepare(corpus(train=utterances[:3], dev=others)).train) == 3


def test_classes() -> None:
    assert Classes(WORDS).encode("cat") == [1]


def test_the_command(
    trained: Path, utterances: list[Utterance], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(u.audio_filepath) for u in utterances[9:]]
    assert cli.main(["classify", "--model", str(trained), *files]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(path, label) for path, label, _ in lines] == list(zip(files, WORDS))
    assert all(0.3 < float(p) <= 1 for _, _, p in lines)
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    command = ["classify", "--model", str(trained), "--top", "2", "--format", "json"]
    assert cli.main([*command, files[0], str(tmp_path / "broken.wav"), files[1]]) == 1
    printed = capsys.readouterr()
    rows = json.loads(printed.out)
    assert [(r["audio_filepath"], r["classes"][0]["label"]) for r in rows] == list(zip(files, WORDS[:2]))
    assert [len(r["classes"]) for r in rows] == [2, 2] and "broken.wav" in printed.err


def test_the_command_takes_the_name_of_a_fetched_model(
    trained: Path,
    utterances: list[Utterance],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(assets.FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / "three-words.safetensors").write_bytes(trained.read_bytes())
    file = str(utterances[9].audio_filepath)
    assert cli.main(["classify", "--model", "three-words", file]) == 0
    assert capsys.readouterr().out.split("\t")[:2] == [file, WORDS[0]]
    assert cli.main(["classify", "--model", "four-words", file]) == 1
    assert "three-words" in capsys.readouterr().err, "the names that there are"
    assert cli.main(["classify", "--model", assets.CTC_MODEL, file]) == 1
    assert "expected 'classifier'" in capsys.readouterr().err


def test_a_recording_that_breaks_off_is_classified_with_a_warning_but_not_scored(
    trained: Path, utterances: list[Utterance], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = utterances[9].audio_filepath.read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) * 3 // 4])
    assert cli.main(["classify", "--model", str(trained), str(tmp_path / "cut.wav")]) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{tmp_path / 'cut.wav'}\t")
    assert re.fullmatch(r"speechgru: warning: .*cut\.wav: damaged or cut short.*\n", printed.err)
    cut = replace(utterances[9], audio_filepath=tmp_path / "cut.wav")
    found = evaluate(load_classifier(trained), [utterances[9], cut])
    assert found.confusions.sum() == 1 and "cut short" in found.failed[0]


def test_no_word_is_lost_on_classes_that_are_the_same_in_every_split(
    utterances: list[Utterance], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, part in (("train", utterances[:9]), ("dev", utterances[9:])):
        manifest.write(tmp_path / f"{name}.jsonl", part)
    sources = [SourceConfig("jsonl", str(tmp_path / f"{n}.jsonl"), label=n) for n in ("train", "dev")]
    corpus = CorpusConfig(root=str(tmp_path), sources=sources, train=["train/all"], dev=["dev/all"])
    classify.prepare(replace(recipe(), corpus=corpus))
    assert not caplog.records


def test_the_command_takes_folders_and_refuses_unknown_devices(
    trained: Path, utterances: list[Utterance], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "deep").mkdir()
    for number, place in enumerate((tmp_path, tmp_path / "deep")):
        (place / f"{number}.wav").write_bytes(utterances[9 + number].audio_filepath.read_bytes())
    command = ["classify", "--model", str(trained), str(tmp_path)]
    assert cli.main([*command, "--recursive"]) == 0
    assert [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()] == list(WORDS[:2])
    assert cli.main([*command, str(tmp_path / "gone.wav")]) == 1
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 1 and "gone.wav doesn't exist" in printed.err
    assert cli.main([*command, "--device", "gpu"]) == 2
    assert "'gpu' is no device" in capsys.readouterr().err
