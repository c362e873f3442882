"""Learning punctuation: what is read and left out, the plan, the pauses, the score."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from speechgru.config import Recipe
from speechgru.config.recipe import CorpusConfig
from speechgru.config.trainer import OptimizerConfig, TrainerConfig
from speechgru.errors import ConfigError, CorpusError
from speechgru.evaluation.punctuation import evaluate
from speechgru.inference import load_punctuator
from speechgru.tasks import punctuation_data
from speechgru.tasks.punctuation import IGNORED, Task
from speechgru.tasks.punctuation_settings import PausesConfig, PunctuationConfig, WrittenSourceConfig
from speechgru.text.punctuation import Tagged
from speechgru.training import TaskContext, loop

# A mark follows from the word before it, a capital from the word.
VERBS = ("came", "went", "sat", "ran", "slept")


def lines(count: int) -> list[str]:
    return [f"See {n}. He saw it, Anna {VERBS[n % 5]}. Who is Bob?" for n in range(count)]


PAUSES = PausesConfig([0.0, 0.0], [0.2, 0.4], [0.6, 1.0], [0.6, 1.0])


def recipe(folder: Path, *sources: WrittenSourceConfig, **settings: Any) -> Recipe:
    trainer = {k: settings.pop(k) for k in ("epochs", "batch_characters") if k in settings}
    settings = {"held_out": 0.3, "window": 12, "vocabulary": 50} | settings
    return Recipe(
        "marks",
        task="punctuation",
        corpus=CorpusConfig(root=str(folder)),
        settings=PunctuationConfig(list(sources), **settings),
        model={"name": "tagger", "layers": 1, "width": 12, "embedding": 8, "buckets": 8, "dropout": 0.0},
        optimizer=OptimizerConfig(lr=0.02),
        trainer=TrainerConfig(device="cpu", precision="float32", tensorboard=False, **trainer),
    )


@pytest.fixture
def text(tmp_path: Path) -> Callable[..., WrittenSourceConfig]:
    def write(name: str, lines: list[str], **settings: Any) -> WrittenSourceConfig:
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return WrittenSourceConfig(name, **settings)

    return write


def task(made: Recipe) -> Task:
    return Task(TaskContext(made, punctuation_data.prepare(made), torch.device("cpu")))


def test_every_word_is_learnt_or_held_out(tmp_path: Path, text: Callable[..., WrittenSourceConfig]) -> None:
    written = [f"Line {number}, again." for number in range(1000)]
    data = punctuation_data.prepare(recipe(tmp_path, text("a.txt", written)))
    learnt = [data.names[number] for number in data.train["a"].types.tolist()]
    assert learnt.count("line") + sum(each.word == "line" for each in data.dev["a"]) == 1000
    assert 0 < len(data.dev["a"]) < len(learnt)
    assert data.vocabulary[:2] == ("again", "line")
    assert data.uses(recipe(tmp_path, WrittenSourceConfig("a.txt")))[0].words == len(learnt)


def test_columns_shuffling_and_doubles(tmp_path: Path, text: Callable[..., WrittenSourceConfig]) -> None:
    rows = [f"Un {n}.\tThis is {n}.\textra" for n in range(300)] * 2
    source = text("b.tsv", rows, column=1, shuffle=True)
    data = punctuation_data.prepare(recipe(tmp_path, source))
    words = [data.names[n] for n in data.train["b"].types.tolist()] + [w.word for w in data.dev["b"]]
    assert words.count("this") == 300 and "un" not in words and "extra" not in words
    with pytest.raises(CorpusError, match="no column 3"):
        punctuation_data.prepare(recipe(tmp_path, text("b.tsv", rows, column=3)))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ([f"no marks here {n}" for n in range(500)], "no punctuation"),
        (["Few. Words."], "expected some of both"),
        ([], "leaves 0 words"),
    ],
)
def test_texts_that_teach_nothing(
    tmp_path: Path, text: Callable[..., WrittenSourceConfig], written: list[str], message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        punctuation_data.prepare(recipe(tmp_path, text("c.txt", written)))


def test_two_sources_of_one_label(tmp_path: Path, text: Callable[..., WrittenSourceConfig]) -> None:
    source = text("a.txt", lines(5))
    with pytest.raises(CorpusError, match="label of their own"):
        punctuation_data.prepare(recipe(tmp_path, source, source))


@pytest.mark.parametrize(
    "lists", [([0.0],), ([0.2, 0.1],), ([0.0, 0.1],), ([-1.0, 0.0], [0.0, 0.1], [0.0, 0.1], [0.0, 0.1])]
)
def test_pauses_that_make_no_sense(lists: tuple[list[float], ...]) -> None:
    with pytest.raises(ConfigError, match=r"punctuation\.pauses\.(none|comma|period)"):
        PausesConfig(*lists)


def test_an_epoch_covers_its_part_once(tmp_path: Path, text: Callable[..., WrittenSourceConfig]) -> None:
    made = task(recipe(tmp_path, text("a.txt", lines(1000), parts=3), text("b.txt", lines(200))))
    first, second = (len(stream) for stream in made.data.train.values())
    seen = np.zeros(first + second, int)
    for epoch in range(3):
        for batch in made.plan(epoch):
            for start, end, _ in batch:
                assert 0 < end - start <= 12 and (end <= first or start >= first), "within one source"
                seen[start:end] += 1
    assert (seen[:first] == 1).all()
    assert seen[first + 37 :].min() >= 2  # its beginning is left out where windows are shifted
    assert made.plan(1) == made.plan(1) != made.plan(0)


def test_a_batch_is_the_same_each_time_and_pauses_are_those_of_the_marks(
    tmp_path: Path, text: Callable[..., WrittenSourceConfig]
) -> None:
    settings = {"pauses": PAUSES, "unknown_pauses": 0.0, "uneven": 0.0, "substituted": 0.0}
    made = task(recipe(tmp_path, text("a.txt", lines(1000)), **settings))
    items = made.plan(0)[0]
    one, two = made.batch(items, True), made.batch(items, True)
    assert all(torch.equal(torch.as_tensor(a), torch.as_tensor(b)) for a, b in zip(one, two))
    inside = one.marks != IGNORED
    assert one.size == int(inside.sum()) == int(one.lengths.sum())
    assert set(one.pauses[inside & (one.marks == 0)].tolist()) == {1}
    assert set(one.pauses[one.marks == 1].tolist()) <= {3, 4}
    assert set(one.pauses[inside & (one.marks >= 2)].tolist()) <= {5, 6}
    assert not one.pauses[~inside].any()
    silent = task(recipe(tmp_path, WrittenSourceConfig("a.txt"), pauses=PAUSES, unknown_pauses=1.0))
    assert not silent.batch(silent.plan(0)[0], True).pauses.any()
    assert made.batch(items, False).size == 0


def test_words_are_substituted_as_often_as_asked(
    tmp_path: Path, text: Callable[..., WrittenSourceConfig]
) -> None:
    made = task(recipe(tmp_path, text("a.txt", lines(1500)), substituted=0.3, batch_characters=100_000))
    (batch,) = made.plan(0)
    changed = made.batch(batch, True).words
    plain = torch.from_numpy(np.concatenate([made.rows[made.text.types[a:b]] for a, b, _ in sorted(batch)]))
    order = sorted(range(len(batch)), key=lambda i: batch[i])
    flat = torch.cat([changed[i, : batch[i][1] - batch[i][0]] for i in order])
    share = float((flat != plain).any(dim=1).float().mean())
    assert 0.2 < share < 0.3  # some words are replaced by themselves


@pytest.mark.slow
def test_a_rule_is_learnt_and_the_file_is_as_good(
    tmp_path: Path, text: Callable[..., WrittenSourceConfig]
) -> None:
    made = recipe(tmp_path, text("a.txt", lines(600)), epochs=20, batch_characters=600, substituted=0.0)
    learner = task(made)
    progress = loop.fit(learner, made, tmp_path / "run", quiet=True)
    assert progress.best < 0.02
    punctuator = load_punctuator(tmp_path / "run" / "best.safetensors")
    assert punctuator.restore("see it he saw it anna came who is bob") == (
        "See it. He saw it, Anna came. Who is Bob?"
    )
    (result,) = learner.results(tmp_path / "run" / "best.safetensors").values()
    assert result.f1.min() > 0.95 and result.words == len(learner.data.dev["a"])


def test_counts_of_precision_and_recall() -> None:
    class Fixed:
        def tag(self, words: list[str], pauses: object = None) -> list[tuple[str, int, int]]:
            return [("a", 1, 1), ("b", 1, 0), ("c", 2, 1), ("d", 0, 2)]

    wanted = [Tagged("a", 1, 1), Tagged("b", 0, 1), Tagged("c", 3, 0), Tagged("d", 2, 1)]
    counted = evaluate(Fixed(), wanted)  # type: ignore[arg-type]
    assert counted.right.tolist() == [1, 0, 0, 1]
    assert counted.wanted.tolist() == [1, 1, 1, 3] and counted.made.tolist() == [2, 1, 0, 3]
    assert counted.f1.tolist() == pytest.approx([2 / 3, 0, 0, 1 / 3])
    assert counted.to_dict()["comma"] == {"precision": 0.5, "recall": 1.0, "f1": 0.66667, "count": 1}
    assert "F1 comma" in counted.describe() and "| comma" in counted.details()
