"""The loop, on a task that takes no time: a small network learns what another one says."""

from __future__ import annotations

import json
import pickle
import signal
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from speechgru.config import Recipe
from speechgru.config.trainer import OptimizerConfig, ScheduleConfig, TrainerConfig
from speechgru.errors import TrainingError
from speechgru.training import fit, loop
from speechgru.training import state as run_state
from speechgru.training.loop import Interrupted
from speechgru.training.optim import Average, factor
from speechgru.training.state import Progress
from speechgru.utils import signals
from speechgru.utils.signals import held

pytestmark = pytest.mark.usefixtures("hears_ctrl_c")

BATCHES = 4
EPOCHS = 3
STEPS = BATCHES * EPOCHS


class Copying:
    """Learn a fixed linear map from four batches of eight; `at` is called with the number of each step begun."""

    def __init__(
        self,
        dropout: float = 0.0,
        at: Callable[[int], None] = lambda step: None,
        scores: Sequence[float] = (),
        at_evaluation: Callable[[], None] = lambda: None,
    ) -> None:
        torch.manual_seed(0)
        self.inputs = torch.randn(BATCHES, 8, 5)
        self.targets = self.inputs @ torch.randn(5, 3)
        self.model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 3))
        self.at, self.scores, self.at_evaluation = at, list(scores), at_evaluation
        self.steps = 0
        self.seen: list[tuple[int, int]] = []
        self.evaluated: list[dict[str, Tensor]] = []
        self.saved: list[int] = []

    def plan(self, epoch: int) -> Sequence[Any]:
        return torch.randperm(BATCHES, generator=torch.Generator().manual_seed(epoch)).tolist()

    def describe(self, item: Any) -> str:
        return f"batch {item}"

    def load(self, plan: Sequence[Any], epoch: int) -> Generator[Any, None, None]:
        for index in plan:
            self.seen.append((epoch, index))
            yield self.inputs[index], self.targets[index]

    def loss(self, batch: Any) -> tuple[Tensor, float]:
        self.steps += 1
        self.at(self.steps)
        return (self.model(batch[0]) - batch[1]).square().sum(), batch[1].numel()

    @torch.inference_mode()
    def evaluate(self) -> Mapping[str, float]:
        assert not self.model.training
        self.at_evaluation()
        self.evaluated.append(weights(self))
        error = float((self.model(self.inputs) - self.targets).square().mean())
        return {"score": self.scores[len(self.evaluated) - 1] if self.scores else error, "error": error}

    def save(self, path: Path, progress: Mapping[str, Any]) -> None:
        self.saved.append(progress["epoch"])
        plain = {name: value.tolist() for name, value in weights(self).items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(plain))


def weights(task: Copying) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in task.model.state_dict().items()}


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def run(
    task: Copying, folder: Path, *, resume: bool = False, fingerprint: str = "f", **trainer: Any
) -> Progress:
    settings = {"epochs": EPOCHS, "device": "cpu", "precision": "float32", "tensorboard": False, **trainer}
    recipe = Recipe("copying", optimizer=OptimizerConfig(lr=0.01), trainer=TrainerConfig(**settings))
    return fit(task, recipe, folder, fingerprint=fingerprint, resume=resume, quiet=True)


def ctrl_c_at(*steps: int) -> Callable[[int], None]:
    return lambda step: signal.raise_signal(signal.SIGINT) if step in steps else None


# --- learning


def test_it_learns_and_keeps_its_history(tmp_path: Path) -> None:
    task = Copying()
    progress = run(task, tmp_path, epochs=60)
    rows = progress.history
    assert rows[-1]["train_loss"] < 0.05 * rows[0]["train_loss"]
    assert [row["epoch"] for row in rows] == list(range(1, 61))
    assert [row["step"] for row in rows] == list(range(BATCHES, 60 * BATCHES + 1, BATCHES))
    assert all({"lr", "seconds", "score", "error"} <= row.keys() for row in rows)
    assert (progress.step, progress.best, progress.epoch) == (240, min(r["score"] for r in rows), 60)
    assert progress.seconds > 0
    # Every batch of the plan, in its order.
    assert task.seen == [(epoch, index) for epoch in range(60) for index in task.plan(epoch)]


