"""speechgru lm perplexity: how well a language model predicts texts."""

from __future__ import annotations

import argparse

HELP = "Measure how well a language model predicts texts"
EXAMPLES = """\
  speechgru lm perplexity model.slm heldout.txt
  speechgru lm perplexity model.arpa.gz dev.jsonl test.jsonl
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="an .slm, .arpa or .arpa.gz file, or a packaged name")
    parser.add_argument(
        "texts",
        nargs="+",
        metavar="TEXT",
        help="UTF-8 text (.gz or not) or a manifest (.jsonl), each measured on its own; normalised as for lm build",
    )
    parser.add_argument(
        "--skip-symbols",
        action="store_true",
        help="leave out <s>, </s> and <unk> of the texts; else an error",
    )


def run(args: argparse.Namespace) -> int:
    from speechgru.cli.lm._references import read_references
    from speechgru.lm import load
    from speechgru.utils.assets import find_lm

    model = load(find_lm(args.model))
    for path in args.texts:
        result = model.perplexity(read_references(path, skip_symbols=args.skip_symbols))
        print(f"{path}: {result.words:,} words in {result.sentences:,} sentences: {result.describe()}")
    return 0
