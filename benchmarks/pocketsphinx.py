"""Compare speechgru with PocketSphinx (pip install pocketsphinx, its own model) on the same recordings.

    python benchmarks/pocketsphinx.py MANIFEST... [--limit 50] [--model FILE] [--lm english] [--format json]

Three systems, each in a process of its own and one after the other: PocketSphinx with what it has as defaults, ours
spelling freely (greedy) and ours with the language model (beam). All get the same 16 kHz float samples, read by
speechgru.data.manifest; PocketSphinx gets them as 16 bits, each recording as one whole utterance, so that it can
normalise over all of it. Texts of all systems are normalised alike.

CPU, wall     seconds of work per second of audio, user and system time, without start-up
start-up      from the start of the process to the text of the first two seconds; of the second start, so that for all
              the files are in memory and compiled code is kept
memory        most that the process had in memory (ru_maxrss), the recordings included

What is not there (PocketSphinx, a language model) is said and left out. Measure with nothing else on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import SpeechGruError

RATE = 16000
RIVAL = "pocketsphinx"
SYSTEMS = (RIVAL, "greedy", "beam")
Signal = NDArray[np.float32]
Recognise = Callable[[Sequence[Signal]], list[str]]


@dataclass(frozen=True)
class Cost:
    """Seconds of work and of waiting."""

    cpu: float
    wall: float


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifests", nargs="+", metavar="MANIFEST")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N recordings of each manifest")
    parser.add_argument("--model", help="checkpoint (default: the packaged English model)")
    parser.add_argument("--lm", default="english", help="language model of beam: name or file (english)")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    args = parser.parse_args()
    try:
        if args.job:
            print(json.dumps(work(json.loads(args.job))))
            return 0
        results = compare(args)
    except SpeechGruError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(results, indent=2) if args.format == "json" else as_text(results))
    return 0


# ------------------------------------------------------------------------------------- the comparing process


def compare(args: argparse.Namespace) -> dict[str, Any]:
    """Scores and costs of every system on every manifest, ready for JSON."""
    from speechgru.data import manifest

    sets = {Path(path).stem: manifest.read(path)[: args.limit] for path in args.manifests}
    if len(sets) < len(args.manifests) or not all(sets.values()):
        raise SpeechGruError("Expected manifests with recordings in them and different names.")
    results: dict[str, Any] = {"threads": args.threads, "cores": os.cpu_count(), "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as folder:
        lengths = store(Path(folder) / "signals.npy", [u for part in sets.values() for u in part])
        job = {
            "signals": f"{folder}/signals.npy",
            "lengths": lengths,
            "sizes": [len(part) for part in sets.values()],
            **{key: getattr(args, key) for key in ("model", "lm", "threads")},
        }
        measured = {name: measure(name, job) for name in args.systems}
    results["sets"] = {
        name: {"recordings": len(part), "seconds": seconds}
        for (name, part), seconds in zip(sets.items(), grouped_seconds(lengths, job["sizes"]), strict=True)
    }
    results["systems"] = {name: scored(result, sets) for name, result in measured.items()}
    return results


def store(path: Path, utterances: Sequence[Any]) -> list[int]:
    """Write the samples of all recordings one after the other; returns how many each has."""
    from speechgru.data import read_audio

    signals = [read_audio(utterance, RATE).signal for utterance in utterances]
    np.save(path, np.concatenate(signals), allow_pickle=False)
    return [len(signal) for signal in signals]


def grouped_seconds(lengths: Sequence[int], sizes: Sequence[int]) -> list[float]:
    rest = iter(lengths)
    return [sum(islice(rest, size)) / RATE for size in sizes]


def measure(system: str, job: dict[str, Any]) -> dict[str, Any]:
    """What the worker of a system tells, of its second start."""
    environment = {
        **os.environ,
        **{f"{n}_NUM_THREADS": str(job["threads"]) for n in ("OMP", "MKL", "OPENBLAS")},
    }
    for warming in (True, False):
        given = json.dumps({**job, "system": system, "warming": warming, "started": time.monotonic()})
        command = [sys.executable, __file__, "-", "--job", given]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().split("\n")
            return {"missing": lines[-1].removeprefix("error: ")}
    return json.loads(done.stdout)


def scored(result: dict[str, Any], sets: dict[str, Any]) -> dict[str, Any]:
    """A worker's result with its texts replaced by their scores."""
    from speechgru.evaluation import wer

    if "missing" in result:
        return result
    texts = iter(result.pop("texts"))
    for (name, part), cost in zip(sets.items(), result.pop("costs"), strict=True):
        score = wer.score([u.text for u in part], list(islice(texts, len(part))), [u.speaker for u in part])
        result.setdefault("sets", {})[name] = {**score.to_dict(), **cost}
    return result