def test_the_learning_rate_follows_the_schedule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[float] = []
    step = torch.optim.AdamW.step

    def spy(self: Any, *args: Any, **kwargs: Any) -> Any:
        taken.extend({group["lr"] for group in self.param_groups})
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", spy)
    rows = run(Copying(), tmp_path).history
    expected = [0.01 * factor(number, STEPS, ScheduleConfig()) for number in range(STEPS + 1)]
    assert taken == pytest.approx(expected[:STEPS])
    assert [row["lr"] for row in rows] == pytest.approx(expected[BATCHES::BATCHES])
    assert max(taken) > 10 * taken[-1]


def test_the_train_loss_is_the_mean_over_the_epoch(tmp_path: Path) -> None:
    losses: list[float] = []

    class Listening(Copying):
        def loss(self, batch: Any) -> tuple[Tensor, float]:
            total, count = super().loss(batch)
            losses.append(float(total.detach()) / count)
            return total, count

    history = run(Listening(), tmp_path).history
    means = [sum(losses[i : i + BATCHES]) / BATCHES for i in range(0, STEPS, BATCHES)]
    assert [row["train_loss"] for row in history] == pytest.approx(means)


@pytest.mark.parametrize("accumulate", [2, 3, 4])
def test_batches_added_up_are_one_large_batch(tmp_path: Path, accumulate: int) -> None:
    class Joined(Copying):
        """Hands out what `accumulate` batches hold as one."""

        def plan(self, epoch: int) -> Sequence[Any]:
            order = super().plan(epoch)
            return [order[i : i + accumulate] for i in range(0, BATCHES, accumulate)]

        def load(self, plan: Sequence[Any], epoch: int) -> Generator[Any, None, None]:
            for indices in plan:
                yield self.inputs[indices].flatten(0, 1), self.targets[indices].flatten(0, 1)

    parts, whole = Copying(), Joined()
    ours, theirs = run(parts, tmp_path / "a", accumulate=accumulate), run(whole, tmp_path / "b")
    assert ours.step == theirs.step
    for name, tensor in weights(whole).items():
        assert torch.allclose(tensor, parts.model.state_dict()[name], atol=1e-6), name


def test_a_state_is_saved_within_a_long_epoch(tmp_path: Path) -> None:
    states: list[int] = []

    def look(step: int) -> None:
        if (tmp_path / run_state.STATE).exists():
            states.append(run_state.saved_state(tmp_path, "f")["progress"]["done"])

    run(Copying(at=look), tmp_path, save_minutes=1e-9, epochs=1)
    assert states == [1, 2, 3]


def test_gradients_are_clipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Steep(Copying):
        def loss(self, batch: Any) -> tuple[Tensor, float]:
            total, count = super().loss(batch)
            return 1e4 * total, count

    norms: list[float] = []
    step = torch.optim.AdamW.step

    def spy(self: Any, *args: Any, **kwargs: Any) -> Any:
        gradients = [p.grad for group in self.param_groups for p in group["params"]]
        norms.append(float(torch.stack([g.square().sum() for g in gradients]).sum().sqrt()))
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", spy)
    run(Steep(), tmp_path / "clipped", epochs=1, clip=0.5)
    assert norms == pytest.approx([0.5] * BATCHES, rel=1e-3)
    norms.clear()
    run(Steep(), tmp_path / "free", epochs=1, clip=0)
    assert min(norms) > 1


# --- the best epoch, and stopping early


def test_the_best_epoch_is_kept(tmp_path: Path) -> None:
    task = Copying(scores=[0.5, 0.3, 0.4, 0.3, 0.6])
    progress = run(task, tmp_path, epochs=5)
    assert (task.saved, progress.best, progress.best_epoch) == ([1, 2], 0.3, 1)
    kept = json.loads((tmp_path / "best.safetensors").read_text())
    assert kept == {name: value.tolist() for name, value in task.evaluated[1].items()}


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 6), (3, 8), (0, 8)])
def test_patience_stops(tmp_path: Path, patience: int, epochs: int) -> None:
    scores = [0.5, 0.4, 0.6, 0.3, 0.7, 0.7, 0.2, 0.1]
    assert len(run(Copying(scores=scores), tmp_path, epochs=8, patience=patience).history) == epochs


def test_a_resumed_run_remembers_its_patience(tmp_path: Path) -> None:
    scores = [0.5, 0.6, 0.7, 0.1]
    with pytest.raises(Interrupted):
        run(Copying(scores=scores, at=ctrl_c_at(9)), tmp_path, epochs=4, patience=2)
    assert len(run(Copying(scores=scores[2:]), tmp_path, epochs=4, patience=2, resume=True).history) == 3


