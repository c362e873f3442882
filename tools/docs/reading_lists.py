"""Write the reading lists of docs/architecture.md: what to read of each way through the code, in order, with lengths.

python tools/docs/reading_lists.py
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "architecture.md"
# What a reader needs, in the order of the walk, and why.
LISTS = {
    "transcribe": [
        ("cli/transcribe.py", "the command"),
        ("inference/load.py", "which kind of recognizer"),
        ("inference/recognizer.py", "pieces, pool, order"),
        ("inference/ctc.py", "a model that CTC trained"),
        ("inference/hybrid.py", "a hybrid model"),
        ("inference/job.py", "one recording on its way"),
        ("audio/stream.py", "samples of a file, block by block"),
        ("inference/chunking.py", "cut at pauses, joined again"),
        ("inference/engines/torch.py", "the network and its features"),
        ("features/frontend.py", "log-mel as models take it"),
        ("models/acoustic.py", "the network"),
        ("models/encoder.py", "its layers"),
        ("models/gru.py", "the GRU"),
        ("decoding/greedy.py", "the shortest decoder"),
        ("decoding/hypothesis.py", "words and their frames"),
        ("transcript.py", "what comes out"),
        ("writers/txt.py", "and is written"),
    ],
    "hybrid": [
        ("inference/hybrid.py", "from a file and settings to a recognizer"),
        ("mmi/recognizer.py", "two passes"),
        ("mmi/model_file.py", "what a model's file holds"),
        ("mmi/inputs.py", "what the network takes"),
        ("mmi/network.py", "the network"),
        ("mmi/tree.py", "words as phones in context"),
        ("mmi/search.py", "the search"),
        ("mmi/adaptation.py", "features fitted to the speaker"),
        ("mmi/fmllr.py", "by which transform"),
        ("mmi/lattice.py", "how probable each word is"),
    ],
    "train": [
        ("cli/train.py", "the command"),
        ("config/files.py", "where recipes lie"),
        ("config/compose.py", "from YAML to a recipe"),
        ("config/recipe.py", "what a recipe holds"),
        ("training/run.py", "from recipe to report"),
        ("training/task.py", "what a task must offer"),
        ("tasks/ctc.py", "speech to characters by CTC"),
        ("tasks/ctc_loss.py", "the loss"),
        ("data/preparation.py", "corpora to manifests"),
        ("data/manifest.py", "an utterance"),
        ("data/dataset.py", "batches"),
        ("training/loop.py", "the loop"),
        ("training/state.py", "exact resume"),
        ("training/report.py", "the report"),
    ],
    "features": [
        ("cli/features.py", "the command"),
        ("features/extraction.py", "extract and stream"),
        ("features/sources.py", "paths, arrays, tensors"),
        ("features/registry.py", "kinds by name"),
        ("features/base.py", "what a kind is"),
        ("features/framing.py", "frames and their times"),
        ("features/spectrogram.py", "spectrogram, mel, log-mel"),
        ("features/streaming.py", "blocks as they come"),
    ],
    "compose": [
        ("cli/compose.py", "the command"),
        ("music/generation/compose.py", "which composer"),
        ("music/generation/request.py", "what is asked for"),
        ("music/generation/token_composer.py", "tunes"),
        ("music/generation/sample_tokens.py", "token by token"),
        ("music/generation/endings.py", "whole bars, on the tonic"),
        ("music/score/tokens.py", "notes as tokens"),
        ("music/score/notes.py", "the score"),
        ("music/models/token_model.py", "the model's face"),
        ("music/files/midi_write.py", "MIDI out"),
    ],
}


def length(name: str) -> int:
    """Lines of a file of the package."""
    return (ROOT / "speechgru" / name).read_text(encoding="utf-8").count("\n")


def table(name: str) -> str:
    """One list in Markdown, with its sum."""
    rows = [(f"[{file}](../speechgru/{file})", str(length(file)), why) for file, why in LISTS[name]]
    lines = ["| file | lines | |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    total = sum(length(file) for file, _ in LISTS[name])
    return "\n".join([f"{len(rows)} files, {total:,} lines.", "", *lines])


def main() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for name in LISTS:
        pattern = re.compile(rf"(<!-- reading list: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text, count = pattern.subn(lambda match, name=name: f"{match[1]}{table(name)}\n{match[2]}", text)
        assert count == 1, name
    DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
