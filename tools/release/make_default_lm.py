"""Make the language model that travels in the package, with its card.

    python tools/release/make_default_lm.py --data DATA --manifests runs/english-small/manifests

Reads the texts below DATA/text and the training transcripts of the recipe english-small; leaves out every sentence
that repeats one of the dev and test sets (see speechgru.lm.sentences), and checks afterwards, in another way, that
none is left. Writes `speechgru/assets/english.slm` and `english-lm.md`. WEIGHTS and MIN_COUNT were chosen by
perplexity on the dev sets; the test sets are only excluded.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from speechgru import __version__
from speechgru.data import manifest
from speechgru.errors import SpeechGruError
from speechgru.lm import NGram
from speechgru.lm.corpus import Corpus, Reader, Scratch
from speechgru.lm.estimate import Settings, make, write
from speechgru.lm.sentences import SHORTEST_CONTAINED, Exclusion, fast_normalise, read_sentences
from speechgru.text.english import NORMALISER
from speechgru.utils import files

ASSETS = Path(__file__).parents[2] / "speechgru" / "assets"
DEV = ("dev-libri", "dev-l2")
TEST = ("test-libri", "test-l2")
ORDER = 4
MIN_COUNT = 2
# Of all text as one, then of the books, the LibriSpeech transcripts and the recipe's transcripts alone.
WEIGHTS = (0.7, 0.0, 0.12, 0.18)
HOLD_OUT = 100
# The books write titles short; LibriSpeech, and so the acoustic model, writes them as they are said.
TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint"}


@dataclass(frozen=True)
class Source:
    """Where text comes from, for the model's header and its card."""

    name: str
    licence: str
    sentences: Iterable[str]


def texts(path: Path) -> list[str]:
    """The normalised texts of a manifest."""
    return [fast_normalise(utterance.text) for utterance in manifest.read(path)]


def sources(data: Path, manifests: Path) -> list[Source]:
    """The texts, in the order of WEIGHTS."""
    books = said(read_sentences(data / "text" / "standard_ebooks.txt.gz"))
    libri = read_sentences(data / "text" / "librispeech_train-clean-100.txt.gz")
    train = texts(manifests / "train.jsonl")
    return [
        Source("Standard Ebooks, 46 novels of the 19th and early 20th century", "public domain, CC0", books),
        Source("LibriSpeech train-clean-100 transcripts (Panayotov et al. 2015)", "CC BY 4.0", libri),
        Source(
            "training transcripts of english-small: LibriSpeech, speechocean762 (Zhang et al. 2021), kathleen, "
            "Asterisk en_AU",
            "CC BY 4.0, Apache-2.0, CC0, CC BY 3.0",
            train,
        ),
    ]


def said(sentences: Iterable[str]) -> Iterator[str]:
    """Titles written out."""
    for sentence in sentences:
        yield " ".join(TITLES.get(word, word) for word in sentence.split(" "))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds text/")
    parser.add_argument(
        "--manifests",
        type=Path,
        required=True,
        help="the folder with train.jsonl, dev-*.jsonl and test-*.jsonl",
    )
    parser.add_argument("--output", type=Path, default=ASSETS / "english.slm")
    parser.add_argument("--max-size", type=int, default=10_000_000, metavar="BYTES")
    parser.add_argument("--weights", type=float, nargs=4, default=WEIGHTS, metavar="W")
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
    judged = {name: texts(args.manifests / f"{name}.jsonl") for name in (*DEV, *TEST)}
    exclusion = Exclusion(sentence for sentences in judged.values() for sentence in sentences)
    given = sources(args.data, args.manifests)
    settings = Settings(order=args.order, max_size=args.max_size, weights=tuple(args.weights))
    with Scratch() as scratch:
        reader = Reader(scratch, HOLD_OUT)
        dropped = [Counter[str]() for _ in given]
        kept: list[str] = []
        for source, counter in zip(given, dropped):
            reader.add(listed(exclusion.kept(source.sentences, counter), kept))
        checked = check(kept, exclusion.sentences)
        corpus = reader.corpus(args.min_count)
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
        card = describe(args, model, corpus, given, dropped, checked, judged)
    files.write_text(args.output.with_name("english-lm.md"), card)
    print(card)


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


