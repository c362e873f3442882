"""The card of the packaged language model."""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from lm_texts import KEPT_OUT, READ_SETS, Source

from speechgru.lm import NGram
from speechgru.lm.corpus import Corpus
from speechgru.lm.table import BEGIN_ID, SPECIAL
from speechgru.text.english import NORMALISER

HOLD_OUT = 100
"""One sentence of so many is measured, not learnt from."""
REASONS = ("the same", "contains one", "part of one", "shares words")


@dataclass(frozen=True)
class Learnt:
    """What a model learnt from: its sources, what was left out of each and why, the words with a pronunciation in
    CMUdict, the titles of the books, and how many dev and test sentences were looked for."""

    sources: list[Source]
    dropped: list[Counter[str]]
    corpus: Corpus
    known: set[str]
    books: list[str]
    checked: int


def describe(args: argparse.Namespace, model: NGram, learnt: Learnt, dev: dict[str, list[str]]) -> str:
    """The card, in Markdown."""
    parts = [
        *summary(args, model),
        *perplexities(model, learnt, dev),
        *sources(args, model, learnt),
        *kept_out(learnt),
    ]
    command = "python tools/release/make_default_lm.py --data $SPEECHGRU_DATA --books books --manifests"
    return "\n".join([*parts, "## Made by", "", f"    {command} runs/english/manifests", ""])


def summary(args: argparse.Namespace, model: NGram) -> list[str]:
    return [
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
    ]


def perplexities(model: NGram, learnt: Learnt, dev: dict[str, list[str]]) -> list[str]:
    measured = {"held-out text": learnt.corpus.held_out, **dev}
    scores = {name: model.perplexity(sentences) for name, sentences in measured.items()}
    return [
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
        "from. Weights and sizes were chosen on the dev sets, dev-libri counting half; the test sets decided nothing.",
        "",
    ]


def sources(args: argparse.Namespace, model: NGram, learnt: Learnt) -> list[str]:
    corpus, ends = learnt.corpus, (0, *learnt.corpus.ends)
    # Two tokens of each sentence are its beginning and end.
    begun = [int((corpus.tokens[a:b] == BEGIN_ID).sum()) for a, b in pairwise(ends)]
    words = [b - a - 2 * n for (a, b), n in zip(pairwise(ends), begun)]
    in_dictionary = sum(word in learnt.known for word in model.words[len(SPECIAL) :])
    return [
        "## Learnt from",
        "",
        "| source | licence | words | sentences | weight |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {s.name} | {s.licence} | {n:,} | {b:,} | {weight:g} |"
            for s, n, b, weight in zip(learnt.sources, words, begun, args.weights[1:])
        ),
        "",
        f"The model is the mean of one of all text, with weight {args.weights[0]:g}, and one of each source that has "
        "a weight; what is left out to save space is weighed by the same mean.",
        "",
        f"Of its words {in_dictionary:,} are in CMUdict, the others are pronounced by graphones. Words seen less than "
        f"{args.min_count} times that CMUdict lacks are `<unk>`: {corpus.unknown:,} of {corpus.n_words:,}.",
        "",
        "The books of Project Gutenberg, with their numbers: " + "; ".join(learnt.books) + ".",
        "",
    ]


def kept_out(learnt: Learnt) -> list[str]:
    return [
        "## Kept out",
        "",
        "Every sentence that is one of the dev and test sets', contains one of 4 words or more, is a part of at "
        "least 5 words of one, or shares 8 words in a row with one:",
        "",
        "| source | " + " | ".join(REASONS) + " |",
        "| --- |" + " --- |" * len(REASONS),
        *(
            f"| {s.name} | " + " | ".join(str(d[reason]) for reason in REASONS) + " |"
            for s, d in zip(learnt.sources, learnt.dropped)
        ),
        "",
        f"Checked afterwards by plain search: none of the {learnt.checked:,} sentences of {', '.join(KEPT_OUT)} is a "
        "sentence of the text, and none of 4 words or more occurs within one. Books that LibriSpeech's "
        f"{', '.join(READ_SETS)} read are not among the novels.",
        "",
    ]
