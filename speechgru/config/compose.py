"""`load_recipe`: YAML and overrides → Recipe.

Hydra composes: the recipe's defaults list and the choices of groups (`model=acoustic`) pick files of conf/, and its
override grammar reads single values (`trainer.epochs=3`). `schema.build`, which also reads checkpoints, checks the
result; OmegaConf's structured configs can't: they have no Literal, and turn "3" into 3 and "yes" into true. Settings of
plugins come from the light `settings.py` of their folder, so neither a task nor torch is loaded.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from speechgru.config.recipe import AugmentConfig, RangeConfig, Recipe
from speechgru.config.section import Section
from speechgru.errors import ConfigError
from speechgru.utils import plugins, schema
from speechgru.utils.files import named_errors

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig


_PACKAGE = Path(__file__).resolve().parents[1]
_KEY = re.compile(r"[A-Za-z_]\w*([./][A-Za-z_]\w*)*")
_LONGEST_VALUE = 10_000  # characters; the parser takes time with the square of how deeply a value is nested
_NOT_TUNED = ("name", "output", "task", "tune")
_PLUGINS = {"features": "features", "model": "models", "decoder": "decoding"}
"""Config groups whose choices are plugins, and the folders of these."""


def recipes() -> list[str]:
    """Names of the recipes that come with the package, sorted."""
    return sorted(path.parent.name for path in _home("recipes").glob("*/recipe.yaml"))


def describe(name: str) -> tuple[str, str]:
    """The task of a recipe that comes with the package, and what it is, in a line: the comment at its file's head."""
    file = _home("recipes") / name / "recipe.yaml"
    with file.open(encoding="utf-8") as lines:
        first = next(lines, "")
    return str(_read(file).get("task", Recipe.task)), first.lstrip("# ").strip() if first[:1] == "#" else ""


def load_recipe(
    name_or_path: str | Path, overrides: Sequence[str] = (), ranges: Mapping[str, RangeConfig] | None = None
) -> Recipe:
    """Compose a recipe with `key=value` overrides.

    Args:
        name_or_path: a name from `recipes()`, a folder that holds a recipe.yaml, or a .yaml file.
        overrides: `group=choice` (`schedule=linear`) or `key.path=value` (`trainer.epochs=3`). Where the key
            holds text, all after the first `=` is taken as it is, so a path may have spaces and `=`.
        ranges: to search, beside those that the recipe declares and over them.

    Raises:
        ConfigError: an unknown recipe, group choice or key, a value of the wrong type, broken YAML; the
            message names the key and the choices.
    """
    file = find_recipe(name_or_path)
    values = _compose(file, [split(override) for override in overrides])
    values.setdefault("name", file.parent.name if file.name == "recipe.yaml" else file.stem)
    if "folder" in values:
        raise ConfigError("Unknown key: 'folder'. It is always the folder of the recipe's file.")
    recipe = _build(values, file)
    if ranges:
        recipe = replace(recipe, tune=replace(recipe.tune, ranges={**recipe.tune.ranges, **ranges}))
    _check_ranges(recipe, values, file)
    return recipe


def _build(values: Mapping[str, Any], file: Path) -> Recipe:
    """Check plain values and put them into the schema."""
    _check_top_level(values)
    name = str(values.get("task", Recipe.task))
    task = plugins.settings("tasks", name)
    built = {key: value for key, value in values.items() if key not in _sections()}
    for group, folder in _PLUGINS.items():
        if group in task.groups:
            built[group] = _plugin(group, task.models if group == "model" else folder, values.get(group))
        elif values.get(group):
            raise ConfigError(f"task={name} takes no {group}; leave {group} out of the recipe.")
    recipe: Recipe = schema.build(Recipe, {**built, "folder": str(file.parent)})
    settings = {
        key: schema.build(section, schema.convert(dict[str, Any], values.get(key, {}), key), key)
        for key, section in _sections().items()
    }
    own = settings.pop(task.section.KEY) if task.section else None
    for (
        key,
        section,
    ) in settings.items():  # the recipes of older runs hold other tasks' settings at their defaults
        if section != type(section)():
            raise ConfigError(f"task={name} takes no {key}; leave the settings of {key} out of the recipe.")
    return replace(recipe, settings=own)


def _plugin(group: str, folder: str, values: Any) -> dict[str, Any]:
    """Check a plugin's settings against its own dataclass; every field is there in the result."""
    if not isinstance(values, dict) or not isinstance(values.get("name"), str):
        raise ConfigError(f"The recipe has no {group}.name; add `- {group}: CHOICE` to its defaults.")
    given = {key: value for key, value in values.items() if key != "name"}
    settings = schema.build(plugins.settings(folder, values["name"]), given, group)
    return {"name": values["name"], **asdict(settings)}


