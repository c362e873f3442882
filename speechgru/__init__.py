"""Speech recognition with gated recurrent units: train it, run it, read every line of it.

The public names are imported when they are first used, so that `import speechgru` itself costs nothing.
`speechgru.features` has the audio toolkit; its kinds are functions here too: `speechgru.log_mel("talk.mp3")`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechgru import features
    from speechgru.alignment.recording import align
    from speechgru.alignment.text import align_text
    from speechgru.errors import (
        AudioError,
        AudioWarning,
        CheckpointError,
        ConfigError,
        CorpusError,
        DependencyError,
        DownloadError,
        LanguageModelError,
        ManifestError,
        MusicError,
        SpeechGruError,
        TextError,
        TrainingError,
        UsageError,
    )
    from speechgru.evaluation.recognition import evaluate
    from speechgru.features.chroma import separate
    from speechgru.features.frontend import LogMel
    from speechgru.features.functions import (
        bandwidth,
        beats,
        centroid,
        chroma,
        cmvn,
        contrast,
        cqt,
        deltas,
        energy,
        harmonic,
        kaldi_fbank,
        kaldi_mfcc,
        lfcc,
        log_mel,
        mel,
        mfcc,
        onset_strength,
        onsets,
        percussive,
        pitch,
        rolloff,
        spectrogram,
        tempo,
        tempogram,
        zero_crossings,
    )
    from speechgru.inference.classifier import load_classifier
    from speechgru.inference.load import load_recognizer, transcribe
    from speechgru.inference.punctuator import load_punctuator
    from speechgru.lm.neural import load_language_model
    from speechgru.music.generation.compose import load_composer
    from speechgru.training.run import train
    from speechgru.transcript import Segment, Transcript, Word
    from speechgru.vad.detector import load_detector

__version__ = "0.2.0"

# All other names are errors, or kinds of features.
_HOMES = {
    "LogMel": "features.frontend",
    "Segment": "transcript",
    "Transcript": "transcript",
    "Word": "transcript",
    "align": "alignment.recording",
    "align_text": "alignment.text",
    "evaluate": "evaluation.recognition",
    "load_classifier": "inference.classifier",
    "load_composer": "music.generation.compose",
    "load_detector": "vad.detector",
    "load_language_model": "lm.neural",
    "load_punctuator": "inference.punctuator",
    "load_recognizer": "inference.load",
    "separate": "features.chroma",
    "train": "training.run",
    "transcribe": "inference.load",
}

__all__ = [
    "AudioError",
    "AudioWarning",
    "CheckpointError",
    "ConfigError",
    "CorpusError",
    "DependencyError",
    "DownloadError",
    "LanguageModelError",
    "LogMel",
    "ManifestError",
    "MusicError",
    "Segment",
    "SpeechGruError",
    "TextError",
    "TrainingError",
    "Transcript",
    "UsageError",
    "Word",
    "__version__",
    "align",
    "align_text",
    "bandwidth",
    "beats",
    "centroid",
    "chroma",
    "cmvn",
    "contrast",
    "cqt",
    "deltas",
    "energy",
    "evaluate",
    "features",
    "harmonic",
    "kaldi_fbank",
    "kaldi_mfcc",
    "lfcc",
    "load_classifier",
    "load_composer",
    "load_detector",
    "load_language_model",
    "load_punctuator",
    "load_recognizer",
    "log_mel",
    "mel",
    "mfcc",
    "onset_strength",
    "onsets",
    "percussive",
    "pitch",
    "rolloff",
    "separate",
    "spectrogram",
    "tempo",
    "tempogram",
    "train",
    "transcribe",
    "zero_crossings",
]


def __getattr__(name: str) -> Any:
    if name == "features":
        return importlib.import_module("speechgru.features")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES.get(name, "errors" if name[0].isupper() else "features.functions")
    value = getattr(importlib.import_module(f"speechgru.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
