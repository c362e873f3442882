"""Time and measure `speechgru transcribe` against the project's limits, through the command line.

    python benchmarks/transcribe.py [DATA] [--model FILE] [--threads 2] [--quick]

DATA is a manifest or a folder of recordings; without it the packaged sample is repeated. Four measurements:

real-time factor   work per second of audio, over 10 minutes of short files, process start included
peak memory        resident memory of the process (ru_maxrss) for one recording of an hour
help               wall time of `speechgru --help`, median of 5
first transcript   wall time for one recording of 5 seconds, process start included, median of 5

The exit code is 1 where a limit is missed. With --quick everything is small and no limit holds: only to see
that it runs. Measure with nothing else on the machine.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import soundfile

from speechgru.audio import stream as audio
from speechgru.data import manifest
from speechgru.utils import walk
from speechgru.utils.assets import ASSETS

RATE = audio.SAMPLE_RATE
LIMITS = {"real-time factor": 0.02, "peak memory": 1.2, "help": 0.3, "first transcript": 6.0}
UNITS = {"real-time factor": "", "peak memory": "GB", "help": "s", "first transcript": "s"}


@dataclass(frozen=True)
class Sizes:
    """How much is measured, in seconds of audio and runs."""

    short: float = 600.0
    long: float = 3600.0
    repeats: int = 5


@dataclass(frozen=True)
class Run:
    """A finished process: wall seconds, peak resident bytes."""

    seconds: float
    peak: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, help="manifest or folder of recordings")
    parser.add_argument("--model", help="checkpoint (default: the packaged English model)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, no limits: only to see that it runs"
    )
    args = parser.parse_args()
    sizes = Sizes(short=30.0, long=60.0, repeats=2) if args.quick else Sizes()
    print(f"{args.threads} threads, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, value, note in measurements(args, sizes, Path(folder)):
            over = value > LIMITS[name]
            missed += over
            verdict = "quick" if args.quick else "missed" if over else "ok"
            print(
                f"{name:<18}{value:>9.4f} {UNITS[name]:<3} limit {LIMITS[name]:<5} {verdict:<7} {note}",
                flush=True,
            )
    return int(missed > 0 and not args.quick)


def measurements(args: argparse.Namespace, sizes: Sizes, folder: Path):
    """(name, value, note) of each measurement, as it is done."""
    files = recordings(args.data)
    model = ["--model", args.model] if args.model else []

    def transcribe(paths: list[Path]) -> Run:
        return run(["transcribe", *model, "--output-dir", str(fresh(folder)), *map(str, paths)], args.threads)

    helps = [run(["--help"], args.threads).seconds for _ in range(sizes.repeats)]
    yield "help", statistics.median(helps), f"{min(helps):.3f} to {max(helps):.3f}"

    five = write_joined(folder / "five.flac", files, 5.0)
    firsts = [transcribe([five]).seconds for _ in range(sizes.repeats)]
    yield "first transcript", statistics.median(firsts), f"{min(firsts):.2f} to {max(firsts):.2f}"

    short, seconds = short_files(files, sizes.short, folder / "short")
    done = transcribe(short)
    note = (
        f"{seconds / 60:.1f} min in {len(short)} files, {done.seconds:.1f} s, peak {done.peak / 1e9:.2f} GB"
    )
    yield "real-time factor", done.seconds / seconds, note

    long = write_joined(folder / "long.flac", files, sizes.long)
    done = transcribe([long])
    yield "peak memory", done.peak / 1e9, f"{sizes.long / 60:.0f} min in one file, {done.seconds:.1f} s"


def recordings(data: Path | None) -> list[Path]:
    """All recordings of a manifest or below a folder, or the packaged sample; shuffled with a fixed seed."""
    if data is None:
        files = [path for path in sorted(ASSETS.iterdir()) if audio.is_audio(path)]
    elif data.is_dir():
        files = [path for path in walk.files(data) if audio.is_audio(path)]
    else:
        files = [utterance.audio_filepath for utterance in manifest.read(data)]
    if not files:
        sys.exit(f"No recordings in {data or ASSETS}. Give a manifest or a folder with some.")
    random.Random(0).shuffle(files)
    return files


def short_files(files: list[Path], seconds: float, folder: Path) -> tuple[list[Path], float]:
    """Links to recordings of 1 to 20 s, repeated until they last `seconds`; and how long they are."""
    fitting = [(path, length) for path in files if 1 <= (length := audio.info(path).duration or 0) <= 20]
    if not fitting:
        sys.exit("No recording of 1 to 20 s among those given.")
    folder.mkdir()
    links: list[Path] = []
    total = 0.0
    for path, length in cycle(fitting):
        if total >= seconds:
            break
        links.append(folder / f"{len(links):04}{path.suffix}")
        links[-1].symlink_to(path.resolve())
        total += length
    return links, total


def write_joined(path: Path, files: list[Path], seconds: float) -> Path:
    """One FLAC file of exactly `seconds`, from the recordings one after the other, repeated where too few."""
    left = round(seconds * RATE)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as out:
        for source in cycle(files):
            if left <= 0:
                break
            with audio.AudioStream(source, RATE) as stream:
                signal = np.clip(np.concatenate(list(stream))[:left], -1, 1)
            out.write(signal)
            left -= len(signal)
    return path


def fresh(folder: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=folder))


def run(arguments: list[str], threads: int) -> Run:
    """Run speechgru in a process of its own, on `threads` threads; stop everything if it fails."""
    installed = shutil.which("speechgru", path=str(Path(sys.executable).parent))
    command = [installed] if installed else [sys.executable, "-m", "speechgru"]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    started = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            sys.exit(
                f"speechgru {arguments[0]} failed ({process.returncode}): {errors.read().decode()[-2000:]}"
            )
    return Run(seconds, usage.ru_maxrss * 1024)  # Linux counts in KiB


if __name__ == "__main__":
    sys.exit(main())
