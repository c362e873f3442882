"""The gate that keeps a model from writing words for noise, chosen on dev speech and recordings of noise.

For each weight of the speaking rate the threshold is the one that silences a given share of the speech; the weight that
then lets least noise through is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from speechgru.inference.gate import Gate, evidence
from speechgru.transcript import Word

RATE_WEIGHTS = (0.0, 0.004, 0.008, 0.012, 0.016, 0.02, 0.03)

# The words of each stretch of sound, read greedily; none where nothing was recognised or its levels hold no speech.
Stretches = Sequence[tuple[Word, ...]]


def choose(gate: Gate, speech: Stretches, noise: Stretches, lose: float) -> Gate:
    """`gate` with the threshold and the rate weight that let least of `noise` through.

    Args:
        speech: of these, stretches without words don't count: there is nothing to lose in them.
        lose: share of the speech that may be silenced, in [0, 1).
    """
    words = [stretch for stretch in speech if stretch]
    tried = []
    for weight in RATE_WEIGHTS:
        threshold = float(np.quantile([evidence(stretch, weight) for stretch in words], lose))
        # Down, so that rounding silences none of the speech that is kept.
        tried.append(replace(gate, min_confidence=int(1000 * threshold) / 1000, rate_weight=weight))
    return min(tried, key=lambda each: passing(each, noise))


def passing(gate: Gate, stretches: Stretches) -> float:
    """The share of `stretches` whose words get through, in [0, 1]."""
    return sum(gate.accepts(words) for words in stretches) / len(stretches)
