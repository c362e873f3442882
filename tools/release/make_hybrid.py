"""Make a hybrid model (lattice-free MMI, features fitted to speakers) from a recipe's recordings, end to end.

    python tools/release/make_hybrid.py --data DATA --output runs/hybrid

What is done is kept and passed over when it is called again; a training that was cut off goes on. In words: log-mel at
three speeds; alignments from the spikes of the packaged CTC model; Gaussian mixtures and speakers' transforms;
cross-entropy; the lattice-free criterion; one file. The alignments are made anew each time.

`--begin MODEL` goes on from a hybrid model instead: its mixtures align and fit the recordings, its outputs stay, its
network is trained further by the lattice-free criterion.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import socket
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from speechgru import audio
from speechgru.config import Recipe, load_recipe
from speechgru.config.trainer import OptimizerConfig, ScheduleConfig, TrainerConfig
from speechgru.data import Utterance, prepare
from speechgru.data.preparation import Data
from speechgru.errors import AudioWarning
from speechgru.features import LogMel
from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.lm import ngram
from speechgru.mmi import lexicon, model_file, network, pipeline, refit, search, task
from speechgru.mmi.adaptation import Adapter
from speechgru.mmi.criterion import Language
from speechgru.mmi.feature_store import AlignedRecording, Store
from speechgru.mmi.inputs import Disturbance, Inputs
from speechgru.mmi.model_file import Hybrid
from speechgru.mmi.sources import FromFiles, PhoneSpikes
from speechgru.training import distributed, fit
from speechgru.training.report import versions
from speechgru.training.run import commit
from speechgru.training.state import STATE
from speechgru.utils.assets import find_lm, find_model

FEATURES = FeatureSettings(normalise="none")
SPEEDS = (0.9, 1.0, 1.1)
NOISY, TELEPHONE = 0.25, 0.05  # shares of the recordings
WEIGHTS = search.Weights(width=2000, beam=12.0, lm=1.1)


class Set(NamedTuple):
    """Recordings."""

    store: Store
    spoken: list[pipeline.Spoken]


class Steps(NamedTuple):
    """Everything that the network is trained by. It is made anew when a run goes on: half an hour, the same result."""

    adapter: Adapter
    language: Language
    train: list[AlignedRecording]
    dev: dict[str, list[AlignedRecording]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--recipe", default="english")
    parser.add_argument("--spikes", default="english-small", help="model with a head for phones")
    parser.add_argument("--begin", metavar="MODEL", help="path or name of a hybrid model to go on from")
    parser.add_argument("--noise", help="pattern of recordings of noise: noise/ESC-10/*/[1-4]-*")
    parser.add_argument("--first", type=int, default=0, help="learn from so many recordings only; 0: all")
    parser.add_argument(
        "--twice", nargs="*", default=[], metavar="CORPUS", help="whose recordings come twice in an epoch"
    )
    parser.add_argument("--ce", type=int, default=1, help="epochs of cross-entropy")
    parser.add_argument("--mmi", type=int, default=6, help="epochs of the lattice-free criterion")
    parser.add_argument("--rate", type=float, default=0.0015, help="highest learning rate of the criterion's")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="that share the work; of one thread each")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)  # forked processes can't use the threads of this one
    torch.manual_seed(arguments.seed)
    hybrid, steps = further(arguments) if arguments.begin else anew(arguments)
    learn(hybrid.network, "mmi", arguments.mmi, (arguments.rate, 0.05), arguments, steps)
    export(hybrid, arguments.output / "hybrid.safetensors", arguments)


def anew(arguments: argparse.Namespace) -> tuple[Hybrid, Steps]:
    """A model after cross-entropy, and what it is trained by."""
    train, dev = sets(arguments)
    made = pipeline.bootstrap(train.spoken, train.store, PhoneSpikes(arguments.spikes), lexicon.packaged())
    aligned = pipeline.aligned_recordings(made, train.spoken, train.store, SPEEDS)
    steps = Steps(
        made.adapter, made.language, twice(aligned, arguments.twice), dev_of(made.adapter, made.language, dev)
    )
    settings = network.Settings(
        layers=arguments.layers, width=arguments.width, fitted=len(made.adapter.common)
    )
    model = network.Network(settings, FEATURES.n_mels, made.language.tying.outputs)
    learn(model, "ce", arguments.ce, (0.002, 0.5), arguments, steps)
    task.begin_mmi(model, pipeline.shares(steps.train, made.language))
    hybrid = Hybrid(
        model, made.language.tying, FEATURES, made.adapter, made.habits, WEIGHTS, gram=made.language.gram
    )
    return hybrid, steps


def further(arguments: argparse.Namespace) -> tuple[Hybrid, Steps]:
    """A model that exists, and what it is trained by."""
    hybrid = model_file.load(find_model(arguments.begin))
    adapter = hybrid.adapter
    assert adapter and hybrid.features == FEATURES, "the model has other features, or none fitted to speakers"
    (store, spoken), dev = sets(arguments)
    each = shared(arguments.processes)
    list(each(store.make, SPEEDS))
    language, aligned = refit.prepared(adapter, hybrid.tying, spoken, store, SPEEDS, each)
    steps = Steps(adapter, language, twice(aligned, arguments.twice), dev_of(adapter, language, dev))
    hybrid.network.train()
    return replace(hybrid, gram=language.gram), steps


def twice(recordings: Sequence[AlignedRecording], corpora: Sequence[str]) -> list[AlignedRecording]:
    """The recordings, those of some corpora twice."""
    return [*recordings, *(one for one in recordings if one.name.split("/")[0] in corpora)]


def shared(processes: int) -> Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]:
    """map(), by several forks of this process, in any order."""

    def each(work: Callable[[Any], Any], groups: Iterable[Any]) -> Iterable[Any]:
        if processes == 1:
            yield from map(work, groups)
            return
        # What is done is handed on by the fork: a lexicon can't be sent.
        with multiprocessing.get_context("fork").Pool(processes, _take, (work,)) as pool:
            yield from pool.imap_unordered(_done, groups)

    return each


_work: list[Callable[[Any], Any]] = []


def _take(work: Callable[[Any], Any]) -> None:
    _work.append(work)


def _done(item: Any) -> Any:
    return _work[-1](item)


def recordings(arguments: argparse.Namespace) -> tuple[Recipe, Data]:
    """The recipe's recordings that a stretch of the network's frames can say the text of, at every speed."""
    recipe = load_recipe(arguments.recipe, [f"corpus.root={arguments.data}", "corpus.test=[]"])
    return recipe, prepare(recipe, 1 / (FEATURES.hop * network.STRIDE * max(SPEEDS)))


def sets(arguments: argparse.Namespace) -> tuple[Set, dict[str, Set]]:
    """The recordings of training, and those of each dev set."""
    _, data = recordings(arguments)
    step = max(len(data.train) // arguments.first, 1) if arguments.first else 1
    train = recordings_of("train", data.train[::step], arguments.output)
    most = 40 if arguments.first else None
    return train, {
        name: recordings_of(name, rows[:most], arguments.output) for name, rows in data.dev.items()
    }


def dev_of(adapter: Adapter, language: Language, dev: dict[str, Set]) -> dict[str, list[AlignedRecording]]:
    return {name: refit.for_dev(adapter, language, part.spoken, part.store) for name, part in dev.items()}


def recordings_of(name: str, utterances: list[Utterance], folder: Path) -> Set:
    """A set's log-mel, and what is known of its recordings. Who has no speaker's name is one."""
    samples = FromFiles(utterances, FEATURES)
    spoken = [pipeline.Spoken(u.id, u.duration, u.text, u.speaker or u.id.split("/")[0]) for u in utterances]
    return Set(Store(folder / "log-mel", name, samples, len(utterances), FEATURES), spoken)


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
    done = arguments.output / stage / "averaged.pt"
    if not done.exists():
        work = partial(train, model, stage, epochs, rate, arguments, steps)
        if arguments.processes == 1:
            work()
        else:
            several(work, arguments.processes)
        state = torch.load(arguments.output / stage / STATE, map_location="cpu", weights_only=True)
        torch.save(state["average"]["weights"], done)
    model.load_state_dict(torch.load(done, weights_only=True), strict=False)


def several(work: Callable[[], None], processes: int) -> None:
    """Do it in so many forks of this process, which share its memory, as a group of `distributed`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def one(rank: int) -> None:
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        work()

    context = multiprocessing.get_context("fork")
    running = [context.Process(target=one, args=(rank,)) for rank in range(processes)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    if any(process.exitcode for process in running):
        raise SystemExit(f"a process of the training ended with {[p.exitcode for p in running]}")


def train(
    model: network.Network,
    stage: Any,
    epochs: int,
    rate: tuple[float, float],
    arguments: argparse.Namespace,
    steps: Steps,
) -> None:
    """This process's part of a stage, from where it was left."""
    folder = arguments.output / stage
    settings = task.Settings(stage, speeds=SPEEDS, seed=arguments.seed)
    noises = noise_of(arguments.noise) if arguments.noise else []
    group = distributed.place()
    learning = task.Task(
        model,
        Inputs(FEATURES, steps.adapter, noises=noises),
        steps.language,
        steps.train,
        steps.dev,
        settings,
        Disturbance(noisy=NOISY if noises else 0.0, telephone=TELEPHONE),
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


def even(plan: Sequence[task.Plan], group: distributed.Group) -> list[task.Plan]:
    """This process's part of a plan; all have as many batches."""
    return group.share(plan[: len(plan) // group.size * group.size])


def noise_of(pattern: str) -> list[np.ndarray]:
    """Log-mel of recordings of noise."""
    log_mel = LogMel(FEATURES)
    warnings.simplefilter("ignore", AudioWarning)  # noise need not be good to listen to
    paths = sorted(Path().glob(pattern) if not Path(pattern).is_absolute() else Path("/").glob(pattern[1:]))
    signals = [torch.from_numpy(audio.read(path, FEATURES.sample_rate)) for path in paths]
    return [log_mel(signal)[0][0].numpy() for signal in signals]


def export(hybrid: Hybrid, path: Path, arguments: argparse.Namespace) -> None:
    """The model as one file."""
    hybrid = replace(hybrid, network=hybrid.network.eval())
    hybrid = model_file.with_pronunciations(hybrid, ngram.load(find_lm(hybrid.lm)).words)
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
            if key not in ("data", "output", "noise", "recipe", "processes")
        },
    }
    model_file.save(path, hybrid, provenance, torch.float16)


if __name__ == "__main__":
    main()
