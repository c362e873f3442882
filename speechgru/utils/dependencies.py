"""The packages that speechgru stands on: which versions are installed, whether they fit, how to mend what doesn't.

Nothing here imports any of them but `torchaudio_module`. What speechgru wants is read where it is written: in the
installed package's metadata, or in the checkout's pyproject.toml.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import re
import shlex
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType, TracebackType

from speechgru.errors import DependencyError

PIP = f"{shlex.quote(sys.executable or 'python')} -m pip install"
# PyTorch's own index, which has the builds for CPUs alone.
_CPU_INDEX = "--index-url https://download.pytorch.org/whl/cpu"
_LINE = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*([^;]*)")
# What is imported under another name than it is installed by.
_DISTRIBUTIONS = {"hydra": "hydra-core", "yaml": "pyyaml"}
# Packages that only work in pairs of certain versions: who mends one names the others.
_TOGETHER = (("torch", "torchaudio"), ("numba", "llvmlite", "numpy"), ("librosa", "numba", "scipy"))
_EXTENSION = "torchaudio._extension"


@dataclass(frozen=True)
class Wanted:
    """A package as pyproject.toml asks for it. `extra` is the extra that brings it; "" for the core's."""

    name: str
    specifier: str
    extra: str = ""

    @property
    def requirement(self) -> str:
        """As pip takes it: numba>=0.61,<0.69."""
        return f"{self.name}{self.specifier}"

    def admits(self, version: str) -> bool:
        """Whether an installed version is among those wanted.

        Raises:
            DependencyError: packaging, which compares versions, can't be imported.
        """
        try:
            from packaging.specifiers import SpecifierSet
        except Exception as error:
            raise DependencyError(
                f"packaging can't be loaded: {error}. To mend it: {PIP} packaging."
            ) from error
        return SpecifierSet(self.specifier).contains(version, prereleases=True)


def distribution(module: str) -> str:
    """The name by which the package of a module is installed: hydra-core for hydra."""
    return _DISTRIBUTIONS.get(module, module)


def module(name: str) -> str:
    """The module that a package is imported as: hydra for hydra-core."""
    return next((key for key, value in _DISTRIBUTIONS.items() if value == name), name)


def version(name: str) -> str | None:
    """The installed version of a package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


@lru_cache
def wanted() -> dict[str, Wanted]:
    """Every package that speechgru asks for, by its name in lower case; the core's first."""
    packages: dict[str, Wanted] = {}
    for line, extra in _stated():
        parsed = _LINE.match(line)
        if parsed is None:  # of a damaged installation
            continue
        name, specifier = parsed[1].lower(), parsed[2].strip(" ()")
        if name != "speechgru" and extra not in ("all", "dev"):
            packages.setdefault(name, Wanted(name, specifier, extra))
    return packages


def install_command(name: str) -> str:
    """The pip command that mends a package, with those that must fit it where they don't.

    What is there in a version that fits, and doesn't work all the same, is installed again, and nothing else with it.
    A torch for CPUs alone is mended from PyTorch's own index: elsewhere its builds are for GPUs.
    """
    known = wanted()
    partners = [known[other] for other in together(name)[1:] if other in known]
    rows = [known.get(name) or Wanted(name, ""), *(row for row in partners if not _fits(row))]
    again = "--force-reinstall --no-deps " if len(rows) == 1 and _fits(rows[0]) else ""
    words = " ".join(shlex.quote(row.requirement) for row in rows)
    index = f" {_CPU_INDEX}" if torch_build() == "CPU" and any(row.name == "torch" for row in rows) else ""
    return f"{PIP} {again}{words}{index}"


def torch_build() -> str:
    """What the installed torch is built for, read from its version file: "CUDA 13.0", "ROCm 6.4", "CPU", or ""."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.origin:
        return ""
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8", errors="replace")
    except OSError:  # no torch of PyTorch's
        return "CPU" if (version("torch") or "").endswith("+cpu") else ""
    cuda = re.search(r"^cuda\b[^=]*=\s*['\"]([0-9.]+)['\"]", text, re.MULTILINE)
    hip = re.search(r"^hip\b[^=]*=\s*['\"]([0-9.]+)", text, re.MULTILINE)
    return f"CUDA {cuda[1]}" if cuda else f"ROCm {hip[1]}" if hip else "CPU"


def _fits(row: Wanted) -> bool:
    try:
        return (there := version(row.name)) is not None and row.admits(there)
    except DependencyError:
        return False


def together(name: str) -> tuple[str, ...]:
    """A package and those that must fit it."""
    return next(((name, *(n for n in pair if n != name)) for pair in _TOGETHER if name in pair), (name,))


def is_installed(module: str) -> bool:
    """Whether a module can be found; it isn't imported."""
    return importlib.util.find_spec(module) is not None


