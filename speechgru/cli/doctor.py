"""speechgru doctor: what this installation stands on, and what is wrong with it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from speechgru.cli._options import add_format

if TYPE_CHECKING:
    from speechgru.utils.environment import Package, Report

HELP = "Say which packages, threads, GPU and folders this installation uses, and what is wrong"
EXAMPLES = """
  speechgru doctor
  speechgru doctor --load            # load every package too; takes some ten seconds
  speechgru doctor --format json > report.json

Put the output into a bug report. Nothing is sent anywhere.
Exit code: 0 all fits, 1 something doesn't; each fault comes with the command that mends it.
"""
_MB = 1e6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--load", action="store_true", help="load every package, to see that it works")
    add_format(parser, was_json=True)


def run(args: argparse.Namespace) -> int:
    from speechgru.utils import environment

    report = environment.examine(load=args.load)
    if args.format == "json":
        import json

        print(json.dumps(report.to_dict(), indent=2, ensure_ascii=False))
    else:
        _print(report)
    return 1 if report.faults else 0


def _print(report: Report) -> None:
    from speechgru.utils.tables import columns

    print(columns(report.machine))
    print()
    print(columns({row.name: _state(row, report.load_errors) for row in report.packages}))
    print()
    print(columns({name: _place(place) for name, place in report.folders.items()}))
    for note in report.notes:
        print(f"\nnote: {note}")
    for fault in report.faults:
        print(f"\nfault: {fault}")
    if not report.faults:
        print(
            "\nAll fits."
            if report.load_errors
            else "\nAll versions fit (--load tries whether they work too)."
        )


def _state(row: Package, loaded: dict[str, str]) -> str:
    if row.version is None:
        return "not installed" + (f" (the extra {row.extra!r})" if row.extra else f"; wanted: {row.wanted}")
    parts = [row.version, f"[{row.build}]" if row.build else ""]
    parts.append("" if row.fits else f"doesn't fit; wanted: {row.wanted}")
    if row.name in loaded:
        parts.append("can't be loaded" if loaded[row.name] else "loads")
    return "  ".join(filter(None, parts))


def _place(place: dict[str, Any]) -> str:
    free = "" if place["free"] is None else f", {place['free'] / _MB:,.0f} MB free"
    return f"{place['path']} ({place['bytes'] / _MB:,.0f} MB{free})"
