"""Packages import downhill only, files never in circles, plugins never each other."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

import pytest

import speechgru

ROOT = Path(speechgru.__file__).parent

# Each package and what it imports, from the ground up: a row names only what stands above it. Of music each folder is
# a package. A new import between packages may need a word here; one that would run uphill needs another place.
ALLOWED = {
    package: set(uses.split())
    for package, uses in {
        "errors": "",
        "utils": "errors",
        "transcript": "errors utils",
        "audio": "errors utils",
        "config": "errors utils",
        "text": "errors utils",
        "writers": "errors transcript utils",
        "music.score": "errors utils",
        "features": "errors utils audio",
        "augment": "errors utils audio config features",
        "models": "errors utils features",
        "music.files": "errors utils audio music.score features",
        "data": "errors utils audio config text features augment",
        "lm": "errors utils text models",
        "plots": "errors transcript utils audio features",
        "vad": "errors utils audio features models",
        "music.corpora": "errors music.score music.files",
        "music.models": "errors utils music.score models music.files",
        "music.rendering": "errors utils audio music.score music.files",
        "lexicon": "errors utils text lm",
        "training": "errors utils config features models data",
        "decoding": "errors transcript utils text lm lexicon",
        "mmi": "utils config features augment models data lm lexicon decoding",
        "music.training": "errors utils config music.score music.files data music.models training",
        "inference": "errors transcript utils audio text features models data vad lm lexicon decoding mmi",
        "music.evaluation": "errors utils config music.score music.files music.models music.training",
        "alignment": "errors transcript utils audio text models writers lexicon decoding mmi inference",
        "evaluation": "errors transcript utils audio text models data vad decoding mmi inference",
        "music.generation": "errors utils music.score models music.files music.models music.evaluation",
        "tasks": "errors utils audio config text features augment models data lm mmi vad lexicon training "
        "music.training inference evaluation",
        "cli": "errors transcript utils audio config text music.score features augment models "
        "music.files data lm plots vad music.models music.rendering training decoding inference "
        "music.evaluation alignment evaluation music.generation",
    }.items()
}

# What imports by name, and which registries it asks. These may run uphill, and nothing else may: it is their purpose.
BY_NAME = {
    "config.compose": "features models decoding tasks",
    "data.preparation": "data.corpora",
    "data.splits": "data.corpora",
    "inference.select": "decoding",
    "features.registry": "features",
    "models.checkpoint": "models music.models",
    "music.evaluation.benchmark": "music.corpora",
    "music.files.load": "music.corpora",
    "music.training.pieces": "music.corpora",
    "tasks.ctc": "decoding",
    "training.initialize": "models music.models tasks",
    "training.search.grid": "tasks",
    "training.run": "tasks",
    "transcript": "writers",
}

# Folders whose files are plugins, or those of them that PLUGINS names: they share what is beside or below them.
REGISTRIES = [
    "cli",
    "data.corpora",
    "decoding",
    "models",
    "music.corpora",
    "music.models",
    "tasks",
    "writers",
]

# What the command line may import before it knows which command is asked for.
CHEAP = {
    "speechgru.__version__",
    "speechgru.cli",
    "speechgru.errors",
    "speechgru.utils.console",
    "speechgru.utils.dependencies",
    "speechgru.utils.plugins",
}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    _name(path): ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in sorted(ROOT.rglob("*.py"))
}


def _package(module: str) -> str:
    """`data.corpora.an4` → `data`, `music.score.keys` → `music.score`."""
    parts = module.split(".")
    return ".".join(parts[: 2 if parts[0] == "music" else 1])


def _offered(tree: ast.AST) -> dict[str, str]:
    """Of a package's `__init__`: the names of its face, each with the file that has it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "lazy":
            homes: dict[str, str] = ast.literal_eval(node.args[1])
            return homes
    return {}


FACES = {module: offered for module, tree in MODULES.items() if module and (offered := _offered(tree))}


def _imports(tree: ast.AST) -> set[str]:
    """Modules of ours that `tree` imports anywhere, inside functions and for types too; those behind a face's names."""
    names: set[str] = set()
    packages: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are written in full here"
            base = str(node.module).partition(".")[2]
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                home = FACES.get(base, {}).get(alias.name, "").partition(":")[0]
                target = inner if inner in MODULES else f"{base}.{home}" if home else base
                if target:
                    names.add(f"{str(node.module).partition('.')[0]}.{target}")
                if inner in FACES:
                    packages[alias.asname or alias.name] = inner
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in packages:
            package = packages[node.value.id]
            home = FACES[package].get(node.attr, "").partition(":")[0]
            names.add(f"speechgru.{package}.{home}".rstrip("."))
    return {name.partition(".")[2] for name in names if name.startswith("speechgru.")}


GRAPH = {module: _imports(tree) for module, tree in MODULES.items()}
PACKAGES = sorted({_package(module) for module in MODULES} - {"", "__main__", "music"})


def _uses(package: str, graph: dict[str, set[str]]) -> set[str]:
    used = {_package(u) for m, uses in graph.items() if _package(m) == package for u in uses}
    return used - {package, "music"}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_what_its_row_says(package: str) -> None:
    assert package in ALLOWED, f"give {package} a row in ALLOWED, above all that imports it"
    assert _uses(package, GRAPH) == ALLOWED[package]