def _sections() -> dict[str, type[Section]]:
    """The sections of all tasks, by key."""
    tasks = (plugins.settings("tasks", name) for name in plugins.names("tasks"))
    return {task.section.KEY: task.section for task in tasks if task.section}


def _schema() -> dict[str, Any]:
    """The types of all keys at the top of a recipe."""
    hints: dict[str, Any] = {**get_type_hints(Recipe), **_sections()}
    return {key: hint for key, hint in hints.items() if key not in ("KEY", "settings", "folder")}


def _check_top_level(values: Mapping[str, Any]) -> None:
    """Say where a key lives that was given without its group: `epochs` is `trainer.epochs`."""
    hints = _schema()
    for key in values.keys() - hints.keys():
        homes = [
            repr(f"{group}.{key}")
            for group, hint in hints.items()
            if is_dataclass(hint) and key in {f.name for f in fields(hint)}
        ]
        if homes:
            raise ConfigError(f"Unknown key: {key!r}. Did you mean {' or '.join(homes)}?")
        raise ConfigError(plugins.unknown("key", key, sorted(hints)))


def _check_ranges(recipe: Recipe, values: Mapping[str, Any], file: Path) -> None:
    """Refuse a range of `tune` whose ends or choices the recipe couldn't take."""
    from omegaconf import OmegaConf

    for key, span in recipe.tune.ranges.items():
        if key.partition(".")[0] in _NOT_TUNED:
            raise ConfigError(f"tune.ranges holds {key!r}; expected a setting that shapes the training.")
        for value in span.choices or (span.low, span.high):
            try:
                if key in _groups():
                    _compose(file, [(key, str(value))])
                    continue
                config = OmegaConf.create(dict(values))
                _set(config, key, value)
                _build(_plain(config), file)
            except ConfigError as error:
                raise ConfigError(f"tune.ranges holds {key!r}: {error}") from error


def augmentation(choice: str = "none", overrides: Sequence[str] = ()) -> AugmentConfig:
    """conf/augment/CHOICE.yaml and `key=value` overrides (`noise=1`), without a recipe around them.

    Raises:
        ConfigError: an unknown choice or key, or an impossible value.
    """
    if choice not in _groups()["augment"]:
        raise ConfigError(plugins.unknown("choice of augment", choice, _groups()["augment"]))
    values = _read(_home("conf") / "augment" / f"{choice}.yaml")
    for key, text in map(split, overrides):
        values[key] = _value(f"augment.{key}", text)
    return schema.build(AugmentConfig, values, "augment")


def to_yaml(recipe: Recipe) -> str:
    """The whole recipe as YAML that `load_recipe` reads back (from a folder where its `splits` lie)."""
    from omegaconf import OmegaConf

    values = asdict(recipe)
    own = recipe.settings.KEY if recipe.settings else None
    named = {own if key == "settings" else key: value for key, value in values.items() if key != "folder"}
    return OmegaConf.to_yaml(OmegaConf.create({key: value for key, value in named.items() if key}))


def _home(name: str) -> Path:
    """conf/ or recipes/: inside the package when installed, beside it in a checkout."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def find_recipe(name_or_path: str | Path) -> Path:
    """The file of a recipe, as `load_recipe` takes it.

    Raises:
        ConfigError: there is none; the message names the choices.
    """
    name = str(name_or_path)
    if name in recipes():
        return _home("recipes") / name / "recipe.yaml"
    path = Path(name_or_path).expanduser()
    if path.is_dir() and (path / "recipe.yaml").is_file():
        return (path / "recipe.yaml").resolve()
    if path.is_file() and path.suffix == ".yaml":
        return path.resolve()
    advice = " Or pass a .yaml file or a folder that holds a recipe.yaml."
    raise ConfigError(plugins.unknown("recipe", name, recipes()) + advice)


def split(override: str) -> tuple[str, str]:
    """`key=value` as key and value.

    Raises:
        ConfigError: it is no such thing.
    """
    key, equals, value = override.partition("=")
    if not equals or not _KEY.fullmatch(key):
        raise ConfigError(
            f"{override!r} is no setting; expected key=value, as in trainer.epochs=3 or schedule=linear."
        )
    return key, value


def _groups() -> dict[str, list[str]]:
    """Config groups and their choices in conf/; beside a recipe there may be more of these."""
    folders = (path for path in _home("conf").iterdir() if path.is_dir())
    return {folder.name: sorted(file.stem for file in folder.glob("*.yaml")) for folder in folders}


def _compose(file: Path, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Plain values of a recipe's file and overrides, with ${...} resolved; Hydra picks the files of groups."""
    from hydra import compose, initialize_config_dir

    own, groups = _defaults(file), _groups()
    choices = [pair for pair in pairs if pair[0] in groups]
    overrides = [f"hydra.searchpath=[{_quote('file://' + str(_home('conf')))}]"]
    # A group that the recipe doesn't name is added, over what the recipe itself says.
    overrides += [f"{'' if group in own else '+'}{group}={_quote(choice)}" for group, choice in choices]
    with (
        _one_sentence(str(file)),
        warnings.catch_warnings(),
        initialize_config_dir(str(file.parent), "speechgru", "1.3"),
    ):
        # Without _self_ the recipe's own values come last, as anybody expects; Hydra says that it was otherwise once.
        warnings.filterwarnings("ignore", message=".*missing `_self_`")
        config = compose(file.stem, overrides)
    for group, choice in choices:
        if group in _PLUGINS and choice != own.get(group, choice):
            # What a recipe says of its own model says nothing of another one, which has other settings.
            places = (root / group / f"{choice}.yaml" for root in (file.parent, _home("conf")))
            config[group] = _read(next(filter(Path.is_file, places)))
    for key, text in pairs:
        if key not in groups:
            _set(config, key.replace("/", "."), _value(key, text))
    with _one_sentence(str(file)):
        return _plain(config)


