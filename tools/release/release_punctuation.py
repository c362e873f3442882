"""Put a trained tagger into the package, with its card.

    python tools/release/release_punctuation.py runs/punctuation [--commit COMMIT]

Copies best.safetensors to speechgru/assets/punctuation.safetensors and writes punctuation.md beside it from the run's
report.json. What only says where the run lay is left out of both.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from release_model import cleaned, shaping

from speechgru.errors import SpeechGruError
from speechgru.inference.punctuator import DEFAULT
from speechgru.models import checkpoint
from speechgru.utils import files
from speechgru.utils.tables import table

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "speechgru" / "assets" / f"{DEFAULT}.safetensors"
LARGEST = 3_000_000
MARKS = ("comma", "full stop", "question mark", "capitals")


def card(report: dict[str, Any], provenance: dict[str, Any], size: int) -> str:
    """The model card, in Markdown."""
    rows = [
        (name, *(f"{100 * score[mark]['f1']:.1f} %" for mark in MARKS), f"{score['words']:,}")
        for name, score in report["scores"].items()
    ]
    data = [(c["name"], f"{c['words']:,}", c["licence"], c["source"]) for c in report["corpora"]]
    command = " ".join(["speechgru", "train", report["recipe"], *shaping(provenance["overrides"])])
    return "\n\n".join(
        [
            "# punctuation",
            "Capitals, commas, full stops and question marks for English transcripts: a bidirectional GRU (Cho et al. "
            f"2014) over words and the pauses between them. {report['parameters']:,} parameters (float16, "
            f"{size / 1e6:.1f} MB). Weights: Apache-2.0.",
            "## F1 on held-out text",
            table(("text", *MARKS, "words"), rows),
            "Every fiftieth block of 50 lines was held out. Pauses are drawn from those that were measured in readers' "
            "recordings: see recipes/punctuation.",
            "## How it was made",
            f"`{command}`, commit `{provenance['commit']}`, seed {report['seed']}, epoch {provenance['epoch']}, "
            f"{provenance['seconds'] / 60:.0f} minutes on {report['device']}, {report['threads']} thread.",
            "## Trained on",
            table(("text", "words", "licence", "source"), data),
            "## Limits",
            "It was trained on written English: novels, speeches, non-fiction, prompts and sentences of everyday talk. "
            "Of words that were recognised wrongly it makes wrong sentences. It knows no exclamation marks, quotation "
            "marks, hyphens or figures.",
        ]
    )


def release(run: Path, commit: str) -> Path:
    """Write model and card; returns the model's path."""
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    loaded = checkpoint.load(run / "best.safetensors").require("tagger")
    provenance = cleaned(loaded.header["provenance"], [commit] if commit else [])
    checkpoint.annotate(loaded.path, {"provenance": provenance}, TARGET)
    size = TARGET.stat().st_size
    if size > LARGEST:
        raise SpeechGruError(f"{TARGET.name} has {size:,} bytes; at most {LARGEST:,} are embedded.")
    files.write_text(TARGET.with_suffix(".md"), card(report, provenance, size) + "\n")
    return TARGET


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--commit", default="", help="what trained it, where the run doesn't know")
    args = parser.parse_args()
    try:
        print(release(args.run, args.commit))
    except (SpeechGruError, OSError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
