"""speechgru lm build: an n-gram language model from plain text."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from speechgru.cli import positive
from speechgru.errors import UsageError
from speechgru.utils.console import no_bar

if TYPE_CHECKING:
    from collections import Counter

    from speechgru.lm import NGram
    from speechgru.lm.corpus import Corpus, Scratch

HELP = "Make an n-gram language model from plain text"
EXAMPLES = """\
  speechgru lm build books.txt.gz -o books.slm
  speechgru lm build books.txt letters.txt -o small.slm --max-size 10MB --min-count 2
  speechgru lm build text.txt -o model.slm --prune 0 0 1 --exclude test.jsonl --arpa model.arpa.gz
"""

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_HOLD_OUT = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _targets as targets

    parser.add_argument(
        "texts",
        nargs="+",
        metavar="TEXT",
        help="UTF-8 text, .gz or not, a paragraph or sentence a line; numbers are read out, case and "
        "punctuation go",
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the .slm file to write")
    parser.add_argument("--arpa", metavar="FILE", help="write the model as .arpa or .arpa.gz too")
    targets.add_overwrite(parser)
    parser.add_argument(
        "--order", type=positive, default=4, metavar="N", help="words of the longest n-grams (default: 4)"
    )
    parser.add_argument(
        "--prune",
        type=_count,
        nargs="+",
        default=[],
        metavar="COUNT",
        help="leave out n-grams seen at most so often, for each order from 1 on; the last stands for all longer "
        "ones (as lmplz; 0 0 1 is usual)",
    )
    parser.add_argument(
        "--max-size",
        type=_size,
        metavar="SIZE",
        help="leave out the n-grams that matter least until the file is no larger (10MB, 500kB)",
    )
    parser.add_argument(
        "--min-count",
        type=positive,
        default=1,
        metavar="N",
        help="words seen less often become unknown (default: 1)",
    )
    parser.add_argument(
        "--vocabulary-size", type=positive, metavar="N", help="keep only the N most frequent words"
    )
    _add_text_options(parser)


def _add_text_options(parser: argparse.ArgumentParser) -> None:
    """What is learnt of the texts, and how they are read."""
    parser.add_argument(
        "--exclude",
        nargs="+",
        default=[],
        metavar="FILE",
        help="manifests (.jsonl) or texts: sentences that repeat one of theirs, in whole or in large part, are "
        "not learnt from",
    )
    parser.add_argument(
        "--held-out",
        metavar="FILE",
        help="measure perplexity on this text (default: on every hundredth sentence, which is not learnt from)",
    )
    parser.add_argument(
        "--discount-fallback",
        action="store_true",
        help="allow text that is too small or too odd for discounts of its own, such as a list of commands",
    )
    parser.add_argument(
        "--skip-symbols",
        action="store_true",
        help="leave out <s>, </s> and <unk> of the texts; else an error",
    )
    parser.add_argument(
        "--wrapped", action="store_true", help="lines are wrapped: a paragraph ends at an empty line"
    )


def run(args: argparse.Namespace) -> int:
    from collections import Counter

    from speechgru.cli import _targets as targets
    from speechgru.cli.lm._references import read_references
    from speechgru.lm import arpa
    from speechgru.lm.corpus import Scratch
    from speechgru.lm.estimate import Settings, make, write
    from speechgru.lm.sentences import Exclusion

    settings = Settings(
        order=args.order,
        cutoffs=_cutoffs(args.prune, args.order),
        max_size=args.max_size,
        discount_fallback=args.discount_fallback,
    )
    if args.order > 8:
        raise UsageError(f"--order {args.order} is too long; expected 1 to 8.")
    if not args.output.endswith(".slm"):
        raise UsageError(f"--output {args.output} should end in .slm.")
    if args.arpa and not args.arpa.endswith((".arpa", ".arpa.gz")):
        raise UsageError(f"--arpa {args.arpa} should end in .arpa or .arpa.gz.")
    sources = [*args.texts, *args.exclude, *([args.held_out] if args.held_out else [])]
    targets.check(("-o", args.output), ("--arpa", args.arpa), overwrite=args.overwrite, sources=sources)
    skip = args.skip_symbols
    exclusion = Exclusion(s for path in args.exclude for s in read_references(path, skip_symbols=skip))
    held_out = list(_sentences(args, args.held_out)) if args.held_out else None
    with Scratch() as scratch:
        dropped: Counter[str] = Counter()
        corpus = _read(args, scratch, exclusion.kept, dropped, 0 if held_out else _HOLD_OUT)
        if dropped:
            _say(f"excluded {sum(dropped.values()):,} sentences ({_listed(dropped)})")
        table = make(corpus, settings, scratch, _say)
        held_out = held_out or corpus.held_out
        model = write(args.output, table, _provenance(args, corpus, dropped), settings.bits)
    if args.arpa:
        arpa.write(args.arpa, table)
    if model.is_small:
        _say(
            f"warning: {args.output} knows only {model.n_words} words. It fits commands and other closed sets of "
            "sentences; speech that holds other words is spoilt by it."
        )
    _report(args.output, model, corpus, held_out)
    return 0


def _read(
    args: argparse.Namespace, scratch: Scratch, keep: Any, dropped: Counter[str], hold_out: int
) -> Corpus:
    from speechgru.lm.corpus import Reader

    reader = Reader(scratch, hold_out)
    for path in args.texts:
        sentences: Iterable[str] = _shown(_sentences(args, path), path)
        reader.add(keep(sentences, dropped) if args.exclude else sentences)
    return reader.corpus(args.min_count, args.vocabulary_size)


def _sentences(args: argparse.Namespace, path: str) -> Iterator[str]:
    from speechgru.lm.sentences import read_sentences

    return read_sentences(path, args.wrapped, skip_symbols=args.skip_symbols)


def _shown(sentences: Iterator[str], path: str) -> Iterator[str]:
    from tqdm import tqdm

    bar: Iterator[str] = tqdm(
        sentences, desc=f"reading {path}", unit=" sentences", file=sys.stderr, disable=no_bar()
    )
    return bar


def _provenance(args: argparse.Namespace, corpus: Corpus, dropped: Counter[str]) -> dict[str, Any]:
    from pathlib import Path

    from speechgru import __version__
    from speechgru.text.english import NORMALISER

    return {
        "sources": [Path(path).name for path in args.texts],
        "words": corpus.n_words,
        "sentences": corpus.sentences,
        "excluded": dict(dropped),
        "normaliser": NORMALISER,
        "speechgru": __version__,
    }


def _report(path: str, model: NGram, corpus: Corpus, held_out: list[str]) -> None:
    import os

    print(f"{path}: {os.path.getsize(path):,} bytes")
    print(
        f"learnt from {corpus.n_words:,} words in {corpus.sentences:,} sentences, {corpus.unknown:,} of them "
        "as unknown"
    )
    print("n-grams: " + ", ".join(f"{n:,} of {k}" for k, n in enumerate(model.counts, start=1)))
    perplexity = model.perplexity(held_out)
    if not perplexity.words:
        print(
            "perplexity: no sentence was held out of so little text; measure it with speechgru lm perplexity"
        )
        return
    print(f"perplexity on {perplexity.words:,} held-out words: {perplexity.describe()}")


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{reason}: {n:,}" for reason, n in counts.most_common())


def _cutoffs(counts: list[int], order: int) -> tuple[int, ...]:
    if counts and (counts[0] != 0 or counts != sorted(counts) or len(counts) > order):
        raise UsageError(
            f"--prune {' '.join(map(str, counts))}: expected up to {order} counts that begin with 0 and never "
            "fall. (To leave out rare words: --min-count.)"
        )
    return tuple(counts)


def _count(value: str) -> int:
    if not value.isdecimal():
        raise argparse.ArgumentTypeError(f"{value!r} is not a count (0, 1, 2, ...)")
    return int(value)


def _size(value: str) -> int:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([a-z]*)", value.strip().lower())
    if not match or match[2] not in _UNITS:
        raise argparse.ArgumentTypeError(f"{value!r} is not a size like 10MB or 500kB")
    return int(float(match[1]) * _UNITS[match[2]])
