"""Cases of benchmarks/fuzz.py in a process of their own, which may crash, hang or ask for too much memory.

The process has an empty home and working folder; what it opens for writing, starts or asks of the network is seen by
an audit hook, and what it prints goes to a file. The parent ends it where a case takes longer than LONGEST.
"""

from __future__ import annotations

import faulthandler
import os
import re
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import fuzz_mutations

from speechgru.errors import AudioWarning, SpeechGruError

LONGEST = 10.0
"""Seconds of a case."""
MEMORY = 2 << 30
"""Bytes that a case may ask for."""
LONGEST_MESSAGE = 2000
"""Characters of an error: a file must not fill the screen."""
READ = "read"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = (
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
)
_LINKS = ("os.link", "os.symlink")  # whose second name is the one that is made
_NEVER = (
    "pickle.find_class",
    "socket.connect",
    "socket.getaddrinfo",
    "os.system",
    "os.exec",
    "os.posix_spawn",
)


@dataclass(frozen=True)
class Reader:
    """Something that reads files of others.

    seeds: whole files to damage. read: what is done with a damaged one. suffix: of its name. is_text: whether it is
    made of lines and written numbers. tokens: what means something in it. repair: makes checksums and sizes right
    again, which every other case gets. layout: makes the folder that the file stands in and returns its place there.

    What is written to the temporary folder is no finding, unless it is left behind.
    """

    name: str
    seeds: Callable[[], list[bytes]]
    read: Callable[[Path], object]
    suffix: str
    errors: tuple[type[SpeechGruError], ...]
    is_text: bool = False
    tokens: tuple[bytes, ...] = ()
    repair: Callable[[bytes, bytes, Random], bytes] | None = None
    layout: Callable[[Path], Path] | None = None


@dataclass(frozen=True)
class Outcome:
    """Of case `index`: READ, the name of the error's class, or what is wrong (`is_finding`), with its message.

    memory: bytes by which the process has grown so far. printed: whether a library wrote to the terminal.
    """

    index: int
    kind: str
    detail: str
    seconds: float
    memory: int
    is_finding: bool = False
    printed: bool = False


def case(reader: Reader, seeds: list[bytes], seed: int, index: int) -> bytes:
    """The damaged file of a case."""
    rng = Random(f"{seed}/{reader.name}/{index}")
    whole = rng.choice(seeds)
    damaged = fuzz_mutations.mutate(whole, rng, seeds, reader.tokens, reader.is_text)
    if reader.repair and rng.random() < 0.5:
        return reader.repair(whole, damaged, rng)
    return damaged


def outcomes(reader: Reader, seed: int, first: int, last: int, until: float) -> Iterator[Outcome]:
    """Of the cases from `first` to before `last`, as they come; fewer where `until` (monotonic seconds) is over."""
    seeds = reader.seeds()
    if not seeds or not all(seeds):
        raise SystemExit(f"fuzz: {reader.name} has no seeds")
    _warm_up(reader, seeds)
    while first < last and time.monotonic() < until:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            for outcome in _supervised(reader, seeds, seed, (first, last), Path(folder), until):
                first = outcome.index + 1
                yield outcome


def _warm_up(reader: Reader, seeds: list[bytes]) -> None:
    """Whole files first, in this process: they must be read, and what they load is loaded once."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = reader.layout(Path(folder)) if reader.layout else Path(folder, f"case{reader.suffix}")
        for content in seeds:
            path.write_bytes(content)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reader.read(path)


def _supervised(
    reader: Reader, seeds: list[bytes], seed: int, span: tuple[int, int], folder: Path, until: float
) -> Iterator[Outcome]:
    """One process, until it is done, dies, or is ended; the case that it dies of is the last."""
    receive, send = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os.close(receive)
        _child(reader, seeds, seed, span, folder, send, until)
    os.close(send)
    index, buffer = span[0], b""
    try:
        while True:
            if not select.select([receive], [], [], LONGEST)[0]:
                os.kill(child, signal.SIGKILL)
                yield Outcome(index, "hang", f"more than {LONGEST:g} s", LONGEST, 0, True)
                return
            if not (piece := os.read(receive, 1 << 16)):
                break
            *lines, buffer = (buffer + piece).split(b"\n")
            for line in lines:
                outcome = _decoded(line)
                index = outcome.index + 1
                yield outcome
    finally:
        os.close(receive)
        status = os.waitpid(child, 0)[1]
    if status:
        what = (
            signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit code {status >> 8}"
        )
        yield Outcome(index, "death", f"{what} {_tail(folder / 'printed')}", 0.0, 0, True)


def _decoded(line: bytes) -> Outcome:
    index, kind, detail, seconds, memory, finding, printed = line.decode("utf-8", "replace").split("\t")
    return Outcome(int(index), kind, detail, float(seconds), int(memory), finding == "1", printed == "1")


def _tail(path: Path) -> str:
    return " ".join(path.read_text("utf-8", "replace").split())[-600:] if path.is_file() else ""


# ------------------------------------------------------------------------------------------------- in the process


def _child(
    reader: Reader,
    seeds: list[bytes],
    seed: int,
    span: tuple[int, int],
    folder: Path,
    pipe: int,
    until: float,
) -> None:
    """Never returns."""
    try:
        watch = _Watch(folder)
        path = reader.layout(watch.inside) if reader.layout else watch.inside / f"case{reader.suffix}"
        watch.begin(path)
        start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for index in range(*span):
            if time.monotonic() >= until:
                break
            with watch.pause():
                path.write_bytes(case(reader, seeds, seed, index))
            begin = time.monotonic()
            kind, detail, is_finding = _judged(reader, path, watch)
            seconds = time.monotonic() - begin
            memory = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start)
            fields = (
                index,
                kind,
                _one_line(detail),
                f"{seconds:.4f}",
                memory,
                int(is_finding),
                int(watch.printed()),
            )
            os.write(pipe, ("\t".join(map(str, fields)) + "\n").encode("utf-8", "replace"))
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(3)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:600]


def _judged(reader: Reader, path: Path, watch: _Watch) -> tuple[str, str, bool]:
    """The kind of what happens, its message, and whether that is wrong."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        try:
            reader.read(path)
            kind, detail, is_finding = READ, "", False
        except SpeechGruError as error:
            kind, detail = type(error).__name__, str(error)
            is_finding = not isinstance(error, reader.errors)
            if fault := _fault_of_message(str(error)):
                kind, detail, is_finding = "message", f"{fault}: {kind}: {detail!r}", True
        except BaseException as error:
            place = "".join(traceback.format_tb(error.__traceback__)[-3:])
            kind, detail, is_finding = type(error).__name__, f"{str(error)[:200]} {place}", True
    strange = [w for w in raised if not issubclass(w.category, (AudioWarning, ResourceWarning))]
    if strange and not is_finding:
        detail = (
            f"{strange[0].category.__name__}: {strange[0].message} {strange[0].filename}:{strange[0].lineno}"
        )
        kind, is_finding = "stray warning", True
    if changes := watch.changes():
        kind, detail, is_finding = "written", changes, True
    return kind, detail, is_finding


