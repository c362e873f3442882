"""speechgru model list: the models that a name is enough for."""

from __future__ import annotations

import argparse
import json

HELP = "List the models that a name is enough for"
EXAMPLES = """\
  speechgru model list
  speechgru model list --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, with the files' paths")


def run(args: argparse.Namespace) -> int:
    from speechgru.models import hub

    models = hub.models()
    if args.json:
        print(json.dumps([model.to_dict() for model in models], indent=2, ensure_ascii=False))
        return 0
    width = max((len(model.name) for model in models), default=0)
    for model in models:
        origin = "comes with the package" if model.packaged else "fetched"
        print(f"{model.name:<{width}}  {model.size / 1e6:7.1f} MB  {model.kind:<12}  {origin}")
    return 0