def describe(
    args: argparse.Namespace,
    model: NGram,
    corpus: Corpus,
    given: list[Source],
    dropped: list[Counter[str]],
    checked: int,
    judged: dict[str, list[str]],
) -> str:
    """The card, in Markdown."""
    ends = (0, *corpus.ends)
    # Two tokens of each sentence are its beginning and end.
    begun = [int((corpus.tokens[a:b] == 1).sum()) for a, b in pairwise(ends)]
    words = [b - a - 2 * n for (a, b), n in zip(pairwise(ends), begun)]
    measured = {"held-out text": corpus.held_out, **{name: judged[name] for name in DEV}}
    scores = {name: model.perplexity(sentences) for name, sentences in measured.items()}
    reasons = ("the same", "contains one", "part of one", "shares words")
    return "\n".join(
        [
            "# english (language model)",
            "",
            f"Word n-grams up to {model.order} words of written English as it is spoken (`{NORMALISER}`: a-z and the "
            "apostrophe). Interpolated modified Kneser-Ney, pruned by relative entropy, weights of 8 bits: "
            f"{args.output.stat().st_size:,} bytes. Apache-2.0; its sources are below.",
            "",
            "| order | n-grams |",
            "| --- | --- |",
            *(f"| {k} | {n:,} |" for k, n in enumerate(model.counts, start=1)),
            "",
            "## Perplexity",
            "",
            "| text | perplexity | without unknown words | unknown words | words |",
            "| --- | --- | --- | --- | --- |",
            *(
                f"| {name} | {p.with_oov:.1f} | {p.without_oov:.1f} | {100 * p.oov_rate:.2f} % | {p.words:,} |"
                for name, p in scores.items()
            ),
            "",
            f"Sentence ends count as words. The held-out text is one sentence in {HOLD_OUT} of the sources, not learnt "
            "from. Weights and sizes were chosen on the dev sets; the test sets decided nothing.",
            "",
            "## Learnt from",
            "",
            "| source | licence | words | sentences |",
            "| --- | --- | --- | --- |",
            *(
                f"| {s.name} | {s.licence} | {n:,} | {begun_:,} |"
                for s, n, begun_ in zip(given, words, begun)
            ),
            "",
            f"Words seen less than {args.min_count} times are `<unk>`: {corpus.unknown:,} of {corpus.n_words:,}. "
            "The model is the mean, with weights "
            + ", ".join(f"{w:g}" for w in args.weights)
            + ", of one of all text and one of each source.",
            "",
            "## Kept out",
            "",
            "Every sentence that is one of the dev and test sets', contains one of 4 words or more, is a part of at "
            "least 5 words of one, or shares 8 words in a row with one:",
            "",
            "| source | " + " | ".join(reasons) + " |",
            "| --- |" + " --- |" * len(reasons),
            *(
                f"| {s.name} | " + " | ".join(str(d[reason]) for reason in reasons) + " |"
                for s, d in zip(given, dropped)
            ),
            "",
            f"Checked afterwards by plain search: none of the {checked:,} sentences of {', '.join((*DEV, *TEST))} is a "
            "sentence of the text, and none of 4 words or more occurs within one. Books that LibriSpeech's dev-clean "
            "reads are not among the novels; Anne of Green Gables and War and Peace are, of which dev-other has "
            "parts.",
            "",
            "## Made by",
            "",
            "    python tools/release/make_default_lm.py --data $SPEECHGRU_DATA "
            "--manifests runs/english-small/manifests",
            "",
        ]
    )


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
