"""Full disks, read-only ones, I/O errors and kills: `python benchmarks/faults.py kill transcribe --trials 200`.

What is done to a command of faults_jobs.py, each time in a process of its own:

kill     SIGKILL at a random moment: half of the trials after a random time, half at a random change of a file, with
         half of what was being written written. The same command follows, which may be killed too; after up to five
         kills it is left to end.
write    from the n-th change of a file on, every one fails with ENOSPC, EROFS or EIO; n goes through all of them, or
         evenly through `--trials`. The command must end with exit code 1 (2 where it has not begun) and a message;
         then it is run again.
read     the same for reads of its inputs, with EIO.

Nothing but whole files may be seen at any time, an earlier whole result must stay, and in the end the result must be
that of an undisturbed run. A hidden file may be left by a kill; they are counted.

The shim (faults_shim.c) is compiled by `cc` and loaded by LD_PRELOAD, so this needs Linux and a C compiler. `--results
FILE` keeps what was done, one line of JSON a call; `--first N` begins with trial N, to go on from there.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # the files beside this one

REASONS = {"ENOSPC": errno.ENOSPC, "EROFS": errno.EROFS, "EIO": errno.EIO}
SHIM = "SPEECHGRU_FAULTS_SHIM"
LONGEST = 120.0
"""Seconds of a command."""
KILLS = 5
_NEVER = 1 << 40


@dataclass
class Tally:
    """What the trials from `first` to before `last` came to."""

    what: str
    job: str
    seed: int
    first: int
    last: int
    events: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    hidden: int = 0
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (negative: the signal that ended it), what it printed, changes of files."""

    code: int
    printed: str
    events: int
    seconds: float


class Bench:
    """A job with its inputs, and what an undisturbed run gives."""

    def __init__(self, name: str, folder: Path) -> None:
        import faults_jobs

        self.job, self.folder, self.inputs = faults_jobs.JOBS[name], folder, folder / "inputs"
        self._shim = ctypes.CDLL(os.environ[SHIM])
        self._shim.fault_events.restype = ctypes.c_long
        faults_jobs.make_inputs(self.inputs)
        warm = folder / "warm"
        from speechgru import cli

        with _Quiet(folder / "warm.txt"):
            assert cli.main(self.job.command(self.inputs, warm, is_first=True)) == 0, "undisturbed, it fails"
        self.whole = self.run(folder / "whole")
        assert self.whole.code == 0, self.whole.printed
        self.expected = self.job.complete(folder / "whole")
        assert self.expected and self.expected == self.job.complete(warm), "two runs give different results"

    def run(
        self,
        output: Path,
        *,
        below: Path | None = None,
        of_reads: bool = False,
        at: int = _NEVER,
        why: int = 0,
        seconds: float = LONGEST,
        is_first: bool = True,
    ) -> Ended:
        """The command, in a process of its own, with a fault at change `at` of a file below `below`."""
        printed, count = self.folder / "printed", self.folder / "events"
        count.write_text("0")
        begin = time.monotonic()
        child = os.fork()
        if not child:
            self._child(output, below or output, of_reads, at, why, is_first)
        code = _wait(child, begin + seconds)
        events = int(count.read_text() or 0)
        return Ended(code, printed.read_text("utf-8", "replace"), events, time.monotonic() - begin)

    def _child(self, output: Path, below: Path, of_reads: bool, at: int, why: int, is_first: bool) -> None:
        code = 70
        try:
            from speechgru import cli

            with _Quiet(self.folder / "printed"):
                arguments = self.job.command(self.inputs, output, is_first=is_first)
                self._shim.fault_arm(os.fsencode(below), int(of_reads), ctypes.c_long(at), why)
                try:
                    code = cli.main(arguments)
                except BaseException:
                    import traceback

                    traceback.print_exc()
            (self.folder / "events").write_text(str(self._shim.fault_events()))
        finally:
            os._exit(code)

    def wrong(self, output: Path) -> list[str]:
        """Files that are no whole results."""
        return self.job.damaged(output, self.expected)