# ------------------------------------------------------------------------------------------ the worker process


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Start a system, recognise two seconds, then all recordings, set by set."""
    flat = np.load(job["signals"], mmap_mode="r", allow_pickle=False)
    ends = np.cumsum([0, *job["lengths"]])
    signals = [flat[start:end] for start, end in pairwise(ends)]
    recognise = rival() if job["system"] == RIVAL else ours(job["system"], job)
    recognise([signals[0][: 2 * RATE]])
    start_up = Cost(cpu_seconds(), time.monotonic() - job["started"])
    texts, costs = [], []
    for part in () if job["warming"] else parts(signals, job["sizes"]):
        cpu, wall = cpu_seconds(), time.monotonic()
        texts += recognise(part)
        costs.append(asdict(Cost(cpu_seconds() - cpu, time.monotonic() - wall)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
    return {"texts": texts, "costs": costs, "start_up": asdict(start_up), "peak_bytes": peak}


def parts(signals: Sequence[Signal], sizes: Sequence[int]) -> Iterator[list[Signal]]:
    rest = iter(signals)
    for size in sizes:
        yield list(islice(rest, size))


def cpu_seconds() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def rival() -> Recognise:
    """PocketSphinx with its packaged model and its defaults."""
    try:
        from pocketsphinx import Decoder
    except ImportError as error:
        raise SpeechGruError("pocketsphinx is not installed: pip install pocketsphinx") from error
    decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def recognise(signals: Sequence[Signal]) -> list[str]:
        texts = []
        for signal in signals:
            decoder.start_utt()
            decoder.process_raw((signal.clip(-1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
            decoder.end_utt()
            found = decoder.hyp()
            texts.append(found.hypstr if found else "")
        return texts

    return recognise


def ours(decoder: str, job: dict[str, Any]) -> Recognise:
    """speechgru, in batches as `speechgru transcribe` runs them."""
    import torch

    from speechgru.inference import load_ctc

    torch.set_num_threads(job["threads"])
    settings = {"lm": job["lm"]} if decoder == "beam" else {}
    recognizer = load_ctc(job["model"], decoder=decoder, **settings)
    if recognizer.sample_rate != RATE:
        raise SpeechGruError(f"The model takes {recognizer.sample_rate} Hz; expected one of {RATE} Hz.")

    def recognise(signals: Sequence[Signal]) -> list[str]:
        results = [result for _, result in recognizer.transcribe_many(signals)]
        for result in results:
            if isinstance(result, SpeechGruError):
                raise result
        return [result.text for result in results]

    return recognise


# ---------------------------------------------------------------------------------------------------- as text


def as_text(results: dict[str, Any]) -> str:
    """Two Markdown tables: what each system recognises, and what it costs."""
    rows = [("set", "system", "WER", "95 % interval", "ratio", "CER", "CPU s/s", "ratio", "wall s/s")]
    systems = {name: found for name, found in results["systems"].items() if "missing" not in found}
    for name, size in results["sets"].items():
        against = systems.get(RIVAL, {}).get("sets", {}).get(name)
        for system, found in systems.items():
            rows.append((name, system, *cells(found["sets"][name], against, size["seconds"])))
    starts = [("system", "start-up, s", "CPU of it, s", "memory, MB")]
    for system, found in systems.items():
        wall, cpu = found["start_up"]["wall"], found["start_up"]["cpu"]
        starts.append((system, f"{wall:.2f}", f"{cpu:.2f}", f"{found['peak_bytes'] / 1e6:.0f}"))
    sizes = [
        f"{n}: {s['recordings']} recordings, {s['seconds'] / 60:.1f} min" for n, s in results["sets"].items()
    ]
    missing = [f"{n} was left out: {f['missing']}" for n, f in results["systems"].items() if "missing" in f]
    machine = f"{results['threads']} thread(s), {results['cores']} cores, load {results['load']:.1f}"
    return "\n\n".join([table(rows), table(starts), "\n".join([*sizes, machine, *missing])])


def cells(score: dict[str, Any], against: dict[str, Any] | None, seconds: float) -> tuple[str, ...]:
    """The figures of a system on a set, and their ratios to PocketSphinx's."""
    low, high = score["interval"]
    return (
        f"{100 * score['wer']:.1f} %",
        "none" if low is None else f"{100 * low:.1f} to {100 * high:.1f} %",
        ratio(score["wer"], against and against["wer"]),
        f"{100 * score['cer']:.1f} %",
        f"{score['cpu'] / seconds:.4f}",
        ratio(score["cpu"], against and against["cpu"]),
        f"{score['wall'] / seconds:.4f}",
    )


def ratio(figure: float, against: float | None) -> str:
    return f"{figure / against:.3f}" if against else ""


def table(rows: Sequence[Sequence[str]]) -> str:
    """Markdown, with columns of even width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
