"""speechgru corpus download: fetch a public corpus, check it and unpack it."""

from __future__ import annotations

import argparse
from pathlib import Path

from speechgru.utils import console

HELP = "Fetch a public corpus: resumed, checked, unpacked whole or not at all"
EXAMPLES = """\
  speechgru corpus download yesno data
  speechgru corpus download librispeech data --part dev-clean --part train-clean-100
  speechgru corpus download commonvoice data        (explains the steps: it needs a login)

ROOT becomes the folder of corpora: `speechgru train RECIPE corpus.root=ROOT`. The same command goes on after a
broken connection, and passes over what is there. Archives are deleted once they are unpacked.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", metavar="CORPUS", help="name; see `speechgru corpus list`")
    parser.add_argument("root", metavar="ROOT", type=Path, help="folder to put it in; made if needed")
    parser.add_argument(
        "--part",
        action="append",
        default=[],
        metavar="PART",
        help="only this part (repeatable; default: all)",
    )


def run(args: argparse.Namespace) -> int:
    from speechgru.cli.corpus import _corpora as corpora
    from speechgru.data import corpus_download
    from speechgru.errors import UsageError

    console.log()
    module = corpora.find(args.corpus)
    if not corpus_download.is_public(module):
        raise UsageError(f"{args.corpus} is {module.SOURCE}: there is nothing to download.")
    for folder in corpus_download.fetch(module, args.root, args.part):
        print(folder)
    print(f"licence: {module.LICENSE}")
    print(f"next: speechgru corpus prepare {args.corpus} {args.root} -o manifests")
    return 0
