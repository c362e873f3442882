"""The lexicon of the search over characters: the words of a language model and of hotwords, with their weights."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from speechgru.decoding import lexicon_trie, prefix_search
from speechgru.decoding.search_state import LEXICON, Records
from speechgru.decoding.settings import BeamSettings
from speechgru.lm import NGram
from speechgru.lm.ngram import from_table
from speechgru.lm.table import SPECIAL, UNKNOWN_ID, Level, Table


class CharacterLexicon:
    """A trie of words in characters, for any weights.

    Args:
        lm: language model whose words it holds.
        hotwords: phrases; their words that the language model lacks are held too.
        symbols: of the acoustic model, the blank first.

    Raises:
        LanguageModelError: the language model has words in other characters.
    """

    def __init__(self, lm: NGram, hotwords: Iterable[str], symbols: tuple[str, ...]) -> None:
        extra = sorted(
            {word for phrase in hotwords for word in phrase.split() if lm.index(word) == UNKNOWN_ID}
        )
        words = [*lm.words[len(SPECIAL) :], *extra]
        ids = [*range(len(SPECIAL), len(lm.words)), *[UNKNOWN_ID] * len(extra)]
        log_probs = prefix_search.unigrams(lm.arrays.frozen(), len(lm.words))
        self._trie = lexicon_trie.build(words, ids, log_probs[ids], symbols)
        self._unknown = float(log_probs[UNKNOWN_ID])  # the look-ahead of unknown words

    def weighted(self, settings: BeamSettings) -> Records:
        """Factors of the trie's steps. Along a word they multiply to the look-ahead, taken back at its end."""
        trie = self._trie
        ahead = settings.look_ahead * settings.lm_weight * trie.best
        unknown = self._unknown * settings.look_ahead * settings.lm_weight
        # What a word would pay for being unknown if it ended in a node, or had one character more than that.
        price = settings.unknown_word + trie.depth * settings.unknown_letter
        lexicon = np.zeros(len(trie.word) + 1, LEXICON)
        lexicon["first_child"], lexicon["homophone"] = trie.first, -1
        inside, outside = lexicon[:-1], lexicon[-1]
        inside["label"], inside["word"] = trie.label, trie.word
        inside["step"] = np.exp(ahead - ahead[np.maximum(trie.parent, 0)])
        inside["leave"] = np.exp(unknown - ahead + price + settings.unknown_letter)
        inside["end"] = settings.word_bonus - ahead + np.where(trie.word < 0, price, 0.0)
        outside["word"], outside["end"] = UNKNOWN_ID, settings.word_bonus - unknown
        return lexicon


def wordless() -> NGram:
    """A language model without words, for a search that has none."""
    size = len(SPECIAL)
    zeros = np.zeros(size, np.float32)
    return from_table(
        Table(SPECIAL, (Level(np.zeros(size, np.int64), np.arange(size, dtype=np.int32), zeros, zeros),))
    )
