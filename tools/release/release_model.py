"""Put a trained model into the package, with its card.

    python tools/release/release_model.py runs/english-small --scores scores.json --conditions conditions.md

Copies best.safetensors to speechgru/assets/NAME.safetensors and writes NAME.md beside it from the run's report.json
and the recipe's LIMITS.md. What only says where the run lay (output=, corpus.root=) is left out of both.

The report has the scores of greedy decoding, unless the run went on from a model that is read otherwise: then
`--by-ear` gives them, as `speechgru evaluate --decoder greedy --format json MANIFEST... > by_ear.json` printed them.
`--scores` adds those of the decoder that was tuned since, printed likewise without `--decoder`; `--conditions` the
table that benchmarks/evaluate_conditions.py printed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from speechgru.errors import SpeechGruError
from speechgru.models import checkpoint
from speechgru.utils import files
from speechgru.utils.tables import table

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 16_000_000
COLUMNS = ("set", "WER", "95 % interval", "interval over", "CER", "words", "hours")
# Overrides that say where things lie and how a run is watched, and shape no weight.
PLACES = (
    "output=",
    "corpus.root=",
    "trainer.start=",
    "trainer.log_every=",
    "trainer.tensorboard=",
    "trainer.workers=",
    "trainer.threads=",
    "trainer.keep=",
)


def shaping(overrides: list[str]) -> list[str]:
    """The overrides that can change the weights."""
    return [override for override in overrides if not override.startswith(PLACES)]


def cleaned(provenance: dict[str, Any], commits: list[str]) -> dict[str, Any]:
    """Without what only says where the run lay; `commits` are those of its stages, where it doesn't know its own."""
    result = {**provenance, "overrides": shaping(provenance["overrides"])}
    result["commit"] = commits[-1] if commits else provenance["commit"]
    if "started_from" in provenance:
        result["started_from"] = cleaned(provenance["started_from"], commits[:-1])
    return result


def seconds(provenance: dict[str, Any]) -> float:
    """Training time of all stages."""
    before = provenance.get("started_from")
    return provenance["seconds"] + (seconds(before) if before else 0.0)


def stages(provenance: dict[str, Any]) -> list[tuple[str, str]]:
    """Command, commit and best epoch of a run, after those of the run that it started from."""
    before = stages(provenance["started_from"]) if "started_from" in provenance else []
    start = ["trainer.start=FIRST"] if before else []
    command = " ".join(
        ["speechgru", "train", provenance["recipe"], *start, *shaping(provenance["overrides"])]
    )
    where = f"commit `{provenance['commit']}`, best epoch {provenance['epoch']} by dev WER"
    return [*before, ("then" if before else "command", f"`{command}`, {where}")]


def card(
    name: str, report: dict[str, Any], provenance: dict[str, Any], size: int, extras: list[str], limits: str
) -> str:
    """The model card, in Markdown."""
    facts = [
        *stages(provenance),
        ("seed", report["seed"]),
        ("parameters", f"{report['parameters']:,} (float16 in the file, {size / 1e6:.1f} MB)"),
        (
            "training",
            f"{seconds(provenance) / 60:.0f} minutes on {report['device']}, {report['threads']} threads",
        ),
        ("versions", ", ".join(f"{k} {v}" for k, v in report["versions"].items())),
    ]
    data = [(c["name"], f"{c['hours']:.2f}", c["licence"], c["source"]) for c in report["corpora"]]
    return "\n\n".join(
        [
            f"# {name}",
            "English speech to lower-case text: log-mel features, convolutional subsampling, bidirectional GRU "
            "(Cho et al. 2014), CTC over characters and over phones. Weights: Apache-2.0.",
            *extras,
            "## Greedy scores",
            table(COLUMNS, scores(report["scores"])),
            "Greedy decoding (`--decoder greedy`) of whole files through `speechgru evaluate`; texts normalised by "
            "`english-1`. Choices are made on the dev sets alone; the test sets are scored at the end and decide "
            "nothing.",
            "## How it was made",
            table(("", ""), facts),
            "## Trained on",
            table(("corpus", "hours", "licence", "source"), data),
            limits.strip(),
        ]
    )


