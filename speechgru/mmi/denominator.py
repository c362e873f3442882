"""How likely the outputs make any text at all: forward-backward over the phone trigram's states, compiled.

    p(frames) = sum over paths of prod over frames of transition * exp(output)

A state emits its `enter` output on the frame that enters it and `stay` on the others; it is left with probability 1/2
(Hadian et al. 2018). The leak lets each state go to any other with a small probability, so that texts that the trigram
excludes cost a penalty and not infinity (Povey et al. 2016, section 2.7). Probabilities are plain numbers, scaled to a
sum of 1 in every frame; the trigram is dense (see `phone_ngram`), so that the innermost loops run over rows of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speechgru.mmi.phone_ngram import PhoneGram
from speechgru.mmi.tying import Tying
from speechgru.utils import jit

LEAK = 1e-4
HALF = np.float32(0.5)
njit = jit.compiled(__file__, fastmath=True)


def occupation(
    outputs: NDArray[np.float32], gram: PhoneGram, tying: Tying, leak: float = LEAK
) -> tuple[float, NDArray[np.float32]]:
    """The natural log of the sum over all paths, and the probability of each output in each frame.

    Args:
        outputs: unnormalised logarithms [frames, outputs], at least one frame.
        leak: probability of the leak.

    Returns:
        the logarithm and its gradient [frames, outputs].
    """
    occupied = np.zeros_like(outputs)
    total = _occupation(
        outputs, gram.next * HALF, gram.start, gram.share, np.float32(leak), tying.enter, tying.stay, occupied
    )
    return total, occupied


@njit
def _occupation(outputs, arcs, start, share, leak, enter, stay, occupied):
    frames, phones = len(outputs), len(start)
    alpha = np.empty((frames, phones, phones), np.float32)
    entry = np.empty((frames, phones, phones), np.float32)
    scale = np.empty(frames, np.float32)
    loud = np.empty(outputs.shape[1], np.float32)
    total = 0.0
    for t in range(frames):
        total += _exponentials(outputs[t], loud)
        if t == 0:
            for left in range(phones):
                for p in range(phones):
                    entry[0, left, p] = start[left, p]
        else:
            _enter(alpha[t - 1], arcs, share, leak, entry[t])
        scale[t] = _emit(alpha[t - 1] if t else alpha[t], t > 0, loud, enter, stay, entry[t], alpha[t])
        total -= np.log(np.float64(scale[t]))
    beta = np.ones((phones, phones), np.float32)
    onset, before = np.empty((phones, phones), np.float32), np.empty((phones, phones), np.float32)
    for t in range(frames - 1, -1, -1):
        _count(alpha[t], entry[t], beta, enter, stay, occupied[t])
        if t:
            _exponentials(outputs[t], loud)
            _back(beta, arcs, share, leak, loud, enter, stay, scale[t], onset, before)
            beta, before = before, beta
    return total


@njit
def _exponentials(row, loud):
    """exp(row - its maximum) into `loud`; returns the maximum."""
    top = row[0]
    for o in range(len(row)):
        top = max(top, row[o])
    for o in range(len(row)):
        loud[o] = np.exp(row[o] - top)
    return top


@njit
def _enter(alpha, arcs, share, leak, entry):
    """Probabilities of entering each state before its output is taken. `alpha` sums to 1."""
    phones = len(alpha)
    silent = np.float32(0)
    for p in range(phones):
        row = entry[p]
        for q in range(phones):
            row[q] = leak * share[p, q]
        for left in range(phones):
            a = alpha[left, p]
            if a > 0:
                arc = arcs[p, left]
                for q in range(phones):
                    row[q] += a * arc[q]
        silent += row[0]
        row[0] = 0
    entry[0, 0] = silent


@njit
def _emit(before, goes_on, loud, enter, stay, entry, alpha):
    """Entries times the outputs, and the states after them, both scaled to a sum of 1; returns the scale."""
    phones = len(alpha)
    total = np.float32(0)
    for left in range(phones):
        for p in range(phones):
            come = entry[left, p] * loud[enter[left, p]]
            entry[left, p] = come
            if goes_on:
                come += HALF * before[left, p] * loud[stay[left, p]]
            alpha[left, p] = come
            total += come
    scale = np.float32(1) / max(total, np.float32(1e-37))
    for left in range(phones):
        for p in range(phones):
            entry[left, p] *= scale
            alpha[left, p] *= scale
    return scale


@njit
def _count(alpha, entry, beta, enter, stay, occupied):
    """Add each state's probability given all frames to its output."""
    phones = len(alpha)
    total = np.float32(0)
    for left in range(phones):
        for p in range(phones):
            total += alpha[left, p] * beta[left, p]
    scale = np.float32(1) / total
    for left in range(phones):
        for p in range(phones):
            if alpha[left, p] > 0:
                come, b = entry[left, p], beta[left, p] * scale
                occupied[enter[left, p]] += come * b
                occupied[stay[left, p]] += (alpha[left, p] - come) * b


@njit
def _back(beta, arcs, share, leak, loud, enter, stay, scale, onset, before):
    """`beta` of the frame before, into `before`."""
    phones = len(beta)
    leaked = np.float32(0)
    for left in range(phones):
        for p in range(phones):
            onset[left, p] = loud[enter[left, p]] * beta[left, p]
    for p in range(1, phones):
        onset[p, 0] = onset[0, 0]
    for left in range(phones):
        for p in range(phones):
            leaked += share[left, p] * onset[left, p]
    for p in range(phones):
        row = onset[p]
        for left in range(phones):
            arc = arcs[p, left]
            total = np.float32(0)
            for q in range(phones):
                total += arc[q] * row[q]
            before[left, p] = (total + leak * leaked + HALF * loud[stay[left, p]] * beta[left, p]) * scale
