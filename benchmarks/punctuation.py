"""F1 of punctuation on real recordings, with the pauses that were read and without.

    python benchmarks/punctuation.py LIST... [--model MODEL]

A line of a list: a recording, a tab, its text with punctuation. The text is aligned with the recording for its pauses;
marks and capitals are taken out of it and restored. The mark behind the last word of a recording is not counted: where
a recording ends says nothing of its text. With --recognised the same on words that the default model recognised: marks
are counted behind words that it got right.
"""

from __future__ import annotations

import argparse
import sys
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path

import numpy as np

from speechgru import SpeechGruError, align, load_punctuator, load_recognizer
from speechgru.evaluation.punctuation import counted
from speechgru.inference import Punctuator, Recognizer
from speechgru.text.punctuation import Tagged, tagged
from speechgru.transcript import Word

NAN = float("nan")


def read(paths: list[str]) -> list[tuple[str, str]]:
    """Recordings and their texts."""
    lines = [line for path in paths for line in Path(path).read_text(encoding="utf-8").splitlines()]
    return [(recording, text) for recording, _, text in (line.partition("\t") for line in lines)]


def read_pauses(recognizer: Recognizer, recording: str, text: str) -> tuple[list[Tagged], list[float]]:
    """The words of `text` and the seconds behind each; NaN where the recording lacks one of the two."""
    units = [unit for line in align(recording, text, model=recognizer).lines for unit in line]
    words: list[Tagged] = []
    pauses: list[float] = []
    for unit, following in pairwise([*units, None]):
        assert unit is not None
        own = tagged(unit.text)
        known = following is not None and unit.word and following.word
        gap = max(following.word.start - unit.word.end, 0.0) if known else NAN
        words += own
        pauses += [0.0] * (len(own) - 1) + [gap] * bool(own)
    return (words, pauses) if len(words) == len(tagged(text)) else (tagged(text), [NAN] * len(tagged(text)))


def matched(wanted: list[Tagged], words: list[Word], made: list[Tagged]) -> tuple[list[Tagged], list[Tagged]]:
    """Of reference and transcript, the words that are the same."""
    blocks = SequenceMatcher(None, [w.word for w in wanted], [w.text for w in words], autojunk=False)
    left, right = [], []
    for a, b, size in blocks.get_matching_blocks():
        left += wanted[a : a + size]
        right += made[b : b + size]
    return left, right


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lists", nargs="+", metavar="LIST")
    parser.add_argument("--model", metavar="MODEL", help="tagger (default: the packaged one)")
    parser.add_argument("--recognised", action="store_true", help="on recognised words too")
    args = parser.parse_args()
    punctuator, recognizer = load_punctuator(args.model), load_recognizer(decoder="greedy")
    search = load_recognizer() if args.recognised else None
    rows: dict[str, tuple[list[Tagged], list[Tagged]]] = {}
    for recording, text in read(args.lists):
        try:
            words, pauses = read_pauses(recognizer, recording, text)
            _add(rows, "words alone", words, punctuator.tag([w.word for w in words]))
            _add(rows, "pauses as read", words, punctuator.tag([w.word for w in words], pauses))
            if search is not None:
                _recognised(rows, search, punctuator, recording, words)
        except SpeechGruError as error:
            print(f"left out: {error}", file=sys.stderr)
    for name, (wanted, made) in rows.items():
        result = counted(np.array([w[1:] for w in wanted]), np.array([w[1:] for w in made]))
        print(f"== {name}\n{result.describe()}\n{result.details()}")
    return 0


def _recognised(
    rows: dict[str, tuple[list[Tagged], list[Tagged]]],
    search: Recognizer,
    punctuator: Punctuator,
    recording: str,
    wanted: list[Tagged],
) -> None:
    words = list(search.transcribe(recording).words)
    gaps = [max(b.start - a.end, 0.0) for a, b in pairwise(words)] + [NAN]
    for name, pauses in (("recognised words alone", None), ("recognised, with pauses", gaps[: len(words)])):
        _add(rows, name, *matched(wanted, words, punctuator.tag([w.text for w in words], pauses)))


def _add(
    rows: dict[str, tuple[list[Tagged], list[Tagged]]], name: str, wanted: list[Tagged], made: list[Tagged]
) -> None:
    left, right = rows.setdefault(name, ([], []))
    left += wanted[:-1]
    right += made[:-1]


if __name__ == "__main__":
    sys.exit(main())
