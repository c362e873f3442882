"""Damaged files for everything that reads files: `python benchmarks/fuzz.py midi abc --cases 10000`.

Real files are damaged (fuzz_mutations.py) and read in a process of their own (fuzz_process.py). Whatever is in a file,
a reader gives what is there or raises an error of speechgru.errors that a person can act on: one that its docstring
names, not too long, without control characters. Anything else is a finding: another exception, a crash, more than 10 s,
more than 2 GB, anything written, started or asked of the network, and a warning that isn't ours.

The readers stand in fuzz_audio.py, fuzz_music.py, fuzz_models.py, fuzz_texts.py and fuzz_archives.py. With
SPEECHGRU_DATA the files to damage come from there too, and ffmpeg's formats are among them where it is installed.
`--results FILE` keeps what was done, and a later call with it goes on from there, so that 10,000 cases can be run in
pieces of some seconds (`--seconds 170`); `--table FILE` prints the figures of such a file.
Exit code 1 where there is a finding.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # the files beside this one

import fuzz_process
from fuzz_process import Outcome, Reader

MODULES = ("fuzz_audio", "fuzz_music", "fuzz_models", "fuzz_texts", "fuzz_archives")


@dataclass
class Piece:
    """What some cases of a reader came to, from case `first` to before `last`."""

    reader: str
    seed: int
    first: int
    last: int
    seconds: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)
    slowest: float = 0.0
    memory: int = 0
    printed: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count a case."""
        self.last = outcome.index + 1
        self.kinds[outcome.kind] = self.kinds.get(outcome.kind, 0) + 1
        self.slowest = max(self.slowest, outcome.seconds)
        self.memory = max(self.memory, outcome.memory)
        self.printed += outcome.printed
        if outcome.is_finding:
            self.findings.append({"case": outcome.index, "kind": outcome.kind, "detail": outcome.detail})


def readers() -> dict[str, Reader]:
    """All of them, by name."""
    made = [reader for module in MODULES for reader in importlib.import_module(module).READERS]
    return {reader.name: reader for reader in made}


def run(reader: Reader, seed: int, first: int, last: int, until: float, keep: Path | None = None) -> Piece:
    """The cases from `first` to before `last`, or as many as are done by `until`; damaged files that fail to `keep`."""
    begin, piece = time.monotonic(), Piece(reader.name, seed, first, first)
    for outcome in fuzz_process.outcomes(reader, seed, first, last, until):
        piece.add(outcome)
        if outcome.is_finding and keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            content = fuzz_process.case(reader, reader.seeds(), seed, outcome.index)
            (keep / f"{reader.name}-{seed}-{outcome.index}{reader.suffix}").write_bytes(content)
    piece.seconds = time.monotonic() - begin
    return piece


def load(path: Path | None) -> list[Piece]:
    """The pieces in a file of results."""
    if path is None or not path.is_file():
        return []
    return [Piece(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def table(pieces: Iterable[Piece]) -> str:
    """The figures of each reader, in Markdown."""
    from speechgru.utils.tables import table as markdown

    by_reader: dict[str, list[Piece]] = {}
    for piece in pieces:
        by_reader.setdefault(piece.reader, []).append(piece)
    rows = []
    for name, some in by_reader.items():
        kinds = sum((Counter(piece.kinds) for piece in some), Counter[str]())
        cases, findings = sum(kinds.values()), sum(len(piece.findings) for piece in some)
        read = kinds[fuzz_process.READ]
        rows.append(
            (
                *(name, f"{cases:,}", f"{read:,}", f"{cases - read - findings:,}", findings),
                f"{1000 * sum(piece.seconds for piece in some) / max(cases, 1):.1f}",
                f"{max(piece.slowest for piece in some):.2f}",
                f"{max(piece.memory for piece in some) / 1e6:.0f}",
            )
        )
    head = ("reader", "cases", "read", "refused", "findings", "ms a case", "slowest, s", "memory, MB")
    return markdown(head, rows)


def _tell(piece: Piece) -> None:
    """One line for the piece, and each kind of finding with its first case."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(piece.kinds.items()))
    print(
        f"{piece.reader}: cases {piece.first} to {piece.last - 1} in {piece.seconds:.1f} s: {kinds}; slowest "
        f"{piece.slowest:.2f} s, {piece.memory / 1e6:.0f} MB, {piece.printed} printed",
        flush=True,
    )
    first: dict[str, tuple[dict[str, Any], int]] = {}
    for finding in piece.findings:
        known, count = first.get(finding["kind"], (finding, 0))
        first[finding["kind"]] = (known, count + 1)
    for finding, count in first.values():
        print(f"  {count} x {finding['kind']}, case {finding['case']}: {finding['detail']}", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("readers", nargs="*", metavar="READER", help="by default all of them")
    parser.add_argument("--list", action="store_true", help="the names of the readers")
    parser.add_argument("--cases", type=int, default=10_000, help="of each reader, beginning with case 0")
    parser.add_argument("--case", type=int, help="run this one alone, in this process, with its traceback")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--results", type=Path, metavar="FILE", help="what was done, to go on from")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="put the damaged files of findings there")
    parser.add_argument("--table", type=Path, metavar="FILE", help="print the figures of a file of results")
    args = parser.parse_args(argv)
    if args.table:
        print(table(load(args.table)))
        return 0
    known = readers()
    if args.list:
        print("\n".join(known))
        return 0
    if unknown := [name for name in args.readers if name not in known]:
        parser.error(f"no reader {unknown[0]}; expected some of {', '.join(known)}")
    chosen = [known[name] for name in args.readers or known]
    if args.case is not None:
        return _alone(chosen[0], args.seed, args.case)
    until, done, findings = time.monotonic() + args.seconds, load(args.results), 0
    for reader in chosen:
        first = max((p.last for p in done if (p.reader, p.seed) == (reader.name, args.seed)), default=0)
        if first >= args.cases or time.monotonic() >= until:
            continue
        piece = run(reader, args.seed, first, args.cases, until, args.keep)
        _tell(piece)
        findings += len(piece.findings)
        if args.results:
            with args.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(piece)) + "\n")
    return 1 if findings else 0


def _alone(reader: Reader, seed: int, index: int) -> int:
    """One case without a process around it."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = reader.layout(Path(folder)) if reader.layout else Path(folder, f"case{reader.suffix}")
        content = fuzz_process.case(reader, reader.seeds(), seed, index)
        path.write_bytes(content)
        print(f"{len(content)} bytes: {content[:300]!r}")
        print("read:", repr(reader.read(path))[:300])
    return 0


if __name__ == "__main__":
    sys.exit(main())
