"""Make the packaged English dictionary, with the words of the packaged language model, and its graphone model.

    python tools/release/make_graphones.py cmudict.dict [--lm english] [--max-size 1000000]

Estimates graphones on CMUdict, measures them on held-out words, and writes `speechgru/assets/english.graphones` and
`english.dict.gz`: CMUdict as it is, its licence as a comment, and behind it the words of the language model that
it lacks, pronounced by graphones and marked so. `cmudict.dict` may be the packaged file itself: marked lines are left
out.
"""

from __future__ import annotations

import argparse
import gzip
import random
import sys
from pathlib import Path

import jiwer

from speechgru.errors import SpeechGruError
from speechgru.lexicon import dictionary as dictionaries
from speechgru.lexicon import g2p, graphones
from speechgru.lexicon.dictionary import Dictionary
from speechgru.lexicon.g2p import GraphoneModel
from speechgru.lm import load, slm
from speechgru.lm.table import SPECIAL
from speechgru.utils import files
from speechgru.utils.assets import ASSETS, find_lm

MARK = "# by graphones"
HELD_OUT = 5000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dictionary", type=Path, help="CMUdict, gzipped or not")
    parser.add_argument("--lm", default="english", help="whose words are added (english)")
    parser.add_argument("--max-size", type=int, default=1_000_000, metavar="BYTES")
    parser.add_argument("--output", type=Path, default=ASSETS, metavar="FOLDER")
    args = parser.parse_args()
    try:
        make(args.dictionary, args.lm, args.max_size, args.output)
    except SpeechGruError as error:
        print(f"make_graphones: error: {error}", file=sys.stderr)
        return 1
    return 0


def make(path: Path, lm: str, max_size: int, output: Path) -> None:
    lines = [line for line in dictionaries.lines(path) if not line.endswith(MARK)]
    dictionary = dictionaries.parse(lines, str(path))
    measure(dictionary, max_size)
    model = graphones.learn(dictionary, max_size=max_size)
    name = "english"
    slm.save(output / f"{name}{g2p.SUFFIX}", model.words, model.arrays, {"sounds": dictionary.phones})
    pronounce = GraphoneModel(model, dictionary.phones).pronounce
    added = 0
    for word in load(find_lm(lm)).words[len(SPECIAL) :]:
        phones = None if word in dictionary.words else pronounce(word)
        if phones:
            lines.append(f"{word} {names(phones, dictionary)} {MARK}")
            added += 1
    with files.atomic_path(output / f"{name}{dictionaries.SUFFIX}") as temporary:
        temporary.write_bytes(gzip.compress("\n".join([*lines, ""]).encode("utf-8"), 9, mtime=0))
    print(f"{len(dictionary.words):,} words of the dictionary, {added:,} of {lm} added")


def measure(dictionary: Dictionary, max_size: int) -> None:
    """Print the error rates of phones and words, for words that the graphones weren't estimated on."""
    words = sorted(dictionary.words)
    random.Random(1).shuffle(words)
    held, rest = words[:HELD_OUT], words[HELD_OUT:]
    model = graphones.learn(
        Dictionary(dictionary.phones, {w: dictionary.words[w] for w in rest}), max_size=max_size
    )
    for beam in (g2p.BEAM, g2p.QUICK_BEAM):
        pronounce = GraphoneModel(model, dictionary.phones, beam).pronounce
        expected = [names(dictionary.words[word], dictionary) for word in held]
        predicted = [names(pronounce(word) or (), dictionary) for word in held]
        wrong = sum(a != b for a, b in zip(expected, predicted)) / len(held)
        print(
            f"beam {beam}: {100 * jiwer.wer(expected, predicted):.1f} % of the phones and {100 * wrong:.1f} % of "
            f"{len(held):,} held-out words are wrong"
        )


def names(phones: tuple[int, ...], dictionary: Dictionary) -> str:
    return " ".join(dictionary.phones[phone - 1] for phone in phones)


if __name__ == "__main__":
    sys.exit(main())
