"""Words and phrases that a search should favour: an automaton that counts their characters.

A text gains the characters of every hotword in it, as whole words: "gru" does not count in "grumble". Each character
counts as soon as it is there, so that a prefix survives pruning, and is taken back when the text continues differently
(contextual biasing, Zhao et al. 2019). A prefix that fails as one hotword may still begin another, from a later word
on: the automaton of Aho and Corasick (1975), started at word starts. Where the symbols have no space, there are no
words, and a hotword counts anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SPACE = " "
_START, _OUTSIDE = 0, 1  # at the start of a word; within one that begins no hotword


class Automaton(NamedTuple):
    """Starts in state 0.

    next: state after a symbol, int32 [states, symbols]; gain: characters that it adds or takes back, int32
    [states, symbols]; end: the same where the text ends, int32 [states].
    """

    next: NDArray[np.int32]
    gain: NDArray[np.int32]
    end: NDArray[np.int32]


def build(phrases: Sequence[Sequence[int]], symbols: Sequence[str]) -> Automaton:
    """The automaton of `phrases`, each a list of indices of `symbols`: characters, single spaces between words."""
    space = symbols.index(SPACE) if SPACE in symbols else -1
    children, complete, pending = _trie(phrases, space)
    follow = np.zeros((len(children), len(symbols)), np.int32)
    outside = _START if space < 0 else _OUTSIDE
    follow[_OUTSIDE] = outside
    follow[_OUTSIDE, space] = _START
    fallback = {_START: _OUTSIDE, _OUTSIDE: _OUTSIDE}
    queue = [_OUTSIDE, _START]
    # Breadth first: the prefix that a state falls back to is shorter, so its row is there already.
    for state in queue:
        if state != _OUTSIDE:
            follow[state] = follow[fallback[state]]
        for symbol, child in children[state].items():
            fallback[child] = outside if state == _START and symbol != space else int(follow[state, symbol])
            follow[state, symbol] = child
            queue.append(child)
    # A completed hotword counts, and so does every other that it ends in.
    output = np.zeros(len(children), np.int32)
    for state in queue[2:]:
        output[state] = complete.get(state, 0) + output[fallback[state]]
    gain = pending[follow] - pending[:, None]
    if space < 0:
        return Automaton(follow, gain + output[follow], -pending)
    gain[:, space] += output
    return Automaton(follow, gain, output - pending)


def _trie(
    phrases: Sequence[Sequence[int]], space: int
) -> tuple[list[dict[int, int]], dict[int, int], NDArray[np.int32]]:
    """Children of each state; characters of each hotword by the state where it ends; characters not yet earned."""
    children: list[dict[int, int]] = [{}, {}]
    complete: dict[int, int] = {}
    for phrase in phrases:
        state = _START
        for symbol in phrase:
            if symbol not in children[state]:
                children[state][symbol] = len(children)
                children.append({})
            state = children[state][symbol]
        complete[state] = sum(symbol != space for symbol in phrase)
    pending = np.zeros(len(children), np.int32)
    for state, below in enumerate(children):  # a child's number is greater than its parent's
        for symbol, child in below.items():
            # With words, a hotword is earned at its word's end; without, at once.
            earned = state in complete and (symbol == space or space < 0)
            pending[child] = (0 if earned else pending[state]) + (symbol != space)
    if space < 0:
        pending[list(complete)] = 0
    return children, complete, pending