def _set(config: DictConfig, key: str, value: Any) -> None:
    """Set a dotted key."""
    from omegaconf import OmegaConf

    with _one_sentence(f"{key} can't be set"):
        OmegaConf.update(config, key, value, merge=False, force_add=True)


def _plain(config: DictConfig) -> dict[str, Any]:
    from omegaconf import OmegaConf

    values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


@contextmanager
def _one_sentence(what: str) -> Iterator[None]:
    """Errors of Hydra and OmegaConf as ConfigError with their first line: search paths and object types follow it."""
    import yaml
    from hydra.errors import HydraException, MissingConfigException
    from omegaconf.errors import OmegaConfBaseException

    try:
        yield
    except MissingConfigException as error:
        group, _, choice = (error.missing_cfg_file or "").rpartition("/")
        if error.options:
            advice = " Each of several is trained by --multirun." if "," in choice else ""
            unknown = plugins.unknown(f"choice of {group}", choice, error.options)
            raise ConfigError(f"{unknown}{advice}") from error
        unknown = plugins.unknown("config group", group or choice, sorted(_groups()))
        raise ConfigError(f"{what}: {unknown}") from error
    except yaml.MarkedYAMLError as error:  # OmegaConf's own reading: a key that is there twice
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ConfigError(f"{what}: {line}{error.problem}") from error
    except RecursionError as error:
        raise ConfigError(f"{what}: nested too deeply") from error
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, OSError, TypeError, ValueError) as error:
        raise ConfigError(f"{what}: {str(error).strip().partition(chr(10))[0]}") from error


def _defaults(file: Path) -> dict[str, str]:
    """Groups of the recipe's defaults list, and their choices."""
    config = _read(file)
    entries = config.get("defaults", []) if isinstance(config, dict) else None
    if not isinstance(entries, list):
        raise ConfigError(f"{file}: expected `key: value` lines, with a list below `defaults`.")
    named = (entry for entry in entries if isinstance(entry, dict))
    return {str(group): str(choice) for entry in named for group, choice in entry.items()}


def _read(file: Path) -> Any:
    import yaml

    try:
        with named_errors(file):
            return yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: of bytes, dates and numbers
        raise ConfigError(f"{file} is no YAML: {' '.join(str(error).split())}") from error


def _value(key: str, text: str) -> Any:
    """The value of `key=text`: literal where the key holds text, else by Hydra's override grammar."""
    if type_of(key) is str:
        quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
        return text[1:-1] if quoted else text
    override = parsed(key, text)
    if override.is_sweep_override():
        raise ConfigError(
            f"{key}={text} names several values; expected one. Write a list as {key}=[{text}], or train with each "
            "value by --multirun."
        )
    return override.value()


def parsed(key: str, text: str) -> Override:
    """`key=text` as Hydra's override grammar reads it.

    Raises:
        ConfigError: it can't be read.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    if len(text) > _LONGEST_VALUE:
        raise ConfigError(
            f"{key}={text[:40]}... has {len(text)} characters; expected up to {_LONGEST_VALUE}. Write it into a recipe."
        )
    with _one_sentence(f"{key}={text} can't be read"):
        return OverridesParser.create().parse_override(f"{key}={text}")


def type_of(key: str) -> Any:
    """Type of a dotted key of the schema; None where that doesn't say (unknown keys, a plugin's settings)."""
    first, *rest = key.split(".")
    kind: Any = _schema().get(first)
    for part in rest:
        kind = get_type_hints(kind).get(part) if is_dataclass(kind) else None
    return kind


def _quote(text: str) -> str:
    """A string in Hydra's override grammar, where only quotes and the backslashes before them are special."""
    return "'" + re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text) + "'"
