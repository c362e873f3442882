"""Learning where somebody speaks: the stretches that are learnt from, the task, its report and its command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import beeps
import numpy as np
import pytest
import replicas
import torch
import vads

from speechgru import cli
from speechgru.audio import encode
from speechgru.config import Recipe, load_recipe
from speechgru.config.recipe import AugmentConfig, CorpusConfig, SourceConfig
from speechgru.config.trainer import OptimizerConfig, TrainerConfig
from speechgru.data import Utterance, manifest
from speechgru.errors import ConfigError, CorpusError
from speechgru.evaluation.vad import measures
from speechgru.inference import load_recognizer
from speechgru.models import checkpoint
from speechgru.tasks import vad
from speechgru.tasks.vad import Task
from speechgru.tasks.vad_mixtures import CLEAN, Fixed
from speechgru.tasks.vad_settings import VadConfig
from speechgru.training import TaskContext, loop
from speechgru.training import run as training_run
from speechgru.training.distributed import Group
from speechgru.vad import labels as speech_labels
from speechgru.vad import load_detector

CPU, RATE = torch.device("cpu"), vads.RATE


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifests of bursts by three speakers in three splits, and noises: tones, by fold."""
    root = tmp_path_factory.mktemp("data")
    for split, speakers in (("train", "ab"), ("dev", "c"), ("test", "d")):
        utterances = []
        for speaker in speakers:
            for i in range(4):
                path = root / f"{speaker}{i}.wav"
                encode.write(path, vads.voice(0.8 + 0.2 * i, ord(speaker) + i), RATE)
                utterances.append(Utterance(path, 0.8 + 0.2 * i, f"{split} {i}", speaker, f"{speaker}{i}"))
        manifest.write(root / f"{split}.jsonl", utterances)
    time = np.arange(2 * RATE) / RATE
    (root / "noise").mkdir()
    for fold in (1, 2, 3):
        for i in range(2):
            tone = 0.1 * np.sin(2 * np.pi * (200 * fold + 500 * i) * time)
            encode.write(root / "noise" / f"{fold}-{i}.wav", tone.astype(np.float32), RATE)
    return root


def recipe(root: Path, **changes: Any) -> Recipe:
    sources = [SourceConfig("jsonl", f"{name}.jsonl", label=name) for name in ("train", "dev", "test")]
    made = Recipe(
        "bursts",
        task="vad",
        corpus=CorpusConfig(
            str(root), sources, train=["train/all"], dev=["dev/all"], test=["test/all"], cache=False
        ),
        features={"name": "log_mel", "n_mels": 12, "hop": 0.02, "normalise": "none"},
        model={"name": "detector", "width": 12, "channels": 2, "dropout": 0.0},
        augment=AugmentConfig(noise=0.7, noise_files="noise/1-*", noise_snr=[5.0, 20.0]),
        settings=VadConfig(
            seconds=3.0, gap=[0.3, 1.0], dev_noise="noise/2-*", test_noise="noise/3-*", snrs=[10.0, 0.0]
        ),
        optimizer=OptimizerConfig(lr=0.02),
        trainer=TrainerConfig(device="cpu", precision="float32", tensorboard=False, batch_seconds=12.0),
    )
    return replace(made, **changes)


def task(made: Recipe, group: Group | None = None) -> Task:
    return Task(TaskContext(made, vad.prepare(made), CPU, {"recipe": "bursts"}, group or Group()))


@pytest.fixture(scope="module")
def learning(root: Path) -> Task:
    return task(recipe(root))


# --- stretches


def test_a_stretch_is_a_function_of_seed_epoch_and_index(root: Path, learning: Task) -> None:
    again = task(recipe(root))
    one, same = learning.train.stretch(1, 3), again.train.stretch(1, 3)
    assert torch.equal(one.signal, same.signal) and (one.spoken == same.spoken).all() and one.snr == same.snr
    for other in (
        learning.train.stretch(2, 3),
        learning.train.stretch(1, 4),
        task(recipe(root, seed=2)).train.stretch(1, 3),
    ):
        assert not torch.equal(one.signal, other.signal)
    held = learning.dev["dev/all"].stretch(0, 1)
    assert torch.equal(held.signal, task(recipe(root, seed=2)).dev["dev/all"].stretch(0, 1).signal)