def test_evaluation_may_be_rarer_but_comes_at_the_end(tmp_path: Path) -> None:
    history = run(Copying(), tmp_path, epochs=5, evaluate_every=2).history
    assert [row["epoch"] for row in history if "score" in row] == [2, 4, 5]


# --- the running average


def test_the_average_is_evaluated_and_the_own_weights_go_on(tmp_path: Path) -> None:
    averaged, plain = Copying(), Copying()
    expected = Average(plain.model, 0.9)
    own: list[dict[str, Tensor]] = []

    def note(step: int) -> None:
        if step > 1:
            expected.update(plain.model.named_parameters())

    plain.at = note
    plain.at_evaluation = lambda: own.append({k: v.clone() for k, v in expected.weights.items()})
    run(plain, tmp_path / "plain")
    run(averaged, tmp_path / "averaged", average=0.9)
    assert same(weights(plain), weights(averaged)), "an average takes no part in learning"
    assert not same(plain.evaluated[-1], averaged.evaluated[-1])
    # `note` hears of the last step of an epoch only when the next begins: bring the last one up to date.
    expected.update(plain.model.named_parameters())
    assert same(expected.weights, averaged.evaluated[-1])
    kept = json.loads((tmp_path / "averaged" / "best.safetensors").read_text())
    assert kept in [{k: v.tolist() for k, v in e.items()} for e in averaged.evaluated]


def test_the_own_weights_come_back_when_evaluation_fails(tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("no audio")

    averaged, plain = Copying(at_evaluation=fail), Copying()
    with pytest.raises(RuntimeError, match="no audio"):
        run(averaged, tmp_path / "a", average=0.9)
    run(plain, tmp_path / "p")
    assert same(weights(averaged), plain.evaluated[0])


# --- what goes wrong


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path, value: float) -> None:
    class Broken(Copying):
        def loss(self, batch: Any) -> tuple[Tensor, float]:
            total, count = super().loss(batch)
            return total * (value if self.steps == 5 else 1), count

    with pytest.raises(
        TrainingError, match=rf"The loss is {value} in step 5 \(epoch 2\), on batch \d.*optimizer\.lr"
    ) as caught:
        run(Broken(), tmp_path)
    assert f"{tmp_path / run_state.STATE} keeps the state before" in str(caught.value)


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"nothing to resume: .*last\.pt does not exist"):
        run(Copying(), tmp_path, resume=True)


@pytest.mark.parametrize("content", [b"", b"not a state", pickle.dumps({"fingerprint": "f"}, 2), None])
def test_a_damaged_state_is_refused(tmp_path: Path, content: bytes | None) -> None:
    run(Copying(), tmp_path)
    path = tmp_path / run_state.STATE
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 2] if content is None else content)
    with pytest.raises(TrainingError, match=r"last\.pt .*delete it and train anew"):
        run(Copying(), tmp_path, resume=True)


@pytest.mark.parametrize("key", ["fingerprint", "progress", "model", "optimizer", "average"])
def test_a_state_that_lacks_something_is_refused(tmp_path: Path, key: str) -> None:
    run(Copying(), tmp_path, average=0.9)
    state = torch.load(tmp_path / run_state.STATE, weights_only=True)
    del state[key]
    torch.save(state, tmp_path / run_state.STATE)
    with pytest.raises(TrainingError, match=r"last\.pt .*delete it and train anew"):
        run(Copying(), tmp_path, resume=True, average=0.9)


def test_a_state_of_another_network_is_refused(tmp_path: Path) -> None:
    run(Copying(), tmp_path)
    other = Copying()
    other.model = nn.Sequential(nn.Linear(5, 3))
    with pytest.raises(TrainingError, match=r"doesn't fit"):
        run(other, tmp_path, resume=True)


def test_other_settings_are_refused(tmp_path: Path) -> None:
    run(Copying(), tmp_path)
    with pytest.raises(TrainingError, match=r"other settings or other data.*output=FOLDER"):
        run(Copying(), tmp_path, resume=True, fingerprint="g")


class _Trap:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("trapped"),)


def test_a_state_runs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"fingerprint": "f", "trap": _Trap()}, tmp_path / run_state.STATE)
    with pytest.raises(TrainingError, match="delete it"):
        run(Copying(), tmp_path, resume=True)
    assert not (tmp_path / "trapped").exists()
    torch.load(tmp_path / run_state.STATE, weights_only=False)
    assert (tmp_path / "trapped").exists(), "the trap would work"


