"""speechgru inspect: what a checkpoint holds."""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgru.cli._options import add_format
from speechgru.errors import printable

if TYPE_CHECKING:
    from speechgru.models import Checkpoint

HELP = "Show what is in a model file"
EXAMPLES = """\
  speechgru inspect
  speechgru inspect runs/digits
  speechgru inspect runs/digits --all
  speechgru inspect --format json model.safetensors

--all and JSON show everything that the file holds beside its numbers: settings, calibration, where it comes from. JSON
has every tensor's name, shape and type too.
"""
_SHOWN_SYMBOLS = 40
_AMOUNTS = {"trained_hours": "h", "trained_words": "words", "trained_steps": "steps"}
_SCORE = re.compile(r"(dev_|wer/|accuracy/|f1/|nats/)")
_ORDER = ("model", "features", "vocabulary", "languages", "decoder", "provenance")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        metavar="MODEL",
        nargs="?",
        help="checkpoint (.safetensors), a run's folder, or name of a packaged model (default: english)",
    )
    parser.add_argument(
        "--all", action="store_true", help="everything, instead of the dozen lines that matter"
    )
    add_format(parser, was_json=True)


def run(args: argparse.Namespace) -> int:
    from speechgru.models import checkpoint
    from speechgru.utils.assets import find_model

    loaded = checkpoint.load(find_model(args.model))
    if args.format == "json":
        print(json.dumps(contents(loaded), indent=2, ensure_ascii=False))
    else:
        print(printable("\n".join(text_lines(loaded) if args.all else summary_lines(loaded))))
    return 0


def summary_lines(loaded: Checkpoint) -> list[str]:
    """What most people ask, in a dozen lines."""
    from speechgru.utils.tables import columns

    shown = contents(loaded)
    rows = {
        "file": f"{shown['file']} ({shown['bytes'] / 1e6:.1f} MB)",
        "kind": f"{shown['kind']}, {shown['parameters']:,} parameters",
        "network": _settings(shown, "model", "layers", "width"),
        "features": _settings(shown, "features", "n_mels", "sample_rate"),
        "vocabulary": _symbols(shown["vocabulary"]) if isinstance(shown.get("vocabulary"), list) else "",
        "classes": _in_one_line(shown["classes"]) if shown.get("classes") else "",
        "languages": _in_one_line(shown["languages"]) if shown.get("languages") else "",
        "decoder": _settings(shown, "decoder", "beam", "lm", "dictionary"),
        **_provenance(shown.get("provenance")),
    }
    if "calibrated" in shown:
        rows["calibrated"] = ", ".join(shown["calibrated"]) or "no (speechgru model calibrate)"
    rows["more"] = "speechgru inspect --all"
    return columns({key: value for key, value in rows.items() if value}).split("\n")


def _settings(shown: Mapping[str, Any], entry: str, *keys: str) -> str:
    """The name of a part (network, decoder) and some of its settings; "" where the file has no such part."""
    part = shown.get(entry)
    if not isinstance(part, Mapping):
        return ""
    settings = part.get("settings")
    values = settings if isinstance(settings, Mapping) else {}
    name = str(part.get("name", part.get("kind", "")))
    shown_values = [f"{key} {_in_one_line(values[key])}" for key in keys if values.get(key)]
    return ", ".join([name, *shown_values] if name else shown_values)


def _provenance(origin: Any) -> dict[str, str]:
    """Where a model comes from, if its file says so."""
    if not isinstance(origin, Mapping):
        return {}
    corpora = [c for c in origin.get("corpora") or () if isinstance(c, Mapping)]
    amounts = [f"{origin[key]:,} {unit}" for key, unit in _AMOUNTS.items() if _is_number(origin.get(key))]
    scores = {key: value for key, value in origin.items() if _SCORE.match(key) and _is_number(value)}
    versions = origin["versions"] if isinstance(origin.get("versions"), Mapping) else {}
    made = [f"{name} {versions[name]}" for name in ("speechgru", "torch") if name in versions]
    made += [f"commit {origin['commit']}"] if origin.get("commit") else []
    return {
        "recipe": _in_one_line(origin["recipe"]) if origin.get("recipe") else "",
        "trained on": ", ".join([*amounts, *(str(c.get("name", "?")) for c in corpora)]),
        "licences": ", ".join(dict.fromkeys(str(c["licence"]) for c in corpora if c.get("licence"))),
        "scores": ", ".join(f"{key} {value:.4g}" for key, value in scores.items()),
        "made with": ", ".join(made),
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


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
        **({"calibrated": _calibrated(loaded.header)} if loaded.kind in ("acoustic", "hybrid") else {}),
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
    if "search" in header:  # a hybrid model
        stored = {
            "gate": header.get("gate"),
            "search": header["search"],
            "confidence": header.get("calibration"),
        }
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
    return [printable(f"{key:<{width}}  {value}").rstrip() for key, value in pairs]


def _symbols(symbols: list[str]) -> str:
    shown = " ".join("␣" if symbol == " " else str(symbol) for symbol in symbols[:_SHOWN_SYMBOLS])
    shown = printable(" ".join(shown.splitlines()))
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
    return printable(" ".join(str(value).splitlines()))
