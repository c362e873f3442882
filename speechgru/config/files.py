"""The files of recipes and of config groups: conf/ and recipes/ of the package, and a user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from speechgru.config.recipe import Recipe
from speechgru.errors import ConfigError
from speechgru.utils import plugins
from speechgru.utils.files import named_errors

_PACKAGE = Path(__file__).resolve().parents[1]


def recipes() -> list[str]:
    """Names of the recipes that come with the package, sorted."""
    return sorted(path.parent.name for path in home("recipes").glob("*/recipe.yaml"))


def describe(name: str) -> tuple[str, str]:
    """The task of a recipe that comes with the package, and what it is, in a line: the comment at its file's head."""
    file = home("recipes") / name / "recipe.yaml"
    with file.open(encoding="utf-8") as lines:
        first = next(lines, "")
    return str(read(file).get("task", Recipe.task)), first.lstrip("# ").strip() if first[:1] == "#" else ""


def find_recipe(name_or_path: str | Path) -> Path:
    """The file of a recipe, as `load_recipe` takes it.

    Raises:
        ConfigError: there is none; the message names the choices.
    """
    name = str(name_or_path)
    if name in recipes():
        return home("recipes") / name / "recipe.yaml"
    path = Path(name_or_path).expanduser()
    if path.is_dir() and (path / "recipe.yaml").is_file():
        return (path / "recipe.yaml").resolve()
    if path.is_file() and path.suffix == ".yaml":
        return path.resolve()
    advice = " Or pass a .yaml file or a folder that holds a recipe.yaml."
    raise ConfigError(plugins.unknown("recipe", name, recipes()) + advice)


def home(name: str) -> Path:
    """conf/ or recipes/: inside the package when installed, beside it in a checkout."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def groups() -> dict[str, list[str]]:
    """Config groups and their choices in conf/; beside a recipe there may be more of these."""
    folders = (path for path in home("conf").iterdir() if path.is_dir())
    return {folder.name: sorted(file.stem for file in folder.glob("*.yaml")) for folder in folders}


def defaults(file: Path) -> dict[str, str]:
    """Groups of the recipe's defaults list, and their choices."""
    config = read(file)
    entries = config.get("defaults", []) if isinstance(config, dict) else None
    if not isinstance(entries, list):
        raise ConfigError(f"{file}: expected `key: value` lines, with a list below `defaults`.")
    named = (entry for entry in entries if isinstance(entry, dict))
    return {str(group): str(choice) for entry in named for group, choice in entry.items()}


def read(file: Path) -> Any:
    """What a YAML file holds; {} of an empty one. Raises ConfigError naming file and line."""
    import yaml

    try:
        with named_errors(file):
            return yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: of bytes, dates and numbers
        raise ConfigError(f"{file} is no YAML: {' '.join(str(error).split())}") from error
