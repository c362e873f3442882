"""`align`: the times of each word of a known text in a recording, from whatever holds the sound."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from speechgru.alignment.models import Aligner, load_aligner
from speechgru.alignment.text import Alignment, align_text
from speechgru.inference import CtcRecognizer
from speechgru.inference.job import Source, prepared
from speechgru.text import spoken_form


def align(
    source: Source,
    text: str | Path,
    sample_rate: int | None = None,
    model: str | Path | Aligner | CtcRecognizer | None = None,
    device: str = "cpu",
    on_progress: Callable[[float], None] | None = None,
) -> Alignment:
    """When each word of `text` was spoken. For many recordings, load an aligner once and pass it as `model`.

    Args:
        source: a path, "-", a binary file, or an array or tensor, as for `transcribe`.
        text: what is spoken, a line for each segment (a single line is cut into sentences); or, as a `pathlib.Path`,
            the file that holds it.
        sample_rate: of an array, in Hz. A file states its own.
        model: an aligner (`load_aligner`), a recognizer, the path of a checkpoint, or the name of one that comes with
            the package; by default english, which judges and places the words that english-small finds.
        on_progress: called with the fraction of the recording that the network has processed.

    Raises:
        TextError: the text can't be read, has no word, has characters that the model can't write, or is longer than
            the recording.
        AudioError: the recording can't be read; an array without its rate; a rate for a file.
        CheckpointError: no such model.
    """
    if isinstance(text, Path):
        text = spoken_form.read(text)
    if isinstance(model, CtcRecognizer):
        model = Aligner(model)
    aligner = model if isinstance(model, Aligner) else load_aligner(model, device)
    recognizer = aligner.recognizer
    prepared_source = prepared(source, sample_rate, recognizer.sample_rate)
    return align_text(recognizer, prepared_source, text, on_progress, aligner.verifier)
