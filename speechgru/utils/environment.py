"""What speechgru runs on here: packages and whether they fit, threads, GPU, ffmpeg, folders. Nothing heavy is imported.

The packages' versions are read from their metadata. Whether they load is only known by loading them, which takes
seconds: `loads` does so, each package in a process of its own.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from speechgru import __version__
from speechgru.utils import assets, dependencies
from speechgru.utils.dependencies import Wanted

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
LOADED = ("torch", "torchaudio", "numba", "librosa", "soundfile")
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


def packages() -> list[Package]:
    """All that speechgru asks for, the core's first."""
    return [
        Package(name, dependencies.version(name), row.specifier, row.extra, _build(name))
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
            command = dependencies.install_command(*dependencies.together(row.name))
            wrong.append(f"{row.name} {there}; speechgru wants {row.wanted}. To mend it: {command}")
    unfit = {row.name for row in rows if not row.fits}
    for name, problem in loaded.items():
        if problem and name not in unfit and not _is_torchaudio_beside_cpu(name, rows):
            command = dependencies.install_command(*dependencies.together(name))
            wrong.append(f"{name} can't be loaded: {problem} To mend it: {command}")
    return wrong


def notes(rows: list[Package], loaded: dict[str, str]) -> list[str]:
    """What is worth knowing and no fault."""
    if any(loaded.get(name) and _is_torchaudio_beside_cpu(name, rows) for name in loaded):
        return [
            "torchaudio's compiled library needs a torch with CUDA; this torch is for CPUs alone. speechgru uses its "
            "Python part, which has all that it needs."
        ]
    return []


def loads(names: tuple[str, ...] = LOADED) -> dict[str, str]:
    """Import each package in a process of its own: why it failed, or "" where it loads."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(names, pool.map(_load, names)))


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
    return sum(file.stat().st_size for file in _files(folder))


def free_space(folder: Path) -> int | None:
    """Bytes free on the disk that a folder lies on, or would."""
    for place in (folder, *folder.parents):
        if place.exists():
            try:
                return shutil.disk_usage(place).free
            except OSError:
                return None
    return None


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path


def _build(name: str) -> str:
    """What torch is built for, read from its version file: "CUDA 13.0" or "CPU"."""
    if name != "torch" or (spec := find_spec("torch")) is None or not spec.origin:
        return ""
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    cuda = re.search(r"^cuda\b[^=]*=\s*['\"]([0-9.]+)['\"]", text, re.MULTILINE)
    hip = re.search(r"^hip\b[^=]*=\s*['\"]([0-9.]+)", text, re.MULTILINE)
    return f"CUDA {cuda[1]}" if cuda else f"ROCm {hip[1]}" if hip else "CPU"


def _is_torchaudio_beside_cpu(name: str, rows: list[Package]) -> bool:
    return name == "torchaudio" and any(row.name == "torch" and row.build == "CPU" for row in rows)


def _load(name: str) -> str:
    """Why `import name` fails, in one line; "" where it doesn't."""
    code = f"import {name}"
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
