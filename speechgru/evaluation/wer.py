"""Word and character error rates, with counts, alignments and a bootstrap interval.

Conventions (they differ between toolkits, so here they are):

- Reference and hypothesis both go through a normaliser, `english-1` unless another is given; its name is part of the
  score.
- A rate is errors / reference units pooled over all utterances (micro average), so it may exceed 1.
- An utterance with an empty reference counts: whatever was recognised there is an insertion. If no
  reference has a word, the rate is undefined: NaN (null in JSON), while the insertions are still counted.
- Characters include the spaces between words, as in jiwer.
- The total of errors is unique; where several best alignments exist, how it splits into substitutions,
  insertions and deletions is jiwer's choice.
- The interval is a percentile bootstrap (Bisani and Ney, 2004) that resamples speakers, because utterances
  of one speaker are not independent. With fewer than `MIN_SPEAKERS`, or where a speaker isn't known, it
  resamples utterances instead, and `interval_over` says so; that interval tells nothing about new speakers.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jiwer
import numpy as np

from speechgru.errors import SpeechGruError
from speechgru.text import Normaliser
from speechgru.text.normalize import ENGLISH
from speechgru.utils.bootstrap import are_blocks, ratio_interval, resampled


@dataclass(frozen=True)
class Counts:
    """Errors against `total` reference units (words or characters)."""

    total: int
    substitutions: int
    insertions: int
    deletions: int

    @property
    def errors(self) -> int:
        """Everything that is wrong, of any kind."""
        return self.substitutions + self.insertions + self.deletions

    @property
    def rate(self) -> float:
        """errors / total: 0 is perfect, more than 1 is possible, NaN when there is nothing to recognise."""
        return self.errors / self.total if self.total else math.nan


@dataclass(frozen=True)
class Alignment:
    """One utterance: normalised texts, counts, and both texts in one line.

    In `aligned`, `(cat>hat)` is a substitution, `(+on)` an insertion and `(-mat)` a deletion. `hits` says of
    each word of the hypothesis whether it is right.
    """

    reference: str
    hypothesis: str
    words: Counts
    characters: Counts
    aligned: str
    hits: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Score:
    """Error rates over a set. Rates are fractions (0.1 is 10 %), intervals are (low, high) at 95 %."""

    words: Counts
    interval: tuple[float, float]
    characters: Counts
    cer_interval: tuple[float, float]
    utterances: int
    speakers: int
    interval_over: str
    samples: int
    normaliser: str

    @property
    def wer(self) -> float:
        """The word error rate."""
        return self.words.rate

    @property
    def cer(self) -> float:
        """The character error rate."""
        return self.characters.rate

    def to_dict(self) -> dict[str, Any]:
        """Rates, intervals and counts, ready for JSON: an undefined number is None."""
        return {
            "wer": _json_number(self.wer),
            "interval": [_json_number(bound) for bound in self.interval],
            **_flat(self.words, "words", ""),
            "cer": _json_number(self.cer),
            "cer_interval": [_json_number(bound) for bound in self.cer_interval],
            **_flat(self.characters, "characters", "char_"),
            "utterances": self.utterances,
            "speakers": self.speakers,
            "interval_over": self.interval_over,
            "samples": self.samples,
            "normaliser": self.normaliser,
        }


def score(
    references: Sequence[str],
    hypotheses: Sequence[str],
    speakers: Sequence[str] | None = None,
    *,
    samples: int = 1000,
    seed: int = 0,
    normaliser: Normaliser = ENGLISH,
) -> Score:
    """Error rates of `hypotheses` against `references`, pooled over all utterances.

    >>> result = score(["the cat sat", "on the mat"], ["the hat sat", "on mat"])
    >>> result.words.substitutions, result.words.deletions, round(result.wer, 3)
    (1, 1, 0.333)

    Args:
        references: what was spoken, one text an utterance.
        hypotheses: what was recognised, in the same order.
        speakers: who spoke it; "" where not known.
        samples: bootstrap resamples.
        seed: of the resampling; the same input and seed give the same interval.
        normaliser: what makes both texts alike.

    Raises:
        SpeechGruError: no utterances, or lists of different lengths.
    """
    aligned = align(references, hypotheses, normaliser)
    return summarise(aligned, speakers, samples=samples, seed=seed, normaliser=normaliser.name)


def align(
    references: Sequence[str], hypotheses: Sequence[str], normaliser: Normaliser = ENGLISH
) -> tuple[Alignment, ...]:
    """Align each hypothesis with its reference, both normalised.

    Raises:
        SpeechGruError: lists of different lengths.
    """
    if len(references) != len(hypotheses):
        raise SpeechGruError(
            f"Got {len(references)} references and {len(hypotheses)} hypotheses: one of each per utterance "
            "is expected. Give an empty text where nothing was recognised."
        )
    if not references:  # jiwer refuses an empty list
        return ()
    refs = [normaliser(reference) for reference in references]
    hyps = [normaliser(hypothesis) for hypothesis in hypotheses]
    words, characters = jiwer.process_words(refs, hyps), jiwer.process_characters(refs, hyps)
    return tuple(
        Alignment(
            reference=" ".join(ref_words),
            hypothesis=" ".join(hyp_words),
            words=_count(word_chunks, len(ref_words)),
            characters=_count(character_chunks, len(ref_characters)),
            aligned=_inline(word_chunks, ref_words, hyp_words),
            hits=_hits(word_chunks),
        )
        for ref_words, hyp_words, word_chunks, ref_characters, character_chunks in zip(
            words.references,
            words.hypotheses,
            words.alignments,
            characters.references,
            characters.alignments,
            strict=True,
        )
    )


def summarise(
    alignments: Sequence[Alignment],
    speakers: Sequence[str] | None = None,
    *,
    samples: int = 1000,
    seed: int = 0,
    normaliser: str = ENGLISH.name,
) -> Score:
    """Pool the counts of `alignments` and put an interval around the rates. Arguments as for `score`; `normaliser` is
    the name of the one that the texts were aligned with.

    Raises:
        SpeechGruError: no utterances, or not one speaker per utterance.
    """
    if not alignments:
        raise SpeechGruError("There is nothing to score: no utterances were given, at least one is expected.")
    if speakers is not None and len(speakers) != len(alignments):
        raise SpeechGruError(
            f"Got {len(speakers)} speakers for {len(alignments)} utterances: one each is expected."
        )
    names = speakers or [""] * len(alignments)
    by_speaker = are_blocks(names)
    words, characters = _pool([a.words for a in alignments]), _pool([a.characters for a in alignments])
    errors_and_totals = np.array(
        [[a.words.errors, a.words.total, a.characters.errors, a.characters.total] for a in alignments],
        dtype=np.float64,
    )
    drawn = resampled(errors_and_totals, names if by_speaker else None, samples, seed).T
    return Score(
        words=words,
        interval=ratio_interval(drawn[0], drawn[1]),
        characters=characters,
        cer_interval=ratio_interval(drawn[2], drawn[3]),
        utterances=len(alignments),
        speakers=len(set(names) - {""}),
        interval_over="speakers" if by_speaker else "utterances",
        samples=samples,
        normaliser=normaliser,
    )


def _count(chunks: Sequence[jiwer.AlignmentChunk], total: int) -> Counts:
    sizes = {"substitute": 0, "insert": 0, "delete": 0, "equal": 0}
    for chunk in chunks:
        sizes[chunk.type] += max(
            chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx
        )
    return Counts(total, sizes["substitute"], sizes["insert"], sizes["delete"])


def _hits(chunks: Sequence[jiwer.AlignmentChunk]) -> tuple[bool, ...]:
    return tuple(
        chunk.type == "equal" for chunk in chunks for _ in range(chunk.hyp_start_idx, chunk.hyp_end_idx)
    )


def _inline(
    chunks: Sequence[jiwer.AlignmentChunk], reference: Sequence[str], hypothesis: Sequence[str]
) -> str:
    parts: list[str] = []
    for chunk in chunks:
        refs = reference[chunk.ref_start_idx : chunk.ref_end_idx]
        hyps = hypothesis[chunk.hyp_start_idx : chunk.hyp_end_idx]
        match chunk.type:
            case "equal":
                parts += refs
            case "substitute":
                parts += [f"({ref}>{hyp})" for ref, hyp in zip(refs, hyps, strict=True)]
            case "insert":
                parts += [f"(+{hyp})" for hyp in hyps]
            case "delete":
                parts += [f"(-{ref})" for ref in refs]
    return " ".join(parts)


def _pool(counts: Sequence[Counts]) -> Counts:
    return Counts(*map(sum, zip(*(dataclasses.astuple(c) for c in counts), strict=True)))


def _flat(counts: Counts, total: str, prefix: str) -> dict[str, int]:
    """Counts by the names that they have in JSON."""
    kinds = ("substitutions", "insertions", "deletions")
    return {total: counts.total, **{prefix + kind: getattr(counts, kind) for kind in kinds}}


def _json_number(value: float) -> float | None:
    return None if math.isnan(value) else value
