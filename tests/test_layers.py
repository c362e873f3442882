"""Imports run downhill only (DESIGN.md): every line of the house knows its room."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import speechgru

PACKAGE = Path(speechgru.__file__).parent

# From the ground up. Files of one floor may import each other as long as no circle comes of it; the rooms of
# WORKSHOPS may not. A new file needs a floor: add it where its imports allow.
FLOORS: list[set[str]] = [
    {"errors"},
    {
        "dependencies",
        "devices",
        "environment",
        "plugins",
        "files",
        "interrupts",
        "jit",
        "markdown",
        "packaged",
        "pool",
        "recipe",
        "stopping",
        "terminal",
        "typed",
    },
    {"audio", "activity", "containers", "decoding", "ffmpeg", "inputs", "mp3", "quality", "recordings"}
    | {"resample", "samples", "sndfile"}
    | {"featurefiles", "featurespool", "moments"}
    | {"levels", "loudness", "soundfiles", "soundformats", "soundinfo", "soundsink", "waveform"}
    | {"gru", "recurrence", "dropout", "subsampling", "encoder", "objective"}
    | {"languagecodes", "text", "normalisers", "numerals", "transcript", "hypothesis", "cues", "manifest"}
    | {"archives", "download", "published", "splits"}
    | {"times", "confidence", "reliability", "spans", "spoken", "protocols"}
    | {"hotwords", "spelling", "textscore", "trellis", "viterbi"},
    {"lm", "prefixes", "pronunciation", "graphones", "secondear", "soundsearch", "weighing"},
    {"features", "corpora", "models", "decoders", "align", "writers", "scoring", "augment"},
    {
        "engines",
        "checkpoint",
        "audioheader",
        "acousticheader",
        "augmentation",
        "augmented",
        "batches",
        "breakdown",
        "building",
        "cutting",
        "doctor",
        "editing",
        "examination",
        "featureplot",
        "findings",
        "jobs",
        "mixtures",
        "language",
        "longform",
        "parallel",
        "plot",
        "monitor",
        "optimisation",
        "preparation",
        "readout",
        "rescoring",
        "runstate",
        "terminalplot",
        "written",
    },
    {
        "averaging",
        "training",
        "listening",
        "recognizer",
        "evaluation",
        "featurerun",
        "agreement",
        "detection",
        "classification",
        "tuning",
        "comparison",
        "store",
        "receipts",
    }
    | {"alignment", "posteriors"},
    {"config", "report", "tasks", "runs", "planner", "search"} | {"curves", "multirun", "sweeps"},
    {"cli", "decoderoptions", "featureplan", "filework"},
]
WORKSHOPS = 4
# Folders whose files build on one another; in all others they are plugins, which don't.
LIBRARIES = {"features", "lm", "search"}

# music/ stands beside the house: what it may use, and no speech module uses it.
MUSIC_MAY_USE = (
    {"gru", "dropout", "audio", "features", "training", "batches", "building", "parallel", "checkpoint"}
    | {"preparation", "scoring", "report"}
    | FLOORS[0]
    | FLOORS[1]
)
# The registry of tasks is the one folder that music is learnt through: these hold nothing but the import.
MUSIC_DOORS = {"speechgru.tasks.rolls", "speechgru.tasks.words"}

# The front door and `python -m`: they import nothing of the house before it is asked for.
DOORS = {"__init__", "__main__"}


def _room(module: str) -> str:
    """`speechgru.corpora.folder` → `corpora`."""
    return module.split(".")[1]


def _modules() -> dict[str, ast.Module]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("speechgru", *path.relative_to(PACKAGE).with_suffix("").parts)
        if parts[-1] == "__init__" and len(parts) > 2:
            parts = parts[:-1]
        found[".".join(parts)] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


MODULES = _modules()


def _imports(tree: ast.AST) -> set[str]:
    """Modules of the package that are imported anywhere in `tree`, inside functions and for types too."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are written in full here"
            module = node.module or ""
            # `from speechgru.cli import x` may mean the file cli/x.py; `from speechgru import x` does.
            inner = {f"{module}.{alias.name}" for alias in node.names} & MODULES.keys()
            names |= inner or {module}
    return {name for name in names if name.startswith("speechgru.")}