def test_rows_name_what_stands_above_them() -> None:
    rows = list(ALLOWED)
    assert sorted(rows) == PACKAGES
    uphill = {row: sorted(uses - set(rows[: rows.index(row)])) for row, uses in ALLOWED.items()}
    assert not {row: uses for row, uses in uphill.items() if uses}


def test_music_and_speech_meet_in_tasks_and_commands_alone() -> None:
    speech = {
        "alignment",
        "decoding",
        "evaluation",
        "inference",
        "lexicon",
        "lm",
        "mmi",
        "text",
        "transcript",
        "vad",
    }
    for package, uses in ALLOWED.items():
        if package.startswith("music."):
            assert not uses & speech, package
        else:
            assert package in {"tasks", "cli"} or not {use for use in uses if use.startswith("music.")}, (
                package
            )


def _circle(graph: dict[str, set[str]]) -> tuple[str, ...]:
    """A circle of imports; empty where there is none."""
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> tuple[str, ...]:
        if module in trail:
            return (*trail[trail.index(module) :], module)
        for used in () if module in done else graph.get(module, ()):
            if circle := visit(used, (*trail, module)):
                return circle
        done.add(module)
        return ()

    return next((circle for module in graph if (circle := visit(module, ()))), ())


def test_no_circles_between_files() -> None:
    assert _circle(GRAPH) == ()


def _past_faces(module: str, tree: ast.AST) -> list[str]:
    """Imports from a file of another package of what that package's face offers."""
    past = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not str(node.module).startswith("speechgru."):
            continue
        package, _, file = str(node.module).partition(".")[2].rpartition(".")
        if package in FACES and module != package and not module.startswith(package + "."):
            homes = {name: home.partition(":") for name, home in FACES[package].items()}
            offered = {inner or name for name, (place, _, inner) in homes.items() if place == file}
            past += [f"{node.module}.{alias.name}" for alias in node.names if alias.name in offered]
    return past


def test_what_a_face_offers_is_taken_from_it() -> None:
    inside = {
        m: tree for m, tree in MODULES.items() if not (ROOT / m.replace(".", "/") / "__init__.py").is_file()
    }
    past = {module: names for module, tree in inside.items() if (names := _past_faces(module, tree))}
    assert past == {}


def _siblings(registry: str, graph: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Plugins of one registry that import each other."""
    names = getattr(importlib.import_module(f"speechgru.{registry}"), "PLUGINS", None)
    inside = {
        m for m in graph if m.rpartition(".")[0] == registry and not m.rpartition(".")[2].startswith("_")
    }
    plugins = {m for m in inside if names is None or m.rpartition(".")[2] in names}
    return [(module, used) for module in sorted(plugins) for used in sorted(graph[module] & plugins)]


@pytest.mark.parametrize("registry", REGISTRIES)
def test_plugins_never_import_each_other(registry: str) -> None:
    assert _siblings(registry, GRAPH) == []


def test_only_these_import_by_name() -> None:
    asked: dict[str, set[str]] = {}
    for module, tree in MODULES.items():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
            if (owner, node.func.attr) in {
                ("plugins", "find"),
                ("plugins", "names"),
                ("plugins", "settings"),
            }:
                folder = node.args[0]
                value = str(folder.value) if isinstance(folder, ast.Constant) else "*"
                asked.setdefault(module, set()).add(value)
            elif node.func.attr == "import_module" and "speechgru" in ast.unparse(node):
                asked.setdefault(module, set())
    faces = {m for m in asked if (ROOT / m.replace(".", "/") / "__init__.py").is_file()}
    dispatchers = {m for m in asked if not m or _package(m) == "cli" or m == "utils.plugins"} | faces
    assert asked.keys() - dispatchers == BY_NAME.keys()
    for module, folders in BY_NAME.items():
        assert asked[module] - {"*"} <= set(folders.split()), module


def _at_the_top(tree: ast.Module) -> set[str]:
    """What importing `tree` imports: nothing inside functions or under TYPE_CHECKING."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            cheap = node.module in CHEAP or node.module not in {"speechgru", "speechgru.utils"}
            names |= {str(node.module)} if cheap else inner
    return names


def test_starting_up_imports_nothing_heavy() -> None:
    heavy: dict[str, list[str]] = {}
    for module, tree in MODULES.items():
        if module in {"", "__main__", "errors"} or _package(module) == "cli":
            files = {n for n in _at_the_top(tree) if not n.startswith("speechgru.cli.") or "._" not in n}
            extra = {n for n in files if n.split(".")[0] not in sys.stdlib_module_names} - CHEAP
            if extra and not module.rpartition(".")[2].startswith("_"):
                heavy[module] = sorted(extra)
    assert not heavy, "import these inside run()"


@pytest.mark.parametrize(
    ("module", "used"),
    [
        ("audio.stream", "inference.recognizer"),
        ("training.loop", "tasks.ctc"),
        ("lm.ngram", "decoding.beam"),
        ("models.checkpoint", "music.models"),
        ("music.models.roll", "inference.recognizer"),
    ],
)
def test_the_rows_bite(module: str, used: str) -> None:
    graph = {**GRAPH, module: GRAPH[module] | {used}}
    assert _uses(_package(module), graph) != ALLOWED[_package(module)]


def test_circles_and_siblings_are_seen() -> None:
    assert _circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    graph = {**GRAPH, "data.corpora.folder": {"data.corpora.tsv"}}
    assert _siblings("data.corpora", graph) == [("data.corpora.folder", "data.corpora.tsv")]
