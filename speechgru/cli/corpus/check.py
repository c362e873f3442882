"""speechgru corpus check: what is wrong with recordings, texts and splits."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.cli._options import add_format, hidden, number, positive
from speechgru.errors import CorpusError, UsageError
from speechgru.utils.console import no_bar

if TYPE_CHECKING:
    from speechgru.data import Utterance
    from speechgru.data.corpus_check import Diagnosis

HELP = "Check manifests: unreadable and silent recordings, wrong texts, leaks between splits"
EXAMPLES = """\
  speechgru corpus check manifests/train.jsonl manifests/dev.jsonl manifests/test.jsonl
  speechgru corpus check -o cleaned --details problems.tsv train.jsonl test.jsonl
  speechgru corpus check --format json --drop "clipped audio" --keep "odd characters" train.jsonl

Each manifest is a split; give the training split first: what it shares with a later one is reported of, and
dropped from, the earlier. Exit code 1 if there is something serious (marked ! in the table), 0 otherwise.
`-o DIR` writes each split to DIR/NAME.jsonl without what is unusable, and with measured durations.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _targets as targets

    parser.add_argument("manifests", nargs="+", metavar="MANIFEST", help="JSON Lines; each is a split")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, help="write cleaned manifests there")
    parser.add_argument(
        "--details", metavar="FILE", type=Path, help="write every finding there, tab-separated"
    )
    hidden(parser, "--write", dest="output", type=Path)
    hidden(parser, "--list", dest="details", type=Path)
    targets.add_overwrite(parser)
    parser.add_argument(
        "--drop",
        action="append",
        default=[],
        metavar="PROBLEM",
        help="leave this kind out too (with -o)",
    )
    parser.add_argument("--keep", action="append", default=[], metavar="PROBLEM", help="leave this kind in")
    parser.add_argument(
        "--frames-per-second",
        type=number(above=0, below=1000, such_as="25"),
        default=25.0,
        metavar="N",
        help="of the network's output, for CTC (default: 25; at 1.1 times the speed 22.7)",
    )
    add_format(parser)
    parser.add_argument(
        "--jobs",
        type=positive,
        metavar="N",
        help="processes that decode recordings (default: one a processor)",
    )
    hidden(parser, "--processes", dest="jobs", type=positive)


def run(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from speechgru.data import corpus_check

    _check_arguments(args)
    splits = _read(args.manifests)
    _check_targets(args, list(splits))
    files = len({u.audio_filepath for utterances in splits.values() for u in utterances})
    with tqdm(total=files, unit="file", file=sys.stderr, disable=no_bar()) as bar:
        diagnosis = corpus_check.diagnose(
            splits,
            frames_per_second=args.frames_per_second,
            processes=args.jobs or len(os.sched_getaffinity(0)),
            on_progress=lambda done: bar.update(done - bar.n),
        )
    if args.format == "json":
        print(json.dumps(corpus_check.to_dict(diagnosis), indent=2, ensure_ascii=False))
    else:
        print("\n".join(corpus_check.table(diagnosis)))
    if args.details:
        _list(args.details, diagnosis)
    if args.output:
        _write(args, diagnosis)
    return int(diagnosis.serious)


def _check_arguments(args: argparse.Namespace) -> None:
    from speechgru.data.check_text import KINDS
    from speechgru.utils import plugins

    for kind in (*args.drop, *args.keep):
        if kind not in KINDS:
            raise UsageError(plugins.unknown("problem", kind, KINDS))
    if (args.drop or args.keep) and not args.output:
        raise UsageError("--drop and --keep say what -o DIR leaves out; give -o DIR too.")


def _check_targets(args: argparse.Namespace, names: list[str]) -> None:
    from speechgru.cli import _targets as targets

    cleaned = [_cleaned(args.output, name) for name in names] if args.output else []
    if args.details in cleaned:
        raise UsageError(f"--details {args.details} is a manifest that -o writes. Choose another name.")
    targets.check_all(cleaned, args.overwrite, "-o", args.manifests)
    targets.check(("--details", args.details), overwrite=args.overwrite, sources=args.manifests)


def _cleaned(folder: Path, name: str) -> Path:
    """The manifest that a split is written to."""
    return folder / f"{Path(name).stem if name.endswith('.jsonl') else name}.jsonl"


def _read(paths: list[str]) -> dict[str, list[Utterance]]:
    """All manifests before the first recording is decoded. A split is named after its file."""
    from speechgru.data import manifest

    stems = [Path(path).stem for path in paths]
    names = [stem if stems.count(stem) == 1 else path for stem, path in zip(stems, paths)]
    if len(set(names)) < len(names):
        raise UsageError(f"A manifest is given twice among {', '.join(paths)}; each is a split of its own.")
    return {name: manifest.read_set(path) for name, path in zip(names, paths)}


def _list(path: Path, diagnosis: Diagnosis) -> None:
    from speechgru.utils import files

    rows = [("problem", "split", "id", "audio_filepath", "duration", "detail", "text")]
    for f in diagnosis.findings:
        u = f.utterance
        rows.append((f.kind, f.split, u.id, str(u.audio_filepath), f"{u.duration:.3f}", f.detail, u.text))
    files.write_text(path, "".join("\t".join(" ".join(cell.split()) for cell in row) + "\n" for row in rows))


def _write(args: argparse.Namespace, diagnosis: Diagnosis) -> None:
    from speechgru.data import manifest
    from speechgru.data.corpus_check import hours

    cleaned = diagnosis.cleaned(args.drop, args.keep)
    empty = [name for name, utterances in cleaned.items() if not utterances]
    if empty:
        raise CorpusError(
            f"Nothing of {empty[0]} would be left, so no manifest was written. See the table for why; --keep PROBLEM "
            "leaves a kind in."
        )
    for name, utterances in cleaned.items():
        path = _cleaned(args.output, name)
        manifest.write(path, utterances)
        lost = hours(diagnosis.splits[name]) - hours(utterances)
        count = len(diagnosis.splits[name]) - len(utterances)
        print(f"{path}: {len(utterances):,} utterances; left out {count:,}, {lost:.2f} h", file=sys.stderr)
