"""speechgru model fetch: a model file from the net, kept under a name."""

from __future__ import annotations

import argparse

HELP = "Fetch a model file and keep it under a name"
EXAMPLES = """\
  speechgru model fetch https://example.org/german.safetensors --sha256 9f86d081884c7d65...
  speechgru model fetch https://example.org/best.safetensors --name german --sha256 9f86d081884c7d65...
  speechgru transcribe --model german talk.mp3

The checksum is required because nothing else tells whether you get the file that its publisher meant: `sha256sum FILE`
prints it. Models are kept in the folder of SPEECHGRU_MODELS, or speechgru/models below the user's data folder.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="of a model file (.safetensors)")
    parser.add_argument(
        "--sha256", required=True, metavar="HEX", help="checksum of the file: 64 hexadecimal digits"
    )
    parser.add_argument("--name", metavar="NAME", help="to call it by (default: the file's own name)")


def run(args: argparse.Namespace) -> int:
    from speechgru.models import hub

    model = hub.fetch(args.url, args.sha256, args.name)
    print(f"{model.name}: {model.path}")
    return 0
