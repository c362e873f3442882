"""Recipes: what composes, what is refused, and what the refusal says."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from speechgru.config import Recipe, files, load_recipe
from speechgru.config.compose import to_yaml
from speechgru.config.files import recipes
from speechgru.config.recipe import SourceConfig
from speechgru.errors import ConfigError
from speechgru.tasks.ctc_settings import CtcConfig
from speechgru.tasks.text_settings import TextConfig
from speechgru.utils import plugins


def _write(folder: Path, text: str, name: str = "recipe.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


MINIMAL = "defaults:\n  - features: log_mel\n  - model: acoustic\n  - decoder: greedy\n  - _self_\n"


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_composes(name: str) -> None:
    recipe = load_recipe(name)
    assert isinstance(recipe, Recipe)
    assert recipe.name == name
    assert recipe.output == f"runs/{name}"
    assert recipe.corpus.dev
    assert recipe.corpus.train or recipe.task_settings(TextConfig).sources
    for source in recipe.corpus.sources:
        plugins.find(plugins.settings("tasks", recipe.task).corpora, source.name)
    splits = recipe.splits_folder()
    assert splits is None or splits.is_dir()


@pytest.mark.parametrize("group", sorted(files.groups()))
def test_every_choice_of_every_group_composes(group: str) -> None:
    for choice in files.groups()[group]:
        of_speech = group != "model" or choice in plugins.names("models")
        load_recipe("digits" if of_speech else "music_baseline", [f"{group}={choice}"])


def test_the_files_of_conf_and_the_defaults_of_the_schema_agree(tmp_path: Path) -> None:
    bare = load_recipe(_write(tmp_path, MINIMAL))
    choices = ["augment=none", "optimizer=adamw", "schedule=cosine", "trainer=standard"]
    assert load_recipe(tmp_path, choices) == bare


def test_the_known_recipes_are_there() -> None:
    assert {"digits", "english-small"} <= set(recipes())


def test_overrides_arrive_with_their_types() -> None:
    recipe = load_recipe(
        "digits",
        [
            "trainer.epochs=3",
            "trainer.clip=2",
            "trainer.tensorboard=false",
            "optimizer.lr=1e-4",
            "augment.speed=[0.9,1]",
            "corpus.dev=[a-b,c/d]",
            "schedule=linear",
            "model.layers=1",
            "name=mine",
        ],
    )
    assert recipe.trainer.epochs == 3
    assert recipe.optimizer.lr == 1e-4
    assert recipe.augment.speed == [0.9, 1.0]
    assert recipe.trainer.tensorboard is False
    assert recipe.corpus.dev == ["a-b", "c/d"]
    assert recipe.schedule.name == "linear"
    assert recipe.model["layers"] == 1
    assert isinstance(recipe.trainer.clip, float)
    assert recipe.name == "mine"
    assert recipe.output == "runs/mine"


def test_what_is_returned_is_plain() -> None:
    def walk(value: Any) -> None:
        assert type(value) in (dict, list, str, int, float, bool, type(None)), type(value)
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(item)

    recipe = load_recipe("english-small")
    for settings in (
        recipe.model,
        recipe.features,
        recipe.decoder,
        recipe.corpus.train,
        recipe.augment.speed,
    ):
        walk(settings)
    assert type(recipe.corpus.sources[0]) is SourceConfig


def test_a_plugin_s_settings_are_complete() -> None:
    settings = load_recipe("digits").model
    fields = plugins.settings("models", "acoustic").__dataclass_fields__
    assert settings.keys() == {"name", *fields}
    assert settings["layers"] == 2


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("trainer.epoch=3", "Unknown key in trainer: 'epoch'. Did you mean 'epochs'? Choices: accumulate, "),
        ("epochs=3", "Unknown key: 'epochs'. Did you mean 'trainer.epochs'?"),
        ("trainr.epochs=3", "Unknown key: 'trainr'. Did you mean 'trainer'?"),
        ("trainer.epochs.x=3", "trainer.epochs"),
        ("trainer.epochs=many", "trainer.epochs is 'many'; expected a whole number."),
        ("trainer.epochs=2.5", "trainer.epochs is 2.5; expected a whole number."),
        ("trainer.epochs=true", "trainer.epochs is True; expected a whole number."),
        ("trainer.epochs=", "trainer.epochs is ''; expected a whole number."),
        ("trainer.epochs=null", "trainer.epochs is None; expected a whole number."),
        ("trainer.epochs=0", "trainer.epochs is 0; expected above 0."),
        ("trainer.epochs=1,2", "names several values"),
        ("trainer.epochs=[1", "trainer.epochs=[1 can't be read: "),
        ("optimizer.lr=fast", "optimizer.lr is 'fast'; expected a number."),
        ("optimizer.betas=[0.9]", "optimizer.betas is [0.9]; expected two numbers"),
        ("augment.speed=1.1", "augment.speed is 1.1; expected a list, [...], of a number."),
        ("augment.speed=[a]", "augment.speed[0] is 'a'; expected a number."),
        ("corpus.train=train", "corpus.train is 'train'; expected a list, [...], of text."),
        ("corpus.sources=[{nam:folder}]", "Unknown key in corpus.sources[0]: 'nam'. Did you mean 'name'?"),
        ("corpus.sources=[{path:here}]", "corpus.sources[0].name is missing; expected text."),
        (
            "trainer.precision=bfloat",
            "Unknown value of trainer.precision: 'bfloat'. Did you mean 'bfloat16'?",
        ),
        ("trainer=3", "Unknown choice of trainer: '3'. Choices: "),
        ("model=acustic", "Unknown choice of model: 'acustic'. Did you mean 'acoustic'? Choices: "),
        ("model.name=acustic", "Unknown name in models: 'acustic'. Did you mean 'acoustic'?"),
        ("features.name=log_mell", "Unknown name in features: 'log_mell'. Did you mean 'log_mel'?"),
        ("model.layer=3", "Unknown key in model: 'layer'. Did you mean 'layers'?"),
        ("model.layers=three", "model.layers is 'three'; expected a whole number."),
        ("model._target_=os.system", "Unknown key in model: '_target_'."),
        ("hydra.run.dir=x", "Unknown key: 'hydra'."),
        ("folder=x", "Unknown key: 'folder'."),
        ("output=${nowhere}", "nowhere"),
        ("trainer.epochs", "'trainer.epochs' is no setting; expected key=value"),
        ("+trainer.epochs=3", "'+trainer.epochs=3' is no setting"),
        ("~trainer", "'~trainer' is no setting"),
        ("=3", "'=3' is no setting"),
        ("", "'' is no setting"),
    ],
)
def test_a_wrong_override_is_refused_by_name(override: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipe("digits", [override])
    message = str(caught.value)
    assert expected in message
    for noise in ("object_type", "full_key", "struct", "Traceback", "+", "\n"):
        assert noise not in message.replace(override, "")


@pytest.mark.parametrize(
    "path",
    [
        "/tmp/my data (1)/x",
        "a=b",
        "x=1,y=[2]",
        "C:\\data",
        "it's",
        "émile",
        "{a: b}",
        "7",
        "null",
        "~/x",
        "#1",
        "",
        " x ",
    ],
)
def test_text_is_taken_as_it_is(path: str) -> None:
    assert load_recipe("digits", [f"corpus.root={path}"]).corpus.root == path


@pytest.mark.parametrize("quoted", ["'/a b/c'", '"/a b/c"'])
def test_quotes_around_text_are_taken_off(quoted: str) -> None:
    assert load_recipe("digits", [f"corpus.root={quoted}"]).corpus.root == "/a b/c"


def test_a_value_of_the_recipe_may_be_used_in_another() -> None:
    assert load_recipe("digits", ["output=/scratch/${name}-${seed}", "seed=4"]).output == "/scratch/digits-4"


def test_the_last_override_wins() -> None:
    assert load_recipe("digits", ["seed=2", "seed=3"]).seed == 3


def test_a_group_that_the_recipe_does_not_name_replaces_what_it_says() -> None:
    corpus = load_recipe("english-small", ["corpus=librispeech"]).corpus
    assert [source.name for source in corpus.sources] == ["librispeech"]
    assert corpus.splits == ""
    assert "train-clean-100" in corpus.train


def test_a_file_without_defaults_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no features.name; add `- features: CHOICE` to its defaults"):
        load_recipe(_write(tmp_path / "empty", "seed: 3\n"))


@pytest.mark.parametrize("folder", ["plain", "with space", "a=b (1)", "it's", "é,[x]"])
def test_a_recipe_from_any_folder(tmp_path: Path, folder: str) -> None:
    _write(tmp_path / folder, MINIMAL + "seed: 5\ncorpus:\n  splits: ids\n")
    for given in (tmp_path / folder, tmp_path / folder / "recipe.yaml", str(tmp_path / folder)):
        recipe = load_recipe(given)
        assert (recipe.name, recipe.seed) == (folder, 5)
        assert recipe.splits_folder() == tmp_path / folder / "ids"


def test_a_yaml_file_of_any_name(tmp_path: Path) -> None:
    _write(tmp_path, MINIMAL, "my test.yaml")
    assert load_recipe(tmp_path / "my test.yaml").name == "my test"


def test_a_recipe_may_bring_its_own_choices(tmp_path: Path) -> None:
    _write(tmp_path / "trainer", "epochs: 77\n", "long.yaml")
    _write(tmp_path, MINIMAL)
    assert load_recipe(tmp_path, ["trainer=long"]).trainer.epochs == 77


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1\n", "is no YAML"),
        ("- a\n- b\n", "expected `key: value` lines"),
        ("defaults: model\n", "with a list below `defaults`"),
        ("defaults:\n  - modell: acoustic\n", "Unknown config group: 'modell'. Did you mean 'model'?"),
        ("defaults:\n  - model: acustic\n", "Unknown choice of model: 'acustic'. Did you mean 'acoustic'?"),
        ("defaults:\n  - nowhere\n", "nowhere"),
        (MINIMAL + "trainer:\n  epoch: 3\n", "Unknown key in trainer: 'epoch'. Did you mean 'epochs'?"),
        (MINIMAL + "trainer: 3\n", "trainer is 3; expected keys with values."),
        (MINIMAL + "name: 3\n", "name is 3; expected text."),
        (MINIMAL + "seed: ???\n", "seed"),
        (MINIMAL + "folder: x\n", "Unknown key: 'folder'"),
        (MINIMAL + "model:\n  width: wide\n", "model.width is 'wide'; expected a whole number."),
    ],
)
def test_a_broken_recipe_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipe(_write(tmp_path / "r", text))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match=r"Unknown recipe: 'digit'. Did you mean 'digits'\? Choices: .*digits, "
    ):
        load_recipe("digit")


@pytest.mark.parametrize("name", recipes())
def test_yaml_reads_back_as_the_same_recipe(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name, ["corpus.root=/a: b #c"])
    assert recipe.folder not in to_yaml(recipe)
    assert load_recipe(_write(tmp_path, to_yaml(recipe))) == recipe


def test_composing_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    before = (list(root.handlers), root.level, root.manager.disable)
    load_recipe("digits", ["seed=2"])
    with pytest.raises(ConfigError):
        load_recipe("digits", ["seed=x"])
    assert (list(root.handlers), root.level, root.manager.disable) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["decoding", "models", "music.models", "tasks"])
def test_every_plugin_has_its_settings_in_the_light_module(folder: str) -> None:
    table = importlib.import_module(f"speechgru.{folder}.settings").SETTINGS
    assert sorted(table) == plugins.names(folder)
    if folder != "tasks":
        assert all(plugins.find(folder, name).Settings is settings for name, settings in table.items())


def test_a_task_takes_its_own_settings_and_the_defaults_of_others() -> None:
    assert load_recipe("digits", ["ctc.smoothing=0.1"]).task_settings(CtcConfig).smoothing == 0.1
    assert load_recipe("yesno", ["vad.alone=0.2"]) == load_recipe("yesno")
    for override in ("vad.alone=0.1", "music.chunk=3", "text.parts=2"):
        with pytest.raises(ConfigError, match=f"task=ctc takes no {override.partition('.')[0]}; leave"):
            load_recipe("digits", [override])
    with pytest.raises(ConfigError, match=r"Unknown key in ctc: 'smothing'. Did you mean 'smoothing'"):
        load_recipe("digits", ["ctc.smothing=0.1"])


@pytest.mark.parametrize("name", ["yesno", "vad", "music_baseline"])
def test_a_recipe_is_loaded_without_tasks_and_torch(name: str) -> None:
    code = (
        "import sys; from speechgru.config.compose import load_recipe; load_recipe(sys.argv[1]); "
        "print([m for m in sys.modules if m in ('torch', 'numba') or m.startswith('speechgru.tasks.')"
        " and not m.endswith('settings')])"
    )
    finished = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, check=True)
    assert finished.stdout == "[]\n"


def test_importing_the_schema_imports_no_hydra() -> None:
    code = "import sys, speechgru.config.compose; print(sorted(sys.modules.keys() & {'hydra', 'omegaconf', 'torch'}))"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout == "[]\n"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("seed: 1\nseed: 2\n", r"recipe\.yaml: line 7: found duplicate key seed"),
        ("seed: " + "9" * 5000 + "\n", r"recipe\.yaml is no YAML: .*4300 digits"),
        ("name: 2001-99-99\n", r"recipe\.yaml is no YAML"),
        ("seed: " + "[" * 50_000 + "\n", r"recipe\.yaml is no YAML"),
    ],
)
def test_yaml_that_means_nothing_is_named(tmp_path: Path, more: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        load_recipe(_write(tmp_path, MINIMAL + more))


def test_a_choice_that_no_file_can_be_called_is_named(tmp_path: Path) -> None:
    text = MINIMAL.replace("features: log_mel", "features: " + "x" * 300)
    with pytest.raises(ConfigError, match=r"features"):
        load_recipe(_write(tmp_path, text))


@pytest.mark.timeout(20)
def test_a_value_of_a_hundred_thousand_brackets_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"model\.layers=\[.*has 100000 characters; expected up to 10000"):
        load_recipe("digits", ["model.layers=" + "[" * 100_000])


def test_a_defaults_list_without_self_warns_of_nothing(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recipe = load_recipe(_write(tmp_path, MINIMAL.replace("  - _self_\n", "") + "model: {layers: 7}\n"))
    assert recipe.model["layers"] == 7, "the recipe's own values come last"
