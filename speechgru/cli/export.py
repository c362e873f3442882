"""speechgru export: a CTC model as an ONNX file."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from speechgru.errors import CheckpointError, UsageError
from speechgru.utils.console import say

if TYPE_CHECKING:
    from speechgru.models import Checkpoint
    from speechgru.models.onnx_graph import Precision

HELP = "Write a CTC model as an ONNX file, for phones, browsers and programs without PyTorch"
EXAMPLES = """\
  speechgru export english-small -o exported
  speechgru export runs/mine -o exported --int8 --dev dev.jsonl
  speechgru export english-small -o for-sherpa --layout zipformer2_ctc
  speechgru transcribe talk.mp3 --model exported

Writes model.onnx (model.int8.onnx, model.float16.onnx) and tokens.txt into the folder. Layouts:
  speechgru       all of the model: both heads, search weights, gate, calibration, word times (default)
  zipformer2_ctc  as icefall exports them: sherpa-onnx runs it (OfflineRecognizer.from_zipformer_ctc)
  nemo            as NVIDIA NeMo exports them: sherpa-onnx (from_nemo_ctc) and onnx-asr run it
The two others hold the characters alone, and make our features of theirs within the graph, which costs some accuracy:
docs/engines.md has figures. --dev scores what would be written and the model by greedy decoding, and writes nothing
where that makes more than 0.1 points of word error rate more errors.
Exit code: 0 written, 1 the model can't be read, isn't of CTC, or would lose too much (--dev), 2 wrong usage.
"""
MOST_LOST = 0.001  # of the word error rate, as a fraction


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechgru.cli import _targets as targets

    parser.add_argument("model", metavar="MODEL", help="checkpoint file, a run's folder, or packaged name")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True, help="folder to write into"
    )
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
    parser.add_argument(
        "--dev",
        metavar="DEV.jsonl",
        help="recordings with texts on which the export may lose next to nothing",
    )
    targets.add_overwrite(parser)


def run(args: argparse.Namespace) -> int:
    """Write both files and say how large they are."""
    from speechgru.cli import _targets as targets
    from speechgru.utils import dependencies
    from speechgru.utils.assets import find_model

    path = find_model(args.model)
    precision: Precision = "int8" if args.int8 else "float16" if args.float16 else "float32"
    from speechgru.inference import export

    paths = [args.output / name for name in export.names(precision)]
    targets.check_all(paths, args.overwrite, sources=[path, *filter(None, [args.dev])])
    dependencies.require("onnx", "export")
    from speechgru.models import checkpoint

    loaded = checkpoint.load(path)
    if args.dev is not None:
        _check_errors(loaded, args, precision)
    for written in export.export(loaded, args.output, precision, args.layout):
        print(f"{written}: {written.stat().st_size:,} bytes")
    return 0


def _check_errors(loaded: Checkpoint, args: argparse.Namespace, precision: Precision) -> None:
    """Score the model and what would be written.

    Raises:
        CheckpointError: the latter makes too many more errors.
        UsageError: the recordings are a test set's.
    """
    from speechgru.data import manifest
    from speechgru.evaluation import evaluate
    from speechgru.inference import export, load_ctc

    if Path(args.dev).stem.startswith("test"):
        raise UsageError(
            f"--dev {args.dev} looks like a test set; nothing is chosen on one. Give dev recordings."
        )
    utterances = manifest.read_set(args.dev)
    with tempfile.TemporaryDirectory() as folder:
        model, _ = export.export(loaded, Path(folder), precision, args.layout)
        rates = [
            evaluate(load_ctc(each, decoder="greedy"), utterances).score.wer for each in (loaded.path, model)
        ]
    say(f"{args.dev}: WER {100 * rates[0]:.2f} % of {loaded.path.stem}, {100 * rates[1]:.2f} % of the export")
    if rates[1] - rates[0] > MOST_LOST:
        raise CheckpointError(
            f"The export of {loaded.path} makes {100 * (rates[1] - rates[0]):.2f} points of word error rate "
            f"more errors; "
            f"expected at most {100 * MOST_LOST:g}. Nothing is written. Try --float16, or leave --dev out."
        )
