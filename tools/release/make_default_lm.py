"""Make the language model that travels in the package, with its card.

    python tools/release/make_default_lm.py --data DATA --books BOOKS --manifests runs/english/manifests

Reads the texts below DATA/text, the books of a folder (`TITLE (NUMBER).txt.gz` with Project Gutenberg's number, a
paragraph a line) and the training transcripts of the recipe english; leaves out books that LibriSpeech's dev and test
sets read and every sentence that repeats one of the dev and test sets (see speechgru.lm.sentences), and checks
afterwards, in another way, that none is left. Writes `speechgru/assets/english.slm` and `english-lm.md`. WEIGHTS and
MIN_COUNT were chosen by perplexity on the dev sets; the test sets are only excluded.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from lm_card import HOLD_OUT, Learnt, describe
from lm_texts import DEV, KEPT_OUT, find_books, sources, texts, title
from make_graphones import MARK

from speechgru import __version__
from speechgru.errors import SpeechGruError
from speechgru.lexicon import dictionary as dictionaries
from speechgru.lm.corpus import Reader, Scratch
from speechgru.lm.estimate import Settings, make, write
from speechgru.lm.sentences import SHORTEST_CONTAINED, Exclusion
from speechgru.text.english import NORMALISER
from speechgru.utils import files
from speechgru.utils.assets import ASSETS

ORDER = 4
# Words of the pronouncing dictionary stay even if they are seen once.
MIN_COUNT = 2
# Of all text as one, then of each source alone, in the order of lm_texts.sources.
WEIGHTS = (0.68, 0.0, 0.0, 0.06, 0.06, 0.06, 0.0, 0.04, 0.0, 0.0, 0.1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds text/ and speech/")
    parser.add_argument(
        "--books", type=Path, required=True, help="the folder of books, TITLE (NUMBER).txt.gz"
    )
    parser.add_argument(
        "--manifests",
        type=Path,
        required=True,
        help="the folder with train.jsonl, dev-*.jsonl and test-*.jsonl",
    )
    parser.add_argument("--output", type=Path, default=ASSETS / "english.slm")
    parser.add_argument("--max-size", type=int, default=12_000_000, metavar="BYTES")
    parser.add_argument("--weights", type=float, nargs=len(WEIGHTS), default=WEIGHTS, metavar="W")
    parser.add_argument("--order", type=int, default=ORDER)
    parser.add_argument("--min-count", type=int, default=MIN_COUNT)
    args = parser.parse_args()
    try:
        build(args)
    except SpeechGruError as error:
        print(f"make_default_lm: error: {error}", file=sys.stderr)
        return 1
    return 0


def build(args: argparse.Namespace) -> None:
    judged = {name: texts(args.manifests / f"{name}.jsonl") for name in KEPT_OUT}
    exclusion = Exclusion(sentence for sentences in judged.values() for sentence in sentences)
    books = find_books(args.books, args.data / "speech" / "LibriSpeech" / "CHAPTERS.TXT")
    given = sources(args.data, books, args.manifests)
    dropped = [Counter[str]() for _ in given]
    known = dictionary_words()
    settings = Settings(order=args.order, max_size=args.max_size, weights=tuple(args.weights))
    with Scratch() as scratch:
        reader = Reader(scratch, HOLD_OUT)
        kept: list[str] = []
        for source, counter in zip(given, dropped):
            reader.add(listed(exclusion.kept(source.sentences, counter), kept))
        checked = check(kept, exclusion.sentences)
        kept.clear()
        corpus = reader.corpus(args.min_count, known=known)
        say(f"{len(corpus.words):,} words; left out: {[dict(counter) for counter in dropped]}")
        table = make(corpus, settings, scratch, say)
        provenance = {
            "name": "english",
            "sources": [
                {"name": s.name, "licence": s.licence, "excluded": dict(d)} for s, d in zip(given, dropped)
            ],
            "weights": list(settings.weights),
            "words": corpus.n_words,
            "checked": f"{checked} dev and test sentences, none in the text",
            "normaliser": NORMALISER,
            "speechgru": __version__,
        }
        model = write(args.output, table, provenance, settings.bits)
    learnt = Learnt(given, dropped, corpus, known, [title(book) for book in books], checked)
    card = describe(args, model, learnt, {name: judged[name] for name in DEV})
    files.write_text(args.output.with_name(f"{args.output.stem}-lm.md"), card)
    print(card)


def dictionary_words() -> set[str]:
    """The words of CMUdict, without those that are in the packaged dictionary for the language model's sake."""
    lines = dictionaries.lines(dictionaries.packaged()["english"])
    return set(dictionaries.parse((line for line in lines if not line.endswith(MARK)), "english").words)


def listed(sentences: Iterable[str], into: list[str]) -> Iterator[str]:
    """Hand on what is also put into `into`."""
    for sentence in sentences:
        into.append(sentence)
        yield sentence


def check(kept: list[str], judged: set[str]) -> int:
    """How many dev and test sentences were looked for, word by word, in all text that is left; none may be there.

    Looks through the text as it is, without the index that `Exclusion` has.
    """
    text = " \n ".join(["", *kept, ""])
    long = [sentence for sentence in judged if len(sentence.split()) >= SHORTEST_CONTAINED]
    found = [sentence for sentence in long if f" {sentence} " in text]
    found += [sentence for sentence in judged if f"\n {sentence} \n" in text]
    if found:
        raise AssertionError(f"{len(found)} dev or test sentences are in the text, such as {found[0]!r}")
    say(f"checked: none of {len(judged):,} dev and test sentences is in the text")
    return len(judged)


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