def test_it_is_known_where_a_stretch_is_loud(root: Path) -> None:
    clean = recipe(root, augment=AugmentConfig(speed=[0.9, 1.1], noise_files="noise/1-*"))
    mixtures = task(replace(clean, settings=replace(clean.settings, alone=0.0))).train
    for index in range(6):
        stretch = mixtures.stretch(0, index)
        assert stretch.signal.shape == (3 * RATE,) and stretch.spoken.shape == (300,)
        assert 0.1 < stretch.spoken.mean() < 0.9 and stretch.snr == CLEAN
        level = 10 * np.log10(stretch.signal.view(300, -1).square().mean(dim=1).numpy() + 1e-12)
        assert not stretch.spoken[:29].any(), "the first gap"
        assert ((level > -45) & ~stretch.spoken).sum() <= 2
        assert -39 < 10 * np.log10(speech_labels.power(stretch.signal.numpy(), stretch.spoken, RATE)) < -14


def test_noise_lies_so_far_below_the_speech_and_is_not_labelled(root: Path, learning: Task) -> None:
    mixtures = learning.dev["dev/all"]
    snrs = [mixtures.stretch(0, index).snr for index in range(4)]
    assert snrs == [CLEAN, 10.0, 0.0, CLEAN]
    clean = learning._mixtures(mixtures.utterances, AugmentConfig(), 0.0, 0, Fixed([], (CLEAN,)))
    clean._noise_of = lambda *_: (CLEAN, torch.zeros(1))
    for index in (1, 2):
        noisy, plain = mixtures.stretch(0, index), clean.stretch(0, index)
        assert (noisy.spoken == plain.spoken).all()
        speech = speech_labels.power(plain.signal.numpy(), plain.spoken, RATE)
        noise = (noisy.signal - plain.signal).square().mean()
        assert 10 * np.log10(speech / float(noise)) == pytest.approx(noisy.snr, abs=0.2)


