"""Measure how long readers pause behind each mark, for `punctuation.pauses` of the recipe punctuation.

    python tools/release/measure_pauses.py LIST... [--most N]

A line of a list: a recording, a tab, its text with punctuation. Aligns them and prints, for each mark, twenty-one even
quantiles from the least to the 99 % point of the pauses behind words that have it, as YAML. The last word of a
recording is left out: nothing follows it.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np

from speechgru import SpeechGruError, align, load_recognizer
from speechgru.text.punctuation import MARKS, tagged


def pauses(paths: list[str], most: int) -> dict[str, list[float]]:
    """Seconds by mark; "" for words without one."""
    recognizer = load_recognizer(decoder="greedy")
    found: dict[str, list[float]] = defaultdict(list)
    lines = [line for path in paths for line in Path(path).read_text(encoding="utf-8").splitlines()]
    random.Random(0).shuffle(lines)
    for line in lines[:most]:
        recording, _, text = line.partition("\t")
        try:
            alignment = align(recording, text, model=recognizer)
        except SpeechGruError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        units = [unit for line in alignment.lines for unit in line]
        for unit, following in pairwise(units):
            marks = tagged(f"{unit.text} {following.text}")
            if unit.word and following.word and len(marks) > 1:
                mark = max((each.mark for each in tagged(unit.text)), default=0)
                found[MARKS[mark]].append(max(following.word.start - unit.word.end, 0.0))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lists", nargs="+", metavar="LIST")
    parser.add_argument("--most", type=int, default=1000, metavar="N", help="recordings (default: 1000)")
    args = parser.parse_args()
    for mark, seconds in pauses(args.lists, args.most).items():
        quantiles = ", ".join(f"{q:.2f}" for q in np.quantile(seconds, np.linspace(0, 0.99, 21)))
        print(f'"{mark}": [{quantiles}]  # {len(seconds)}')
    return 0


if __name__ == "__main__":
    sys.exit(main())
