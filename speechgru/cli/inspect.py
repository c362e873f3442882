"""speechgru inspect: what a checkpoint holds."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgru.models import Checkpoint

HELP = "Show what is in a model file"
EXAMPLES = """\
  speechgru inspect
  speechgru inspect runs/digits/best.safetensors
  speechgru inspect --json model.safetensors
"""
_SHOWN_SYMBOLS = 40
_ORDER = ("model", "features", "vocabulary", "languages", "decoder", "provenance")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="checkpoint (.safetensors), or name of a packaged model (default: the packaged English one)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON, with every tensor's name, shape and type"
    )


def run(args: argparse.Namespace) -> int:
    from speechgru.models import checkpoint
    from speechgru.utils.assets import find_model

    # A path goes to the loader as it is: it says best what is wrong with a folder or a file of another kind.
    is_path = args.file is not None and Path(args.file).exists()
    loaded = checkpoint.load(args.file if is_path else find_model(args.file))
    if args.json:
        print(json.dumps(contents(loaded), indent=2, ensure_ascii=False))
    else:
        print("\n".join(text_lines(loaded)))
    return 0


def contents(loaded: Checkpoint) -> dict[str, Any]:
    """Everything about the file but the numbers in it, ready for JSON. `bytes` is the size on disk."""
    from speechgru.models import checkpoint

    tensors = loaded.tensors
    return {
        "file": str(loaded.path),
        "bytes": Path(loaded.path).stat().st_size,
        "format": checkpoint.FORMAT,
        "kind": loaded.kind,
        "parameters": sum(tensor.numel() for tensor in tensors.values()),
        **{key: loaded.header[key] for key in _in_order(loaded.header)},
        **({"calibrated": _calibrated(loaded.header)} if loaded.kind == "acoustic" else {}),
        "tensors": {
            name: {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch.")}
            for name, tensor in tensors.items()
        },
    }


def _calibrated(header: Mapping[str, Any]) -> list[str]:
    """What `speechgru model calibrate` learns and the file holds."""
    decoder = header.get("decoder")
    settings = decoder.get("settings") if isinstance(decoder, Mapping) else None
    search = settings.get("lm") if isinstance(settings, Mapping) else None
    stored = {"gate": header.get("gate"), "search": search}
    stored |= {key: header.get(key) for key in ("confidence", "times")}
    return [part for part, value in stored.items() if value]


def _in_order(keys: Iterable[str]) -> list[str]:
    """The known entries first: safetensors keeps no order of its own."""
    return sorted(keys, key=lambda key: (_ORDER.index(key) if key in _ORDER else len(_ORDER), key))


def text_lines(loaded: Checkpoint) -> list[str]:
    """The same for people: aligned keys and values, nested by indentation."""
    shown = contents(loaded)
    tensors = shown.pop("tensors")
    types: Counter[str] = Counter()  # of parameters, not of tensors
    for name, tensor in loaded.tensors.items():
        types[tensors[name]["dtype"]] += tensor.numel()
    values = ", ".join(f"{count:,} {dtype}" for dtype, count in types.most_common())
    shown["bytes"] = f"{shown['bytes']:,} ({shown['bytes'] / 1e6:.1f} MB)"
    shown["parameters"] = f"{values} in {len(tensors)} tensors"
    if isinstance(symbols := shown.get("vocabulary"), list):
        shown["vocabulary"] = _symbols(symbols)
    if shown.get("calibrated") == []:
        shown["calibrated"] = "no (speechgru model calibrate)"
    pairs = list(_flatten(shown))
    width = max(len(key) for key, _ in pairs)
    return [f"{key:<{width}}  {value}".rstrip() for key, value in pairs]


def _symbols(symbols: list[str]) -> str:
    shown = " ".join("␣" if symbol == " " else symbol for symbol in symbols[:_SHOWN_SYMBOLS])
    return f"{len(symbols)} symbols: {shown}{' …' if len(symbols) > _SHOWN_SYMBOLS else ''}"


def _flatten(value: Mapping[str, Any], indent: str = "") -> Iterator[tuple[str, str]]:
    """(indented key, text) of nested dicts and lists, depth first."""
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            yield f"{indent}{key}", ""
            yield from _flatten(item, indent + "  ")
        elif isinstance(item, list) and any(isinstance(entry, (Mapping, list)) for entry in item):
            yield f"{indent}{key}", ""
            for number, entry in enumerate(item, start=1):
                yield f"{indent}  {number}", _in_one_line(entry)
        else:
            yield f"{indent}{key}", _in_one_line(item)


def _in_one_line(value: Any) -> str:
    if value in (None, "", {}, []):
        return "none"
    if isinstance(value, Mapping):
        first = sorted(value, key=lambda key: key != "name")
        return ", ".join(f"{key} {_in_one_line(value[key])}" for key in first)
    if isinstance(value, list):
        shown = ", ".join(_in_one_line(item) for item in value[:_SHOWN_SYMBOLS])
        return shown if len(value) <= _SHOWN_SYMBOLS else f"{len(value):,}: {shown}, …"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