def _wait(child: int, until: float) -> int:
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class _Quiet:
    """Both streams to a file, for C libraries too."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._before = os.dup(1), os.dup(2)
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, 1)
        os.dup2(file, 2)

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, before in enumerate(self._before, start=1):
            os.dup2(before, number)


# --------------------------------------------------------------------------------------------------------- trials


def kills(bench: Bench, seed: int, first: int, last: int, until: float) -> Tally:
    """Kills `first` to before `last`; after up to KILLS of them the command is left to end. One that ends before it is
    killed is no trial."""
    tally = Tally("kill", bench.job.name, seed, first, first, bench.whole.events)
    trial = first
    rng = random.Random(f"{seed}/{first}")
    while trial < last and time.monotonic() < until:
        output = bench.folder / f"out{trial}"
        for number in range(rng.randint(1, min(KILLS, last - trial))):
            ended = _killed(bench, output, rng, is_first=number == 0)
            killed = ended.code == -signal.SIGKILL
            tally.outcomes["killed" if killed else f"ended with {ended.code}"] += 1
            tally.faults += [f"trial {trial}: half of {name}" for name in bench.wrong(output)]
            trial += killed
            if not killed:
                break
        left = bench.run(output, is_first=False)
        if left.code != 0:
            tally.faults.append(
                f"trial {trial - 1}: the last run ended with {left.code}: {left.printed[-300:]}"
            )
        elif bench.job.complete(output) != bench.expected:
            tally.faults.append(f"trial {trial - 1}: the last run gave another result")
        tally.hidden += sum(path.is_file() and path.suffix != ".lock" for path in output.rglob(".*"))
        shutil.rmtree(output, ignore_errors=True)
        tally.last = trial
    return tally


def _killed(bench: Bench, output: Path, rng: random.Random, *, is_first: bool) -> Ended:
    if rng.random() < 0.5:
        return bench.run(output, seconds=rng.uniform(0, bench.whole.seconds), is_first=is_first)
    at = rng.randrange(max(bench.whole.events, 1))
    return bench.run(output, at=at, why=-signal.SIGKILL, is_first=is_first)


def errors(bench: Bench, what: str, seed: int, first: int, last: int, until: float) -> Tally:
    """Trials of failing writes or reads."""
    of_reads = what == "read"
    below = bench.inputs if of_reads else None
    events = bench.run(bench.folder / "counted", below=below, of_reads=of_reads).events
    tally = Tally(what, bench.job.name, seed, first, first, events)
    points = list(_points(events, ("EIO",) if of_reads else tuple(REASONS), last))
    for trial, (at, name) in list(enumerate(points))[first:last]:
        if time.monotonic() >= until:
            break
        output = bench.folder / f"out{trial}"
        over = trial % 4 == 3  # a result is there already, which must stay whole
        if over:
            shutil.copytree(bench.folder / "whole", output)
        ended = bench.run(output, below=below, of_reads=of_reads, at=at, why=REASONS[name], is_first=not over)
        tally.faults += [
            f"trial {trial}, {name} at {at}: {fault}" for fault in _faults(bench, output, ended, tally)
        ]
        again = bench.run(output, is_first=False)
        if again.code != 0 or bench.job.complete(output) != bench.expected:
            tally.faults.append(
                f"trial {trial}, {name} at {at}: run again: {again.code} {again.printed[-300:]}"
            )
        shutil.rmtree(output, ignore_errors=True)
        tally.last = trial + 1
    return tally


def _points(events: int, names: tuple[str, ...], most: int) -> Iterator[tuple[int, str]]:
    """Which change fails, and why: all of them, or evenly `most`."""
    each = max(1, most // len(names))
    places = range(events) if events <= each else sorted({i * events // each for i in range(each)})
    yield from ((place, name) for place in places for name in names)


def _faults(bench: Bench, output: Path, ended: Ended, tally: Tally) -> list[str]:
    """What is wrong after a failing write or read."""
    wrong = [f"half of {name}" for name in bench.wrong(output)]
    hidden = [path.name for path in output.rglob(".*") if path.is_file() and path.suffix != ".lock"]
    tally.hidden += len(hidden)
    if hidden:
        wrong.append(f"left {hidden}")
    tally.outcomes[f"exit code {ended.code}"] += 1
    if "Traceback" in ended.printed:
        wrong.append(f"a traceback: {ended.printed[-400:]}")
    if ended.code == 0 and bench.job.complete(output) != bench.expected:
        wrong.append(f"exit code 0 and another result: {ended.printed[-300:]}")
    elif ended.code not in (0, 1, 2):
        wrong.append(f"exit code {ended.code}: {ended.printed[-300:]}")
    elif ended.code and not ended.printed.strip():
        wrong.append("no message")
    return wrong


def _tell(tally: Tally) -> None:
    outcomes = ", ".join(f"{count} {what}" for what, count in sorted(tally.outcomes.items()))
    print(
        f"{tally.what} {tally.job}: trials {tally.first} to {tally.last - 1} in {tally.seconds:.0f} s, "
        f"{tally.events} changes of files or reads: {outcomes}; {tally.hidden} hidden files; "
        f"{len(tally.faults)} faults",
        flush=True,
    )
    for fault in tally.faults[:8]:
        print(f"  {' '.join(fault.split())}", flush=True)


def main() -> int:
    """Run what the command line says; 1 where there is a fault."""
    import faults_jobs

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("what", choices=("kill", "write", "read"))
    parser.add_argument(
        "jobs", nargs="*", metavar="JOB", help=f"of {', '.join(faults_jobs.JOBS)} (default: all)"
    )
    parser.add_argument("--trials", type=int, default=200, help="of each job, beginning with trial 0")
    parser.add_argument("--first", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--results", type=Path, metavar="FILE", help="add a line of JSON for each job")
    args = parser.parse_args()
    if unknown := [name for name in args.jobs if name not in faults_jobs.JOBS]:
        parser.error(f"no job {unknown[0]!r}; expected some of {', '.join(faults_jobs.JOBS)}")
    until, found = time.monotonic() + args.seconds, 0
    for name in args.jobs or faults_jobs.JOBS:
        begin = time.monotonic()
        with (
            tempfile.TemporaryDirectory(prefix="faults-") as place,
            faults_jobs.serving(Path(place, "served")),
        ):
            bench = Bench(name, Path(place))
            if args.what == "kill":
                tally = kills(bench, args.seed, args.first, args.trials, until)
            else:
                tally = errors(bench, args.what, args.seed, args.first, args.trials, until)
        tally.seconds = time.monotonic() - begin
        _tell(tally)
        found += len(tally.faults)
        if args.results:
            with args.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(vars(tally)) + "\n")
    return 1 if found else 0


def _with_shim() -> int:
    """This script again, with the shim compiled and loaded."""
    with tempfile.TemporaryDirectory() as place:
        shim = Path(place, "shim.so")
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None or not sys.platform.startswith("linux"):
            raise SystemExit("faults: this needs Linux and a C compiler (cc)")
        source = str(Path(__file__).with_name("faults_shim.c"))
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(shim), source, "-ldl"], check=True)
        environment = {**os.environ, "LD_PRELOAD": str(shim), SHIM: str(shim), "OMP_NUM_THREADS": "1"}
        return subprocess.run([sys.executable, __file__, *sys.argv[1:]], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main() if SHIM in os.environ else _with_shim())
