"""The recipe own-ctc for one's own voice: a share is held out by sentence, and scored before and after."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import replicas

from speechgru.config import Recipe, load_recipe
from speechgru.config.recipe import CorpusConfig, SourceConfig
from speechgru.data import Utterance, manifest, preparation
from speechgru.errors import ConfigError, CorpusError
from speechgru.evaluation import evaluate
from speechgru.evaluation.calibrate_parts import Options, Part
from speechgru.features.frontend import Settings as Features
from speechgru.inference import load_recognizer
from speechgru.models import checkpoint
from speechgru.tasks import held_out
from speechgru.training import run as training_run
from speechgru.utils.assets import ASSETS, find_model

SMALL = ["model.layers=1", "model.width=16", "model.channels=2", "features.n_mels=16"]
QUICK = ["trainer.epochs=1", "trainer.tensorboard=false", "trainer.precision=float32", "trainer.threads=1"]


def said(*texts: str) -> list[Utterance]:
    return [Utterance(Path(f"{i}.wav"), 1.0, text, "me", str(i)) for i, text in enumerate(texts)]


def held(utterances: Sequence[Utterance], share: float = 0.2, seed: int = 1) -> set[str]:
    return {u.text for u in preparation._held_out(list(utterances), share, seed)}


def test_the_recipe_starts_from_a_packaged_model_in_its_sizes() -> None:
    recipe = load_recipe("own-ctc")
    if not list(ASSETS.glob(f"{recipe.trainer.start}.safetensors")):
        pytest.skip("this installation holds no models")
    loaded = checkpoint.load(find_model(recipe.trainer.start))
    sizes = loaded.get("model")["settings"]
    ours = {key: value for key, value in recipe.model.items() if key in sizes and "dropout" not in key}
    assert ours.pop("sounds", 0) == 0, "a matter of ctc.pronunciations"
    assert ours == {key: sizes[key] for key in ours}
    features = Features(**{key: value for key, value in recipe.features.items() if key != "name"})
    assert loaded.get("features")["fingerprint"] == features.fingerprint


def test_a_share_is_held_out_and_repeated_sentences_stay_together() -> None:
    utterances = said(*(f"sentence {i // 2}" for i in range(40)))
    texts = held(utterances)
    assert len(texts) == 4, "8 of 40 recordings"
    assert held(reversed(utterances)) == texts, "whatever their order"
    assert len({frozenset(held(utterances, seed=seed)) for seed in range(5)}) > 1
    assert len(held(said("a", "b", "c"), 0.01)) == 1, "one at least"


def test_more_recordings_move_few() -> None:
    few, more = (said(*(f"sentence {i}" for i in range(n))) for n in (100, 110))
    assert len(held(few) & held(more)) >= 18


def test_nothing_left_to_learn_from() -> None:
    with pytest.raises(
        CorpusError, match=r"2 recordings with 1 different sentences leaves none.*Record more"
    ):
        held(said("hello", "hello"))


def test_what_is_held_out_has_to_be_used(tmp_path: Path) -> None:
    source = replicas.source("folder", tmp_path, ["me"])
    corpus = CorpusConfig(root=str(tmp_path), sources=[source], train=["folder/all"], dev=["folder/all"])
    with pytest.raises(CorpusError, match=r"corpus\.hold_out=0\.2 takes .* no split uses them"):
        preparation.prepare(Recipe("r", corpus=CorpusConfig(**{**vars(corpus), "hold_out": 0.2})), 25.0)
    with pytest.raises(ConfigError, match=r"corpus\.hold_out is 0\.9; expected from 0 to 0\.5"):
        CorpusConfig(hold_out=0.9)


def test_train_and_held_out_share_speakers_and_no_sentence(tmp_path: Path) -> None:
    replicas.lay_out("folder", tmp_path / "me")
    recipe = load_recipe("own-ctc", [f"corpus.root={tmp_path}", "corpus.hold_out=0.3"])
    data = preparation.prepare(recipe, 25.0)
    parts = {u.text for u in data.train}, {u.text for u in data.dev["held-out"]}
    assert not parts[0] & parts[1]
    assert parts[0] | parts[1] == set(replicas.SENTENCES)
    assert {u.speaker for u in data.train} == {u.speaker for u in data.dev["held-out"]} == {"own/me"}
    # Without a share held out, a shared speaker is refused as ever.
    both = [SourceConfig("folder", str(tmp_path / "me"), label) for label in ("a", "b")]
    replicas.lay_out("folder", tmp_path / "me" / "anna")
    corpus = CorpusConfig(sources=both[:1], train=["all"], dev=["a/all"])
    with pytest.raises(CorpusError, match="speakers are both in train"):
        preparation.prepare(Recipe("r", corpus=corpus), 25.0)


def test_before_and_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replicas.lay_out("folder", tmp_path / "data")
    place = [f"corpus.root={tmp_path / 'data'}"]
    first = [*SMALL, *QUICK, *place, f"output={tmp_path / 'first'}", "trainer.start="]
    start = training_run.train(load_recipe("own-ctc", first), quiet=True)
    assert list(start.evaluations) == ["held-out"], "there is no model before"

    then = [*SMALL, *QUICK, *place, f"output={tmp_path / 'own'}", f"trainer.start={start.model}"]
    learnt: list[tuple[Path, list[str], tuple[str, ...]]] = []

    def calibrate_file(
        path: Path, sets: dict[str, list[Utterance]], options: Options, device: str
    ) -> list[Part]:
        learnt.append((path, list(sets), options.parts))
        return [Part("times", {}, ("start 0",))]

    monkeypatch.setattr(held_out.calibrate, "is_enough", lambda utterances: True)
    monkeypatch.setattr(held_out.calibrate, "calibrate_file", calibrate_file)
    run = training_run.train(load_recipe("own-ctc", then), quiet=True)
    # What is held out chooses nothing that its WER depends on.
    assert learnt == [(run.model, ["held-out"], ("confidence", "times"))]
    assert list(run.evaluations) == ["held-out", held_out.BEFORE]
    kept = manifest.read(tmp_path / "own" / "manifests" / "held-out.jsonl")
    for model, name in ((run.model, "held-out"), (start.model, held_out.BEFORE)):
        assert evaluate(load_recognizer(model), kept).score == run.evaluations[name].score
    report = json.loads((tmp_path / "own" / "report.json").read_text())
    assert set(report["scores"]) == {"held-out", held_out.BEFORE}
    assert checkpoint.load(run.model).header["provenance"]["started_from"]["recipe"] == "own-ctc"
