"""Learning to foretell text: what is read and left out, the plan, the loss, several processes, the whole."""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import beeps
import pytest
import torch

from speechgru.audio import encode
from speechgru.config import Recipe
from speechgru.config.recipe import CorpusConfig, SourceConfig
from speechgru.config.trainer import OptimizerConfig, TrainerConfig
from speechgru.data import Utterance, manifest
from speechgru.errors import ConfigError, CorpusError, LanguageModelError
from speechgru.lm import LanguageModel, load_language_model
from speechgru.models import checkpoint
from speechgru.tasks import text_data
from speechgru.tasks.language import Batch, Task
from speechgru.tasks.text_settings import TextConfig, TextSourceConfig
from speechgru.text import Vocabulary
from speechgru.training import TaskContext, loop
from speechgru.training.distributed import ALONE, Group

CPU = torch.device("cpu")
# A language with exactly two bits a sentence, told in its first letter.
SENTENCES = ["abcabc", "bcabca", "cabcab", "dadada"]


def recipe(folder: Path, *names: str, held_out: float = 0.2, **settings: Any) -> Recipe:
    text = {k: settings.pop(k) for k in ("parts", "max_characters") if k in settings}
    corpus = settings.pop("corpus", CorpusConfig(root=str(folder)))
    return Recipe(
        "letters",
        task="language",
        corpus=corpus,
        settings=TextConfig([TextSourceConfig(name) for name in names], held_out=held_out, **text),
        model={"name": "language", "width": 24, "embedding": 8, "dropout": 0.0},
        optimizer=OptimizerConfig(lr=0.02),
        trainer=TrainerConfig(device="cpu", precision="float32", tensorboard=False, **settings),
    )


def numbered(count: int) -> list[str]:
    """Different sentences of different lengths."""
    letters = "abcdefghij"
    return [
        "".join(letters[int(digit)] for digit in str(7919 * i)) + " cab" * (i % 5)
        for i in range(1, count + 1)
    ]


def write(path: Path, lines: list[str]) -> Path:
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


# --- the text


def test_every_sentence_is_learnt_or_scored(tmp_path: Path) -> None:
    write(tmp_path / "one.txt", numbered(200))
    write(tmp_path / "two.txt.gz", ["Hello there. Who is it?", "It’s me!"])
    data = text_data.prepare(recipe(tmp_path, "one.txt", "two.txt.gz", held_out=0.1))
    learnt = [data.vocabulary.decode(data.train[i]) for i in range(len(data.train))]
    (held_out,) = data.dev.values()
    assert sorted(learnt + held_out) == sorted([*numbered(200), "hello there", "who is it", "it's me"])
    assert 5 < len(held_out) < 40
    assert data.words == {
        "one": sum(len(t.split()) for t in learnt if t in numbered(200)),
        "two": sum(len(t.split()) for t in learnt if t not in numbered(200)),
    }
    assert data.train.lengths.tolist() == [len(t) for t in learnt]
    again = text_data.prepare(recipe(tmp_path, "two.txt.gz", "one.txt", held_out=0.1))
    assert sorted(again.dev[text_data.HELD_OUT]) == sorted(held_out), "the text itself decides"
    assert again.identity() != data.identity()
    assert json.dumps(data.identity())


def spoken(folder: Path, **splits: list[str]) -> CorpusConfig:
    """Recordings (of nothing in particular) with these texts, as the corpus of a recipe."""
    sources = []
    signal = beeps.beep("a")
    encode.write(folder / "sound.wav", signal, beeps.RATE)
    for name, texts in splits.items():
        seconds = len(signal) / beeps.RATE
        utterances = [Utterance(folder / "sound.wav", seconds, t, id=f"{i}") for i, t in enumerate(texts)]
        manifest.write(folder / f"{name}.jsonl", utterances)
        sources.append(SourceConfig("jsonl", f"{name}.jsonl", label=name))
    held = [f"{name}/all" for name in splits]
    return CorpusConfig(root=str(folder), sources=sources, dev=held[:1], test=held[1:])


