"""Time and measure `speechgru align` on long recordings with their text, and compare with other aligners.

    python benchmarks/align.py LIBRISPEECH [--minutes 60] [--model FILE] [--threads 2] [--quick]

LIBRISPEECH is a folder with `*.trans.txt` files and their recordings, at any depth; they are joined, in order, to one
recording (again from the start where they are too few). Three measurements:

align       wall time and peak memory (ru_maxrss) of the command, and how far words lie from the utterance they
            belong to, where known joins say so
aligners    CPU seconds for 10 minutes of log-probabilities: this one, torchaudio.functional.forced_align and
            ctc-segmentation (what of them is installed), and how far the words' starts lie from torchaudio's
growth      CPU seconds of this aligner alone for 15, 30 and 60 minutes

The exit code is 1 where an hour takes more than five minutes or 1.5 gigabytes. With --quick everything is small and no
limit holds: only to see that it runs. Measure with nothing else on the machine.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from speechgru.alignment import load_aligner
from speechgru.alignment.ctc import Prices, align
from speechgru.audio import stream as audio
from speechgru.data.corpus_tools import same_stem
from speechgru.inference.emissions import posteriors
from speechgru.text import normalise
from speechgru.utils import walk

SECONDS, BYTES = 300.0, 1.5e9


@dataclass(frozen=True)
class Joined:
    """A recording made of many: its file, its text, a line each, and where each begins and ends, in seconds."""

    sound: Path
    text: Path
    lines: list[str]
    spans: list[tuple[float, float]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of LibriSpeech")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument(
        "--model",
        help="checkpoint (default: the packaged English models; the aligners are compared by english-small)",
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, no limits: only to see that it runs"
    )
    args = parser.parse_args()
    print(f"{args.threads} threads, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    minutes = 1.0 if args.quick else args.minutes
    with tempfile.TemporaryDirectory() as folder:
        joined = join(args.data, 60 * minutes, Path(folder))
        good = whole_command(joined, args, minutes)
        compare(args, join(args.data, 60 * min(minutes, 10.0), Path(folder)))
    growth([0.5, 1.0] if args.quick else [15.0, 30.0, 60.0])
    return int(not (good or args.quick))


def utterances(data: Path) -> Iterator[tuple[Path, str]]:
    """Recordings and texts, in the order of the book."""
    for table in (path for path in walk.files(data) if path.name.endswith(".trans.txt")):
        for line in table.read_text(encoding="utf-8").splitlines():
            name, _, text = line.partition(" ")
            if path := same_stem(table.with_name(f"{name}.flac")):
                yield path, text


def join(data: Path, seconds: float, folder: Path) -> Joined:
    """Write a FLAC file of at least `seconds`, and its text."""
    found = list(utterances(data))
    if not found:
        sys.exit(f"No *.trans.txt with recordings beside them in {data}.")
    sound, text = folder / "long.flac", folder / "long.txt"
    lines: list[str] = []
    spans: list[tuple[float, float]] = []
    now = 0.0
    with soundfile.SoundFile(sound, "w", audio.SAMPLE_RATE, 1, "PCM_16") as out:
        for path, line in cycle(found):
            if now >= seconds:
                break
            signal = audio.read(path)
            out.write(np.clip(signal, -1, 1))
            spans.append((now, now + len(signal) / audio.SAMPLE_RATE))
            lines.append(line.capitalize())
            now = spans[-1][1]
    text.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return Joined(sound, text, lines, spans)


def whole_command(joined: Joined, args: argparse.Namespace, minutes: float) -> bool:
    """Run it in a process of its own; True where it keeps the limits."""
    out = joined.sound.with_suffix(".json")
    command = [
        sys.executable,
        "-m",
        "speechgru",
        "align",
        str(joined.sound),
        str(joined.text),
        "-o",
        str(out),
    ]
    command += ["--model", args.model] if args.model else []
    environment = {**os.environ, "OMP_NUM_THREADS": str(args.threads), "MKL_NUM_THREADS": str(args.threads)}
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"speechgru align failed ({process.returncode}).")
    peak = usage.ru_maxrss * 1024  # Linux counts in KiB
    cpu = usage.ru_utime + usage.ru_stime
    print(f"align       {minutes:g} min: {seconds:.1f} s, {cpu:.1f} CPU-seconds, at most {peak / 1e9:.2f} GB")
    lines = json.loads(out.read_text(encoding="utf-8"))["segments"]
    words = [(word, span) for line, span in zip(lines, joined.spans, strict=True) for word in line["words"]]
    said = [(word, span) for word, span in words if word["spoken"]]
    outside = [word for word, (start, end) in said if not start <= (word["start"] + word["end"]) / 2 <= end]
    print(
        f"            {len(words)} words: {1 - len(said) / len(words):.2%} not found (all were said), "
        f"{len(outside) / len(words):.2%} outside their utterance"
    )
    return seconds <= SECONDS * minutes / 60 + 5 and peak <= BYTES


def compare(args: argparse.Namespace, joined: Joined) -> None:
    """The aligners alone, on the same log-probabilities, one thread each."""
    import torch

    torch.set_num_threads(1)
    recognizer = load_aligner(args.model).recognizer
    vocabulary = recognizer.engine.vocabulary
    log_probs = posteriors(recognizer, str(joined.sound)).log_probs
    words = normalise(" ".join(joined.lines)).split()
    labels = [vocabulary.encode(word) for word in words]
    whole = vocabulary.encode(" ".join(words))
    starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])])
    print(f"aligners    {len(log_probs)} frames, {len(whole)} characters")
    space = vocabulary.encode(" ")[0]
    align(log_probs[:100], labels[:1], space)  # compiled before it is timed
    timed("here", lambda: align(log_probs, labels, space))
    strict_prices = Prices(*[math.inf] * 6)
    strict = timed("here, plain CTC", lambda: align(log_probs, [whole], prices=strict_prices))
    theirs = timed("torchaudio", lambda: of_torchaudio(log_probs, whole))
    if strict is not None and theirs is not None:
        distance = np.abs(strict.starts[starts] - theirs[starts]) * recognizer.engine.frame_seconds
        print(
            f"            word starts from torchaudio's: mean {distance.mean():.4f} s, at most {distance.max():.2f}"
        )
    timed("ctc-segmentation", lambda: of_ctc_segmentation(log_probs, words, vocabulary.symbols))


def timed(name: str, function: Callable[[], Any]) -> Any:
    """What it returns; None where its package is missing."""
    started = time.process_time()
    try:
        result = function()
    except ImportError as error:
        print(f"            {name:<18} not installed ({error.name})")
        return None
    print(f"            {name:<18} {time.process_time() - started:.2f} CPU-seconds")
    return result


def of_torchaudio(log_probs: np.ndarray[Any, Any], whole: list[int]) -> np.ndarray[Any, Any]:
    """First frame of each letter."""
    import torch
    from torchaudio.functional import forced_align

    path = forced_align(torch.from_numpy(log_probs)[None], torch.tensor([whole]))[0][0].tolist()
    return np.array([t for t, (before, now) in enumerate(pairwise([0, *path])) if now and now != before])


def of_ctc_segmentation(log_probs: np.ndarray[Any, Any], words: list[str], symbols: tuple[str, ...]) -> Any:
    import ctc_segmentation

    config = ctc_segmentation.CtcSegmentationParameters(char_list=list(symbols))
    ground_truth, _ = ctc_segmentation.prepare_text(config, words)
    return ctc_segmentation.ctc_segmentation(config, log_probs, ground_truth)


def growth(sizes: list[float]) -> None:
    """Time of the aligner alone; 14 letters a second, which is fast speech, are random."""
    generator = np.random.default_rng(0)
    for minutes in sizes:
        frames = round(minutes * 60 * 25)
        log_probs = np.log(generator.dirichlet(np.full(29, 0.05), frames) + 1e-9).astype(np.float32)
        labels = [generator.integers(2, 29, 4).tolist() for _ in range(round(minutes * 60 * 14 / 5))]
        started = time.process_time()
        align(log_probs, labels, 1)
        print(f"growth      {minutes:g} min: {time.process_time() - started:.1f} CPU-seconds")


if __name__ == "__main__":
    sys.exit(main())
