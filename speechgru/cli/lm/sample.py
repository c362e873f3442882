"""speechgru lm sample: text that a GRU language model generates."""

from __future__ import annotations

import argparse

from speechgru.cli._options import number, positive, seed

HELP = "Let a GRU language model go on with a text"
EXAMPLES = """\
  speechgru lm sample --model runs/lm-english/best.safetensors --prompt "It was"
  speechgru lm sample --model lm.safetensors --length 500 --temperature 0.7 --seed 3

Where a sentence ends, a new one begins on a new line. The same seed gives the same text.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        required=True,
        metavar="FILE",
        help="language model, trained by `speechgru train lm-english`",
    )
    parser.add_argument("--prompt", default="", metavar="TEXT", help="what the text begins with")
    parser.add_argument(
        "--length", type=positive, default=200, metavar="N", help="characters to add (default: 200)"
    )
    parser.add_argument(
        "--temperature",
        type=number(above=0, such_as="0.8"),
        default=0.8,
        metavar="T",
        help="below 1: what is likely, above 1: what is less so (default: 0.8)",
    )
    parser.add_argument(
        "--top-k", type=positive, metavar="K", help="choose among the K likeliest characters (default: all)"
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="another seed, another text")


def run(args: argparse.Namespace) -> int:
    from speechgru.lm import load_language_model

    model = load_language_model(args.model)
    settings = {"temperature": args.temperature, "top_k": args.top_k or 0, "seed": args.seed}
    print(model.sample(args.prompt, args.length, **settings))
    return 0