def test_what_is_said_in_held_out_recordings_is_not_learnt(tmp_path: Path) -> None:
    long = " ".join(["cabbage"] * 20)
    corpus = spoken(tmp_path, dev=["Bad cab.", long], test=["ABACA", "added"])
    write(tmp_path / "text.txt", [*numbered(40), "A bad cab. Bad cab! “Abaca?” Yes.", long])
    given = recipe(tmp_path, "text.txt", corpus=corpus, max_characters=50)
    data = text_data.prepare(given)
    learnt = [data.vocabulary.decode(data.train[i]) for i in range(len(data.train))]
    assert not {"bad cab", "abaca"} & {*learnt, *data.dev[text_data.HELD_OUT]}
    assert not any("cabbage" in text for text in learnt)
    assert {"a bad cab", "yes"} <= {*learnt, *data.dev[text_data.HELD_OUT]}
    assert data.dropped == {"text": {"said in a held-out recording: the same": 3}}
    assert list(data.dev) == [text_data.HELD_OUT, "dev/all"] and list(data.test) == ["test/all"]
    assert data.dev["dev/all"] == ["bad cab", long] and data.test["test/all"] == ["abaca", "added"]
    data.write(tmp_path / "out")
    assert (tmp_path / "out" / "texts" / "test" / "all.txt").read_text() == "abaca\nadded\n"


def test_what_the_model_could_not_write_is_not_scored(tmp_path: Path) -> None:
    write(tmp_path / "text.txt", numbered(40))
    data = text_data.prepare(recipe(tmp_path, "text.txt", corpus=spoken(tmp_path, dev=["zebra", "cab"])))
    assert data.dev["dev/all"] == ["cab"]
    assert data.dropped["dev/all"] == {"letters that the training text lacks": 1}


@pytest.mark.parametrize("most", [1, 5, 10, 25, 100])
def test_long_sentences_are_cut_between_words(most: int) -> None:
    text = "a bad cab added an abaca dada to the bed"
    parts = list(text_data.cut(text, most))
    assert " ".join(parts) == text
    assert all(len(part) <= most or " " not in part for part in parts)


def test_the_parts_of_a_long_sentence_are_alike() -> None:
    assert [len(part) for part in text_data.cut(" ".join(["ab"] * 14), 40)] == [23, 17]


def test_without_text_there_is_nothing_to_learn(tmp_path: Path) -> None:
    write(tmp_path / "text.txt", ["one sentence"])
    with pytest.raises(
        CorpusError, match=r"text\.sources wants files with a label of their own each; got none"
    ):
        text_data.prepare(recipe(tmp_path))
    with pytest.raises(CorpusError, match="label of their own"):
        text_data.prepare(recipe(tmp_path, "text.txt", "text.txt"))
    with pytest.raises(
        CorpusError, match=r"1 sentences are left to learn from and 0 to score.*text\.held_out"
    ):
        text_data.prepare(recipe(tmp_path, "text.txt", held_out=1e-9))
    with pytest.raises(LanguageModelError, match=r"missing\.txt"):
        text_data.prepare(recipe(tmp_path, "missing.txt"))


# --- the task


@pytest.fixture
def data(tmp_path: Path) -> text_data.Data:
    write(tmp_path / "text.txt", numbered(60))
    return text_data.prepare(recipe(tmp_path, "text.txt"))


def task(data: text_data.Data, group: Group = ALONE, **settings: Any) -> Task:
    return Task(TaskContext(recipe(Path(), "text.txt", **settings), data, CPU, {"recipe": "letters"}, group))


def test_an_epoch_takes_a_part_and_the_next_the_next(data: text_data.Data) -> None:
    learning = task(data, parts=3, batch_characters=60)
    seen = [[i for batch in learning.plan(epoch) for i in batch] for epoch in range(6)]
    assert sorted(chain(*seen[:3])) == sorted(chain(*seen[3:])) == list(range(len(data.train)))
    assert sorted(seen[0]) == sorted(seen[3]) and seen[0] != seen[3]
    for batch in learning.plan(0):
        assert len(batch) == 1 or len(batch) * (max(data.train.lengths[batch]) + 1) <= 60
    assert learning.plan(1) == task(data, parts=3, batch_characters=60).plan(1)