def require(module: str, purpose: str) -> None:
    """Raise DependencyError where a module can't be imported, before work is done that would be lost for it.

    Args:
        purpose: what needs it, as the subject of a sentence: "A picture".
    """
    if not is_installed(module):
        raise DependencyError(_missing(distribution(module), purpose))
    load(module)


def explain(error: BaseException) -> DependencyError | None:
    """What to tell a user of an error that an import ended in, or None where it came from elsewhere.

    It is an import's if it is an ImportError, or was raised while a module of a package we stand on was executed.
    """
    name = _culprit(error)
    if name is None:
        return None
    if isinstance(error, ModuleNotFoundError) and version(name) is None:
        return DependencyError(_missing(name, "This"))
    names = together(name)
    there = ", ".join(f"{n} {version(n) or 'is not installed'}" for n in names)
    reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return DependencyError(
        f"{name} can't be loaded: {reason}. Installed: {there}. To mend it: {install_command(name)}. "
        "speechgru doctor --load says more."
    )


def load(module: str) -> ModuleType:
    """Import a module where its first use is in the midst of work: a failure is none of the file's that is read.

    Raises:
        DependencyError: it can't be imported.
    """
    try:
        return importlib.import_module(module)
    except Exception as error:
        told = explain(error)
        if told is None:
            raise
        raise told from error


def torchaudio_module(name: str) -> ModuleType:
    """A module of torchaudio, such as "functional": all of it, or where its library can't be loaded its Python part.

    speechgru uses torchaudio's filters, transforms and Kaldi features, which are written in Python. Its compiled
    library fits few builds of torch only, and none for CPUs alone (the library is linked to CUDA's); as importing
    torchaudio loads it first, the rest would be lost with it. torchaudio is pinned, so this is of a known version.

    Raises:
        DependencyError: torchaudio isn't installed, or its Python part doesn't work either.
    """
    full = f"torchaudio.{name}"
    if full in sys.modules:
        return sys.modules[full]
    try:
        return importlib.import_module(full)
    except (ImportError, OSError, RuntimeError):
        pass
    for loaded in [key for key in sys.modules if key.partition(".")[0] == "torchaudio"]:
        del sys.modules[loaded]
    sys.modules[_EXTENSION] = _without_library()
    try:
        return load(full)
    except BaseException:
        del sys.modules[_EXTENSION]
        raise


def _without_library() -> ModuleType:
    """torchaudio._extension as it is where torchaudio was built without a library."""

    def needs_library(function: object) -> object:
        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("This function is part of torchaudio's library, which can't be loaded here.")

        return fail

    extension = ModuleType(_EXTENSION)
    vars(extension).update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        _load_lib=lambda lib: False,
        fail_if_no_align=needs_library,
    )
    return extension


def _missing(name: str, purpose: str) -> str:
    package = wanted().get(name)
    if package is None or not package.extra:
        return f"{purpose} needs {name}, which isn't installed. To mend it: {install_command(name)}."
    command = install_command(name)
    return (
        f"{purpose} needs {name}, which isn't installed (the extra {package.extra!r}). To mend it: {command}."
    )


def _stated() -> list[tuple[str, str]]:
    """The requirements that are written down, each with the extra that it belongs to."""
    pyproject = Path(__file__).resolve().parents[2] / "pyproject.toml"
    if pyproject.is_file():  # a checkout: the metadata may be of another state
        import tomllib

        project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
        extras = project.get("optional-dependencies", {})
        return [
            *((line, "") for line in project["dependencies"]),
            *((line, extra) for extra, lines in extras.items() for line in lines),
        ]
    try:
        lines = importlib.metadata.requires("speechgru") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    rows = []
    for line in lines:
        requirement, _, marker = line.partition(";")
        extra = marker.partition("extra ==")[2].strip().strip("'\"")
        rows.append((requirement, extra))
    return rows


def _culprit(error: BaseException) -> str | None:
    """The package whose import an error ended, by the name it is installed by."""
    known = wanted()
    named = distribution((error.name or "").partition(".")[0]) if isinstance(error, ImportError) else ""
    if isinstance(error, ModuleNotFoundError) and named in known:
        return named
    # The last one: librosa imports Numba, which is what fails.
    imported = [name for name in map(distribution, _importing(error.__traceback__)) if name in known]
    if imported:
        return imported[-1]
    return named if named in known else None


def _importing(trace: TracebackType | None) -> list[str]:
    """The packages, speechgru left out, whose modules were being executed, the first one first."""
    roots = []
    while trace is not None:
        frame = trace.tb_frame
        root = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if frame.f_code.co_name == "<module>" and root not in ("speechgru", "__main__"):
            roots.append(root)
        trace = trace.tb_next
    return roots
