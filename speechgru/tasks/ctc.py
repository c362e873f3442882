"""Learning to transcribe: the acoustic model, its CTC loss and its dev score, for fit()."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import jiwer
import torch
from torch import Tensor

from speechgru.config import Recipe
from speechgru.data import Recordings, preparation
from speechgru.data.dataset import Batch
from speechgru.data.preparation import Data
from speechgru.evaluation import evaluate
from speechgru.evaluation.recognition import Evaluation
from speechgru.inference import load_ctc, select
from speechgru.inference.acoustic_header import AcousticHeader
from speechgru.lexicon import dictionary, g2p
from speechgru.lexicon.dictionary import Dictionary
from speechgru.models import checkpoint
from speechgru.tasks import held_out
from speechgru.tasks.ctc_loss import ctc, disagreement, objective
from speechgru.tasks.ctc_settings import CtcConfig
from speechgru.tasks.speech_task import SpeechTask
from speechgru.text import Vocabulary
from speechgru.text import languages as language_codes
from speechgru.training import TaskContext, initialize
from speechgru.training.report import Curve
from speechgru.utils import plugins
from speechgru.utils.assets import find_model

CURVE = Curve("dev_wer", "dev WER, %", 100)
_log = logging.getLogger(__name__)
BLANK_WARNING = 0.995
START = "start"
CALIBRATED = "confidence", "times"
# How a model's outputs are decoded, chosen for it after its training; a model that starts from it inherits this.
INHERITED = ("decoder", "gate", "times", "confidence")


def prepare(recipe: Recipe) -> Data:
    """The recipe's corpora, with what can't be learnt from taken out."""
    if not recipe.trainer.start or recipe.trainer.symbols != "start":
        return preparation.prepare(recipe, _frames_per_second(recipe))
    first = checkpoint.load(find_model(recipe.trainer.start)).read(AcousticHeader)
    languages = select.languages(first)
    return preparation.prepare(recipe, _frames_per_second(recipe), first.vocabulary, languages=languages)


def _frames_per_second(recipe: Recipe) -> float:
    """Output frames per second of the recording as it lies on disk, at the fastest speed it is played."""
    stride = initialize.network(
        recipe, AcousticHeader.KIND, initialize.feature_settings(recipe).n_mels, 2
    ).stride
    rate: float = 1 / (initialize.feature_settings(recipe).hop * stride * recipe.augment.fastest)
    return rate


def _dictionary_name(recipe: Recipe) -> str:
    """As the recipe has it; `start`: that of the model that the run starts from, if it is decoded with one."""
    name = recipe.task_settings(CtcConfig).pronunciations
    if name != START:
        return name
    if not recipe.trainer.start:
        return ""
    first = checkpoint.load(find_model(recipe.trainer.start)).read(AcousticHeader)
    return str(select.search(first).get("dictionary", ""))


def _dictionary(recipe: Recipe, data: Data) -> Dictionary | None:
    """The pronouncing dictionary that the recipe names, with all words of the training texts; a packaged one of another
    language than these has none of them."""
    name = _dictionary_name(recipe)
    if not name:
        return None
    words = (word for u in data.train for word in u.text.split())
    if name not in dictionary.packaged():
        from speechgru.lexicon import graphones  # the n-gram estimator with it

        return graphones.completed(dictionary.load(recipe.corpus.below_root(name)), words)
    foreign = [code for code in data.languages if not language_codes.is_english(code)]
    if foreign:
        _log.warning(
            "No phones are learnt: the dictionary %s holds no words of %s.", name, ", ".join(foreign)
        )
        return None
    return g2p.packaged(name).completed(words)


@dataclass
class _Decoded:
    """Of the utterances numbered `indices`: texts and phones by greedy decoding; how many frames, and of them blank."""

    indices: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    phones: list[list[int]] = field(default_factory=list)
    blanks: int = 0
    frames: int = 0


class Task(SpeechTask[Data, AcousticHeader]):
    """A model built from a recipe, and the data it learns from.

    CTC: Graves et al. 2006. The loss is the negative log-likelihood per label, summed over the batch's labels and
    divided by their number, so that a batch weighs the same whatever its size.
    """

    def __init__(self, context: TaskContext[Data]) -> None:
        recipe, data = context.recipe, context.data
        self.settings, self.vocabulary = recipe.task_settings(CtcConfig), data.vocabulary
        self.dictionary = _dictionary(recipe, data)
        self.references = {name: [u.text for u in utterances] for name, utterances in data.dev.items()}
        super().__init__(
            context,
            AcousticHeader,
            outputs=("vocabulary", self.vocabulary.symbols),
            encoder=self.vocabulary,
            # Dev texts may hold characters that training never saw; they are scored, not encoded.
            dev={name: [replace(u, text="") for u in utterances] for name, utterances in data.dev.items()},
            derived={"sounds": len(self.dictionary.phones) + 1} if self.dictionary else None,
            # Two views of each recording, where their outputs are to agree.
            views=2 if self.settings.consistency else 1,
        )
        self.between = self.settings.layers(len(self.model.layers))
        decoder = plugins.find("decoding", recipe.decoder["name"])
        settings = initialize.settings(recipe.decoder)
        if settings.get("dictionary"):
            phones = self.dictionary.phones if self.dictionary else ()
            both = decoder.Decoder(decoder.Settings(**settings), data.vocabulary)
            select.check_sounds(both, phones, "to be trained")
            # Epochs are judged by their characters, which takes less time.
            del settings["dictionary"]
        self.decoder = decoder.Decoder(decoder.Settings(**settings), data.vocabulary)

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Negative log-likelihood of a batch, a scalar, and its number of labels."""
        batch, settings = batch.to(self.device), self.settings
        log_probs, lengths, between, phones = self.model.read(batch.features, batch.lengths, self.between)
        total = objective(log_probs, lengths, batch.labels, batch.label_lengths, settings, between)
        total = total + self._disagreement(batch, log_probs, lengths)
        if phones is not None:
            of_phones = self._phone_loss(batch, phones, lengths) + self._disagreement(batch, phones, lengths)
            total = (1 - settings.pronounced) * total + settings.pronounced * of_phones
        return total * batch.counts, batch.counts * int(batch.label_lengths.sum())

    def _disagreement(self, batch: Batch, log_probs: Tensor, lengths: Tensor) -> Tensor | float:
        """The weighted divergence between the outputs of two views."""
        if batch.views == 1:
            return 0.0
        # The other terms are sums over both views.
        return batch.views * self.settings.consistency * disagreement(log_probs, lengths.chunk(2)[0])

    def _phone_loss(self, batch: Batch, log_probs: Tensor, lengths: Tensor) -> Tensor:
        """CTC of the phones of those texts whose words the dictionary holds."""
        assert self.dictionary
        texts = torch.split(batch.labels, batch.label_lengths.tolist())
        phones = [self.dictionary.pronounce(self.vocabulary.decode(text.tolist())) for text in texts]
        rows = [row for row, known in enumerate(phones) if known]
        labels = [torch.tensor(known) for known in phones if known]
        if not rows:
            return 0.0 * log_probs.sum()
        sizes = torch.tensor([len(known) for known in labels])
        return ctc(log_probs[rows], lengths[rows], torch.cat(labels).to(self.device), sizes.to(self.device))

    @torch.inference_mode()
    def evaluate(self) -> dict[str, float]:
        """Greedy WER of each dev split (named wer/SPLIT), of all together (score, dev_wer), and the blank rate; where
        phones are learnt, the share of them that is wrong (dev_sounds)."""
        figures: dict[str, float] = {}
        errors = words = blanks = frames = wrong_phones = phones = 0.0
        for name, recordings in self.dev.items():
            decoded = self._transcribe(recordings)
            texts = [self.references[name][i] for i in decoded.indices]
            counts = (*_word_errors(texts, decoded.texts), *self._phone_errors(texts, decoded.phones))
            wrong, total, *phone, blank, count = self.group.sums((*counts, decoded.blanks, decoded.frames))
            figures[f"wer/{name}"] = wrong / total
            errors, words, blanks, frames = errors + wrong, words + total, blanks + blank, frames + count
            wrong_phones, phones = wrong_phones + phone[0], phones + phone[1]
        if phones:
            figures["dev_sounds"] = wrong_phones / phones
        rate = blanks / frames
        if rate > BLANK_WARNING:
            _log.warning(
                "%.1f %% of the outputs are blank: normal in the first epochs; if it stays so, lower optimizer.lr "
                "or check that the transcripts belong to the recordings.",
                100 * rate,
            )
        return {"score": errors / words, "dev_wer": errors / words, **figures, "blank_rate": rate}

    def _transcribe(self, recordings: Recordings) -> _Decoded:
        """Texts and phones of a split."""
        decoded = _Decoded()
        for batch, indices in self.held_out_batches(recordings):
            if self.dictionary:
                log_probs, lengths, _, phones = self.model.read(batch.features, batch.lengths)
                best = phones.argmax(dim=2).tolist()
                decoded.phones += [_collapsed(row[:length]) for row, length in zip(best, lengths.tolist())]
            else:
                log_probs, lengths = self.model(batch.features, batch.lengths)
            for index, row, length in zip(indices, log_probs.cpu(), lengths.tolist()):
                decoded.indices.append(index)
                decoded.texts.append(self.decoder(row[:length]).text)
                decoded.blanks += int((row[:length].argmax(dim=1) == self.vocabulary.BLANK).sum())
                decoded.frames += length
        return decoded

    def _phone_errors(self, texts: list[str], decoded: list[list[int]]) -> tuple[int, int]:
        """Wrong phones and phones of those texts whose words the dictionary holds."""
        if self.dictionary is None:
            return 0, 0
        references = [self.dictionary.pronounce(text) for text in texts]
        known = [(reference, phones) for reference, phones in zip(references, decoded) if reference]
        spoken = [" ".join(map(str, reference)) for reference, _ in known]
        recognized = [" ".join(map(str, phones)) for _, phones in known]
        return _word_errors(spoken, recognized)

    def reading(self) -> Mapping[str, Any]:
        """The languages of its texts, and the decoder of the recipe, or all that was chosen for the model that the run
        started from."""
        settings = initialize.settings(self.recipe.decoder)
        decoder = {"name": self.recipe.decoder["name"], "settings": settings}
        inherited = self.first.inherited(INHERITED) if self.first else {}
        reading = {"decoder": decoder, **inherited, "languages": self.data.languages}
        sounds = list(self.dictionary.phones) if self.dictionary else []
        if inherited.get("decoder") and self.first and tuple(sounds) != self.first.header.sounds:
            # This model's phones are others than those that the dictionary was chosen for.
            own = dict(inherited["decoder"].get("settings") or {})
            own.pop("dictionary", None)
            reading["decoder"] = {**inherited["decoder"], "settings": own}
        return {**reading, "sounds": sounds} if sounds else reading

    def results(self, path: Path) -> dict[str, Evaluation]:
        """WER and CER of a saved model on every dev and test split, through `load_ctc`.

        What was held out of train is also scored with the model that the run started from, and teaches confidences and
        word times first.
        """
        splits = self.data.dev | self.data.test
        if preparation.HELD_OUT in splits and self.recipe.trainer.start:
            held_out.teach(
                path, splits[preparation.HELD_OUT], CALIBRATED, self.recipe.trainer.start, str(self.device)
            )
        recognizer = load_ctc(path, str(self.device))
        results = {name: evaluate(recognizer, utterances) for name, utterances in splits.items()}
        if preparation.HELD_OUT in splits and self.recipe.trainer.start:
            first = load_ctc(self.recipe.trainer.start, str(self.device))
            results[held_out.BEFORE] = evaluate(first, splits[preparation.HELD_OUT])
        return results


def _collapsed(path: list[int]) -> list[int]:
    """The labels of a path of CTC: runs as one, without blanks."""
    return [label for label, _ in groupby(path) if label != Vocabulary.BLANK]


def _word_errors(references: list[str], hypotheses: list[str]) -> tuple[int, int]:
    """Wrong words and words of the references."""
    if not references:  # of a small set, some processes get nothing
        return 0, 0
    counts = jiwer.process_words(references, hypotheses)
    wrong = counts.substitutions + counts.insertions + counts.deletions
    return wrong, counts.hits + counts.substitutions + counts.deletions
