"""How long `speechgru corpus check` takes: `python benchmarks/corpus_check.py DATA --files 10000 --processes 2`.

DATA is the folder of shared corpora. So many recordings below it are taken, evenly from all there are in the order of
their names, whatever their format; the times depend on how long they are and on their codec, so both are printed. On a
machine that is busy, --processes 1 and half the processor time tell what two processes take on an idle one.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

from speechgru import audio
from speechgru.data import Utterance, corpus_check, corpus_tools
from speechgru.utils import walk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()

    found = [p for p in walk.files(args.data) if audio.is_audio(p)]
    count = min(args.files, len(found))
    paths = [found[i * len(found) // count] for i in range(count)]
    utterances = [
        Utterance(p, corpus_tools.duration(p), "some words", id=str(i)) for i, p in enumerate(paths)
    ]
    formats = ", ".join(f"{n} {suffix}" for suffix, n in Counter(p.suffix for p in paths).most_common())
    begin, begin_cpu = time.perf_counter(), time.process_time()
    corpus_check.diagnose({"all": utterances}, processes=args.processes)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    hours = corpus_check.hours(utterances)
    print(
        f"{len(paths)} files ({formats}), {hours:.2f} h, {args.processes} processes: {seconds:.1f} s, "
        f"{1000 * seconds / len(paths):.1f} ms a file, {3600 * hours / seconds:.0f} times real time"
    )
    if args.processes == 1:  # the time of other processes isn't counted here
        print(f"processor time: {cpu:.1f} s, {1000 * cpu / len(paths):.1f} ms a file")


if __name__ == "__main__":
    main()
