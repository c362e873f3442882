"""Learning to transcribe a language of beeps: the loss, the dev figures, and that a tiny model gets it right."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import beeps
import pytest
import torch

from speechgru.audio import encode
from speechgru.config import Recipe
from speechgru.config.recipe import AugmentConfig, CorpusConfig
from speechgru.config.trainer import OptimizerConfig, ScheduleConfig, TrainerConfig
from speechgru.data import Utterance
from speechgru.data.preparation import Data
from speechgru.errors import CheckpointError, ConfigError
from speechgru.inference import load_ctc
from speechgru.lexicon import g2p
from speechgru.models import checkpoint
from speechgru.tasks.ctc import Task
from speechgru.tasks.ctc_loss import disagreement, objective
from speechgru.tasks.ctc_settings import CtcConfig
from speechgru.text import Vocabulary
from speechgru.training import TaskContext, loop, state

TEXTS = ("cab", "a bad cab", "added", "bad ace")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def utterances(tmp_path_factory: pytest.TempPathFactory) -> list[Utterance]:
    folder = tmp_path_factory.mktemp("beeps")
    found = []
    for i, text in enumerate(TEXTS):
        signal = beeps.beep(text)
        encode.write(folder / f"{i}.wav", signal, beeps.RATE)
        found.append(Utterance(folder / f"{i}.wav", len(signal) / beeps.RATE, text, id=f"beeps/{i}"))
    return found


def data(train: list[Utterance], **dev: list[Utterance]) -> Data:
    vocabulary = Vocabulary.from_texts(u.text for u in train)
    return Data(train, dev, {}, vocabulary, {"beeps": 0.01}, {})


def recipe(dropout: float = 0.0, **trainer: Any) -> Recipe:
    return Recipe(
        "beeps",
        corpus=CorpusConfig(cache=False),
        features={"name": "log_mel", "n_mels": 40},
        model={"name": "acoustic", "layers": 1, "width": 32, "channels": 8, "dropout": dropout},
        decoder={"name": "greedy"},
        optimizer=OptimizerConfig(lr=0.01),
        schedule=ScheduleConfig(),
        trainer=TrainerConfig(device="cpu", precision="float32", tensorboard=False, **trainer),
    )


def task(given: Data, provenance: Mapping[str, Any] = {}, **settings: Any) -> Task:
    return Task(TaskContext(recipe(**settings), given, CPU, provenance))


# --- the loss


def test_the_loss_is_that_of_each_utterance_by_itself(utterances: list[Utterance]) -> None:
    learning = task(data(utterances, dev=utterances))
    (batch,) = learning.load([[2, 0, 3, 1]], 0)
    total = 0.0
    for index in range(4):
        features, labels = learning.train[0, index]
        log_probs, lengths = learning.model(features[None], torch.tensor([len(features)]))
        loss = torch.nn.CTCLoss(blank=0, reduction="sum")
        counts = lengths, torch.tensor([len(labels)])
        total += loss(log_probs.transpose(0, 1), torch.tensor([labels]), *counts).item()
    letters = sum(map(len, TEXTS))
    loss, count = learning.loss(batch)
    assert (loss.item(), count) == (pytest.approx(total, rel=1e-4), letters)


def test_an_utterance_with_too_few_frames_does_no_harm(utterances: list[Utterance]) -> None:
    learning = task(
        data([replace(u, text="a bad cab" * 20) for u in utterances[:1]] + utterances, dev=utterances)
    )
    (batch,) = learning.load([[0, 1]], 0)
    learning.loss(batch)[0].backward()
    assert all(torch.isfinite(p.grad).all() for p in learning.model.parameters() if p.grad is not None)
    assert any(p.grad.abs().max() > 0 for p in learning.model.parameters() if p.grad is not None)


def test_the_seed_decides_the_first_weights(utterances: list[Utterance]) -> None:
    given = data(utterances, dev=utterances)
    first, again = (task(given).model.state_dict() for _ in range(2))
    other = Task(TaskContext(replace(recipe(), seed=2), given, CPU)).model.state_dict()
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert any(not torch.equal(first[k], other[k]) for k in first)


# --- the dev figures


class _Says:
    """A decoder that says what it is told, utterance by utterance in the order of their lengths."""

    def __init__(self, texts: Mapping[int, str]) -> None:
        self.texts = texts

    def __call__(self, log_probs: torch.Tensor) -> Any:
        return type("Hypothesis", (), {"text": self.texts[len(log_probs)]})


def _certain(label: int, labels: int) -> Any:
    """A model that is sure of one label in every frame, and takes every fourth frame."""

    def model(features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        log_probs = torch.full((len(features), features.shape[1] // 4, labels), -10.0)
        log_probs[..., label] = 0
        return log_probs, lengths // 4

    return model


def test_figures(utterances: list[Utterance]) -> None:
    measured = task(data(utterances, one=utterances[:2], two=utterances[2:]))
    measured.model = _certain(1, len(measured.vocabulary))
    said = ("cab", "bad cab a", "", "bad ace")  # of 1 word 0 wrong, of 3 words 2, of 1 word 1, of 2 words 0
    frames = [len(measured.train[0, i][0]) // 4 for i in range(4)]
    assert len(set(frames)) == 4
    measured.decoder = _Says(dict(zip(frames, said)))
    figures = measured.evaluate()
    assert figures == {
        "score": pytest.approx(3 / 7),
        "dev_wer": pytest.approx(3 / 7),
        "wer/one": pytest.approx(2 / 4),
        "wer/two": pytest.approx(1 / 3),
        "blank_rate": 0,
    }


def test_dev_texts_may_hold_letters_that_training_never_saw(utterances: list[Utterance]) -> None:
    figures = task(data(utterances, dev=[replace(utterances[0], text="zebra")])).evaluate()
    assert figures["wer/dev"] >= 1


def test_dev_recordings_are_left_as_they_are(utterances: list[Utterance]) -> None:
    changing = replace(recipe(), augment=AugmentConfig(speed=[0.5], time_masks=3, frequency_masks=3))
    learning = Task(TaskContext(changing, data(utterances, dev=utterances), CPU))
    plain = task(data(utterances, dev=utterances))
    assert torch.equal(learning.dev["dev"][0, 1][0], plain.dev["dev"][0, 1][0])
    assert len(learning.train[0, 1][0]) > 1.9 * len(plain.train[0, 1][0])


@pytest.mark.parametrize("label", [0, 1])
def test_nothing_but_blanks_is_warned_about(
    utterances: list[Utterance], caplog: pytest.LogCaptureFixture, label: int
) -> None:
    silent = task(data(utterances, dev=utterances))
    silent.model = _certain(label, len(silent.vocabulary))
    figures = silent.evaluate()
    assert figures["blank_rate"] == 1 - label
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert [w[:36] for w in warned] == (["100.0 % of the outputs are blank: no"] if label == 0 else [])


# --- the whole


@pytest.fixture(scope="module")
def trained(
    utterances: list[Utterance], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, state.Progress]:
    folder = tmp_path_factory.mktemp("run")
    settings = recipe(epochs=60, evaluate_every=20, batch_seconds=2)
    learning = Task(TaskContext(settings, data(utterances, dev=utterances), CPU, {"recipe": "beeps"}))
    progress = loop.fit(learning, settings, folder, quiet=True)
    return folder / "best.safetensors", progress


@pytest.mark.slow
def test_it_learns_four_sentences_by_heart(trained: tuple[Path, state.Progress]) -> None:
    _, progress = trained
    assert progress.best == 0
    assert progress.history[-1]["train_loss"] < 0.05


def test_the_saved_file_transcribes_them(
    trained: tuple[Path, state.Progress], utterances: list[Utterance]
) -> None:
    recognizer = load_ctc(trained[0])
    heard = [recognizer.transcribe(u.audio_filepath) for u in utterances]
    assert tuple(transcript.text for transcript in heard) == TEXTS


def test_the_saved_file_says_where_it_comes_from(trained: tuple[Path, state.Progress]) -> None:
    from speechgru.models import checkpoint

    loaded = checkpoint.load(trained[0]).require("acoustic")
    assert loaded.header["vocabulary"] == ["<blank>", " ", "a", "b", "c", "d", "e"]
    assert loaded.header["model"]["settings"]["width"] == 32
    assert loaded.header["features"]["settings"]["n_mels"] == 40
    assert loaded.header["decoder"] == {"name": "greedy", "settings": {}}
    provenance = loaded.header["provenance"]
    assert provenance["recipe"] == "beeps"
    assert provenance["score"] == provenance["wer/dev"] == 0
    assert {t.dtype for t in loaded.tensors.values()} == {torch.float16}


# --- starting from a checkpoint


def test_a_run_can_start_from_the_weights_of_another(utterances: list[Utterance], tmp_path: Path) -> None:
    given = data(utterances, dev=utterances)
    first = task(given, {"seed": 7})
    first.save(tmp_path / "first.safetensors", {})
    second = task(given, {"seed": 8}, start=str(tmp_path / "first.safetensors"))
    for own, theirs in zip(second.model.parameters(), first.model.parameters()):
        torch.testing.assert_close(own, theirs.detach().half().float(), atol=0, rtol=0)
        assert own.requires_grad
    assert second.provenance == {"seed": 8, "started_from": {"seed": 7}}


CHOSEN = {"gate": {"min_confidence": 0.7}, "decoder": {"name": "beam", "settings": {"beam": 8}}}


def saved_and_calibrated(given: Data, path: Path) -> Path:
    """A model of `given` at `path`, with a gate and a decoder chosen for it."""
    task(given).save(path, {})
    loaded = checkpoint.load(path)
    checkpoint.save(loaded.path, loaded.kind, {**loaded.header, **CHOSEN}, loaded.tensors)
    return path


def test_a_model_is_read_as_the_one_it_went_on_from(utterances: list[Utterance], tmp_path: Path) -> None:
    given = data(utterances, dev=utterances)
    first = saved_and_calibrated(given, tmp_path / "first.safetensors")
    task(given, start=str(first)).save(tmp_path / "second.safetensors", {})
    header = checkpoint.load(tmp_path / "second.safetensors").header
    assert {key: header[key] for key in CHOSEN} == CHOSEN


def test_shared_symbols_keep_their_weights(utterances: list[Utterance], tmp_path: Path) -> None:
    first = task(data(utterances, dev=utterances))
    first.save(tmp_path / "first.safetensors", {"decoder": 1})
    other = data([replace(u, text=u.text.replace("c", "z")) for u in utterances], dev=utterances)
    second = task(other, start=str(tmp_path / "first.safetensors"))
    old, new = first.vocabulary.symbols, second.vocabulary.symbols
    assert "z" in new and "z" not in old and "c" not in new
    for name in ("weight", "bias"):
        theirs, ours = (getattr(t.model.head, name).detach().half().float() for t in (first, second))
        for symbol in new:
            if symbol in old:
                assert torch.equal(ours[new.index(symbol)], theirs[old.index(symbol)]), symbol
        fresh = getattr(task(other).model.head, name).detach()
        assert torch.equal(getattr(second.model.head, name)[new.index("z")], fresh[new.index("z")])
    front = second.model.front.project.weight
    assert torch.equal(front, first.model.front.project.weight.half().float())


def test_another_vocabulary_is_not_read_as_the_old_one(utterances: list[Utterance], tmp_path: Path) -> None:
    given = data(utterances, dev=utterances)
    first = saved_and_calibrated(given, tmp_path / "first.safetensors")
    other = data([replace(u, text=u.text + "z") for u in utterances], dev=utterances)
    task(other, start=str(first)).save(tmp_path / "second.safetensors", {})
    header = checkpoint.load(tmp_path / "second.safetensors").header
    assert "gate" not in header and header["decoder"]["name"] == "greedy"


def test_a_model_says_the_language_it_writes_and_is_scored_by_it(
    utterances: list[Utterance], tmp_path: Path
) -> None:
    for language, normaliser in (("id", "unicode-1"), ("en", "english-1")):
        said = [replace(u, language=language) for u in utterances]
        path = tmp_path / f"{language}.safetensors"
        task(data(said, dev=said)).save(path, {})
        assert checkpoint.load(path).header["languages"] == [language]
        assert load_ctc(path).normaliser.name == normaliser


def test_it_must_hear_the_same(utterances: list[Utterance], tmp_path: Path) -> None:
    given = data(utterances, dev=utterances)
    task(given).save(tmp_path / "first.safetensors", {})
    other = replace(
        recipe(start=str(tmp_path / "first.safetensors")), features={"name": "log_mel", "n_mels": 20}
    )
    with pytest.raises(CheckpointError, match="other features than this run: n_mels 40, not 20"):
        Task(TaskContext(other, given, CPU))


def test_lower_layers_learn_too(utterances: list[Utterance]) -> None:
    given = data(utterances, dev=utterances)
    deep = replace(recipe(), model={**recipe().model, "layers": 2})
    plain, mixed = (
        Task(TaskContext(replace(deep, settings=CtcConfig(intermediate=share)), given, CPU))
        for share in (0.0, 0.5)
    )
    (batch,) = plain.load([[0, 1]], 0)
    log_probs, lengths, (lower,), _ = mixed.model.read(batch.features, batch.lengths, [1])
    both = [
        torch.nn.functional.ctc_loss(
            x.transpose(0, 1), batch.labels, lengths, batch.label_lengths, reduction="sum"
        ).item()
        for x in (log_probs, lower)
    ]
    assert plain.loss(batch)[0].item() == pytest.approx(both[0], rel=1e-5)
    assert mixed.loss(batch)[0].item() == pytest.approx(sum(both) / 2, rel=1e-5)


SOUNDS = "a A1\nbad B A1 D\ncab K A1 B\nadded A1 D0 D\n"


def pronounced(utterances: list[Utterance], folder: Path, **settings: Any) -> Task:
    (folder / "beeps.dict").write_text(SOUNDS)
    wanted = CtcConfig(pronunciations=str(folder / "beeps.dict"), **settings)
    corpus = replace(recipe().corpus, root=str(folder))
    return Task(
        TaskContext(replace(recipe(), settings=wanted, corpus=corpus), data(utterances, dev=utterances), CPU)
    )


@pytest.mark.slow
def test_a_second_head_learns_the_sounds_of_texts_by_dictionary_or_graphones(
    utterances: list[Utterance], tmp_path: Path
) -> None:
    learning = pronounced(utterances, tmp_path, pronounced=0.25)
    (batch,) = learning.load([[0, 1, 3]], 0)  # ace is said by graphones: `a` A, `c` K, `e` nothing
    letters, lengths, _, sounds = learning.model.read(batch.features, batch.lengths)
    assert sounds.shape[2] == 6  # a space, four sounds and the blank
    spelt = torch.nn.functional.ctc_loss(
        letters.transpose(0, 1), batch.labels, lengths, batch.label_lengths, reduction="sum"
    )
    said = torch.tensor([5, 2, 3, 2, 1, 3, 2, 4, 1, 5, 2, 3, 3, 2, 4, 1, 2, 5])  # cab; a bad cab; bad ace
    heard = torch.nn.functional.ctc_loss(
        sounds.transpose(0, 1), said, lengths, torch.tensor([3, 9, 6]), reduction="sum"
    )
    loss, count = learning.loss(batch)
    assert loss.item() == pytest.approx(0.75 * spelt.item() + 0.25 * heard.item(), rel=1e-5)
    assert count == sum(len(TEXTS[i]) for i in (0, 1, 3))


def test_a_model_that_learnt_sounds_is_read_and_gone_on_from(
    utterances: list[Utterance], tmp_path: Path
) -> None:
    path = tmp_path / "first.safetensors"
    learning = pronounced(utterances, tmp_path)
    learning.save(path, {})
    assert checkpoint.load(path).header["sounds"] == [" ", "A", "B", "D", "K"]
    assert load_ctc(path).transcribe(utterances[0].audio_filepath) is not None
    given = data(utterances, dev=utterances)
    without = Task(TaskContext(recipe(start=str(path)), given, CPU))
    assert without.model.sounds is None
    head = {n: t for n, t in learning.model.state_dict().items() if n.startswith("head.")}
    for name, tensor in without.model.state_dict().items():
        if name in head:
            assert torch.allclose(tensor, head[name], atol=1e-3)
    without.save(tmp_path / "plain.safetensors", {})
    again = replace(
        pronounced(utterances, tmp_path).recipe,
        trainer=recipe(start=str(tmp_path / "plain.safetensors")).trainer,
    )
    assert Task(TaskContext(again, given, CPU)).model.sounds is not None


@pytest.mark.slow
def test_sounds_that_are_not_learnt_any_more_are_not_read(
    utterances: list[Utterance], tmp_path: Path
) -> None:
    learning = pronounced(utterances, tmp_path)
    learning.save(tmp_path / "first.safetensors", {})
    stored = {"name": "beam", "settings": {"beam": 4, "lm": "english", "dictionary": "english"}}
    checkpoint.annotate(tmp_path / "first.safetensors", {"decoder": stored}, tmp_path / "tuned.safetensors")
    given = data(utterances, dev=utterances)
    start = str(tmp_path / "tuned.safetensors")
    silent = replace(recipe(start=start), settings=CtcConfig(pronunciations=""))
    assert Task(TaskContext(silent, given, CPU)).reading()["decoder"]["settings"] == {
        "beam": 4,
        "lm": "english",
    }
    again = replace(learning.recipe, trainer=recipe(start=start).trainer)
    assert Task(TaskContext(again, given, CPU)).reading()["decoder"] == stored, "they are the same sounds"
    other = replace(again, settings=CtcConfig(pronunciations="english"))
    taught = Task(TaskContext(other, given, CPU))
    assert taught.reading()["decoder"]["settings"] == {"beam": 4, "lm": "english"}
    assert taught.reading()["sounds"] == list(g2p.packaged("english").phones)
    # As the first model is read: by a packaged dictionary, whatever it was trained with.
    same = Task(TaskContext(recipe(start=start), given, CPU))
    assert same.dictionary
    assert same.dictionary.phones == g2p.packaged("english").phones
    assert Task(TaskContext(recipe(), given, CPU)).dictionary is None


@pytest.mark.slow
def test_a_decoder_of_sounds_wants_a_network_that_hears_them(
    utterances: list[Utterance], tmp_path: Path
) -> None:
    given = data(utterances, dev=utterances)
    path = tmp_path / "words.arpa"
    path.write_text("\\data\\\nngram 1=4\n\n\\1-grams:\n-1 <unk>\n-99 <s>\n-1 </s>\n-0.3 cab\n\n\\end\\\n")
    wanted = replace(recipe(), decoder={"name": "beam", "lm": str(path), "dictionary": "english"})
    with pytest.raises(ConfigError, match="model to be trained has no phone head"):
        Task(TaskContext(wanted, given, CPU))
    learning = Task(TaskContext(replace(wanted, settings=CtcConfig(pronunciations="english")), given, CPU))
    assert 0 <= learning.evaluate()["score"] < 3
    assert learning.reading()["decoder"]["settings"]["dictionary"] == "english"


def test_a_packaged_dictionary_says_english_only(
    utterances: list[Utterance], caplog: pytest.LogCaptureFixture
) -> None:
    wanted = replace(recipe(), settings=CtcConfig(pronunciations="english"))
    english = [replace(u, language="en-GB") for u in utterances]
    assert Task(TaskContext(wanted, data(english, dev=english), CPU)).dictionary
    german = [replace(u, language="de") for u in utterances]
    assert Task(TaskContext(wanted, data(german, dev=german), CPU)).dictionary is None
    assert "english holds no words of de" in caplog.text


def test_views_of_a_recording_are_to_be_read_alike(utterances: list[Utterance]) -> None:
    masks = AugmentConfig(time_masks=2, time_mask_max=0.2)
    given = data(utterances, dev=utterances)
    learning = Task(
        TaskContext(replace(recipe(), augment=masks, settings=CtcConfig(consistency=0.5)), given, CPU)
    )
    (batch,) = learning.load([[0, 1]], 0)
    assert len(batch.features) == 4 and batch.views == 2
    assert batch.lengths.tolist()[:2] == batch.lengths.tolist()[2:]
    assert not torch.equal(batch.features[:2], batch.features[2:])
    log_probs, lengths, _, _ = learning.model.read(batch.features, batch.lengths)
    both = objective(log_probs, lengths, batch.labels, batch.label_lengths, CtcConfig())
    apart = disagreement(log_probs, lengths[:2])
    loss, count = learning.loss(batch)
    assert loss.item() == pytest.approx((both + 2 * 0.5 * apart).item(), rel=1e-5)
    assert count == 2 * sum(len(text) for text in TEXTS[:2])
    (plain,) = Task(TaskContext(replace(recipe(), augment=masks), given, CPU)).load([[0, 1]], 0)
    assert torch.equal(plain.features, batch.features[:2])  # one view is as it always was
