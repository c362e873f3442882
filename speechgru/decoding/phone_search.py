"""Words by their sounds: the beam search over a pronouncing dictionary, with a language model of words.

The search is that of `speechgru.decoding.prefix_search`; the trie that it walks is one of sounds, and words that
sound alike share a node. Nothing is found but words that the language model knows, and those that are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.decoding import lexicon_trie, prefix_search
from speechgru.lexicon.dictionary import GAP
from speechgru.lexicon.g2p import Pronouncer
from speechgru.lm.ngram import NGram
from speechgru.lm.table import SPECIAL, UNKNOWN_ID
from speechgru.text.vocabulary import SPACE
from speechgru.utils import jit

ALIKE = 8  # words of one sound that are told apart, the likeliest ones
_FIRST = 0xE000  # sounds as characters of Unicode's private area


class Weights(NamedTuple):
    """Widths and weights as those of the decoder `beam`. extra: what single words gain, in nats."""

    beam: int
    beam_threshold: float
    token_threshold: float
    look_ahead: float
    lm_weight: float
    word_bonus: float
    extra: Mapping[str, float]


class SoundSearch:
    """SoundSearch(lm, pronouncer)(probs, assembled, n) -> texts.

    Args:
        lm: the language model whose words are looked for.
        pronouncer: says them.
        wanted: words that are looked for above all, whether the language model knows them or not.
    """

    def __init__(self, lm: NGram, pronouncer: Pronouncer, wanted: Collection[str] = ()) -> None:
        self.lm = lm
        more = sorted(word for word in wanted if lm.index(word) == UNKNOWN_ID)
        pronouncer.announce(lm.words)
        log_probs = prefix_search.unigrams(lm.arrays.frozen(), len(lm.words))
        words = [(word, number) for number, word in enumerate(lm.words) if number >= len(SPECIAL)]
        groups: dict[tuple[int, ...], list[tuple[str, int]]] = {}
        for word, number in [*words, *((word, UNKNOWN_ID) for word in more)]:
            said = pronouncer.word(word)
            if said:
                groups.setdefault(said, []).append((word, number))
        for alike in groups.values():
            alike.sort(key=lambda entry: (entry[0] not in wanted, -log_probs[entry[1]]))
        self._alike = {said: alike[:ALIKE] for said, alike in groups.items()}
        symbols = ["", SPACE, *(chr(_FIRST + i) for i in range(GAP + 1, len(pronouncer.sounds) + 1))]
        spelt = ["".join(symbols[sound] for sound in said) for said in self._alike]
        best = np.array([max(log_probs[number] for _, number in alike) for alike in self._alike.values()])
        self._trie = lexicon_trie.build(spelt, range(len(spelt)), best, symbols)
        self._groups = list(self._alike.values())
        self._symbols = len(symbols)

    def assembled(self, weights: Weights) -> tuple[Any, ...]:
        """What the compiled search takes beside probabilities."""
        spelling = self._spelling(weights)
        limits = prefix_search.Limits(
            width=weights.beam,
            threshold=math.exp(-weights.beam_threshold),
            token_floor=math.exp(weights.token_threshold),
            space=GAP,
            start=self.lm.start,
            lm_weight=weights.lm_weight,
            unknown_letter=0.0,
            ceiling=float(spelling["step"].max()),
            words=max(map(len, self._groups), default=1),
        )
        free = prefix_search.Bias(
            np.zeros((1, self._symbols), np.int32), np.ones((1, self._symbols)), np.zeros(1)
        )
        return limits, spelling, self.lm.arrays.frozen(), free

    def __call__(self, probs: NDArray[np.float64], assembled: tuple[Any, ...], n: int) -> list[str]:
        """The `n` best texts, best first, all different; fewer where the search found fewer.

        Args:
            probs: probabilities [frames, sounds], positive, the blank first.
            assembled: as the method of that name gave it.
        """
        jit.announce(prefix_search.search, "the beam search")
        scores, nodes, parent, symbol = prefix_search.search(probs, *assembled)
        flat, words = scores.ravel(), scores.shape[1]
        order = np.argsort(-flat, kind="stable")[:n]
        ends = [divmod(i, words) for i in order.tolist() if flat[i] > -np.inf]
        return list(dict.fromkeys(self._text(int(nodes[at]), last, parent, symbol) for at, last in ends))

    def _spelling(self, weights: Weights) -> NDArray[np.void]:
        """The trie for the search, then the twins, then the outside, which nothing leads to."""
        trie, count = self._trie, len(self._trie.word)
        twins = sum(len(alike) - 1 for alike in self._groups)
        spelling = np.zeros(count + twins + 1, prefix_search.SPELLING)
        spelling["first"], spelling["twin"], spelling["label"] = count, -1, -1
        spelling["word"], spelling["end"] = -1, -np.inf
        inside, ahead = spelling[:count], weights.look_ahead * weights.lm_weight * trie.best
        inside["first"], inside["label"] = trie.first[:count], trie.label
        inside["step"] = np.exp(ahead - ahead[np.maximum(trie.parent, 0)])
        at = count
        for node in np.flatnonzero(trie.word >= 0).tolist():
            before = -1
            for word, number in self._groups[trie.word[node]]:
                here = node if before < 0 else at
                spelling[here]["word"] = number
                spelling[here]["end"] = weights.word_bonus - ahead[node] + weights.extra.get(word, 0.0)
                if before >= 0:
                    spelling[before]["twin"], at = at, at + 1
                before = here
        return spelling

    def _text(self, node: int, last: int, parent: NDArray[np.int32], symbol: NDArray[np.int32]) -> str:
        """The words of a node of the search's tree; `last` says which of those that sound like its last one."""
        words: list[str] = []
        said: list[int] = []
        which = last
        while node:
            label = int(symbol[node])
            if label == GAP or label >= self._symbols:
                words.append(self._word(said, which))
                said, which = [], label - self._symbols + 1 if label >= self._symbols else 0
            else:
                said.append(label)
            node = int(parent[node])
        if said:
            words.append(self._word(said, which))
        return SPACE.join(reversed(words))

    def _word(self, backwards: list[int], which: int) -> str:
        return self._alike[tuple(reversed(backwards))][which][0]
