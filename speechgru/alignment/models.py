"""Which models align a text: one that CTC trained finds the words, and a hybrid one judges and places them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from speechgru.alignment.hybrid import Verifier
from speechgru.errors import CheckpointError
from speechgru.inference import CtcRecognizer, load_ctc
from speechgru.utils import device as devices
from speechgru.utils.assets import CTC_MODEL, ONNX, find_model


@dataclass(frozen=True)
class Aligner:
    """The models of an alignment, for any number of recordings.

    recognizer: finds the words. verifier: judges and places them; None: the recognizer does so by itself.
    """

    recognizer: CtcRecognizer
    verifier: Verifier | None = None


def load_aligner(model: str | Path | None = None, device: str = "cpu", runtime: str | None = None) -> Aligner:
    """The models that align a text.

    Args:
        model: path of a checkpoint, or the name of one that comes with the package. A hybrid model, by default english,
            judges the words that english-small finds; a model that CTC trained does both.
        device, runtime: as of `load_recognizer`; the runtime is that of the model that CTC trained.

    Raises:
        CheckpointError: no such model, of another kind, or one whose features are not fitted to speakers.
        ConfigError: unknown device.
    """
    from speechgru.models import checkpoint

    path = find_model(model)
    loaded = None if path.suffix == ONNX else checkpoint.load(path)
    if loaded is None or loaded.kind != "hybrid":
        return Aligner(load_ctc(path, device, decoder="greedy", runtime=runtime))
    from speechgru.mmi import model_file

    hybrid = model_file.of(loaded)
    recognizer = load_ctc(CTC_MODEL, device, decoder="greedy", runtime=runtime)
    if hybrid.adapter is None or hybrid.features.sample_rate != recognizer.sample_rate:
        raise CheckpointError(
            f"{path} can't judge words: expected a hybrid model at {recognizer.sample_rate} Hz whose features are "
            f"fitted to speakers. Take another (english), or one that CTC trained ({CTC_MODEL})."
        )
    hybrid.network.to(devices.find(device))
    recognizer.model = path.stem
    return Aligner(recognizer, Verifier(hybrid))
