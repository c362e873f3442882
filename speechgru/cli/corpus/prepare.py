"""speechgru corpus prepare: a corpus on disk to manifests."""

from __future__ import annotations

import argparse
from pathlib import Path

from speechgru.utils import console

HELP = "Write a corpus's splits as manifests"
EXAMPLES = """\
  speechgru corpus prepare librispeech data -o manifests
  speechgru corpus prepare commonvoice data/cv-corpus-21.0/cy -o manifests/cy
  speechgru corpus prepare folder my_recordings -o manifests
  speechgru corpus prepare tsv aufnahmen.tsv --language de -o manifests

Writes DIR/SPLIT.jsonl for each split, and DIR/dropped.tsv with what was left out and why.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _targets as targets

    parser.add_argument("corpus", metavar="CORPUS", help="name; see `speechgru corpus list`")
    parser.add_argument("root", metavar="ROOT", type=Path, help="its folder, or the one it was downloaded to")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True, help="folder for the manifests"
    )
    targets.add_overwrite(parser)
    parser.add_argument(
        "--language",
        metavar="CODE",
        default="",
        help="what is spoken (en, de, pt-BR) in recordings of your own; theirs is English else",
    )


def run(args: argparse.Namespace) -> int:
    from speechgru.cli import _targets as targets
    from speechgru.cli.corpus import _corpora as corpora
    from speechgru.data import corpus_tools, manifest
    from speechgru.data import splits as published

    console.log()
    module = corpora.find(args.corpus)
    # Some corpora have the splits that are there: the files of these are only known once they are read.
    lost = args.output / "dropped.tsv"
    known = [args.output / f"{name}.jsonl" for name in getattr(module, "SPLITS", ())]
    targets.check_all([*known, lost], args.overwrite, sources=[args.root])
    with corpus_tools.collect_dropped() as dropped:
        splits = published.load(module, args.root, args.language)
    targets.check_all([args.output / f"{name}.jsonl" for name in splits], args.overwrite, sources=[args.root])
    for name, utterances in splits.items():
        path = args.output / f"{name}.jsonl"
        manifest.write(path, utterances)
        hours = sum(u.duration for u in utterances) / 3600
        speakers = len({u.speaker for u in utterances} - {""})
        print(f"{path}: {len(utterances):,} utterances, {hours:.2f} h, {speakers or 'unknown'} speakers")
    manifest.write_dropped(lost, dropped)
    print(f"{lost}: {len(dropped):,} left out")
    print(f"licence: {module.LICENSE}")
    return 0
