"""What a trained model's file needs beside its weights, learnt from dev speech: gate, search, confidence, word times.

Half of the speakers teach and the other half is measured, so that the figures hold for the numbers that are stored;
where fewer than two speakers are known, utterances are halved instead. What can't be learnt, or does no better on the
other half, is left as it is. No set but those given is read: give no test set, for what is chosen on it can't be
measured on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from speechgru.data import Utterance, read_audio
from speechgru.errors import SpeechGruError
from speechgru.evaluation import calibrate_hybrid
from speechgru.evaluation.calibrate_parts import Calibrator, Options, Part, Progress, Sample
from speechgru.evaluation.halves import halves, is_enough, of_sets
from speechgru.inference import CtcRecognizer, load_ctc
from speechgru.inference.acoustic_header import AcousticHeader
from speechgru.models import checkpoint

__all__ = ["calibrate", "calibrate_file", "halves", "is_enough"]


def silent(what: str, fraction: float) -> None:
    """A progress that nobody looks at."""


def calibrate_file(
    path: Path,
    sets: Mapping[str, Sequence[Utterance]],
    options: Options | None = None,
    target: Path | None = None,
    device: str = "cpu",
    on_progress: Progress = silent,
) -> list[Part]:
    """As `calibrate`, for the model in a file; what was learnt is written into its header, all of it or nothing.

    Args:
        target: the file to write; by default the model's own.

    Raises:
        CheckpointError: it is no acoustic model.
        SpeechGruError: as there.
    """
    loaded = checkpoint.load(path)
    if loaded.kind == "hybrid":
        parts = calibrate_hybrid.calibrate(path, sets, options or Options(), device, on_progress)
    else:
        header = loaded.read(AcousticHeader)
        parts = calibrate(load_ctc(path, device, decoder="greedy"), header, sets, options, on_progress)
    entries = {key: value for part in parts for key, value in part.entries.items()}
    checkpoint.annotate(path, entries, target)
    return parts


def calibrate(
    recognizer: CtcRecognizer,
    header: AcousticHeader,
    sets: Mapping[str, Sequence[Utterance]],
    options: Options | None = None,
    on_progress: Progress = silent,
) -> list[Part]:
    """Learn what `options.parts` name.

    Args:
        recognizer: of the model.
        header: of the model's file; what it holds is what is measured before.
        sets: dev utterances by the set's name; those longer than a piece (20 s) are left out.
        on_progress: called with what is being done and the fraction done of it.

    Raises:
        SpeechGruError: too little speech or noise, or nothing better was learnt.
        AudioError: a recording can't be read.
    """
    options = options or Options()
    teaching, held = of_sets(sets, options.seed)
    outputs = _outputs(recognizer, [*teaching, *held], on_progress)
    work = Calibrator(
        recognizer, header, options, on_progress, outputs[: len(teaching)], outputs[len(teaching) :]
    )
    parts = list(work.parts())
    if not any(part.entries for part in parts):
        told = "; ".join(f"{part.name}: {' '.join(part.lines)}" for part in parts)
        raise SpeechGruError(f"Nothing better was learnt, so nothing is stored. {told}")
    return parts


def _outputs(
    recognizer: CtcRecognizer, utterances: Sequence[tuple[str, Utterance]], on_progress: Progress
) -> list[Sample]:
    samples = []
    for name, utterance in utterances:
        output = next(recognizer.outputs([read_audio(utterance, recognizer.sample_rate).signal])).astype(
            np.float32
        )
        samples.append(Sample(name, utterance, output))
        on_progress("dev speech", len(samples) / len(utterances))
    return samples
