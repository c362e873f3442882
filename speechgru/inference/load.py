"""A recognizer from a model's file, whatever kind of model it holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgru.errors import CheckpointError, ConfigError
from speechgru.inference.job import Source
from speechgru.inference.protocols import SpeechDetector
from speechgru.inference.recognizer import BATCH_SIZE, Progress, Recognizer, checked_batch_size
from speechgru.text.subwords import Subwords
from speechgru.transcript import Transcript
from speechgru.utils import device as devices
from speechgru.utils import plugins
from speechgru.utils.assets import CTC_MODEL, ONNX, ONNX_FILES, find_model

if TYPE_CHECKING:
    from speechgru.inference.ctc import CtcRecognizer
    from speechgru.inference.engines import onnx as onnx_engine
    from speechgru.inference.engines import torch as torch_engine
    from speechgru.models import Checkpoint

NO_DETECTOR = "none"
RUNTIMES = ("torch", "onnx")


def load_recognizer(
    model: str | Path | None = None,
    device: str = "cpu",
    batch_size: int = BATCH_SIZE,
    decoder: str | None = None,
    rescore: str | Path | None = None,
    detector: str | Path | None = None,
    runtime: str | None = None,
    **settings: Any,
) -> Recognizer:
    """Load a model and make it ready to transcribe.

    Args:
        model: path of a checkpoint, or the name of one that comes with the package; by default english,
            or english-small where a decoder or a rescorer is named. Or a model in ONNX, or its folder.
        device: "cpu", "cuda", "cuda:N", or "auto" for a GPU where there is one.
        batch_size: pieces of audio that run at once, at most.
        decoder: name of a decoder; by default the checkpoint's own. Hybrid models have one only.
        rescore: file of a GRU language model that chooses among the texts of the beam search, for models of CTC.
        detector: file or packaged name of a speech detector; what holds none for it isn't recognised. "none" does
            without the one that a model names itself.
        runtime: "torch" or "onnx", what models of CTC are run with; by default PyTorch for checkpoints. Models in ONNX
            have onnx alone.
        settings: of the search, over the checkpoint's own: lm (name or file of a language model), lm_weight,
            word_bonus, hotwords (a list), hotword_weight, beam, and others; see speechgru.decoding.beam.Settings and
            speechgru.inference.hybrid.Settings.

    Raises:
        CheckpointError: no such model, or the file isn't one.
        LanguageModelError: no such language model, or it doesn't fit the model.
        ConfigError: unknown device, decoder, runtime or setting; a hotword that the model can't write.
        DependencyError: the runtime isn't installed.
    """
    checked_batch_size(batch_size)
    if model is None and (decoder or rescore or runtime == "onnx"):
        model = CTC_MODEL
    path = find_model(model)  # before the imports: a mistake is told at once
    if path.suffix == ONNX or runtime == "onnx":
        return _ctc(_engine(path, device, runtime), batch_size, decoder, rescore, detector, settings)
    from speechgru.models import checkpoint

    device = str(devices.find(device))
    loaded = checkpoint.load(path)
    if loaded.kind != "hybrid":
        engine = _engine(path, device, runtime, loaded)
        return _ctc(engine, batch_size, decoder, rescore, detector, settings)
    if decoder or rescore:
        raise ConfigError(
            f"{'decoder ' + decoder if decoder else 'rescore'} is for models that CTC trained, and {path.stem} is a "
            f"hybrid one, which is read in one way. Leave it out, or take another model ({CTC_MODEL})."
        )
    from speechgru.inference import hybrid

    common: Any = {"batch_size": batch_size, "model": path.stem}
    recognizer = hybrid.load(loaded, device, settings, **common)
    own = loaded.read(hybrid.ReadHybridHeader).detector
    recognizer.detector = _detector((own or None) if detector is None else detector, recognizer)
    return recognizer


def load_ctc(
    model: str | Path | None = None,
    device: str = "cpu",
    batch_size: int = BATCH_SIZE,
    decoder: str | None = None,
    rescore: str | Path | None = None,
    detector: str | Path | None = None,
    runtime: str | None = None,
    **settings: Any,
) -> CtcRecognizer:
    """As `load_recognizer`, of a model that CTC trained, whose emissions are looked at; by default english-small.

    Raises:
        CheckpointError: no such model, or of another kind, or one that writes pieces of words.
    """
    checked_batch_size(batch_size)
    path = find_model(CTC_MODEL if model is None else model)
    engine = _engine(path, device, runtime)
    if isinstance(engine.vocabulary, Subwords):
        raise CheckpointError(
            f"{path} writes pieces of words; this wants a model of characters. Take another ({CTC_MODEL})."
        )
    return _ctc(engine, batch_size, decoder, rescore, detector, settings)


def _engine(
    path: Path, device: str, runtime: str | None, loaded: Checkpoint | None = None
) -> torch_engine.Engine | onnx_engine.Engine:
    """What runs the model of CTC in a file, which may have been `loaded`.

    Raises:
        CheckpointError: it is of another kind.
        ConfigError: there is no such runtime, or it doesn't run such files.
    """
    if runtime not in (None, *RUNTIMES):
        raise ConfigError(plugins.unknown("runtime", str(runtime), RUNTIMES))
    if path.suffix == ONNX:
        if runtime == "torch":
            raise ConfigError(f"{path} is a model in ONNX, which PyTorch doesn't run. Leave --runtime out.")
        from speechgru.inference.engines import onnx

        return onnx.load(path, device)
    from speechgru.models import checkpoint

    loaded = loaded or checkpoint.load(path)
    if loaded.kind == "hybrid":
        raise CheckpointError(
            f"{path} is a hybrid model; this wants one that CTC trained, by characters. Take another ({CTC_MODEL})."
        )
    if runtime == "onnx":
        from speechgru.inference.engines import onnx

        return onnx.of_checkpoint(loaded, device)
    from speechgru.inference.engines import torch

    return torch.Engine(loaded, devices.find(device))


def _ctc(
    engine: torch_engine.Engine | onnx_engine.Engine,
    batch_size: int,
    decoder: str | None,
    rescore: str | Path | None,
    detector: str | Path | None,
    settings: dict[str, Any],
) -> CtcRecognizer:
    from speechgru.inference import select
    from speechgru.inference.ctc import CtcRecognizer

    header = engine.header
    wanted = decoder or (select.SEARCH if rescore else None)
    name, decode = select.decoder(header, wanted, settings)
    if rescore:
        from speechgru.decoding.rescoring import load_rescorer

        decode = load_rescorer(decode, rescore, engine.vocabulary.symbols, str(engine.device))
    recognizer = CtcRecognizer(
        engine,
        decode,
        batch_size=batch_size,
        # All three differ from one network to the next: `speechgru model calibrate` learns them.
        gate=header.gate,
        times=header.times,
        calibration=header.confidence.get(name),
        languages=header.languages,
        model=_name(header.path),
    )
    recognizer.detector = _detector(detector, recognizer)
    return recognizer


def _name(path: Path) -> str:
    """What transcripts call a model: its file's name; its folder's where most programs name the file alike."""
    return path.resolve().parent.name if path.name in ONNX_FILES else path.stem


def _detector(path: str | Path | None, recognizer: Recognizer) -> SpeechDetector | None:
    """The detector in a file, if one is named."""
    if path is None or str(path) == NO_DETECTOR:
        return None
    from speechgru.vad import load_detector

    detector = load_detector(path, recognizer.device)
    if detector.sample_rate != recognizer.sample_rate:
        raise ConfigError(
            f"The detector {path} is for {detector.sample_rate} Hz and the model for {recognizer.sample_rate} Hz; "
            "expected the same."
        )
    return detector


def transcribe(
    source: Source,
    sample_rate: int | None = None,
    model: str | Path | None = None,
    device: str = "cpu",
    on_progress: Progress | None = None,
    punctuate: bool = False,
) -> Transcript:
    """Transcribe one recording; for more than one, load a recognizer once. Arguments as there.

    Args:
        punctuate: write capitals and punctuation, as `load_punctuator` restores them. Scores compare texts without.
    """
    transcript = load_recognizer(model, device).transcribe(source, sample_rate, on_progress)
    if not punctuate:
        return transcript
    from speechgru.inference.punctuator import load_punctuator

    return load_punctuator(device=device).apply(transcript)