def test_noise_alone_has_a_level_and_no_speech(learning: Task) -> None:
    mixtures = learning.dev["dev noise"]
    assert len(mixtures.utterances) == 2
    for index in range(2):
        stretch = mixtures.stretch(0, index)
        assert not stretch.spoken.any()
        assert -56 < 10 * np.log10(float(stretch.signal.square().mean())) < -14
    features, labels = mixtures[(0, 0)]
    assert len(labels) == -(-len(features) // 2) == 76 and not any(labels)


def test_a_room_and_a_telephone_leave_the_labels_as_they_are(root: Path) -> None:
    plain = AugmentConfig(noise_files="noise/1-*")
    far = replace(plain, reverb=1.0, band=1.0, codec=1.0, codecs=["gsm"])
    one, other = (task(recipe(root, augment=a)).train.stretch(0, 1) for a in (plain, far))
    assert (one.spoken == other.spoken).all() and one.signal.shape == other.signal.shape
    assert not torch.equal(one.signal, other.signal)


# --- the task


@pytest.fixture(scope="module")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made, folder = recipe(root), tmp_path_factory.mktemp("run")
    trainer = replace(made.trainer, epochs=24, evaluate_every=8)
    loop.fit(task(made), replace(made, trainer=trainer), folder, quiet=True)
    return folder / "best.safetensors"


def test_it_learns_where_a_speaker_it_never_heard_is_loud(root: Path, trained: Path) -> None:
    header = checkpoint.load(trained).header
    assert header["sounds"] == ["speech"] and 0 < header["threshold"] < 1
    results = task(recipe(root)).results(trained)
    assert list(results) == ["dev/all", "dev noise", "test/all", "test noise"]
    found = results["test/all"].to_dict()
    assert found["f1"] > 0.8 and list(found["conditions"]) == ["clean", "10 dB", "0 dB"]
    assert list(results["test noise"].to_dict()["conditions"]) == ["noise alone"]
    assert results["test noise"].to_dict()["false_alarms"] < 0.3


def test_the_score_is_f1_at_the_best_threshold(learning: Task) -> None:
    learning.model.eval()
    figures = learning.evaluate()
    best = []
    for threshold in vad.THRESHOLDS:
        counts = np.zeros(4)
        for mixtures in learning.dev.values():
            for index in range(len(mixtures.utterances)):
                features, labels = mixtures[(0, index)]
                log_odds, _ = learning.model(features[None], torch.tensor([len(features)]))
                found, said = (
                    log_odds[0, :, 0].sigmoid().numpy(force=True) >= threshold,
                    np.array(labels) == 1,
                )
                counts += [(found & said).sum(), (found & ~said).sum(), (~found & said).sum(), 0]
        best.append(measures(counts)["f1"])
    assert figures["score"] == pytest.approx(1 - max(best), abs=1e-6)
    assert figures["threshold"] == vad.THRESHOLDS[int(np.argmax(best))] == learning.threshold
    assert "f1/dev/all" in figures and "f1/dev noise" not in figures


def test_the_loss_is_that_of_each_stretch_and_processes_share_it(root: Path, learning: Task) -> None:
    learning.model.eval()
    (batch,) = learning.load([[4, 0, 1]], 0)
    loss, count = learning.loss(batch)
    alone = [learning.loss(next(iter(learning.load([[i]], 0)))) for i in (4, 0, 1)]
    assert count == 3 * 76
    assert loss.item() == pytest.approx(sum(value.item() for value, _ in alone), rel=1e-4)
    shares = [task(recipe(root), Group(rank, 2)) for rank in range(2)]
    parts = [each.loss(b) for each in shares for b in each.load([[4, 0, 1]], 0)]
    assert sum(n for _, n in parts) == count
    assert sum(value.item() for value, _ in parts) == pytest.approx(loss.item(), rel=1e-4)


def test_batches_hold_as_many_seconds_as_they_may(learning: Task) -> None:
    assert sorted(map(len, learning.plan(1))) == [4, 4]


def test_what_it_cannot_learn_from_is_refused(root: Path) -> None:
    made = recipe(root)
    for changes, what in (
        ({"settings": replace(made.settings, dev_noise="noise/1-1*")}, "both in train and in dev"),
        ({"settings": replace(made.settings, test_noise="")}, "vad.test_noise is empty"),
        ({"settings": replace(made.settings, test_noise="noise/9-*")}, "names no recordings"),
    ):
        with pytest.raises(CorpusError, match=what):
            vad.prepare(replace(made, **changes))
    with pytest.raises(ConfigError, match=r"features\.normalise=none"):
        task(replace(made, features={"name": "log_mel"}))
    with pytest.raises(ConfigError, match="changes sound, not features"):
        task(replace(made, augment=replace(made.augment, time_masks=1)))
    with pytest.raises(ConfigError, match="leave the settings of vad out"):
        load_recipe("digits", ["vad.alone=0.1"])
    for wrong in ({"seconds": 0.5}, {"gap": [0.0, 1.0]}, {"level": [-10.0, -20.0]}, {"alone": 2.0}):
        with pytest.raises(ConfigError, match="expected"):
            VadConfig(**wrong)


def test_what_was_heard_is_named(root: Path, tmp_path: Path) -> None:
    made = recipe(root, settings=replace(recipe(root).settings, licence="CC0", url="tones"))
    data = vad.prepare(made)
    uses = {use.name: use for use in data.uses(made)}
    assert uses.keys() == {"train", "noise"} and uses["noise"].licence == "CC0"
    assert uses["noise"].hours == pytest.approx(4 / 3600, abs=1e-3)
    data.write(tmp_path)
    assert (tmp_path / "manifests" / "noises.tsv").read_text().count("\n") == 6
    others = vad.prepare(replace(made, augment=replace(made.augment, noise_files="noise/1-0*")))
    assert others.identity() != data.identity()


def test_the_recipe_is_what_it_says() -> None:
    made = load_recipe("vad")
    assert made.task == "vad" and made.model["name"] == "detector"
    assert not {"asterisk", "free_spoken_digits"} & {source.label for source in made.corpus.sources}


def test_the_recipe_trains_a_step(tmp_path: Path) -> None:
    small = ["model.width=16", "model.channels=2", "features.n_mels=16", "vad.seconds=2"]
    overrides = [*small, "trainer.epochs=1", "trainer.batch_seconds=1000", "trainer.tensorboard=false"]
    overrides += ["trainer.device=cpu", f"corpus.root={tmp_path / 'data'}", f"output={tmp_path / 'run'}"]
    made = load_recipe("vad", overrides)
    replicas.build(made, tmp_path / "data")
    for fold in (1, 4, 5):
        place = tmp_path / "data" / "noise" / "ESC-10" / "001 - Rain" / f"{fold}-1-A.wav"
        place.parent.mkdir(parents=True, exist_ok=True)
        encode.write(place, vads.loud(4.0), RATE)
    mute = replace(made, output=str(tmp_path / "mute"), settings=replace(made.settings, gap=[2.0, 3.0]))
    with pytest.raises(
        CorpusError, match=r"Nobody speaks in any stretch of dev-libri, dev-l2, dev noise.*vad.gap"
    ):
        training_run.train(mute, overrides, command="speechgru train vad", quiet=True)
    run = training_run.train(made, overrides, command="speechgru train vad", quiet=True)
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    sets = [*made.corpus.dev, "dev noise", *made.corpus.test, "test noise"]
    assert report["history"][0]["step"] == 1 and list(report["scores"]) == sets
    assert {c["name"] for c in report["corpora"]} == {"noise", *(s.label for s in made.corpus.sources)}
    assert all(c["licence"] and c["source"] and c["hours"] > 0 for c in report["corpora"])
    text = (tmp_path / "run" / "report.md").read_text()
    assert "false alarms" in text and "| 20 dB |" in text
    assert load_recipe(tmp_path / "run" / "recipe.yaml", ["corpus.splits="]).settings == made.settings
    assert load_detector(run.model).spans(tmp_path / "data" / "noise/ESC-10/001 - Rain/1-1-A.wav")[1] == 4.0


# --- the command


def test_the_command(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quiet = np.zeros(RATE, np.float32)
    encode.write(tmp_path / "a b.wav", np.concatenate([quiet, vads.voice(0.9, 3), quiet]), RATE)
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    command = ["vad", "--model", str(trained), str(tmp_path / "a b.wav")]
    assert cli.main([*command, "--pause", "1", "--padding", "0"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    path, start, end = line.split("\t")
    assert path.endswith("a b.wav") and 0.8 < float(start) < 1.2 and 1.5 < float(end) < 2.1
    assert cli.main([*command, "--format", "rttm", "--pause", "1"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert len(line.split()) == 10 and line.split()[:3] == ["SPEAKER", "a_b", "1"]
    assert cli.main([*command, str(tmp_path / "broken.wav"), "--format", "json"]) == 1
    printed = capsys.readouterr()
    (row,) = [json.loads(text) for text in printed.out.splitlines()]
    assert row["duration"] == pytest.approx(2.9) and row["speech"] and "broken.wav" in printed.err
    assert cli.main([*command, "--threshold", "1.5"]) == 2
    assert "threshold" in capsys.readouterr().err


def test_what_is_no_speech_is_not_transcribed(trained: Path, tmp_path: Path) -> None:
    model = beeps.save_checkpoint(tmp_path / "m.safetensors")
    with_detector = load_recognizer(model, detector=trained)
    assert load_recognizer(model).detector is None
    hum = (0.3 * np.sin(2 * np.pi * 300 * np.arange(2 * RATE) / RATE) + 1e-4 * vads.loud(2.0)).astype(
        np.float32
    )
    hum[: RATE // 2] *= 0.05  # not so steady that its levels tell
    assert load_recognizer(model).may_hold_speech(hum)
    assert not with_detector.may_hold_speech(hum)
    assert with_detector.may_hold_speech(vads.voice(2.0, 4))
    assert with_detector.transcribe(hum, RATE).text == ""
    other = vads.save_detector(tmp_path / "other.safetensors", width=4, rate=8000)
    with pytest.raises(ConfigError, match="8000 Hz and the model for 16000 Hz"):
        load_recognizer(model, detector=other)


def test_transcribe_names_a_detector(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = beeps.save_checkpoint(tmp_path / "m.safetensors")
    voice, hum = vads.voice(2.0, 4), 0.3 * np.sin(2 * np.pi * 300 * np.arange(2 * RATE) / RATE)
    for name, signal in (("voice", voice), ("hum", hum)):
        signal[: RATE // 2] *= 0.05
        encode.write(tmp_path / f"{name}.wav", signal.clip(-1, 1), RATE)
    command = ["transcribe", str(tmp_path / "voice.wav"), str(tmp_path / "hum.wav"), "--model", str(model)]

    def texts(*more: str) -> list[str]:
        assert cli.main([*command, *more]) == 0
        return [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()]

    plain, heard = texts(), texts("--detector", str(trained))
    assert all(plain)
    assert heard == [plain[0], ""]
