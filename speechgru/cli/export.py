"""speechgru export: a CTC model as an ONNX file."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "Write a CTC model as an ONNX file, for phones, browsers and programs without PyTorch"
EXAMPLES = """\
  speechgru export english-small -o exported
  speechgru export runs/mine -o exported --int8
  speechgru export english-small -o for-sherpa --layout zipformer2_ctc
  speechgru transcribe talk.mp3 --model exported

Writes model.onnx (model.int8.onnx, model.float16.onnx) and tokens.txt into the folder. Layouts:
  speechgru       all of the model: both heads, search weights, gate, calibration, word times (default)
  zipformer2_ctc  as icefall exports them: sherpa-onnx runs it (OfflineRecognizer.from_zipformer_ctc)
  nemo            as NVIDIA NeMo exports them: sherpa-onnx (from_nemo_ctc) and onnx-asr run it
The two others hold the characters alone, and make our features of theirs within the graph, which costs some accuracy:
score the result with `speechgru evaluate --model exported` on dev recordings. docs/engines.md has figures.
Exit code: 0 written, 1 the model can't be read or isn't of CTC, 2 wrong usage.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _targets as targets

    parser.add_argument("model", metavar="MODEL", help="checkpoint file, a run's folder, or packaged name")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="folder to write into")
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument(
        "--int8", action="store_true", help="weights of 8 bits: a quarter of the size, slightly other outputs"
    )
    weights.add_argument("--float16", action="store_true", help="weights of 16 bits: half of the size")
    parser.add_argument(
        "--layout",
        choices=("speechgru", "zipformer2_ctc", "nemo"),
        default="speechgru",
        help="whose programs are to read it (default: speechgru)",
    )
    targets.add_overwrite(parser)


def run(args: argparse.Namespace) -> int:
    """Write both files and say how large they are."""
    from speechgru.cli import _targets as targets
    from speechgru.utils import dependencies
    from speechgru.utils.assets import find_model

    path = find_model(args.model)
    precision = "int8" if args.int8 else "float16" if args.float16 else "float32"
    from speechgru.inference import export

    paths = [args.output / name for name in export.names(precision)]
    targets.check_all(paths, args.overwrite, sources=[path])
    dependencies.require("onnx", "export")
    from speechgru.models import checkpoint

    for written in export.export(checkpoint.load(path), args.output, precision, args.layout):
        print(f"{written}: {written.stat().st_size:,} bytes")
    return 0