# --- Ctrl-C and going on


def finish(folder: Path, dropout: float, stops: Sequence[int], **trainer: Any) -> tuple[Copying, Progress]:
    """Train with a Ctrl-C in each of the steps `stops` (counted over the whole run), resuming after each."""
    begun = 0
    for number, stop in enumerate(stops):
        with pytest.raises(Interrupted):
            run(Copying(dropout, ctrl_c_at(stop - begun)), folder, resume=number > 0, **trainer)
        begun = stop
    task = Copying(dropout)
    return task, run(task, folder, resume=bool(stops), **trainer)


def outcome(progress: Progress) -> Any:
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in progress.history]
    return progress.best, progress.best_epoch, progress.step, rows


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_resumed_run_ends_like_an_uninterrupted_one(tmp_path: Path, dropout: float, average: float) -> None:
    whole, expected = finish(tmp_path / "whole", dropout, [], average=average)
    best = (tmp_path / "whole" / "best.safetensors").read_text()
    for stops in (*([step] for step in range(1, STEPS + 1)), [1, 2, 7, 8, 12]):
        folder = tmp_path / "-".join(map(str, stops))
        task, progress = finish(folder, dropout, stops, average=average)
        assert same(weights(task), weights(whole)), f"stopped after {stops}"
        assert outcome(progress) == outcome(expected)
        assert (folder / "best.safetensors").read_text() == best
        assert task.steps == STEPS - stops[-1]


def test_dropout_does_not_draw_the_same_every_step(tmp_path: Path) -> None:
    masks: list[Tensor] = []
    task = Copying(0.5)
    task.model[2].register_forward_hook(lambda _, __, out: masks.append(out == 0))
    run(task, tmp_path, epochs=1)
    assert not torch.equal(masks[0], masks[1])


