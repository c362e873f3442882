"""What a run that starts from a model does with the recordings that `corpus.hold_out` takes out of train."""

from __future__ import annotations

import logging
from pathlib import Path

from speechgru.data import Utterance, preparation
from speechgru.errors import SpeechGruError
from speechgru.evaluation import calibrate
from speechgru.evaluation.calibrate_parts import Options

BEFORE = f"{preparation.HELD_OUT} before"
"""The name of the score of the model that the run started from."""
_log = logging.getLogger(__name__)


def teach(
    path: Path, recordings: list[Utterance], parts: tuple[str, ...], started_from: str, device: str
) -> None:
    """Learn `parts` of `speechgru model calibrate` that change no text, where there are recordings enough, so that what
    is held out still chooses nothing that its WER depends on."""
    if not calibrate.is_enough(recordings):
        return
    try:
        learnt = calibrate.calibrate_file(
            path, {preparation.HELD_OUT: recordings}, Options(parts=parts), device=device
        )
    except SpeechGruError as error:
        _log.warning("Its %s stay those of %s: %s", " and ".join(parts), started_from, error)
        return
    for part in learnt:
        _log.info("%s, learnt from half of %s: %s", part.name, preparation.HELD_OUT, "; ".join(part.lines))
