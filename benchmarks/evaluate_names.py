"""How often words that no text taught are recognised, without and with hotwords: names, above all.

    python benchmarks/evaluate_names.py MODEL MANIFEST... --known train.jsonl [--lm english] [--weights 0.5 1 2]

The words are those of the manifests that neither the texts of --known nor the language model hold, of four letters at
least; --most keeps the ones that occur most often. All of them are given as hotwords for every recording, as somebody
would who has a list of names: what it costs shows as false alarms and in the WER. Choose the weight on dev sets.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from speechgru.data import Utterance, manifest
from speechgru.errors import SpeechGruError
from speechgru.evaluation import evaluate, wer
from speechgru.inference import Recognizer, load_ctc
from speechgru.lm import ngram
from speechgru.utils import console
from speechgru.utils.assets import find_lm

SHORTEST = 4


def unknown_words(utterances: Sequence[Utterance], known: set[str], most: int | None) -> list[str]:
    """Words of `utterances` that are not in `known`, the most frequent first."""
    counts = Counter(word for u in utterances for word in u.text.split())
    words = [word for word in counts if word not in known and len(word) >= SHORTEST]
    return sorted(words, key=lambda word: (-counts[word], word))[:most]


def found(alignments: Sequence[wer.Alignment], words: Sequence[str]) -> tuple[int, int, int]:
    """How often `words` were said, recognised where they were said, and recognised where they were not."""
    said = right = wrong = 0
    for alignment in alignments:
        reference, hypothesis = Counter(alignment.reference.split()), Counter(alignment.hypothesis.split())
        for word in words:
            said += reference[word]
            right += min(reference[word], hypothesis[word])
            wrong += max(0, hypothesis[word] - reference[word])
    return said, right, wrong


def measure(recognizer: Recognizer, utterances: Sequence[Utterance], words: Sequence[str]) -> str:
    evaluation = evaluate(recognizer, utterances)
    said, right, wrong = found([row.alignment for row in evaluation.rows], words)
    low, high = evaluation.score.interval
    return (
        f"{right} of {said} ({right / said:.1%}) | {wrong} | {evaluation.score.wer:.2%} | "
        f"{low:.2%} to {high:.2%} | {evaluation.real_time_factor:.4f}"
    )


def run(args: argparse.Namespace) -> None:
    utterances = [u for path in args.manifests for u in manifest.read(path)]
    known = {word for path in args.known for u in manifest.read(path) for word in u.text.split()}
    recognizer = load_ctc(args.model)
    lm = ngram.load(find_lm(args.lm)) if args.lm else None
    known |= set(lm.words) if lm else set()
    words = unknown_words(utterances, known, args.most)
    if not words:
        raise SpeechGruError("Every word of these manifests is known; give others, or fewer --known texts.")
    affected = [u for u in utterances if set(u.text.split()) & set(words)]
    print(f"{len(words)} words, in {len(affected)} of {len(utterances)} recordings: {', '.join(words)}\n")
    print(
        "| decoder | recognised | false alarms | WER | 95 % interval | RTF |\n| --- | --- | --- | --- | --- | --- |"
    )
    print(f"| as stored | {measure(recognizer, utterances, words)} |")
    for weight in (None, *args.weights):
        hot = {} if weight is None else {"hotwords": words, "hotword_weight": weight}
        recognizer = load_ctc(args.model, decoder="beam", lm=args.lm, **hot)
        name = "beam" if weight is None else f"beam, hotwords x {weight:g}"
        print(f"| {name} | {measure(recognizer, utterances, words)} |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="checkpoint, or name of a packaged model")
    parser.add_argument("manifests", nargs="+", type=Path, metavar="MANIFEST")
    parser.add_argument("--known", nargs="+", type=Path, default=[], metavar="MANIFEST")
    parser.add_argument("--lm", default="english", help="language model: name or file; '' for none (english)")
    parser.add_argument("--most", type=int, metavar="N", help="only the N most frequent words")
    parser.add_argument("--weights", nargs="+", type=float, default=[0.5, 1.0, 2.0], metavar="W")
    args = parser.parse_args()
    return console.exit_code(lambda: run(args))


if __name__ == "__main__":
    sys.exit(main())