def test_ctrl_c_while_evaluating_stops_after_the_epoch(tmp_path: Path) -> None:
    whole = Copying()
    run(whole, tmp_path / "whole")
    stopped = Copying(at_evaluation=lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(Interrupted):
        run(stopped, tmp_path / "stopped")
    assert stopped.steps == BATCHES
    task = Copying()
    assert len(run(task, tmp_path / "stopped", resume=True).history) == EPOCHS
    assert same(weights(task), weights(whole))


def test_ctrl_c_in_the_last_evaluation_is_heard(tmp_path: Path) -> None:
    stopped = Copying(at_evaluation=lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(Interrupted):
        run(stopped, tmp_path, epochs=1)
    resumed = Copying()
    assert len(run(resumed, tmp_path, epochs=1, resume=True).history) == 1
    assert resumed.steps == 0, "a finished run has nothing left to learn"


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(step: int) -> None:
        if step == 6:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    whole, impatient = Copying(), Copying(at=twice)
    run(whole, tmp_path / "whole")
    with pytest.raises(Interrupted):
        run(Copying(at=twice), tmp_path / "echo")  # sent twice within a moment: one Ctrl-C
    monkeypatch.setattr(signals, "ECHO", -1.0)
    with pytest.raises(KeyboardInterrupt) as caught:
        run(impatient, tmp_path / "stopped")
    assert not isinstance(caught.value, Interrupted)
    # What was saved is the end of epoch 1.
    task = Copying()
    run(task, tmp_path / "stopped", resume=True)
    assert task.steps == STEPS - BATCHES
    assert same(weights(task), weights(whole))


def test_sigterm_stops_like_ctrl_c_however_often_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def terminate(step: int) -> None:
        if step == 6:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(signals, "ECHO", -1.0)
    before = signal.getsignal(signal.SIGTERM)
    whole, task = Copying(), Copying()
    run(whole, tmp_path / "whole")
    with pytest.raises(Interrupted):
        run(Copying(at=terminate), tmp_path / "stopped")
    run(task, tmp_path / "stopped", resume=True)
    assert same(weights(task), weights(whole))
    assert signal.getsignal(signal.SIGTERM) is before


def test_ctrl_c_means_what_it_meant_before(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    run(Copying(), tmp_path)
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(Interrupted):
        run(Copying(at=ctrl_c_at(2)), tmp_path)
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_waits_where_it_would_do_harm() -> None:
    done: list[int] = []

    def work(presses: int) -> None:
        with held():
            for _ in range(presses):
                signal.raise_signal(signal.SIGINT)
            done.append(presses)

    with pytest.raises(KeyboardInterrupt):
        work(2)
    work(0)
    assert done == [2, 0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_batches_are_closed_when_the_loop_stops(tmp_path: Path) -> None:
    closed: list[int] = []

    class Closing(Copying):
        def load(self, plan: Sequence[Any], epoch: int) -> Generator[Any, None, None]:
            try:
                yield from super().load(plan, epoch)
            finally:
                closed.append(self.steps)

    with pytest.raises(Interrupted) as stopped:
        run(Closing(at=ctrl_c_at(6)), tmp_path)
    assert closed == [4, 6]
    del stopped


def test_it_runs_in_a_thread_too(tmp_path: Path) -> None:
    done: list[Progress] = []
    thread = threading.Thread(target=lambda: done.append(run(Copying(), tmp_path)))
    thread.start()
    thread.join(60)
    assert done and done[0].step == STEPS


def test_curves_are_written_when_wanted(tmp_path: Path) -> None:
    run(Copying(), tmp_path / "without", epochs=1)
    assert not (tmp_path / "without" / "tensorboard").exists()
    run(Copying(), tmp_path / "with", epochs=1, tensorboard=True, log_every=1)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "with" / "tensorboard")).Reload()
    assert len(events.Scalars("train/loss")) == BATCHES
    assert len(events.Scalars("score")) == 1


# --- checkpoints of the best epochs, and what can't be written


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("epoch-*"))


@pytest.mark.parametrize(
    ("keep", "scores", "epochs"),
    [
        (2, [0.5, 0.3, 0.4, 0.6, 0.2], [2, 5]),
        (3, [0.5, 0.5, 0.5, 0.5, 0.5], [1, 2, 3]),
        (9, [0.5, 0.3], [1, 2]),
        (0, [0.5, 0.3], []),
    ],
)
def test_the_best_epochs_are_kept(tmp_path: Path, keep: int, scores: list[float], epochs: list[int]) -> None:
    task = Copying(scores=scores)
    run(task, tmp_path, epochs=len(scores), keep=keep)
    assert kept(tmp_path) == [f"epoch-{epoch:03d}.safetensors" for epoch in epochs]
    for epoch in epochs:
        saved = json.loads((tmp_path / loop.epoch_file(epoch)).read_text())
        assert saved == {name: value.tolist() for name, value in task.evaluated[epoch - 1].items()}


def test_a_resumed_run_keeps_the_same_epochs(tmp_path: Path) -> None:
    scores = [0.5, 0.3, 0.4, 0.2]
    with pytest.raises(Interrupted):
        run(Copying(scores=scores, at=ctrl_c_at(2 * BATCHES + 1)), tmp_path, epochs=4, keep=2)
    assert kept(tmp_path) == ["epoch-001.safetensors", "epoch-002.safetensors"]
    run(Copying(scores=scores[2:]), tmp_path, epochs=4, keep=2, resume=True)
    assert kept(tmp_path) == ["epoch-002.safetensors", "epoch-004.safetensors"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("file write failed")])
@pytest.mark.parametrize("what", ["state", "model"])
def test_a_full_disk_ends_the_run_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, what: str
) -> None:
    class Full(Copying):
        def save(self, path: Path, progress: Mapping[str, Any]) -> None:
            if what == "model" and progress["epoch"] == 2:
                raise error
            super().save(path, progress)

    save, number = torch.save, [0]

    def full(state: Any, path: Path) -> None:
        number[0] += 1
        Path(path).write_bytes(b"half of it")
        if what == "state" and number[0] == 2:
            raise error
        save(state, path)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(
            TrainingError,
            match=r"Can't write .*(last\.pt|best\.safetensors): .*keeps the state before; .*then go on with --resume",
        ):
            run(Full(scores=[0.5, 0.4, 0.3]), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"best.safetensors", "last.pt"}, (
        "nothing half-written"
    )
    assert len(run_state.saved_state(tmp_path, "f")["progress"]["history"]) == 1
    whole, expected = Copying(scores=[0.5, 0.4, 0.3]), Copying(scores=[0.4, 0.3])
    run(whole, tmp_path / "whole")
    run(expected, tmp_path, resume=True)
    assert same(weights(whole), weights(expected))
