"""Words by their phones: the beam search over a pronouncing dictionary, with a language model of words.

The search is that of `speechgru.decoding.prefix_search`. Its lexicon is a trie of phones, in which words with the same
phones (homophones) share a node. It finds only words that the language model has, and single hotwords.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from speechgru.decoding import lexicon_trie, prefix_search
from speechgru.decoding.search_state import LEXICON, Limits, Records, Scorer, no_hotwords
from speechgru.decoding.settings import BeamSettings
from speechgru.lexicon.dictionary import SPACE_ID
from speechgru.lexicon.g2p import Pronouncer
from speechgru.lm import NGram
from speechgru.lm.table import SPECIAL, UNKNOWN_ID
from speechgru.text.vocabulary import SPACE
from speechgru.utils import jit

HOMOPHONES = 8  # words of the same phones that are told apart, the likeliest ones
_FIRST = 0xE000  # phones as characters of Unicode's private area


class PhoneSearch:
    """PhoneSearch(lm, pronouncer)(probs, scorer, n) -> texts.

    Args:
        lm: the language model whose words are looked for.
        pronouncer: pronounces them.
        hotwords: words that come first among homophones, whether the language model has them or not.
    """

    def __init__(self, lm: NGram, pronouncer: Pronouncer, hotwords: Collection[str] = ()) -> None:
        self.lm = lm
        unknown = sorted(word for word in hotwords if lm.index(word) == UNKNOWN_ID)
        pronouncer.announce(lm.words)
        log_probs = prefix_search.unigrams(lm.arrays.frozen(), len(lm.words))
        words = [(word, number) for number, word in enumerate(lm.words) if number >= len(SPECIAL)]
        groups: dict[tuple[int, ...], list[tuple[str, int]]] = {}
        for word, number in [*words, *((word, UNKNOWN_ID) for word in unknown)]:
            phones = pronouncer.word(word)
            if phones:
                groups.setdefault(phones, []).append((word, number))
        for group in groups.values():
            group.sort(key=lambda entry: (entry[0] not in hotwords, -log_probs[entry[1]]))
        self._homophones = {phones: group[:HOMOPHONES] for phones, group in groups.items()}
        symbols = ["", SPACE, *(chr(_FIRST + i) for i in range(SPACE_ID + 1, len(pronouncer.phones) + 1))]
        spellings = ["".join(symbols[phone] for phone in phones) for phones in self._homophones]
        self._groups = list(self._homophones.values())
        best = np.array([max(log_probs[number] for _, number in group) for group in self._groups])
        self._trie = lexicon_trie.build(spellings, range(len(spellings)), best, symbols)
        self._symbols = len(symbols)

    def scorer(self, settings: BeamSettings) -> Scorer:
        """All that the compiled search takes beside probabilities. Of hotwords, single words count here."""
        lexicon = self._lexicon(settings)
        limits = Limits(
            beam_width=settings.beam,
            beam_threshold=math.exp(-settings.beam_threshold),
            token_threshold=math.exp(settings.token_threshold),
            space=SPACE_ID,
            lm_start=self.lm.start,
            lm_weight=settings.lm_weight,
            unknown_character=0.0,
            max_factor=float(lexicon["step"].max()),
            homophones=max(map(len, self._groups), default=1),
        )
        return Scorer(limits, lexicon, self.lm.arrays.frozen(), no_hotwords(self._symbols))

    def __call__(self, probs: NDArray[np.float64], scorer: Scorer, n: int) -> list[str]:
        """The `n` best texts, best first, all different; fewer where the beam has fewer.

        Args:
            probs: probabilities [frames, phones], positive, the blank first.
            scorer: as the method of that name returned it.
        """
        jit.announce(prefix_search.search, "the beam search")
        scores, nodes, parent, symbol = prefix_search.search(probs, scorer)
        flat, words = scores.ravel(), scores.shape[1]
        order = np.argsort(-flat, kind="stable")[:n]
        ends = [divmod(i, words) for i in order.tolist() if flat[i] > -np.inf]
        return list(dict.fromkeys(self._text(int(nodes[at]), last, parent, symbol) for at, last in ends))

    def _lexicon(self, settings: BeamSettings) -> Records:
        """The trie for the search, then further homophones, then the outside, which nothing leads to."""
        trie, count = self._trie, len(self._trie.word)
        bonus = {word: settings.hotword_weight * len(word) for word in settings.hotwords}
        lexicon = np.zeros(count + sum(len(group) - 1 for group in self._groups) + 1, LEXICON)
        lexicon["first_child"], lexicon["homophone"], lexicon["label"] = count, -1, -1
        lexicon["word"], lexicon["end"] = -1, -np.inf
        inside, ahead = lexicon[:count], settings.look_ahead * settings.lm_weight * trie.best
        inside["first_child"], inside["label"] = trie.first[:count], trie.label
        inside["step"] = np.exp(ahead - ahead[np.maximum(trie.parent, 0)])
        at = count
        for node in np.flatnonzero(trie.word >= 0).tolist():
            before = -1
            for word, number in self._groups[trie.word[node]]:
                here = node if before < 0 else at
                lexicon[here]["word"] = number
                lexicon[here]["end"] = settings.word_bonus - ahead[node] + bonus.get(word, 0.0)
                if before >= 0:
                    lexicon[before]["homophone"], at = at, at + 1
                before = here
        return lexicon

    def _text(self, node: int, last: int, parent: NDArray[np.int32], symbol: NDArray[np.int32]) -> str:
        """The words of a node of the search's tree; `last` numbers the homophone that is its last word."""
        words: list[str] = []
        phones: list[int] = []
        which = last
        while node:
            label = int(symbol[node])
            if label == SPACE_ID or label >= self._symbols:
                words.append(self._word(phones, which))
                phones, which = [], label - self._symbols + 1 if label >= self._symbols else 0
            else:
                phones.append(label)
            node = int(parent[node])
        if phones:
            words.append(self._word(phones, which))
        return SPACE.join(reversed(words))

    def _word(self, backwards: list[int], which: int) -> str:
        return self._homophones[tuple(reversed(backwards))][which][0]
