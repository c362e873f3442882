"""What an export costs in word error rate, and what each engine takes: greedy decoding of whole utterances.

    python benchmarks/exports.py english-small dev.jsonl

Prints, for the checkpoint with PyTorch and for each export with ONNX Runtime, the word error rate (no gate, no language
model), the texts that differ from the checkpoint's, and seconds of processor time, features and decoding included.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from pathlib import Path

from speechgru.data import manifest
from speechgru.evaluation import wer
from speechgru.inference import export, load_ctc
from speechgru.inference.acoustic_header import AcousticHeader
from speechgru.models import checkpoint
from speechgru.utils.assets import find_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="of CTC: checkpoint or packaged name")
    parser.add_argument("manifest", help="dev recordings with texts (JSON Lines), of less than 20 s each")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take each Nth recording")
    args = parser.parse_args()
    utterances = list(manifest.read_set(args.manifest))[:: args.every]
    path = find_model(args.model)
    loaded = checkpoint.load(path)
    first: list[str] = []
    rate = loaded.read(AcousticHeader).features.sample_rate
    signals = [manifest.read_audio(utterance, rate).signal for utterance in utterances]
    with tempfile.TemporaryDirectory() as folder:
        models = {"checkpoint": path}
        for precision in ("float32", "float16", "int8"):
            models[precision] = export.export(loaded, Path(folder) / precision, precision)[0]
        for layout in ("zipformer2_ctc", "nemo"):
            models[layout] = export.export(loaded, Path(folder) / layout, layout=layout)[0]
        for name, model in models.items():
            recognizer = load_ctc(model, decoder="greedy")
            texts, seconds = [], 0.0
            for signal in signals:
                begin = resource.getrusage(resource.RUSAGE_SELF).ru_utime
                (output,) = recognizer.outputs([signal])
                texts.append(recognizer.decode(output).text)
                seconds += resource.getrusage(resource.RUSAGE_SELF).ru_utime - begin
            first = first or texts
            score = wer.score([u.text for u in utterances], texts, normaliser=recognizer.normaliser)
            different = sum(a != b for a, b in zip(first, texts))
            print(
                f"{name:<15} WER {100 * score.wer:.2f} % of {score.words.total:,} words, {different} of "
                f"{len(texts)} texts differ, {seconds:.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
