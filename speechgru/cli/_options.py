"""Options that several commands share, and types of their values: what can't be used is refused before any work."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from typing import Any

MAX_SEED = 2**63
_DEVICE = re.compile(r"cpu|auto|cuda(:[0-9]+)?")


def positive(value: str) -> int:
    """A whole number of at least 1."""
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number of at least 1")
    return int(value)


def seed(value: str) -> int:
    """A whole number of at least 0 that every generator of random numbers takes."""
    if not value.isdecimal() or int(value) >= MAX_SEED:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number of at least 0")
    return int(value)


def number(
    *,
    at_least: float = -math.inf,
    above: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
    such_as: str = "",
) -> Callable[[str], float]:
    """A finite number within bounds; `such_as` is an example for the message."""

    def parse(value: str) -> float:
        try:
            parsed = float(value)
        except ValueError:
            parsed = math.nan
        inside = at_least <= parsed <= at_most and above < parsed < below
        if not (math.isfinite(parsed) and inside):
            raise argparse.ArgumentTypeError(f"{value!r} is not {described}")
        return parsed

    limits = (
        ("of at least", at_least),
        ("above", above),
        ("of at most", at_most),
        ("below", below),
    )
    bounds = " and ".join(f"{word} {limit:g}" for word, limit in limits if math.isfinite(limit))
    described = f"a number {bounds}".strip() + (f", such as {such_as}" if such_as else "")
    return parse


def device(value: str) -> str:
    """A device's name; whether it is there is PyTorch's to say."""
    if not _DEVICE.fullmatch(value):
        raise argparse.ArgumentTypeError(f"{value!r} is no device; expected cpu, cuda, cuda:N or auto")
    return value


def hidden(parser: argparse.ArgumentParser, name: str, **arguments: Any) -> None:
    """Add an option of an earlier version, which still works: no help shows it."""
    parser.add_argument(name, default=argparse.SUPPRESS, help=argparse.SUPPRESS, **arguments)


def add_format(parser: argparse.ArgumentParser, *choices: str, was_json: bool = False) -> None:
    """`--format` of what is printed, text or JSON and more `choices`. With `was_json` an earlier version had --json."""
    parser.add_argument(
        "--format", choices=("text", *choices, "json"), default="text", help="what to print (default: text)"
    )
    if was_json:
        hidden(parser, "--json", dest="format", action="store_const", const="json")


def add_sources(parser: argparse.ArgumentParser, what: str = "recordings") -> None:
    """The recordings of a command that reads some: `_inputs.find` takes them."""
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="FILE_OR_FOLDER",
        help=f"{what}, folders of them, or - for standard input",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where the network runs."""
    parser.add_argument(
        "--device", type=device, default="cpu", help="cpu, cuda, cuda:N or auto (default: cpu)"
    )


def add_search(parser: argparse.ArgumentParser) -> None:
    """How recordings are looked for: `--recursive` and `--track`, which `_inputs.find` takes."""
    parser.add_argument("--recursive", action="store_true", help="search the folders inside folders too")
    add_track(parser)


def add_track(parser: argparse.ArgumentParser) -> None:
    """The option that chooses one of several audio tracks; `_inputs.find` takes it."""
    parser.add_argument(
        "--track",
        type=positive,
        metavar="N",
        help="audio track to read, where a file has several (default: 1)",
    )


def add_existing(parser: argparse.ArgumentParser) -> None:
    """What is done with results that exist: `overwrite` and `resume`, one or the other."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--overwrite", action="store_true", help="replace files that exist")
    group.add_argument(
        "--resume",
        "--skip-existing",
        action="store_true",
        help="go on with a batch that was stopped: recordings whose result exists are passed over",
    )


def add_runtime(parser: argparse.ArgumentParser) -> None:
    """The option that chooses what runs the network; `load_recognizer` takes it."""
    parser.add_argument(
        "--runtime",
        choices=("torch", "onnx"),
        help="what runs the network of a CTC model: PyTorch, or ONNX Runtime (the extra onnx) on the CPU "
        "(default: torch for .safetensors, onnx for .onnx)",
    )
