"""Time log-mel features against torchaudio, kaldi-native-fbank and librosa; a folder on one and two processes; memory.

    python benchmarks/features.py [--quick] [--threads 2] [--seconds 3600]

Speed: 80 log-mel bands, 25 ms windows every 10 ms, of an hour of noise at 16 kHz. The candidates take turns, so that
a busy moment of the machine hits all of them, and each gives the median of its turns. torchaudio and librosa are
timed in one piece and in pieces of 30 s (without the frames that span two), kaldi-native-fbank in pieces of 10 s,
which is all the same to it. `module` is the nn.Module on a tensor, `extract` the function on an array, with its
checks.

Folder: `speechgru features FOLDER -o OUT/` on files of 2 and of 10 seconds, start-up included, one and two processes
taking turns; medians. CPU seconds are of all its processes: on a busy machine they tell more than the wall clock.

Memory: the highest resident size of a fresh process that computes the features of a WAV file in one of several ways,
above that of one that does so with one second. It is read from /proc (Linux); getrusage would give what the process
inherited from this one.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

RATE = 16000
_PROCESS = """
import sys
from speechgru import features
from speechgru.cli import main
path, way, out = sys.argv[1:]
if way == "stream":
    for values in features.stream(path):
        pass
elif way == "extract":
    features.extract(path)
else:
    assert main(["features", path, "-o", f"{out}.{way}", "--overwrite"]) == 0
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""
WAYS = ("stream", "npy", "npz", "h5", "parquet", "csv", "extract")
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of linux/prctl.h


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--file-seconds", type=float, nargs="+", default=[2, 10])
    parser.add_argument("--minutes", type=float, nargs="+", default=[10, 60, 180])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["stream", "npy", "h5", "extract"])
    parser.add_argument(
        "--parts", nargs="+", choices=["speed", "folder", "memory"], default=["speed", "folder", "memory"]
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes: only to see that it runs")
    args = parser.parse_args()
    if args.quick:
        args.seconds, args.repeats, args.files, args.minutes = 60, 1, 8, [0.1, 0.3]
    torch.set_num_threads(args.threads)
    if "speed" in args.parts:
        speed(args.seconds, args.repeats, args.threads)
    if "folder" in args.parts:
        for seconds in args.file_seconds:
            folder(args.files, seconds, args.repeats)
    if "memory" in args.parts:
        memory(args.minutes, args.ways)


def speed(seconds: int, repeats: int, threads: int) -> None:
    generator = np.random.default_rng(0)
    signal = (0.1 * generator.standard_normal(seconds * RATE, dtype=np.float32)).clip(-1, 1)
    times: dict[str, list[float]] = {}
    made = candidates(signal)
    with torch.inference_mode():
        for run in made.values():
            run()  # compiled, imported, cached
        for _ in range(repeats):
            for name, run in made.items():
                start = time.perf_counter()
                run()
                times.setdefault(name, []).append(time.perf_counter() - start)
    medians = {name: statistics.median(found) for name, found in times.items()}
    fastest = min(value for name, value in medians.items() if not name.startswith("speechgru"))
    print(f"log-mel of {seconds} s, torch {torch.__version__}, {threads} threads, median of {repeats}\n")
    print(f"{'':<36}{'seconds':>9}{'x real time':>13}{'of fastest peer':>17}")
    for name, value in sorted(medians.items(), key=lambda pair: pair[1]):
        print(f"{name:<36}{value:>9.3f}{seconds / value:>13,.0f}{value / fastest:>17.2f}")


def candidates(signal: Any) -> dict[str, Callable[[], Any]]:
    from librosa.feature import melspectrogram
    from torchaudio.transforms import MelSpectrogram

    from speechgru import features

    tensor = torch.from_numpy(signal)
    module, kaldi = features.transform("log_mel"), features.transform("log_mel", preset="kaldi", n_mels=80)
    mel = MelSpectrogram(
        RATE, n_fft=512, win_length=400, hop_length=160, n_mels=80, f_min=20.0, pad_mode="constant"
    )
    options = {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 80, "fmin": 20.0, "htk": True}

    def librosa(piece: Any) -> Any:
        return np.log(melspectrogram(y=piece, sr=RATE, norm=None, pad_mode="constant", **options) + 1e-6)

    def torchaudio(piece: Any) -> Any:
        return (mel(piece) + 1e-6).log()

    pieces = range(0, len(signal), 30 * RATE)
    found: dict[str, Callable[[], Any]] = {
        "speechgru module": lambda: module(tensor),
        "speechgru extract": lambda: features.extract(signal, sample_rate=RATE),
        "speechgru module, kaldi": lambda: kaldi(tensor),
        "torchaudio": lambda: torchaudio(tensor),
        "torchaudio, 30 s pieces": lambda: [torchaudio(tensor[a : a + 30 * RATE]) for a in pieces],
        "librosa": lambda: librosa(signal),
        "librosa, 30 s pieces": lambda: [librosa(signal[a : a + 30 * RATE]) for a in pieces],
    }
    native = native_fbank(signal)
    if native is None:
        print("kaldi-native-fbank isn't installed: left out")
    else:
        found["kaldi-native-fbank"] = native
    return found


def native_fbank(signal: Any) -> Callable[[], Any] | None:
    try:
        import kaldi_native_fbank as native
    except ImportError:
        return None
    options = native.FbankOptions()
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = 80
    # Scaled beforehand; it takes a list as well as an array.
    pieces = [signal[a : a + 10 * RATE] * 32768 for a in range(0, len(signal), 10 * RATE)]

    def run() -> Any:
        online = native.OnlineFbank(options)
        found: list[Any] = []
        for piece in pieces:
            online.accept_waveform(RATE, piece)
            found.extend(online.get_frame(i) for i in range(len(found), online.num_frames_ready))
        return np.stack(found)

    return run


def folder(files: int, seconds: float, repeats: int) -> None:
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)  # so that the processes of a pool are counted too
    taken: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as scratch:
        sound = Path(scratch) / "sound"
        sound.mkdir()
        for number in range(files):
            _write_noise(sound / f"{number:05}.wav", seconds, number)
        for turn in range(repeats):
            for jobs, found in taken.items():
                found.append(_extract_folder(sound, Path(scratch) / f"out{turn}-{jobs}", jobs))
    one, two = ([statistics.median(column) for column in zip(*found)] for found in taken.values())
    print(
        f"\n{files} files of {seconds:g} s, median of {repeats}: one process {one[0]:.1f} s ({one[1]:.1f} of CPU), two "
        f"{two[0]:.1f} s ({two[1]:.1f} of CPU): {one[0] / two[0]:.2f} times as fast"
    )


