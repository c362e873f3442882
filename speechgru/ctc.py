"""Learning to transcribe: the acoustic model, its CTC loss and its dev score, for fit()."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jiwer
import torch
from torch import Tensor

from speechgru import batches, checkpoint, plugins
from speechgru.batches import Batch, Recordings
from speechgru.errors import CheckpointError
from speechgru.features.spectral import Settings as FeatureSettings
from speechgru.packaged import find_model
from speechgru.parallel import ALONE, Group
from speechgru.preparation import Data
from speechgru.recipe import AugmentConfig, Recipe

_log = logging.getLogger(__name__)
EVALUATION_SECONDS = 240.0
BLANK_WARNING = 0.995


class CtcTask:
    """A model built from a recipe, and the data it learns from.

    CTC: Graves et al. 2006. The loss is the negative log-likelihood per label, summed over the batch's labels and
    divided by their number, so that a batch weighs the same whatever its size.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Data,
        device: torch.device,
        cache: Path | None,
        provenance: Mapping[str, Any],
        group: Group = ALONE,
    ) -> None:
        self.group = group
        self.recipe, self.vocabulary, self.device, self.provenance = (
            recipe,
            data.vocabulary,
            device,
            provenance,
        )
        self.features = feature_settings(recipe)
        torch.manual_seed(recipe.seed)
        self.model = build_model(recipe, len(data.vocabulary))
        if recipe.trainer.start:
            self.provenance = {**provenance, "started_from": self._start(find_model(recipe.trainer.start))}
        self.model.to(device)
        decoder = plugins.find("decoders", recipe.decoder["name"])
        self.decoder = decoder.Decoder(decoder.Settings(**_settings(recipe.decoder)), data.vocabulary)
        self.train = self._recordings(data.train, recipe.augment, cache)
        # Dev texts may hold letters that training never saw; they are scored, not encoded.
        self.references = {name: [u.text for u in utterances] for name, utterances in data.dev.items()}
        self.dev = {
            name: self._recordings([replace(u, text="") for u in utterances], AugmentConfig(), cache)
            for name, utterances in data.dev.items()
        }

    def _start(self, path: Path) -> Any:
        """Take over the weights of a checkpoint; returns where those come from."""
        first = checkpoint.load(path).require("acoustic")
        for what, theirs, ours in (
            ("features", first.get("features").get("fingerprint"), self.features.fingerprint),
            ("symbols", first.get("vocabulary"), list(self.vocabulary.symbols)),
        ):
            if theirs != ours:
                raise CheckpointError(
                    f"{path} has other {what} than this run: {theirs}, not {ours}. Start from a model of the same."
                )
        checkpoint.fill(self.model, first)
        return first.header.get("provenance", {})

    def _recordings(
        self, utterances: Sequence[Any], augmentation: AugmentConfig, cache: Path | None
    ) -> Recordings:
        return Recordings(utterances, self.vocabulary, self.features, augmentation, self.recipe.seed, cache)

    def plan(self, epoch: int) -> list[list[int]]:
        """Indices of the utterances in each batch of an epoch."""
        durations = [u.duration for u in self.train.utterances]
        return batches.plan(
            durations, self.recipe.trainer.batch_seconds * self.group.size, self.recipe.seed, epoch
        )

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
            "model": {"name": self.recipe.model["name"], "settings": asdict(self.model.settings)},
            "features": {
                "kind": "log_mel",
                "settings": asdict(self.features),
                "fingerprint": self.features.fingerprint,
            },
            "vocabulary": list(self.vocabulary.symbols),
            "decoder": {"name": self.recipe.decoder["name"], "settings": _settings(self.recipe.decoder)},
            "provenance": {**self.provenance, **progress},
        }
        checkpoint.save(path, "acoustic", header, self.model.state_dict(), torch.float16)


def _word_errors(references: list[str], hypotheses: list[str]) -> tuple[int, int]:
    """Wrong words and words of the references."""
    if not references:  # of a small set, some processes get nothing
        return 0, 0
    counts = jiwer.process_words(references, hypotheses)
    wrong = counts.substitutions + counts.insertions + counts.deletions
    return wrong, counts.hits + counts.substitutions + counts.deletions


def feature_settings(recipe: Recipe) -> FeatureSettings:
    """The settings of the recipe's features."""
    return FeatureSettings(**_settings(recipe.features))


def build_model(recipe: Recipe, n_labels: int) -> Any:
    """The recipe's network, freshly initialised."""
    module = plugins.find("models", recipe.model["name"])
    return module.Model(module.Settings(**_settings(recipe.model)), feature_settings(recipe).n_mels, n_labels)


def _settings(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != "name"}
