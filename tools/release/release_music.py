"""Put a trained model of tunes into the package, with its card and a picture.

    python tools/release/release_music.py [runs/folk] [--data FOLDER] [--tunes 200]

Casts best.safetensors to float16 as speechgru/assets/folk.safetensors and writes folk.md beside it: the file is scored
again as it is released, and writes tunes that are compared with test tunes and searched for passages of training
tunes. Then docs/music/tune.mid and tune.png are made by the command that the README shows. What only says where the
run lay is left out of the file. Without a run the packaged model stays, and is scored anew: after a change to how
tunes are drawn.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

import torch
from release_model import cleaned, shaping

from speechgru import cli
from speechgru.errors import SpeechGruError
from speechgru.models import checkpoint
from speechgru.music import load_composer
from speechgru.music.corpora import folk
from speechgru.music.evaluation import report
from speechgru.music.evaluation.report import Report
from speechgru.music.files.load import Named
from speechgru.music.files.piece import Piece
from speechgru.music.generation.compose import DEFAULT_MODEL
from speechgru.music.generation.request import Request
from speechgru.music.models.scores import number, span
from speechgru.music.models.token_model import TokenModel, item, load_token_model
from speechgru.utils import files
from speechgru.utils.tables import table

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "speechgru" / "assets" / f"{DEFAULT_MODEL}.safetensors"
PICTURE = ROOT / "docs" / "music" / "tune.mid"
TUNE = ["--key", "G", "--metre", "6/8", "--bars", "32", "--seed", "7"]
LARGEST = 4_000_000
FOLDER = "music/folk"
MADE = "## How it was made"


def cast(run: Path) -> dict[str, Any]:
    """Write the model; returns its provenance."""
    loaded = checkpoint.load(run / "best.safetensors").require("words")
    provenance = cleaned(loaded.header["provenance"], [])
    header = {**loaded.header, "provenance": provenance}
    checkpoint.save(TARGET, loaded.kind, header, loaded.tensors, torch.float16)
    if TARGET.stat().st_size > LARGEST:
        raise SpeechGruError(
            f"{TARGET.name} has {TARGET.stat().st_size:,} bytes; at most {LARGEST:,} are embedded."
        )
    return provenance


def scores(model: TokenModel, splits: dict[str, list[Piece]]) -> list[tuple[str, ...]]:
    rows = list[tuple[str, ...]]()
    for name in ("dev", "test"):
        score = model.score([item(piece.id, piece, model.encoding) for piece in splits[name]])
        rows.append(
            (
                name,
                number(score.per_note),
                span(score.interval),
                number(score.per_token),
                str(len(splits[name])),
            )
        )
    return rows


def named(pieces: list[Piece]) -> list[Named]:
    return [Named(piece.id, "", piece.notes) for piece in pieces]


def judged(found: Report) -> str:
    """What a report says of tunes, as a table."""
    rows = [
        (
            name.replace("_", " "),
            f"{one.generated:.3f}",
            f"{one.reference:.3f}",
            f"{one.interval[0]:+.3f} to {one.interval[1]:+.3f}" + " *" * one.is_clear,
        )
        for name, one in found.measures.items()
    ]
    return table(("mean", "written", "test tunes", "difference, 95 %"), rows)


def copied(found: Report) -> str:
    """The longest passages shared with training tunes, in a sentence."""
    moves = sorted(copy.moves for copy in found.copies)
    share = sorted(copy.share for copy in found.copies)
    return (
        f"median {statistics.median(moves):g} intervals on end, 95th percentile {moves[int(0.95 * len(moves))]}, at "
        f"most {moves[-1]}; median {100 * statistics.median(share):.0f} % of the piece, at most {100 * share[-1]:.0f} %"
    )


def how_made(run: dict[str, Any], provenance: dict[str, Any]) -> str:
    """The run in a table."""
    command = " ".join(["speechgru train", DEFAULT_MODEL, *shaping(provenance["overrides"])])
    facts = [
        (
            "command",
            f"`{command}`, commit `{provenance['commit']}`, best epoch {provenance['epoch']} by dev tunes",
        ),
        ("seed", str(provenance["seed"])),
        ("parameters", f"{run['parameters']:,} (float16 in the file, {TARGET.stat().st_size / 1e6:.1f} MB)"),
        (
            "training",
            f"{provenance['seconds'] / 60:.0f} minutes on {run['device']}, {run['threads']} thread(s)",
        ),
        ("versions", ", ".join(f"{name} {value}" for name, value in provenance["versions"].items())),
    ]
    return table(("", ""), facts)


def how_it_was_made(card: Path) -> str:
    """The same, from the card that is there."""
    return card.read_text(encoding="utf-8").partition(f"{MADE}\n\n")[2].partition("\n\n## ")[0]


def card(made: str, rows: list[tuple[str, ...]], found: Report, own: Report) -> str:
    return "\n\n".join(
        [
            f"# {DEFAULT_MODEL}",
            "Dance tunes and airs, one note at a time, in any key and metre: a GRU (Cho et al. 2014) over the tokens "
            "of a tune, its notes, lengths and bar lines. Weights: Apache-2.0.",
            "## Scores",
            table(("set", "nats per note", "95 % interval", "nats per token", "tunes"), rows),
            "Key, metre, bar lines and end included, divided by the number of notes; whole tunes, "
            "intervals over tunes. The epoch was chosen by dev; test was scored at the end of the run and again "
            "for this file, and decided nothing.",
            "## What it writes",
            f"{found.generated} tunes of `speechgru compose` with its defaults, against the {found.reference} test "
            "tunes (`*`: more than chance).",
            judged(found),
            f"Longest passage in common with a training tune, in any key, rhythm aside: {copied(found)}. Test "
            f"tunes: {copied(own)}; by the split they share fewer than {folk.SAME} with any training tune.",
            MADE,
            made,
            "## Trained on",
            "Aird's Selection of Scotch, English, Irish and Foreign Airs (1782-1801), Ryan's Mammoth Collection (1883) "
            "and O'Neill's Music of Ireland (1903): printed 1782 to 1903, so the tunes are in the public domain. The "
            "text in ABC notation is that of the music21 corpus (https://github.com/cuthbertLab/music21). **Its "
            "transcribers state no licence of their own**; the model holds none of their text, and what it shares with "
            "the tunes is counted above.",
            "## What it can and can't do",
            "It begins in a key and a metre, or goes on from a few notes, comes back to its phrases, and ends after "
            "whole bars on the tonic. That, and that it doesn't go round in circles, are rules of the sampling "
            "([endings.py](../music/generation/endings.py), [repetition.py](../music/generation/repetition.py)), not "
            "the model's own sense. It writes one line: no chords, no words, no ornaments, no dynamics. It knows "
            "reels, jigs, hornpipes, marches and airs of Scotland, Ireland, England and America; everything else "
            "comes out as one of these. Its tunes are plausible phrase by phrase; over the whole they often wander, "
            "run on for longer than tunes do, and play a part of eight bars twice far less often. Minor and modal "
            "tunes are fewer in what it learnt, and weaker. Training tunes were moved to all keys, so none is better "
            "than another. It doesn't harmonize: that takes a model of chorales (`speechgru train jsb_chorales`).",
        ]
    )


def release(run: Path | None, data: Path, tunes: int) -> None:
    if run:
        about = json.loads((run / "report.json").read_text(encoding="utf-8"))
        made = how_made(about, cast(run))
    else:
        made = how_it_was_made(TARGET.with_suffix(".md"))
    splits = folk.prepare(data / FOLDER)
    model = load_token_model(TARGET)
    rows = scores(model, splits)
    new = [Named(str(n), "", piece) for n, piece in enumerate(load_composer().compose(Request(), tunes))]
    test, train = named(splits["test"]), named(splits["train"])
    found, own = report.report(new, test, train), report.report(test, test, train)
    files.write_text(TARGET.with_suffix(".md"), card(made, rows, found, own) + "\n")
    PICTURE.parent.mkdir(exist_ok=True)
    if cli.main(["compose", *TUNE, "-o", str(PICTURE), "--png", "--overwrite"]):
        raise SpeechGruError(f"{PICTURE} was not made.")
    print(json.dumps({"rows": rows, "copied": copied(found)}, indent=2))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, nargs="?", help="folder of a finished run of the recipe folk")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SPEECHGRU_DATA", ".")))
    parser.add_argument("--tunes", type=int, default=200, help="written for the card (default: 200)")
    args = parser.parse_args()
    try:
        release(args.run, args.data, args.tunes)
    except (SpeechGruError, OSError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