def _extract_folder(sound: Path, out: Path, jobs: int) -> tuple[float, float]:
    """Seconds by the clock, and of CPU."""
    command = [
        sys.executable,
        "-m",
        "speechgru",
        "features",
        str(sound),
        "-o",
        f"{out}/",
        "--jobs",
        str(jobs),
    ]
    start, before = time.perf_counter(), _cpu_of_children()
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    code = process.wait()
    wall = time.perf_counter() - start
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}")
    while True:  # its processes, which end a little later
        try:
            os.wait()
        except ChildProcessError:
            return wall, _cpu_of_children() - before


def _cpu_of_children() -> float:
    found = os.times()
    return found.children_user + found.children_system


def memory(minutes: list[float], ways: list[str]) -> None:
    print("\nhighest resident memory above that for one second of sound, MB")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "noise.wav"
        _write_noise(path, 1, 0)
        least = {way: _highest(path, way) for way in ways}
        for length in minutes:
            _write_noise(path, length * 60, 0)
            found = (f"{way} {(_highest(path, way) - floor) / 1024:.1f}" for way, floor in least.items())
            megabytes = length * 60 * 100 * 80 * 4 / 2**20
            print(
                f"{length:>6g} min   {'   '.join(found)}   (the features are {megabytes:.1f} MB)", flush=True
            )


def _highest(path: Path, way: str) -> int:
    """The highest resident size in KB of a process that computes the features of `path`."""
    command = [sys.executable, "-c", _PROCESS, str(path), way, str(path.with_suffix(""))]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _write_noise(path: Path, seconds: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        left = round(seconds * RATE)
        while left > 0:
            noise = 0.1 * generator.standard_normal(min(60 * RATE, left), dtype=np.float32)
            file.write(noise.clip(-1, 1))
            left -= len(noise)


if __name__ == "__main__":
    main()
