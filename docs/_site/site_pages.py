"""Pages that are made of something else: parsers, docstrings, recipes, model cards, files at the checkout's root."""

from __future__ import annotations

import functools
import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import site_commands
import site_links

ROOT = site_links.ROOT
FOLDER = "reference"
_ROOT_FILES = {"CHANGELOG.md": "changelog", "CONTRIBUTING.md": "contributing", "SECURITY.md": "security"}
# Packages whose `__all__` says what others may use, by topic.
APIS = (
    "speechgru",
    "speechgru.inference",
    "speechgru.alignment",
    "speechgru.audio",
    "speechgru.features",
    "speechgru.text",
    "speechgru.data",
    "speechgru.models",
    "speechgru.decoding",
    "speechgru.lm",
    "speechgru.vad",
    "speechgru.training",
    "speechgru.evaluation",
    "speechgru.music",
)


@functools.cache
def copies() -> dict[Path, str]:
    """Names of pages by the Markdown file outside of docs/ that each is a copy of."""
    recipes = {file: f"recipes/{file.parent.name}" for file in ROOT.glob("recipes/*/README.md")}
    cards = {file: f"models/{file.stem}" for file in ROOT.glob("speechgru/assets/*.md")}
    others = {ROOT / file: f"project/{name}" for file, name in _ROOT_FILES.items()}
    return {file: f"{FOLDER}/{name}" for file, name in sorted((recipes | cards | others).items())}


@functools.cache
def places() -> dict[Path, str]:
    """Names of all pages that are made of a Markdown file, by that file."""
    docs = {
        file: file.relative_to(site_links.DOCS).with_suffix("").as_posix()
        for file in site_links.DOCS.rglob("*.md")
        if file.relative_to(site_links.DOCS).parts[0] not in (FOLDER, "_site")
    }
    return {**docs, **copies()}


def names() -> set[str]:
    """Names of all pages of the site."""
    made = {f"{FOLDER}/commands/{name}" for name in site_commands.groups()}
    return {*places().values(), *made, *(f"{FOLDER}/api/{module}" for module in APIS)}


def write(docs: Path) -> None:
    """Write the pages of `reference/` below the folder `docs`; what a last build left there goes."""
    shutil.rmtree(docs / FOLDER, ignore_errors=True)
    for name, text in _made(docs):
        file = docs / f"{name}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _made(docs: Path) -> Iterator[tuple[str, str]]:
    for name in site_commands.groups():
        yield f"{FOLDER}/commands/{name}", site_commands.page(name)
    for module in APIS:
        yield f"{FOLDER}/api/{module}", api(module)
    for file, name in copies().items():
        text = file.read_text(encoding="utf-8")
        yield name, site_links.rewrite(text, file, docs / f"{name}.md", places())


def api(module: str) -> str:
    """The page of a package: a table of what it offers, and all docstrings."""
    names = _offered(module)
    shown = [value for earlier in APIS[: APIS.index(module)] for value in _offered(earlier).values()]
    # Sphinx knows a class by its file's name too, and refuses to describe it twice.
    again = [name for name, value in names.items() if isinstance(value, type) and value in shown]
    lines = [f".. currentmodule:: {module}", "", ".. autosummary::", ""]
    lines += [f"   {name}" for name in names]
    lines += ["", f".. automodule:: {module}", "   :members:"]
    hidden = [name for name in importlib.import_module(module).__all__ if name not in names or name in again]
    if hidden:
        lines.append(f"   :exclude-members: {', '.join(hidden)}")
    return f"# {module}\n\n```{{eval-rst}}\n" + "\n".join(lines) + "\n```\n"


@functools.cache
def _offered(module: str) -> dict[str, Any]:
    """The classes and functions that the package offers, by name; packages in it have pages of their own."""
    face = importlib.import_module(module)
    values = {name: getattr(face, name) for name in face.__all__}
    return {name: value for name, value in values.items() if callable(value)}