def _fault_of_message(message: str) -> str:
    if not message.strip():
        return "empty"
    if len(message) > LONGEST_MESSAGE:
        return f"{len(message)} characters"
    return "control characters" if _CONTROL.search(message) else ""


class _Watch:
    """Sees what the process changes: an audit hook, and the contents of its folders."""

    def __init__(self, folder: Path) -> None:
        self.inside, self._empty, self._temporary = folder / "in", folder / "empty", folder / "tmp"
        for each in (self.inside, self._empty, self._temporary):
            each.mkdir()
        self._printed = (folder / "printed").open("wb")
        self._size = 0
        self._seen: list[str] = []
        self._is_on = False

    def begin(self, path: Path) -> None:
        """Shut the process in. `path` is where its cases stand."""
        os.chdir(self._empty)
        os.environ.update(HOME=str(self._empty), TMPDIR=str(self._temporary), XDG_CACHE_HOME=str(self._empty))
        tempfile.tempdir = str(self._temporary)
        for stream in (1, 2):
            os.dup2(self._printed.fileno(), stream)
        faulthandler.enable()
        status = Path("/proc/self/status").read_text().splitlines()
        used = next(int(line.split()[1]) for line in status if line.startswith("VmSize"))
        resource.setrlimit(resource.RLIMIT_AS, (1024 * used + MEMORY,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        path.write_bytes(b"")
        self._names = self._listed()
        sys.addaudithook(self._hook)
        self._is_on = True

    def pause(self) -> _Pause:
        """A block in which the harness itself writes."""
        return _Pause(self)

    def printed(self) -> bool:
        """Whether anything was written to the terminal since the last call."""
        before, self._size = self._size, os.fstat(self._printed.fileno()).st_size
        return self._size > before

    def changes(self) -> str:
        """What was written, started or asked since the last call."""
        seen, self._seen = self._seen, []
        names = self._listed()
        if names != self._names:
            seen.append(f"files: {sorted(names ^ self._names)}")
            self._names = names
        return "; ".join(dict.fromkeys(seen))[:400]

    def _listed(self) -> set[str]:
        roots = (self._empty, self._temporary, self.inside)
        return {
            os.path.join(place, name) for root in roots for place, _, names in os.walk(root) for name in names
        }

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_on:
            return
        if event == "open":
            path, mode, flags = arguments
            writes = (flags or 0) & _WRITING or any(c in str(mode or "") for c in "wax+")
            if writes and not isinstance(path, int) and not self._is_temporary(path):
                self._seen.append(f"open {path} {mode} {flags:#x}")
        elif event in _CHANGES:
            names = arguments[:2] if event == "os.rename" else arguments[event in _LINKS :][:1]
            folder = arguments[-1] if isinstance(arguments[-1], int) else -1
            if not all(self._is_temporary(self._absolute(name, folder)) for name in names):
                self._seen.append(f"{event} {arguments}")
        elif event in _NEVER:
            self._seen.append(f"{event} {arguments}")
        elif event == "subprocess.Popen" and os.path.basename(str(arguments[0])) != "ffmpeg":
            self._seen.append(f"started {arguments[1]}")

    @staticmethod
    def _absolute(name: Any, folder: int) -> str:
        """A name, relative to an open folder where one is given."""
        base = os.readlink(f"/proc/self/fd/{folder}") if folder >= 0 and not isinstance(name, int) else ""
        return os.path.abspath(os.path.join(base, os.fsdecode(name)))

    def _is_temporary(self, path: Any) -> bool:
        return str(os.fsdecode(path)).startswith((str(self._temporary), os.devnull))


class _Pause:
    def __init__(self, watch: _Watch) -> None:
        self._watch = watch

    def __enter__(self) -> None:
        self._watch._is_on = False

    def __exit__(self, *_: object) -> None:
        self._watch._is_on = True
