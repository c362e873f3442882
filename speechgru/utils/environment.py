"""What speechgru runs on here: packages and whether they fit, threads, GPU, ffmpeg, folders. Nothing heavy is imported.

The packages' versions are read from their metadata. Whether they load is only known by loading them, which takes
seconds: `loads` does so, each package in a process of its own.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from speechgru import __version__
from speechgru.utils import assets, dependencies, walk
from speechgru.utils.dependencies import Wanted

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
PYTHON_PART = "torchaudio, its Python part"
LOAD_SECONDS = 120.0
_PROGRAM_SECONDS = 10.0  # for ffmpeg and nvidia-smi to say their versions


@dataclass(frozen=True)
class Package:
    """An installed package, or one that isn't there (`version` None), and the versions that fit."""

    name: str
    version: str | None
    wanted: str
    extra: str = ""
    build: str = ""

    @property
    def fits(self) -> bool:
        """Whether it is of a version that fits; an extra that isn't installed is no fault."""
        if self.version is None:
            return bool(self.extra)
        return Wanted(self.name, self.wanted).admits(self.version)


@dataclass(frozen=True)
class Report:
    """All that a bug report should say. `load_errors` as `loads` returns them; empty if nothing was loaded."""

    machine: dict[str, str]
    packages: list[Package]
    load_errors: dict[str, str]
    folders: dict[str, dict[str, Any]]  # by what they are for: path, bytes, and bytes free on their disk
    faults: list[str]
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**asdict(self), "packages": [{**asdict(row), "fits": row.fits} for row in self.packages]}


def examine(load: bool = False) -> Report:
    """Look at everything; `load` imports the packages too, which takes seconds."""
    rows = packages()
    loaded = loads() if load else {}
    places = {
        name: {"path": str(folder), "bytes": folder_size(folder), "free": free_space(folder)}
        for name, folder in folders().items()
    }
    return Report(machine(), rows, loaded, places, faults(rows, loaded), notes(rows, loaded))


def packages() -> list[Package]:
    """All that speechgru asks for, the core's first."""
    return [
        Package(
            name,
            dependencies.version(name),
            row.specifier,
            row.extra,
            dependencies.torch_build() if name == "torch" else "",
        )
        for name, row in dependencies.wanted().items()
    ]


def faults(rows: list[Package], loaded: dict[str, str]) -> list[str]:
    """What is wrong, each with the command that mends it.

    Args:
        loaded: what `loads` returned; empty if it wasn't called.
    """
    wrong = []
    for row in rows:
        if not row.fits:
            there = f"is {row.version}" if row.version else "isn't installed"
            command = dependencies.install_command(row.name)
            wrong.append(f"{row.name} {there}; speechgru wants {row.wanted}. To mend it: {command}")
    unfit = {row.name for row in rows if not row.fits}
    for name, problem in loaded.items():
        if name == PYTHON_PART:
            continue
        if problem and name not in unfit and not _serves_without_library(name, rows, loaded):
            command = dependencies.install_command(name)
            wrong.append(f"{name} can't be loaded: {problem} To mend it: {command}")
    return wrong


def notes(rows: list[Package], loaded: dict[str, str]) -> list[str]:
    """What is worth knowing and no fault."""
    told = []
    if loaded.get("torchaudio") and _serves_without_library("torchaudio", rows, loaded):
        told.append(
            "torchaudio's compiled library needs a torch with CUDA; this torch is for CPUs alone. speechgru uses its "
            "Python part, which has all that it needs."
        )
    for name, folder in folders().items():
        if not _is_writable(folder):
            told.append(
                f"{folder}, for {name}, can't be written. Set XDG_CACHE_HOME or SPEECHGRU_MODELS to a folder that can."
            )
    return told


def loads(names: Sequence[str] = ()) -> dict[str, str]:
    """Import packages (by default all that are asked for and installed), each in a process of its own.

    Returns:
        Of each package why it failed, or "" where it loads. Where torchaudio fails, PYTHON_PART says how its Python
        part fares.
    """
    names = names or [row.name for row in packages() if row.version is not None]
    with ThreadPoolExecutor(max_workers=2) as pool:
        loaded = dict(zip(names, pool.map(_load, [f"import {dependencies.module(name)}" for name in names])))
    if loaded.get("torchaudio"):
        code = "from speechgru.utils.dependencies import torchaudio_module as part; part('functional')"
        loaded[PYTHON_PART] = _load(code)
    return loaded


def machine() -> dict[str, str]:
    """System, Python, processors, and the threads that are set by variables."""
    threads = [f"{name}={os.environ[name]}" for name in THREAD_VARIABLES if name in os.environ]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "speechgru": f"{__version__} in {Path(__file__).resolve().parents[1]}",
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": platform.platform(),
        "cores": str(cores),
        "threads": ", ".join(threads) or "not set: one for each core",
        "gpu": _gpu(),
        "ffmpeg": _ffmpeg(),
    }


def folders() -> dict[str, Path]:
    """Where speechgru keeps what it can make again, and the models that were fetched."""
    return {"compiled functions": assets.cache_folder(), "fetched models": assets.models_folder()}


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder; 0 where there is none."""
    return sum(file.stat().st_size for file in walk.files(folder, hidden=True, on_error=lambda _: None))


def free_space(folder: Path) -> int | None:
    """Bytes free on the disk that a folder lies on, or would."""
    for place in (folder, *folder.parents):
        if place.exists():
            try:
                return shutil.disk_usage(place).free
            except OSError:
                return None
    return None


def _serves_without_library(name: str, rows: list[Package], loaded: dict[str, str]) -> bool:
    """True for torchaudio beside a torch for CPUs alone, if its Python part loads."""
    is_cpu = any(row.name == "torch" and row.build == "CPU" for row in rows)
    return name == "torchaudio" and is_cpu and loaded.get(PYTHON_PART) == ""


def _is_writable(folder: Path) -> bool:
    for place in (folder, *folder.parents):
        if place.exists():
            return place.is_dir() and os.access(place, os.W_OK)
    return False


def _load(code: str) -> str:
    """Why a line of Python fails, in one line; "" where it doesn't."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LOAD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"it takes more than {LOAD_SECONDS:g} s."
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    reason = lines[-1] if lines else f"Python ended with status {done.returncode}"
    return reason if reason.endswith(".") else f"{reason}."


def _gpu() -> str:
    """The GPUs that NVIDIA's driver names; "none" where there is no driver."""
    if shutil.which("nvidia-smi") is None:
        return "none that NVIDIA's driver knows"
    output = _first_lines(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"])
    return "; ".join(output) or "nvidia-smi names none"


def _ffmpeg() -> str:
    path = shutil.which("ffmpeg")
    if path is None:
        return "not installed: WAV, FLAC, MP3, Ogg and Opus are read without it, others aren't"
    lines = _first_lines([path, "-version"])
    words = lines[0].split() if lines else []
    return f"{words[2]} ({path})" if len(words) > 2 else path


def _first_lines(command: list[str]) -> list[str]:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_PROGRAM_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]
