"""Recipe → dataclasses; the only user of Hydra. The dataclasses live in recipe.py, below training.

Hydra composes: the recipe's defaults list and the choices of groups (`model=acoustic`) pick files of conf/.
Single values (`trainer.epochs=3`) are read by Hydra's own grammar and laid over the result, and `schema.build`
checks the whole, so that one place refuses a wrong key, whether it came from a file or the command line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, get_type_hints

from speechgru.config.recipe import AugmentConfig, RangeConfig, Recipe
from speechgru.errors import ConfigError
from speechgru.utils import plugins, schema

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

_PACKAGE = Path(__file__).resolve().parents[1]
_KEY = re.compile(r"[A-Za-z_]\w*([./][A-Za-z_]\w*)*")
_NOT_TUNED = ("name", "output", "task", "tune")

# Where the Settings of a group's choice live: (plugin folder, file); None: the file is named like the choice.
_PLUGINS: dict[str, tuple[str, str | None]] = {
    "features": ("features", "frontend"),
    "model": ("models", None),
    "decoder": ("decoding", None),
}


def recipes() -> list[str]:
    """Names of the recipes that come with the package, sorted."""
    return sorted(path.parent.name for path in _home("recipes").glob("*/recipe.yaml"))


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
    file = _find_recipe(name_or_path)
    pairs = [split(override) for override in overrides]
    groups = _groups(file.parent)
    choices = [pair for pair in pairs if pair[0] in groups]
    config = _compose(file, groups, choices)
    own = _defaults(file, groups)
    for group, choice in choices:
        if group in _PLUGINS and choice != own.get(group, choice):
            # What a recipe says of its own model says nothing of another one, which has other settings.
            places = (root / group / f"{choice}.yaml" for root in (file.parent, _home("conf")))
            config[group] = _read(next(filter(Path.is_file, places)))
    for key, text in pairs:
        if key not in groups:
            _set(config, key, _value(key, text))
    values = _plain(config, file)
    values.setdefault("name", file.parent.name if file.name == "recipe.yaml" else file.stem)
    if "folder" in values:
        raise ConfigError("Unknown key: 'folder'. It is always the folder of the recipe's file.")
    recipe = _build(values, file)
    if ranges:
        recipe = replace(recipe, tune=replace(recipe.tune, ranges={**recipe.tune.ranges, **ranges}))
    _check_ranges(recipe, values, groups, file)
    return recipe


def _build(values: dict[str, Any], file: Path) -> Recipe:
    """Check plain values and put them into the schema."""
    _check_top_level(values)
    task = plugins.find("tasks", str(values.get("task", Recipe.task)))
    wanted = task.GROUPS
    settings: dict[str, Any] = {}
    for group in _PLUGINS:
        if group in wanted:
            settings[group] = _settings(group, values.get(group), task)
        elif values.get(group):
            raise ConfigError(f"task={values['task']} takes no {group}; leave {group} out of the recipe.")
    return schema.build(Recipe, {**values, **settings, "folder": str(file.parent)})


def _check_ranges(
    recipe: Recipe, values: Mapping[str, Any], groups: Mapping[str, list[str]], file: Path
) -> None:
    """Refuse a range of `tune` whose ends or choices the recipe couldn't take."""
    for key, span in recipe.tune.ranges.items():
        if key.partition(".")[0] in _NOT_TUNED:
            raise ConfigError(f"tune.ranges holds {key!r}; expected a setting that shapes the training.")
        for value in span.choices or (span.low, span.high):
            if key in groups:
                _check_choice(key, str(value), groups)
                continue
            try:
                _build(_with(values, key, value), file)
            except ConfigError as error:
                raise ConfigError(f"tune.ranges holds {key!r}: {error}") from error


