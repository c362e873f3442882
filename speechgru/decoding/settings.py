"""The settings of each decoder, as recipes and checkpoints name them. Light: a recipe is checked without the search."""

from __future__ import annotations

import math
from dataclasses import dataclass

from speechgru.errors import ConfigError


@dataclass(frozen=True)
class GreedySettings:
    """Greedy decoding has nothing to set."""


@dataclass(frozen=True)
class BeamSettings:
    """Widths and weights of the beam search; log-probabilities are natural logs.

    beam: beam width: prefixes kept after each frame. More are slower and, up to some hundred, better.
    beam_threshold: prefixes whose log-probability is this much below the best's are dropped.
    token_threshold: log-probability below which a symbol extends no prefix in a frame.
    look_ahead: share of the likeliest word's log-probability that is added while a word is being spelt, in [0, 1]. It
        decides what is pruned, not a text's score.
    lm: language model: the name of one that comes with the package, or a file; "" for none.
    lm_weight: of its log-probabilities.
    word_bonus: for each word; compensates for the words that a language model deletes.
    unknown_word, unknown_letter: for each word that the language model lacks, and each character of it; in addition
        to the model's own log-probability of unknown words. 0 or less.
    hotwords: words and phrases to favour, in the acoustic model's characters. Words among them that the language
        model lacks are free of `unknown_word` and `unknown_letter`.
    hotword_weight: for each character of a hotword.
    dictionary: name of a packaged pronouncing dictionary, by which a second search finds words in the network's phone
        outputs; "": no second search. It needs a language model.
    prior: natural logs of the mean probability of each symbol, and of each phone behind them (`speechgru lm tune`
        estimates them on dev speech); () for none.
    prior_weight: power of the prior that probabilities are divided by, 0 or more.
    sounds_weight: phone weight: share of the phones in the acoustic score of a text, in [0, 1]; the rest is the
        characters'.

    Raises:
        ConfigError: a value outside its range.
    """

    beam: int = 64
    beam_threshold: float = 10.0
    token_threshold: float = -9.0
    look_ahead: float = 0.5
    lm: str = ""
    lm_weight: float = 0.7
    word_bonus: float = 0.0
    unknown_word: float = -10.0
    unknown_letter: float = -0.5
    hotwords: tuple[str, ...] = ()
    hotword_weight: float = 1.0
    dictionary: str = ""
    sounds_weight: float = 0.5
    prior: tuple[float, ...] = ()
    prior_weight: float = 0.0

    def __post_init__(self) -> None:
        checks = {
            "beam": (self.beam >= 1, "1 or more"),
            "beam_threshold": (self.beam_threshold > 0, "more than 0"),
            "token_threshold": (self.token_threshold <= 0, "a log-probability, 0 or less"),
            "look_ahead": (0 <= self.look_ahead <= 1, "in [0, 1]"),
            "lm_weight": (0 <= self.lm_weight < math.inf, "0 or more"),
            "word_bonus": (math.isfinite(self.word_bonus), "a finite number"),
            "unknown_word": (-math.inf < self.unknown_word <= 0, "a finite number, 0 or less"),
            "unknown_letter": (-math.inf < self.unknown_letter <= 0, "a finite number, 0 or less"),
            "prior": (all(-math.inf < value <= 0 for value in self.prior), "log-probabilities, 0 or less"),
            "prior_weight": (0 <= self.prior_weight < math.inf, "0 or more"),
            "sounds_weight": (0 <= self.sounds_weight <= 1, "in [0, 1]"),
            "hotword_weight": (0 <= self.hotword_weight < math.inf, "0 or more"),
        }
        for name, (good, expected) in checks.items():
            if not good:
                raise ConfigError(f"decoder.{name} is {getattr(self, name)}; expected {expected}.")


SETTINGS = {"beam": BeamSettings, "greedy": GreedySettings}
