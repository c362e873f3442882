"""From a recording to a transcript, by a model from its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechgru.utils.faces import lazy

if TYPE_CHECKING:
    from speechgru.inference.classifier import Classifier, load_classifier
    from speechgru.inference.ctc import CtcRecognizer
    from speechgru.inference.load import load_ctc, load_recognizer, transcribe
    from speechgru.inference.punctuator import Punctuator, load_punctuator
    from speechgru.inference.recognizer import Recognizer

__all__ = [
    "Classifier",
    "CtcRecognizer",
    "Punctuator",
    "Recognizer",
    "load_classifier",
    "load_ctc",
    "load_punctuator",
    "load_recognizer",
    "transcribe",
]


__getattr__, __dir__ = lazy(
    __name__,
    {
        "Classifier": "classifier",
        "CtcRecognizer": "ctc",
        "Punctuator": "punctuator",
        "Recognizer": "recognizer",
        "load_classifier": "classifier",
        "load_ctc": "load",
        "load_punctuator": "punctuator",
        "load_recognizer": "load",
        "transcribe": "load",
    },
)
