"""Put a hybrid model into the package, with its card.

    python tools/release/release_hybrid.py runs/english/hybrid.safetensors --scores scores.json

Copies the file to speechgru/assets/NAME.safetensors, NAME being its recipe's, and writes NAME.md beside it from the
file's header, the recipe's LIMITS.md, what `speechgru evaluate --format json MANIFEST... > scores.json` printed for it,
and the table that benchmarks/evaluate_conditions.py printed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from release_model import COLUMNS, LARGEST, ROOT, printed, scores

from speechgru.errors import SpeechGruError
from speechgru.models import Checkpoint, checkpoint
from speechgru.utils import files
from speechgru.utils.tables import table


def card(loaded: Checkpoint, size: int, judged: dict[str, Any], conditions: str, limits: str) -> str:
    """The model card, in Markdown."""
    origin = loaded.get("provenance")
    settings = " ".join(f"--{key} {value}" for key, value in origin["settings"].items() if value)
    facts = [
        ("command", f"`python tools/release/make_hybrid.py --recipe {origin['recipe']} {settings}`"),
        ("code", f"commit `{origin['commit']}`"),
        ("parameters", f"{_count(loaded):,} of the network (float16 in the file, {size / 1e6:.1f} MB)"),
        ("versions", ", ".join(f"{name} {number}" for name, number in origin["versions"].items())),
    ]
    if note := origin.get("note"):
        facts.append(("note", note))
    corpora = [(c["name"], f"{c['hours']:.2f}", c["licence"], c["source"]) for c in origin["corpora"]]
    errors = ", ".join(
        f"{name} {100 * score['reliability']['calibration_error']:.1f} %"
        for name, score in judged.items()
        if name.startswith("test") and score["reliability"]
    )
    return "\n\n".join(
        [
            f"# {loaded.path.stem}",
            "English speech to lower-case text: log-mel and speaker-adapted features, convolutional subsampling, "
            "bidirectional GRU (Cho et al. 2014), tied biphones by lattice-free MMI (Povey et al. 2016), two passes "
            "over a lexicon with an n-gram language model; docs/hybrid.md has how. Weights: Apache-2.0.",
            "## Scores",
            table(COLUMNS, scores(judged)),
            "Whole files through `speechgru evaluate`; texts normalised by `english-1`. Choices were made on the dev "
            "sets alone, whose figures are therefore a little too good; the test sets were scored once, at the end. "
            f"Calibration error of the words' confidence: {errors}.",
            *(["## In other conditions", conditions.strip()] if conditions else []),
            "## How it was made",
            table(("", ""), facts),
            "## Trained on",
            table(("corpus", "hours", "licence", "source"), corpora),
            limits.strip(),
        ]
    )


def _count(loaded: Checkpoint) -> int:
    return sum(tensor.numel() for name, tensor in loaded.tensors.items() if name.startswith("network."))


def release(model: Path, judged: Path, conditions: Path | None) -> Path:
    """Write model and card; returns the model's path."""
    loaded = checkpoint.load(model).require("hybrid")
    name = loaded.get("provenance")["recipe"]
    target = ROOT / "speechgru" / "assets" / f"{name}.safetensors"
    size = model.stat().st_size
    if size > LARGEST:
        raise SpeechGruError(f"{model} has {size:,} bytes; at most {LARGEST:,} are embedded.")
    with files.atomic_path(target) as temporary:
        temporary.write_bytes(model.read_bytes())
    limits = (ROOT / "recipes" / name / "LIMITS.md").read_text(encoding="utf-8")
    text = conditions.read_text(encoding="utf-8") if conditions else ""
    made = card(checkpoint.load(target), size, printed(judged), text, limits)
    files.write_text(target.with_suffix(".md"), made + "\n")
    return target


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="file that make_hybrid.py made, calibrated")
    parser.add_argument(
        "--scores", type=Path, required=True, metavar="FILE", help="from `speechgru evaluate`"
    )
    parser.add_argument("--conditions", type=Path, metavar="FILE", help="from evaluate_conditions.py")
    arguments = parser.parse_args()
    try:
        print(release(arguments.model, arguments.scores, arguments.conditions))
    except (SpeechGruError, OSError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
