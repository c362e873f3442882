"""Time log-mel features against torchaudio, kaldi-native-fbank and librosa; a folder on one and two processes; memory.

    python scripts/bench_features.py [--quick] [--threads 2] [--seconds 3600]

Speed: 80 log-mel bands, 25 ms windows every 10 ms, of an hour of noise at 16 kHz. The candidates take turns, so that
a busy moment of the machine hits all of them, and each gives the median of its turns. torchaudio and librosa are
timed in one piece and in pieces of 30 s (without the frames that span two), kaldi-native-fbank in pieces of 10 s,
which is all the same to it. `module` is the nn.Module on a tensor, `extract` the function on an array, with its
checks.

Folder: `speechgru features FOLDER -o OUT/` on files of two seconds, start-up included.

Memory: the highest resident size of a process that streams (or extracts) a WAV file, above that of a process that
does so with one second.
"""

from __future__ import annotations

import argparse
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
_STREAM = """
import resource, sys
from speechgru import features
if sys.argv[2] == "stream":
    frames = sum(len(values) for values in features.stream(sys.argv[1]))
else:
    frames = len(features.extract(sys.argv[1]).values)
print(frames, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--minutes", type=float, nargs="+", default=[10, 60, 180])
    parser.add_argument(
        "--parts", nargs="+", choices=["speed", "folder", "memory"], default=["speed", "folder", "memory"]
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes: only to see that it runs")
    args = parser.parse_args()
    if args.quick:
        args.seconds, args.repeats, args.files, args.minutes = 60, 3, 8, [0.1, 0.3]
    torch.set_num_threads(args.threads)
    if "speed" in args.parts:
        speed(args.seconds, args.repeats, args.threads)
    if "folder" in args.parts:
        folder(args.files)
    if "memory" in args.parts:
        memory(args.minutes)


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


def folder(files: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        sound = Path(scratch) / "sound"
        sound.mkdir()
        generator = np.random.default_rng(0)
        for number in range(files):
            noise = 0.1 * generator.standard_normal(2 * RATE, dtype=np.float32)
            soundfile.write(sound / f"{number:05}.wav", noise.clip(-1, 1), RATE)
        taken = {jobs: _extract_folder(sound, Path(scratch) / f"out{jobs}", jobs) for jobs in (1, 2)}
    print(f"\n{files} files of 2 s: one process {taken[1]:.1f} s, two {taken[2]:.1f} s, ", end="")
    print(f"{taken[1] / taken[2]:.2f} times as fast")


def _extract_folder(sound: Path, out: Path, jobs: int) -> float:
    out.mkdir()
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
    start = time.perf_counter()
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True)
    return time.perf_counter() - start


def memory(minutes: list[float]) -> None:
    print("\nhighest resident memory above that for one second of sound, MB")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "noise.wav"
        least = {way: _highest(path, 1, way)[1] for way in ("stream", "extract")}
        for length in minutes:
            line = f"{length:>6g} min"
            for way, floor in least.items():
                frames, highest = _highest(path, round(length * 60), way)
                line += f"   {way} {(highest - floor) / 1024:>7.1f}"
            print(f"{line}   ({frames * 80 * 4 / 2**20:.1f} MB are the features themselves)")


def _highest(path: Path, seconds: int, way: str) -> tuple[int, int]:
    """Frames, and the highest resident size in KB, of a process that reads `seconds` of noise from `path`."""
    generator = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for start in range(0, seconds, 60):
            noise = 0.1 * generator.standard_normal(min(60, seconds - start) * RATE, dtype=np.float32)
            file.write(noise.clip(-1, 1))
    done = subprocess.run(
        [sys.executable, "-c", _STREAM, str(path), way], check=True, capture_output=True, text=True
    )
    frames, highest = map(int, done.stdout.split())
    return frames, highest


if __name__ == "__main__":
    main()
