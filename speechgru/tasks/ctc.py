"""Learning to transcribe: the acoustic model, its CTC loss and its dev score, for fit()."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import jiwer
import torch
from torch import Tensor

from speechgru import batches, building, checkpoint, plugins, preparation
from speechgru.batches import Batch, Recordings
from speechgru.evaluation import Evaluation, evaluate
from speechgru.packaged import find_model
from speechgru.parallel import ALONE, Group
from speechgru.preparation import Data
from speechgru.recipe import AugmentConfig, Recipe
from speechgru.recognizer import load_recognizer
from speechgru.report import Curve
from speechgru.text import Vocabulary

GROUPS = ("features", "model", "decoder")
CURVE = Curve("dev_wer", "dev WER, %", 100)
KIND = "acoustic"
BEFORE = f"{preparation.HELD_OUT} before"
_log = logging.getLogger(__name__)
EVALUATION_SECONDS = 240.0
BLANK_WARNING = 0.995
NAMED = 5
# How a model is read, chosen for it after its training: one that goes on from it is read so too.
INHERITED = ("decoder", "gate", "times", "confidence")


def prepare(recipe: Recipe) -> Data:
    """The recipe's corpora, with what can't be learnt from taken out."""
    vocabulary = None
    if recipe.trainer.start:  # what is started from decides the symbols
        loaded = checkpoint.load(find_model(recipe.trainer.start))
        vocabulary = Vocabulary(tuple(loaded.get("vocabulary")))
    return preparation.prepare(recipe, _frames_per_second(recipe), vocabulary)


def _frames_per_second(recipe: Recipe) -> float:
    """Output frames per second of the recording as it lies on disk, at the fastest speed it is played."""
    stride = building.network(recipe, KIND, building.feature_settings(recipe).n_mels, 2).stride
    return 1 / (building.feature_settings(recipe).hop * stride * recipe.augment.fastest)


class Task:
    """A model built from a recipe, and the data it learns from.

    CTC: Graves et al. 2006. The loss is the negative log-likelihood per label, summed over the batch's labels and
    divided by their number, so that a batch weighs the same whatever its size.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Data,
        device: torch.device,
        provenance: Mapping[str, Any],
        group: Group = ALONE,
    ) -> None:
        self.recipe, self.data, self.device, self.group = recipe, data, device, group
        self.provenance, self.vocabulary = dict(provenance), data.vocabulary
        self.inherited: dict[str, Any] = {}
        self.features = building.feature_settings(recipe)
        torch.manual_seed(recipe.seed)
        self.model = building.network(recipe, KIND, self.features.n_mels, len(data.vocabulary))
        if recipe.trainer.start:
            expected = {
                "features": self.features.fingerprint,
                "vocabulary": list(self.vocabulary.symbols),
            }
            path = find_model(recipe.trainer.start)
            first = building.start(self.model, path, KIND, expected)
            self.provenance["started_from"] = first.get("provenance", {})
            self.inherited = {key: first[key] for key in INHERITED if key in first}
        self.model.to(device)
        decoder = plugins.find("decoders", recipe.decoder["name"])
        self.decoder = decoder.Decoder(decoder.Settings(**building.settings(recipe.decoder)), data.vocabulary)
        self.train = self._recordings(data.train, recipe.augmentation())
        # Dev texts may hold letters that training never saw; they are scored, not encoded.
        self.references = {name: [u.text for u in utterances] for name, utterances in data.dev.items()}
        self.dev = {
            name: self._recordings([replace(u, text="") for u in utterances], AugmentConfig())
            for name, utterances in data.dev.items()
        }

    def _recordings(self, utterances: Sequence[Any], augmentation: AugmentConfig) -> Recordings:
        # Beside the run's folder, so that runs share what they decoded.
        cache = Path(self.recipe.output).parent / "audio-cache" if self.recipe.corpus.cache else None
        return Recordings(utterances, self.vocabulary, self.features, augmentation, self.recipe.seed, cache)

    def plan(self, epoch: int) -> list[list[int]]:
        """Indices of the utterances in each batch of an epoch."""
        durations = [u.duration for u in self.train.utterances]
        return batches.plan(
            durations, self.recipe.trainer.batch_seconds * self.group.size, self.recipe.seed, epoch
        )

    def describe(self, item: Sequence[int]) -> str:
        """The recordings of a batch, the first few by name."""
        names = [self.train.utterances[index].id for index in item]
        return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")

    def load(self, plan: Sequence[Sequence[int]], epoch: int) -> Generator[Batch, None, None]:
        """This process's share of the batches that a plan (or the rest of one) names."""
        # Where there are fewer utterances than processes, some see one that another counts.
        shares = [self.group.share(batch) or batch[:1] for batch in plan]
        loaded = batches.load(self.train, shares, epoch, self.recipe.trainer.workers)
        with closing(loaded):
            for batch, whole in zip(loaded, plan):
                yield batch if self.group.rank < len(whole) else replace(batch, counts=False)

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Negative log-likelihood of a batch, a scalar, and its number of labels."""
        batch = batch.to(self.device)
        log_probs, lengths = self.model(batch.features, batch.lengths)
        total = torch.nn.functional.ctc_loss(
            log_probs.transpose(0, 1),
            batch.labels,
            lengths,
            batch.label_lengths,
            reduction="sum",
            zero_infinity=True,  # speed perturbation can make a recording shorter than its labels need
        )
        return total * batch.counts, batch.counts * int(batch.label_lengths.sum())

    @torch.inference_mode()
    def evaluate(self) -> dict[str, float]:
        """Greedy WER of each dev split (named wer/SPLIT), of all together (score, dev_wer), and the blank rate."""
        figures: dict[str, float] = {}
        errors = words = blanks = frames = 0.0
        for name, recordings in self.dev.items():
            indices, hypotheses, *frame_counts = self._transcribe(recordings)
            word_counts = _word_errors([self.references[name][i] for i in indices], hypotheses)
            wrong, total, blank, count = self.group.sums((*word_counts, *frame_counts))
            figures[f"wer/{name}"] = wrong / total
            errors, words, blanks, frames = errors + wrong, words + total, blanks + blank, frames + count
        rate = blanks / frames
        if rate > BLANK_WARNING:
            _log.warning(
                "%.1f %% of the outputs are blank: normal in the first epochs; if it stays so, lower optimizer.lr "
                "or check that the transcripts belong to the recordings.",
                100 * rate,
            )
        return {"score": errors / words, "dev_wer": errors / words, **figures, "blank_rate": rate}

    def _transcribe(self, recordings: Recordings) -> tuple[list[int], list[str], int, int]:
        """Indices of the utterances, their hypotheses, blank frames and frames of a split."""
        durations = [u.duration for u in recordings.utterances]
        plan = self.group.share(batches.plan(durations, EVALUATION_SECONDS, self.recipe.seed, 0))
        order, hypotheses, blanks, frames = [], [], 0, 0
        with closing(batches.load(recordings, plan, 0, self.recipe.trainer.workers)) as loaded:
            for batch, indices in zip(loaded, plan):
                log_probs, lengths = self.model(batch.features.to(self.device), batch.lengths.to(self.device))
                for index, row, length in zip(indices, log_probs.cpu(), lengths.tolist()):
                    order.append(index)
                    hypotheses.append(self.decoder(row[:length]).text)
                    blanks += int((row[:length].argmax(dim=1) == self.vocabulary.BLANK).sum())
                    frames += length
        return order, hypotheses, blanks, frames

    def save(self, path: Path, progress: Mapping[str, Any]) -> None:
        """A checkpoint for users; weights in float16, half the size at no measurable loss."""
        header = {
            **building.header(self.recipe, self.model, {**self.provenance, **progress}),
            "features": building.feature_header(self.features),
            "vocabulary": list(self.vocabulary.symbols),
            "decoder": {
                "name": self.recipe.decoder["name"],
                "settings": building.settings(self.recipe.decoder),
            },
            **self.inherited,
        }
        checkpoint.save(path, KIND, header, self.model.state_dict(), torch.float16)

    def results(self, path: Path) -> dict[str, Evaluation]:
        """WER and CER of a saved model on every dev and test split, heard through `load_recognizer`.

        What was held out of train is also scored with the model that the run started from.
        """
        recognizer = load_recognizer(path, str(self.device))
        splits = self.data.dev | self.data.test
        results = {name: evaluate(recognizer, utterances) for name, utterances in splits.items()}
        if preparation.HELD_OUT in splits and self.recipe.trainer.start:
            first = load_recognizer(self.recipe.trainer.start, str(self.device))
            results[BEFORE] = evaluate(first, splits[preparation.HELD_OUT])
        return results


def _word_errors(references: list[str], hypotheses: list[str]) -> tuple[int, int]:
    """Wrong words and words of the references."""
    if not references:  # of a small set, some processes get nothing
        return 0, 0
    counts = jiwer.process_words(references, hypotheses)
    wrong = counts.substitutions + counts.insertions + counts.deletions
    return wrong, counts.hits + counts.substitutions + counts.deletions