def _with(values: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """`values` with another value at a dotted key; nothing of theirs is changed."""
    first, _, rest = key.partition(".")
    below = values.get(first)
    return {
        **values,
        first: _with(below if isinstance(below, Mapping) else {}, rest, value) if rest else value,
    }


def augmentation(choice: str = "none", overrides: Sequence[str] = ()) -> AugmentConfig:
    """conf/augment/CHOICE.yaml and `key=value` overrides (`noise=1`), without a recipe around them.

    Raises:
        ConfigError: an unknown choice or key, or an impossible value.
    """
    _check_choice("augment", choice, _groups(_home("recipes")))
    values = _read(_home("conf") / "augment" / f"{choice}.yaml")
    for key, text in map(split, overrides):
        values[key] = _value(f"augment.{key}", text)
    return schema.build(AugmentConfig, values, "augment")


def to_yaml(recipe: Recipe) -> str:
    """The whole recipe as YAML that `load_recipe` reads back (from a folder where its `splits` lie)."""
    from omegaconf import OmegaConf

    values = asdict(recipe)
    del values["folder"]
    return OmegaConf.to_yaml(OmegaConf.create(values))


def _home(name: str) -> Path:
    """conf/ or recipes/: inside the package when installed, beside it in a checkout."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def _find_recipe(name_or_path: str | Path) -> Path:
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


def _groups(folder: Path) -> dict[str, list[str]]:
    """Config groups and their choices, from conf/ and from the recipe's own folder."""
    found: dict[str, set[str]] = {}
    for root in (_home("conf"), folder):
        for file in root.glob("*/*.yaml"):
            # Beside a recipe lie other recipes and results too: only conf/ says what a group is.
            if root != folder or file.parent.name in found:
                found.setdefault(file.parent.name, set()).add(file.stem)
    return {group: sorted(choices) for group, choices in found.items()}


def _compose(file: Path, groups: Mapping[str, list[str]], choices: Sequence[tuple[str, str]]) -> DictConfig:
    """Let Hydra pick the files; its own errors are put into one sentence."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    chosen = _defaults(file, groups)
    overrides = [f"hydra.searchpath=[{_quote('file://' + str(_home('conf')))}]"]
    for group, choice in choices:
        _check_choice(group, choice, groups)
        # A group that the recipe doesn't name is added, over what the recipe itself says.
        overrides.append(f"{'' if group in chosen else '+'}{group}={_quote(choice)}")
    try:
        with initialize_config_dir(str(file.parent), job_name="speechgru", version_base="1.3"):
            return compose(file.stem, overrides)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"{file}: {_first_line(error)}") from error


def _defaults(file: Path, groups: Mapping[str, list[str]]) -> dict[str, str]:
    """Groups of the recipe's defaults list and their choices, which exist."""
    config = _read(file)
    entries = config.get("defaults", []) if isinstance(config, dict) else None
    if not isinstance(entries, list):
        raise ConfigError(f"{file}: expected `key: value` lines, with a list below `defaults`.")
    chosen = {}
    for entry in entries:
        if isinstance(entry, dict):
            (group, choice), *_ = entry.items()
            if group not in groups:
                raise ConfigError(f"{file}: {plugins.unknown('config group', str(group), sorted(groups))}")
            _check_choice(group, str(choice), groups)
            chosen[str(group)] = str(choice)
    return chosen


def _read(file: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is no YAML: {' '.join(str(error).split())}") from error


def _check_choice(group: str, choice: str, groups: Mapping[str, list[str]]) -> None:
    if choice not in groups[group]:
        advice = " Each of several is trained by --multirun." if "," in choice else ""
        raise ConfigError(plugins.unknown(f"choice of {group}", choice, groups[group]) + advice)


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
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(f"{key}={text}")
    except HydraException as error:
        raise ConfigError(f"{key}={text} can't be read: {_first_line(error)}") from error


def type_of(key: str) -> Any:
    """Type of a dotted key of the schema; None where that doesn't say (unknown keys, a plugin's settings)."""
    kind: Any = Recipe
    for part in key.split("."):
        kind = get_type_hints(kind).get(part) if is_dataclass(kind) else None
    return kind


def _set(config: DictConfig, key: str, value: Any) -> None:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        OmegaConf.update(config, key.replace("/", "."), value, merge=False, force_add=True)
    except (OmegaConfBaseException, TypeError, ValueError) as error:
        raise ConfigError(f"{key} can't be set: {_first_line(error)}") from error


def _plain(config: DictConfig, file: Path) -> dict[str, Any]:
    """Plain dictionaries and lists, with ${...} resolved."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{file}: {_first_line(error)}") from error
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def _check_top_level(values: Mapping[str, Any]) -> None:
    """Say where a key lives that was given without its group: `epochs` is `trainer.epochs`."""
    hints = get_type_hints(Recipe)
    for key in values.keys() - hints.keys():
        groups = [name for name, hint in hints.items() if is_dataclass(hint)]
        homes = [repr(f"{group}.{key}") for group in groups if key in {f.name for f in fields(hints[group])}]
        if homes:
            raise ConfigError(f"Unknown key: {key!r}. Did you mean {' or '.join(homes)}?")
        raise ConfigError(plugins.unknown("key", key, sorted(hints.keys() - {"folder"})))


def _settings(group: str, values: Any, task: ModuleType) -> dict[str, Any]:
    """Check a plugin's settings against its own dataclass; every field is there in the result."""
    if not isinstance(values, dict) or not isinstance(values.get("name"), str):
        raise ConfigError(f"The recipe has no {group}.name; add `- {group}: CHOICE` to its defaults.")
    folder, file = _PLUGINS[group]
    folder = getattr(task, "MODELS", folder) if group == "model" else folder
    if file is not None and not (_home("conf") / group / f"{values['name']}.yaml").is_file():
        choices = sorted(path.stem for path in (_home("conf") / group).glob("*.yaml"))
        raise ConfigError(plugins.unknown(f"value of {group}.name", values["name"], choices))
    given = {key: value for key, value in values.items() if key != "name"}
    settings = schema.build(plugins.find(folder, file or values["name"]).Settings, given, group)
    return {"name": values["name"], **asdict(settings)}


def _quote(text: str) -> str:
    """A string in Hydra's override grammar, where only quotes and the backslashes before them are special."""
    return "'" + re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text) + "'"


def _first_line(error: BaseException) -> str:
    """Hydra's messages go on with search paths and object types: noise to a user."""
    return str(error).strip().partition("\n")[0]
