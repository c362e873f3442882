"""Make a hybrid model (lattice-free MMI, features fitted to speakers) from a recipe's recordings, end to end.

    python tools/release/make_hybrid.py --data DATA --output runs/hybrid

What is done is kept and passed over when it is called again; a training that was cut off goes on. In words: log-mel at
three speeds; alignments from the spikes of the packaged CTC model; Gaussian mixtures and speakers' transforms;
cross-entropy; the lattice-free criterion; one file. The alignments are made anew each time. Several processes share the
training: torchrun --nproc-per-node 2 tools/release/make_hybrid.py ...
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from speechgru import audio
from speechgru.config import Recipe, load_recipe
from speechgru.config.trainer import OptimizerConfig, ScheduleConfig, TrainerConfig
from speechgru.data import Utterance, prepare
from speechgru.data.preparation import Data
from speechgru.features import LogMel
from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.lm import ngram
from speechgru.mmi import lexicon, model_file, network, pipeline, search, task
from speechgru.mmi.feature_store import AlignedRecording, Store
from speechgru.mmi.inputs import Disturbance, Inputs
from speechgru.mmi.sources import FromFiles, PhoneSpikes
from speechgru.training import distributed, fit
from speechgru.training.report import versions
from speechgru.training.run import commit
from speechgru.training.state import STATE
from speechgru.utils.assets import find_lm

FEATURES = FeatureSettings(normalise="none")
SPEEDS = (0.9, 1.0, 1.1)
NOISY, TELEPHONE = 0.25, 0.05  # shares of the recordings
WEIGHTS = search.Weights(width=2000, beam=12.0, lm=1.1)
Steps = tuple[pipeline.Bootstrap, list[AlignedRecording], dict[str, list[AlignedRecording]]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--recipe", default="english")
    parser.add_argument("--spikes", default="english-small", help="model with a head for phones")
    parser.add_argument("--noise", help="pattern of recordings of noise: noise/ESC-10/*/[1-4]-*")
    parser.add_argument("--first", type=int, default=0, help="learn from so many recordings only; 0: all")
    parser.add_argument("--ce", type=int, default=1, help="epochs of cross-entropy")
    parser.add_argument("--mmi", type=int, default=6, help="epochs of the lattice-free criterion")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.manual_seed(arguments.seed)
    made, train, dev = targets(arguments)
    settings = network.Settings(
        layers=arguments.layers, width=arguments.width, fitted=len(made.adapter.common)
    )
    model = network.Network(settings, FEATURES.n_mels, made.language.tying.outputs)
    learn(model, "ce", arguments.ce, (0.002, 0.5), arguments, (made, train, dev))
    task.begin_mmi(model, pipeline.shares(train, made.language))
    learn(model, "mmi", arguments.mmi, (0.0015, 0.05), arguments, (made, train, dev))
    export(model, made, arguments.output / "hybrid.safetensors", arguments)


def recordings(arguments: argparse.Namespace) -> tuple[Recipe, Data]:
    """The recipe's recordings that a stretch of the network's frames can say the text of, at every speed."""
    recipe = load_recipe(arguments.recipe, [f"corpus.root={arguments.data}", "corpus.test=[]"])
    return recipe, prepare(recipe, 1 / (FEATURES.hop * network.STRIDE * max(SPEEDS)))


def targets(arguments: argparse.Namespace) -> Steps:
    """Everything that the network is trained by. It is made anew when a run goes on: half an hour, the same result."""
    _, data = recordings(arguments)
    train = data.train[:: max(len(data.train) // arguments.first, 1)] if arguments.first else data.train
    words = lexicon.packaged()
    store, spoken = recordings_of("train", train, arguments.output)
    made = pipeline.bootstrap(spoken, store, PhoneSpikes(arguments.spikes), words)
    aligned = pipeline.aligned_recordings(made, spoken, store, SPEEDS)
    dev = {}
    for name, utterances in data.dev.items():
        dev_store, dev_spoken = recordings_of(
            name, utterances[:40] if arguments.first else utterances, arguments.output
        )
        dev[name] = pipeline.realigned(made, dev_spoken, dev_store)
    return made, aligned, dev


def recordings_of(
    name: str, utterances: list[Utterance], folder: Path
) -> tuple[Store, list[pipeline.Spoken]]:
    """A set's log-mel, and what is known of its recordings. Who has no speaker's name is one."""
    samples = FromFiles(utterances, FEATURES)
    spoken = [pipeline.Spoken(u.id, u.duration, u.text, u.speaker or u.id.split("/")[0]) for u in utterances]
    return Store(folder / "log-mel", name, samples, len(utterances), FEATURES), spoken


def learn(
    model: network.Network,
    stage: Any,
    epochs: int,
    rate: tuple[float, float],
    arguments: argparse.Namespace,
    steps: Steps,
) -> None:
    """One stage of the training; the model has its averaged weights afterwards. rate: the highest, and the share of it
    that is left at the end."""
    made, train, dev = steps
    folder = arguments.output / stage
    done = folder / "averaged.pt"
    if not done.exists():
        settings = task.Settings(stage, speeds=SPEEDS, seed=arguments.seed)
        noises = noise_of(arguments.noise) if arguments.noise else []
        inputs = Inputs(FEATURES, made.adapter, noises=noises)
        disturbance = Disturbance(noisy=NOISY if noises else 0.0, telephone=TELEPHONE)
        group = distributed.place()
        learning = task.Task(
            model,
            inputs,
            made.language,
            train,
            dev,
            settings,
            disturbance,
            share=lambda plan: even(plan, group),
        )
        recipe = Recipe(
            f"hybrid-{stage}",
            seed=arguments.seed,
            optimizer=OptimizerConfig(lr=rate[0], weight_decay=0.02),
            schedule=ScheduleConfig(name="linear", warmup=0.03, final=rate[1]),
            trainer=TrainerConfig(epochs=epochs, clip=2.0, average=0.998, threads=1, evaluate_every=2),
        )
        with distributed.joined(group, torch.device("cpu")):
            fit(learning, recipe, folder, resume=(folder / STATE).exists(), group=group)
        state = torch.load(folder / STATE, map_location="cpu", weights_only=True)
        torch.save(state["average"]["weights"], done)
    model.load_state_dict(torch.load(done, weights_only=True), strict=False)


def even(plan: Sequence[task.Plan], group: distributed.Group) -> list[task.Plan]:
    """This process's part of a plan; all have as many batches."""
    return group.share(plan[: len(plan) // group.size * group.size])


def noise_of(pattern: str) -> list[np.ndarray]:
    """Log-mel of recordings of noise."""
    log_mel = LogMel(FEATURES)
    paths = sorted(Path().glob(pattern) if not Path(pattern).is_absolute() else Path("/").glob(pattern[1:]))
    signals = [torch.from_numpy(audio.read(path, FEATURES.sample_rate)) for path in paths]
    return [log_mel(signal)[0][0].numpy() for signal in signals]


def export(
    model: network.Network, made: pipeline.Bootstrap, path: Path, arguments: argparse.Namespace
) -> None:
    """The model as one file."""
    hybrid = model_file.Hybrid(
        model.eval(), made.language.tying, FEATURES, made.adapter, made.habits, WEIGHTS
    )
    words = ngram.load(find_lm(hybrid.lm)).words
    hybrid = model_file.with_pronunciations(hybrid, words)
    recipe, data = recordings(arguments)
    uses = data.uses(recipe)
    provenance = {
        "recipe": arguments.recipe,
        "seed": arguments.seed,
        "commit": commit(),
        "corpora": [use.to_dict() for use in uses],
        "trained_hours": round(sum(use.hours for use in uses), 3),
        "versions": versions(),
        "settings": {
            key: value
            for key, value in vars(arguments).items()
            if key not in ("data", "output", "noise", "recipe")
        },
    }
    model_file.save(path, hybrid, provenance, torch.float16)


if __name__ == "__main__":
    main()
