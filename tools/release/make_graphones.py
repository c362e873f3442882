"""Make what says English words: the packaged dictionary with the words of the packaged language model, and graphones.

    python tools/release/make_graphones.py cmudict.dict [--lm english] [--max-size 1000000]

Learns graphones of CMUdict, measures them on words that are held out, and writes `speechgru/assets/english.graphones`
and `english.dict.gz`: CMUdict as it is, its licence as a comment, and behind it the words of the language model that
it lacks, said by graphones and marked so. `cmudict.dict` may be the packaged file itself: marked lines are left out.
"""

from __future__ import annotations

import argparse
import gzip
import random
import sys
from pathlib import Path

import jiwer

from speechgru.errors import SpeechGruError
from speechgru.lexicon import dictionary as pronunciation
from speechgru.lexicon import g2p
from speechgru.lexicon.dictionary import Dictionary
from speechgru.lexicon.g2p import Speller
from speechgru.lm import slm
from speechgru.lm.ngram import load
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
    lines = [line for line in pronunciation.lines(path) if not line.endswith(MARK)]
    dictionary = pronunciation.parse(lines, str(path))
    measure(dictionary, max_size)
    model = g2p.learn(dictionary, max_size=max_size)
    name = "english"
    slm.save(output / f"{name}{g2p.SUFFIX}", model.words, model.arrays, {"sounds": dictionary.sounds})
    speller = Speller(model, dictionary.sounds)
    added = 0
    for word in load(find_lm(lm)).words[len(SPECIAL) :]:
        said = None if word in dictionary.words else speller.say(word)
        if said:
            lines.append(f"{word} {spoken(said, dictionary)} {MARK}")
            added += 1
    with files.atomic_path(output / f"{name}{pronunciation.SUFFIX}") as temporary:
        temporary.write_bytes(gzip.compress("\n".join([*lines, ""]).encode("utf-8"), 9, mtime=0))
    print(f"{len(dictionary.words):,} words of the dictionary, {added:,} of {lm} added")


def measure(dictionary: Dictionary, max_size: int) -> None:
    """How many sounds and words are wrong of words that the graphones weren't learnt of."""
    words = sorted(dictionary.words)
    random.Random(1).shuffle(words)
    held, rest = words[:HELD_OUT], words[HELD_OUT:]
    model = g2p.learn(
        Dictionary(dictionary.sounds, {w: dictionary.words[w] for w in rest}), max_size=max_size
    )
    for beam in (g2p.BEAM, g2p.QUICK_BEAM):
        speller = Speller(model, dictionary.sounds, beam)
        wanted = [spoken(dictionary.words[word], dictionary) for word in held]
        found = [spoken(speller.say(word) or (), dictionary) for word in held]
        wrong = sum(a != b for a, b in zip(wanted, found)) / len(held)
        print(
            f"beam {beam}: {100 * jiwer.wer(wanted, found):.1f} % of the sounds and {100 * wrong:.1f} % of "
            f"{len(held):,} held-out words are wrong"
        )


def spoken(said: tuple[int, ...], dictionary: Dictionary) -> str:
    return " ".join(dictionary.sounds[sound - 1] for sound in said)


if __name__ == "__main__":
    sys.exit(main())