GRAPH = {name: _imports(tree) for name, tree in MODULES.items()}
EDGES = sorted((name, used) for name, uses in GRAPH.items() for used in uses if _room(name) not in DOORS)


def _floor(room: str) -> int | None:
    return next((level for level, rooms in enumerate(FLOORS) if room in rooms), None)


def _fault(module: str, used: str) -> str | None:
    """What is wrong with `module` importing `used`; None where nothing is."""
    upper, lower = _room(module), _room(used)
    if lower == "music" and upper not in {"music", "cli"} and module not in MUSIC_DOORS:
        return "no speech module imports music"
    if upper == "music":
        return None if lower in MUSIC_MAY_USE | {"music"} else f"music may only use {sorted(MUSIC_MAY_USE)}"
    if upper == lower:
        # The folder's own __init__ may be used by its files, never a sibling.
        is_folder = (PACKAGE / upper).is_dir() and upper not in LIBRARIES
        return (
            "siblings never import each other"
            if is_folder and used.count(".") > 1 and module != used
            else None
        )
    above, below = _floor(upper), _floor(lower)
    if above is None or below is None:
        return None  # test_every_room_has_a_floor tells
    if above == below == WORKSHOPS:
        return f"{upper} and {lower} stand side by side"
    return "imports run downhill only" if above < below else None


@pytest.mark.parametrize(("module", "used"), EDGES)
def test_imports_run_downhill(module: str, used: str) -> None:
    assert _fault(module, used) is None, f"{module} imports {used}: {_fault(module, used)}"


def test_every_room_has_a_floor() -> None:
    rooms = {_room(module) for module in MODULES} - DOORS - {"music"}
    homeless = sorted(room for room in rooms if _floor(room) is None)
    assert not homeless, f"give {homeless} a floor in FLOORS of {Path(__file__).name}"


@pytest.mark.parametrize(
    ("module", "used"),
    [
        ("speechgru.audio", "speechgru.recognizer"),
        ("speechgru.training", "speechgru.config"),
        ("speechgru.corpora.folder", "speechgru.corpora.tsv"),
        ("speechgru.lm.ngram", "speechgru.decoders.beam"),
        ("speechgru.models.acoustic", "speechgru.features.spectral"),
        ("speechgru.checkpoint", "speechgru.music.models"),
        ("speechgru.music.models", "speechgru.recognizer"),
    ],
)
def test_the_rule_bites(module: str, used: str) -> None:
    assert _fault(module, used)


def test_no_circles() -> None:
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, "a circle of imports: " + " → ".join((*trail, module))
        if module not in done:
            for used in GRAPH.get(module, ()):
                visit(used, (*trail, module))
            done.add(module)

    for module in GRAPH:
        visit(module, ())


def _at_the_top(tree: ast.Module) -> set[str]:
    """Modules that importing `tree` imports: not those inside functions or under TYPE_CHECKING."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names |= {f"{module}.{a.name}" if module == "speechgru" else module for a in node.names}
    return names


CHEAP = {
    "speechgru.__version__",
    "speechgru.errors",
    "speechgru.plugins",
    "speechgru.cli",
    "speechgru.terminal",
}
STARTERS = sorted(m for m in MODULES if m.split(".")[1] in {"cli", *DOORS} or m == "speechgru.errors")


@pytest.mark.parametrize("module", STARTERS)
def test_starting_up_imports_nothing_heavy(module: str) -> None:
    heavy = {
        name
        for name in _at_the_top(MODULES[module])
        if name.split(".")[0] not in sys.stdlib_module_names and name not in CHEAP
    }
    assert not heavy, f"{module} imports {sorted(heavy)} at its top; import them inside run()"