def printed(path: Path) -> dict[str, Any]:
    """By set, what `speechgru evaluate --format json` printed."""
    return {Path(k).stem: v for k, v in json.loads(path.read_text(encoding="utf-8")).items()}


def extra_parts(scores_file: Path | None, conditions: Path | None, decoder: dict[str, Any]) -> list[str]:
    """What was measured after the run, in Markdown."""
    parts = []
    if scores_file:
        found = printed(scores_file)
        settings = decoder.get("settings", {})
        helped = (("lm", "language model"), ("dictionary", "pronouncing dictionary"))
        using = " and ".join(f"{what} `{settings[key]}`" for key, what in helped if settings.get(key))
        what = f"Decoder `{decoder['name']}`" + (f" with {using}" if using else "")
        parts += [
            "## Scores",
            table(COLUMNS, scores(found)),
            f"{what}, the default: its weights were tuned on the dev sets (`speechgru lm tune`), whose figures are "
            "therefore a little too good. Calibration error of the words' confidence on the test sets: "
            + ", ".join(
                f"{name} {100 * v['reliability']['calibration_error']:.1f} %"
                for name, v in found.items()
                if name.startswith("test") and v["reliability"]
            )
            + ".",
        ]
    if conditions:
        parts += ["## In other conditions", conditions.read_text(encoding="utf-8").strip()]
    return parts


def scores(sets: dict[str, Any]) -> list[tuple[str, ...]]:
    rows = []
    for split, score in sets.items():
        low, high = score["interval"]
        over = f"{score['speakers']} speakers" if score["interval_over"] == "speakers" else "utterances"
        rates = (f"{100 * score['wer']:.1f} %", f"{100 * low:.1f} to {100 * high:.1f} %", over)
        size = (str(score["words"]), f"{score['audio_seconds'] / 3600:.2f}")
        rows.append((split, *rates, f"{100 * score['cer']:.1f} %", *size))
    return rows


def release(
    run: Path,
    commits: list[str],
    scores_file: Path | None = None,
    conditions: Path | None = None,
    by_ear: Path | None = None,
) -> Path:
    """Write model and card; returns the model's path."""
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    if by_ear:
        report["scores"] = printed(by_ear)
    name = report["recipe"]
    loaded = checkpoint.load(run / "best.safetensors")
    provenance = cleaned(loaded.header["provenance"], commits)
    target = ROOT / "speechgru" / "assets" / f"{name}.safetensors"
    checkpoint.annotate(loaded.path, {"provenance": provenance}, target)
    size = target.stat().st_size
    if size > LARGEST:
        raise SpeechGruError(f"{target.name} has {size:,} bytes; at most {LARGEST:,} are embedded.")
    limits = (ROOT / "recipes" / name / "LIMITS.md").read_text(encoding="utf-8")
    extras = extra_parts(scores_file, conditions, loaded.get("decoder"))
    files.write_text(target.with_suffix(".md"), card(name, report, provenance, size, extras, limits) + "\n")
    return target


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument(
        "--commit", nargs="+", default=[], help="what trained each stage, where it isn't known"
    )
    parser.add_argument("--scores", type=Path, metavar="FILE", help="of the tuned decoder, from `evaluate`")
    parser.add_argument("--by-ear", type=Path, metavar="FILE", help="of greedy decoding, from `evaluate`")
    parser.add_argument("--conditions", type=Path, metavar="FILE", help="from evaluate_conditions.py")
    args = parser.parse_args()
    try:
        print(release(args.run, args.commit, args.scores, args.conditions, args.by_ear))
    except (SpeechGruError, OSError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
