"""speechgru corpus list: the corpora that are known."""

from __future__ import annotations

import argparse
import json
from typing import Any

from speechgru.cli._options import add_format

HELP = "List the corpora that are known, with licence and size"
EXAMPLES = """\
  speechgru corpus list
  speechgru corpus list --format json

JSON has addresses, checksums and citations too.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_format(parser, was_json=True)


def run(args: argparse.Namespace) -> int:
    from speechgru.utils import plugins, tables

    corpora = {name: _described(plugins.find("data.corpora", name)) for name in plugins.names("data.corpora")}
    if args.format == "json":
        print(json.dumps(corpora, indent=2, ensure_ascii=False))
        return 0
    rows = [("corpus", "download", "licence", "parts")]
    for name, corpus in corpora.items():
        rows.append((name, _size(corpus), corpus["licence"], _parts(corpus)))
    print("\n".join(tables.aligned(rows)))
    return 0


def _described(module: Any) -> dict[str, Any]:
    archives = getattr(module, "ARCHIVES", {})
    return {
        "about": module.__doc__.strip().split("\n\n")[0].replace("\n", " "),
        "source": module.SOURCE,
        "licence": module.LICENSE,
        "citation": module.CITATION,
        "can_download": bool(archives),
        "needs_login": hasattr(module, "BY_HAND"),
        "parts": {
            name: {"url": a.url, "bytes": a.size or None, "checksum": a.checksum or None}
            for name, a in archives.items()
        },
    }


def _size(corpus: dict[str, Any]) -> str:
    if corpus["needs_login"]:
        return "after login"
    sizes = [part["bytes"] for part in corpus["parts"].values()]
    if not sizes:
        return "your own"
    total = sum(filter(None, sizes))
    return ("?" if None in sizes and not total else f"{total / 1e9:.2f} GB") + (
        " +" if None in sizes and total else ""
    )


def _parts(corpus: dict[str, Any]) -> str:
    names = list(corpus["parts"])
    return ", ".join(names) if len(names) > 1 else ""
