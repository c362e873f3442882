"""speechgru doctor: what this installation stands on, and what is wrong with it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgru.utils.environment import Package

HELP = "Say which packages, threads, GPU and folders this installation uses, and what is wrong"
EXAMPLES = """
  speechgru doctor
  speechgru doctor --load            # load every package too; takes some ten seconds
  speechgru doctor --json > report.json

Put the output into a bug report. Nothing is sent anywhere.
Exit code: 0 all fits, 1 something doesn't; each fault comes with the command that mends it.
"""
_MB = 1e6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--load", action="store_true", help="load every package, to see that it works")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    from speechgru.utils import environment

    rows = environment.packages()
    loaded = environment.loads() if args.load else {}
    faults, notes = environment.faults(rows, loaded), environment.notes(rows, loaded)
    folders = {
        name: {
            "path": str(folder),
            "bytes": environment.folder_size(folder),
            "free": environment.free_space(folder),
        }
        for name, folder in environment.folders().items()
    }
    machine = environment.machine()
    if args.json:
        _print_json(machine, rows, loaded, folders, faults, notes)
    else:
        _print(machine, rows, loaded, folders, faults, notes)
    return 1 if faults else 0


def _print_json(
    machine: dict[str, str],
    rows: list[Package],
    loaded: dict[str, str],
    folders: dict[str, dict[str, Any]],
    faults: list[str],
    notes: list[str],
) -> None:
    import json
    from dataclasses import asdict

    packages = [{**asdict(row), "fits": row.fits} for row in rows]
    report = {
        "machine": machine,
        "packages": packages,
        "load_errors": loaded,
        "folders": folders,
        "faults": faults,
        "notes": notes,
    }
    print(json.dumps(report, indent=2, ensure_ascii=False))


def _print(
    machine: dict[str, str],
    rows: list[Package],
    loaded: dict[str, str],
    folders: dict[str, dict[str, Any]],
    faults: list[str],
    notes: list[str],
) -> None:
    from speechgru.utils.tables import columns

    print(columns(machine))
    print()
    print(columns({row.name: _state(row, loaded) for row in rows}))
    print()
    print(columns({name: _place(place) for name, place in folders.items()}))
    for note in notes:
        print(f"\nnote: {note}")
    for fault in faults:
        print(f"\nfault: {fault}")
    if not faults:
        print("\nAll fits." if loaded else "\nAll versions fit (--load tries whether they work too).")


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
