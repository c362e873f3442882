"""speechgru music report: are the pieces that a model made like those of people, and are they copied?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from speechgru.cli._options import add_format, hidden
from speechgru.errors import UsageError

if TYPE_CHECKING:
    from speechgru.music.evaluation.report import Report
    from speechgru.music.files.load import Library, Named

HELP = "Compare generated pieces with a corpus: measures, distances, copies, voice leading"
EXAMPLES = """\
  speechgru music report generated/ --against corpus/
  speechgru music report generated/ --against DATA/music/folk --corpus folk --plot report.png
  speechgru music report tune-1.mid tune-2.mid --against session.abc --format json

Differences are generated minus reference, of the means over pieces; intervals are 95 %, bootstrap over the pieces of
both sets. `*` marks what is more than chance: an interval without 0, a distance beyond that of sets dealt out anew.
Distances are Jensen-Shannon divergences in bits: 0 the same, 1 nothing in common. A copy is the longest passage, in any
key, rhythm aside, that a piece shares with the corpus. With --corpus, distributions are compared with its test pieces
and copies are sought in its training pieces. Files: MIDI, ABC, chorales as JSON (the end of its name says how long a
step is: -quarter, -8th, -16th; else a 16th); folders of MIDI and ABC.
Exit code: 0 all read, 1 some file or tune could not be read (the rest is judged), 2 wrong usage.
"""
_COPIES = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _targets as targets

    parser.add_argument("generated", nargs="+", metavar="FILE_OR_FOLDER", help="the pieces to judge")
    parser.add_argument(
        "--against",
        nargs="+",
        required=True,
        metavar="FILE_OR_FOLDER",
        help="pieces to compare with; with --corpus the folder that holds it",
    )
    parser.add_argument(
        "--corpus",
        metavar="NAME",
        help="--against holds this corpus (folk, jsb_chorales, ...), with its own split",
    )
    add_format(parser)
    parser.add_argument("--plot", metavar="FILE.png", help="draw the histograms too")
    hidden(parser, "--png", dest="plot")
    targets.add_overwrite(parser)


def run(args: argparse.Namespace) -> int:
    """1 where a file or a tune could not be read: it is named, the others are judged."""
    import json

    from speechgru.cli import _targets as targets
    from speechgru.music.evaluation import report
    from speechgru.music.files import load
    from speechgru.utils import dependencies

    if args.corpus and len(args.against) != 1:
        raise UsageError(f"--corpus has one folder; got {len(args.against)} in --against.")
    if args.plot and not args.plot.lower().endswith(".png"):
        raise UsageError(f"--plot {args.plot}: a picture is written as FILE.png.")
    if args.plot:
        dependencies.require("matplotlib", "--plot")
        targets.check(("--plot", args.plot), overwrite=args.overwrite)
    own = load.read(args.generated)
    generated = load.only(own, "to judge", args.generated)
    other, reference, learnt = _against(args)
    judged = report.report(generated, reference, learnt)
    if args.plot:
        from speechgru.music.evaluation import report_plot

        report_plot.save(args.plot, judged)
    read = own + other
    read.print_problems()
    print(json.dumps(judged.to_dict(), indent=2) if args.format == "json" else describe(judged))
    read.print_left_out()
    return 1 if read.problems else 0


def _against(args: argparse.Namespace) -> tuple[Library, list[Named], list[Named] | None]:
    """What was read, what of it to compare with, and where copies are sought (None: in the same)."""
    from speechgru.music.files import load

    if not args.corpus:
        other = load.read(args.against)
        return other, load.only(other, "to compare with", args.against), None
    splits = load.read_corpus(args.corpus, args.against[0])
    return load.Library(), splits["test"], splits["train"]


def describe(judged: Report) -> str:
    """The report for people."""
    parts = [
        f"{judged.generated} generated, {judged.reference} reference pieces",
        _measures(judged),
        _distances(judged),
        _classes(judged),
        _copies(judged),
    ]
    if judged.leading:
        parts.append(_leading(judged))
    return "\n\n".join(parts)


def _measures(judged: Report) -> str:
    rows = [
        (
            name.replace("_", " "),
            _number(one.generated),
            _number(one.reference),
            _number(one.value) + " *" * one.is_clear,
            _span(one.interval),
        )
        for name, one in judged.measures.items()
    ]
    return _table(("measure, mean", "generated", "reference", "difference", "95 % interval"), rows)


def _distances(judged: Report) -> str:
    rows = [
        (name, f"{one.value:.3f}" + " *" * one.is_beyond_chance, _span(one.interval), f"{one.chance:.3f}")
        for name, one in judged.distances.items()
    ]
    return _table(("distance, bits", "value", "95 % interval", "by chance up to"), rows)


def _classes(judged: Report) -> str:
    """Pitch classes, and the passages of intervals that come most often."""
    own, other = judged.histograms["pitch classes from the tonic"]
    names = ("1", "b2", "2", "b3", "3", "4", "#4", "5", "b6", "6", "b7", "7")
    rows = [(name, f"{100 * a:.1f} %", f"{100 * b:.1f} %") for name, a, b in zip(names, own, other)]
    table = _table(("step of the scale", "generated", "reference"), rows)
    passages = (
        f"  {name}: "
        + (", ".join(" ".join(f"{i:+d}" for i in passage) + f" ({n})" for passage, n in some) or "none")
        for name, some in zip(("generated", "reference"), judged.common)
    )
    return "\n".join([table, "", "most frequent runs of melody intervals (how often)", *passages])


def _copies(judged: Report) -> str:
    longest = sorted(judged.copies, key=lambda copy: -copy.moves)
    rows = [
        (
            _file(copy.piece),
            str(copy.moves),
            f"{100 * copy.share:.0f} %",
            f"{copy.beats:g}",
            f"{_file(copy.of)}, beat {copy.of_start:g}" if copy.moves else "",
        )
        for copy in longest[:_COPIES]
    ]
    table = _table(("longest shared passage", "moves", "of the piece", "beats", "found in"), rows)
    left = len(longest) - len(rows)
    return table + (
        f"\n  and {left} more pieces with {longest[_COPIES].moves} moves or fewer" if left else ""
    )


def _leading(judged: Report) -> str:
    assert judged.leading is not None
    own, other = (some.rates() for some in judged.leading)
    rows = [(kind.replace("_", " "), _number(own[kind]), _number(other[kind])) for kind in own]
    pieces = " and ".join(f"{some.pieces}" for some in judged.leading)
    head = (f"faults per 100 moves or chords ({pieces} pieces in four voices)", "generated", "reference")
    return _table(head, rows)


def _file(name: str) -> str:
    """Without the folders."""
    return name.rpartition("/")[2]


def _number(value: float) -> str:
    return "none" if value != value else f"{value:.3f}"


def _span(ends: tuple[float, float]) -> str:
    from speechgru.music.models.scores import span

    return span(ends)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    from speechgru.utils.tables import aligned

    return "\n".join(aligned([head, *rows]))
