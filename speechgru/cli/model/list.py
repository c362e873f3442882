"""speechgru model list: the models that can be given by a name."""

from __future__ import annotations

import argparse
import json

from speechgru.cli._options import add_format

HELP = "List the models that can be named: those of the package, and fetched ones"
EXAMPLES = """\
  speechgru model list
  speechgru model list --format json

JSON has the paths of the files too.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_format(parser, was_json=True)


def run(args: argparse.Namespace) -> int:
    from speechgru.models import hub

    models = hub.models()
    if args.format == "json":
        print(json.dumps([model.to_dict() for model in models], indent=2, ensure_ascii=False))
        return 0
    width = max((len(model.name) for model in models), default=0)
    for model in models:
        origin = "comes with the package" if model.packaged else "fetched"
        print(f"{model.name:<{width}}  {model.size / 1e6:7.1f} MB  {model.kind:<12}  {origin}")
    return 0
