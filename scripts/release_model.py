"""Put a trained model into the package, with its card.

    python scripts/release_model.py runs/english-small --commit COMMIT

Copies best.safetensors to speechgru/assets/NAME.safetensors and writes NAME.md beside it from the run's report.json
and the recipe's LIMITS.md. What only says where the run lay (output=, corpus.root=) is left out of both.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from speechgru import checkpoint, files
from speechgru.errors import SpeechGruError

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 16_000_000
# Overrides that say where things lie and how a run is watched, and shape no weight.
PLACES = ("output=", "corpus.root=", "trainer.log_every=", "trainer.tensorboard=", "trainer.workers=")


def shaping(overrides: list[str]) -> list[str]:
    """The overrides that can change the weights."""
    return [override for override in overrides if not override.startswith(PLACES)]


def card(name: str, report: dict[str, Any], commit: str, size: int, limits: str) -> str:
    """The model card, in Markdown."""
    command = " ".join(["speechgru", "train", report["recipe"], *shaping(report["overrides"])])
    facts = [
        ("command", f"`{command}`"),
        ("commit", f"`{commit}`"),
        ("seed", report["seed"]),
        ("best epoch", f"{report['epoch']} (chosen by dev WER)"),
        ("parameters", f"{report['parameters']:,} (float16 in the file, {size / 1e6:.1f} MB)"),
        (
            "training",
            f"{report['training_seconds'] / 60:.0f} minutes on {report['device']}, {report['threads']} threads",
        ),
        ("versions", ", ".join(f"{k} {v}" for k, v in report["versions"].items())),
    ]
    data = [(c["name"], f"{c['hours']:.2f}", c["licence"], c["source"]) for c in report["corpora"]]
    return "\n\n".join(
        [
            f"# {name}",
            "English speech to lower-case text: log-mel features, convolutional subsampling, bidirectional GRU "
            "(Cho et al. 2014), CTC. Weights: Apache-2.0.",
            "## Scores",
            table(("set", "WER", "95 % interval", "interval over", "CER", "words", "hours"), scores(report)),
            "Greedy decoding of whole files through `speechgru evaluate`; texts normalised by `english-1`. Choices "
            "are made on the dev sets alone; the test sets are scored at the end of a run and decide nothing.",
            "## How it was made",
            table(("", ""), facts),
            "## Trained on",
            table(("corpus", "hours", "licence", "source"), data),
            limits.strip(),
        ]
    )


def scores(report: dict[str, Any]) -> list[tuple[str, ...]]:
    rows = []
    for split, score in report["scores"].items():
        low, high = score["interval"]
        over = f"{score['speakers']} speakers" if score["interval_over"] == "speakers" else "utterances"
        rates = (f"{100 * score['wer']:.1f} %", f"{100 * low:.1f} to {100 * high:.1f} %", over)
        size = (str(score["words"]), f"{score['audio_seconds'] / 3600:.2f}")
        rows.append((split, *rates, f"{100 * score['cer']:.1f} %", *size))
    return rows


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in [head, ("---",) * len(head), *rows])


def release(run: Path, commit: str) -> Path:
    """Write model and card; returns the model's path."""
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    name = report["recipe"]
    loaded = checkpoint.load(run / "best.safetensors")
    provenance = loaded.header["provenance"]
    header = {
        **loaded.header,
        "provenance": {**provenance, "overrides": shaping(provenance["overrides"]), "commit": commit},
    }
    target = ROOT / "speechgru" / "assets" / f"{name}.safetensors"
    checkpoint.save(target, loaded.kind, header, loaded.tensors)
    size = target.stat().st_size
    if size > LARGEST:
        raise SpeechGruError(f"{target.name} has {size:,} bytes; at most {LARGEST:,} are embedded.")
    limits = (ROOT / "recipes" / name / "LIMITS.md").read_text(encoding="utf-8")
    files.write_text(target.with_suffix(".md"), card(name, report, commit, size, limits) + "\n")
    return target


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--commit", required=True, help="the commit that trained it")
    args = parser.parse_args()
    try:
        print(release(args.run, args.commit))
    except (SpeechGruError, OSError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