def test_the_loss_is_that_of_each_text_by_itself(data: text_data.Data) -> None:
    learning = task(data)
    learning.model.eval()
    texts = [data.vocabulary.decode(data.train[i]) for i in (3, 0, 11)]
    (batch,) = learning.load([[3, 0, 11]], 0)
    loss, count = learning.loss(batch)
    assert count == sum(map(len, texts)) + 3
    scored = LanguageModel(learning.model, data.vocabulary).score(texts)
    assert loss.item() == pytest.approx(-sum(scored), rel=1e-5)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_processes_share_a_batch(data: text_data.Data, size: int) -> None:
    plan = [[3, 0, 11], [4, 5, 6, 7, 8, 9]]
    whole = [task(data).loss(batch) for batch in task(data).load(plan, 0)]
    for number, (total, count) in enumerate(whole):
        shares = [task(data, Group(rank, size)) for rank in range(size)]
        parts = [each.loss(list(each.load(plan, 0))[number]) for each in shares]
        assert sum(c for _, c in parts) == count
        assert sum(loss.item() for loss, _ in parts) == pytest.approx(total.item(), rel=1e-5)


def test_what_another_process_counts_gives_no_gradient(data: text_data.Data) -> None:
    learning = task(data, Group(2, 3))
    (batch,) = learning.load([[1, 2]], 0)
    assert isinstance(batch, Batch) and batch.size == 0
    learning.loss(batch)[0].backward()
    assert all(p.grad is not None and not p.grad.any() for p in learning.model.parameters())


def test_bits_are_counted_over_processes(data: text_data.Data, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = task(data)
    alone.model.eval()
    expected = alone.evaluate()
    texts = data.dev[text_data.HELD_OUT]
    own = LanguageModel(alone.model, data.vocabulary).perplexity(texts)
    assert expected["score"] == pytest.approx(own.bits)
    parts = []
    for rank in range(3):
        monkeypatch.setattr(Group, "sums", lambda self, values: (parts.append(list(values)), [1.0, 1.0])[1])
        task(data, Group(rank, 3)).evaluate()
    nats, characters = (sum(column) for column in zip(*parts))
    assert nats / characters / math.log(2) == pytest.approx(expected["score"], rel=1e-5)


def test_it_learns_the_entropy_of_a_small_language(tmp_path: Path) -> None:
    given = recipe(tmp_path, "text.txt", epochs=12, batch_characters=200)
    vocabulary = Vocabulary.from_texts(SENTENCES)
    texts = text_data.Texts(SENTENCES * 25, vocabulary)
    learnt = text_data.Data(texts, {text_data.HELD_OUT: SENTENCES}, {}, vocabulary, {"text": 100}, {})
    learning = Task(TaskContext(given, learnt, CPU, {"recipe": "letters"}))
    progress = loop.fit(learning, given, tmp_path / "run", quiet=True)
    assert progress.history[0]["score"] > 1
    # Two bits a sentence of six letters and an end.
    assert 2 / 7 - 1e-3 < progress.best < 2 / 7 + 0.02
    results = learning.results(tmp_path / "run" / "best.safetensors")
    assert results["held-out"].bits == pytest.approx(progress.best, abs=1e-3)
    scorer = load_language_model(tmp_path / "run" / "best.safetensors")
    said = Counter(scorer.sample("", 2000, seed=2).split("\n")[:-1])
    assert sum(said[s] for s in SENTENCES) > 0.85 * said.total()
    assert all(said[s] > 0.15 * said.total() for s in SENTENCES)
    header = checkpoint.load(tmp_path / "run" / "best.safetensors").header
    assert header["vocabulary"] == ["<blank>", "a", "b", "c", "d"]
    assert header["provenance"]["recipe"] == "letters" and header["model"]["name"] == "language"


def test_a_run_can_start_from_another(data: text_data.Data, tmp_path: Path) -> None:
    first = task(data)
    first.save(tmp_path / "first.safetensors", {"epoch": 2})
    second = task(data, start=str(tmp_path / "first.safetensors"))
    assert second.provenance["started_from"] == {"recipe": "letters", "epoch": 2}
    for own, theirs in zip(second.model.parameters(), first.model.parameters()):
        torch.testing.assert_close(own, theirs.detach().half().float(), atol=0, rtol=0)


def test_a_network_of_another_kind_is_refused(data: text_data.Data) -> None:
    wrong = replace(recipe(Path(), "text.txt"), model={"name": "acoustic"})
    with pytest.raises(
        ConfigError, match=r"'acoustic', a model of kind 'acoustic'; task=language wants language\."
    ):
        Task(TaskContext(wrong, data, CPU))
