"""The results of a search: a table, tune.md with the settings' importances, and a picture."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Sequence
from pathlib import Path

import optuna

from speechgru.training.search import study
from speechgru.training.search.study import Search, Trial
from speechgru.training.search.variant import as_overrides
from speechgru.utils import dependencies
from speechgru.utils.files import atomic_path, write_text
from speechgru.utils.tables import table

TEXT, PICTURE = "tune.md", "tune.png"
_ENOUGH = 4  # complete trials that importances can be estimated from


def command(search: Search, trial: Trial) -> str:
    """The command line that trains with a trial's values."""
    fixed = [o for o in search.overrides if not o.startswith("output=")]
    return shlex.join(["speechgru", "train", search.recipe, *fixed, *as_overrides(trial.values)])


def to_markdown(search: Search, trials: Sequence[Trial]) -> str:
    """A row a trial, best first."""
    rows = [
        [t.number, "" if t.score is None else f"{t.score:.4f}", t.epochs, t.state, *t.values.values()]
        for t in trials
    ]
    return table(["trial", "dev score", "epochs", "state", *search.ranges], rows)


def importances(folder: Path) -> dict[str, float]:
    """Share of each setting in what makes scores differ, by Optuna's own estimate; empty for too few trials."""
    loaded = study.load(folder)
    complete = [t for t in loaded.trials if t.state == optuna.trial.TrialState.COMPLETE]
    if len(complete) < _ENOUGH or len({t.value for t in complete}) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(optuna.importance.get_param_importances(loaded))


def write(search: Search, trials: Sequence[Trial]) -> list[Path]:
    """Write tune.md and, where there is a score to draw, tune.png into the search's folder; returns the files."""
    parts = [f"# {search.recipe}: {len(trials)} trials", to_markdown(search, trials)]
    parts.append(
        "Scores are the best of the dev splits over a trial's epochs, lower is better; pruned trials were ended early. "
        "Test sets were not looked at."
    )
    chosen = study.best(trials)
    if chosen:
        parts += ["## Best", f"Trial {chosen.number}:", f"```\n{command(search, chosen)}\n```"]
    shares = importances(search.folder)
    if shares:
        rows = [(key, f"{100 * share:.0f} %") for key, share in shares.items()]
        parts += [
            "## Importance",
            "Of what makes the complete trials differ:",
            table(("setting", "share"), rows),
        ]
    failed = [(t.number, t.failure) for t in trials if t.failure]
    if failed:
        parts += ["## Failed", table(("trial", "why"), failed)]
    written = []
    if any(t.score is not None for t in trials) and dependencies.is_installed("matplotlib"):
        written.append(_draw(search.folder / PICTURE, trials))
        parts += ["## Dev score by trial", f"![Dev score of each trial, and the best so far]({PICTURE})"]
    write_text(search.folder / TEXT, "\n\n".join(parts) + "\n")
    return [search.folder / TEXT, *written]


def _draw(path: Path, trials: Sequence[Trial]) -> Path:
    """Dev score over the trials' numbers, and the best so far."""
    # Figure without pyplot: no display, no state left behind.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for state, marker, colour in (
        ("complete", "o", "tab:blue"),
        ("pruned", "x", "0.6"),
        ("unfinished", "+", "0.6"),
    ):
        points = [(t.number, t.score) for t in trials if t.state == state and t.score is not None]
        if points:
            axes.scatter(*zip(*points), marker=marker, color=colour, label=state)
    complete = sorted((t.number, t.score) for t in trials if t.state == "complete" and t.score is not None)
    if complete:
        lowest = [min(score for _, score in complete[: i + 1]) for i in range(len(complete))]
        numbers = [number for number, _ in complete]
        axes.step(numbers, lowest, where="post", color="tab:red", label="best so far")
    axes.set_xlabel("trial")
    axes.set_ylabel("best dev score")
    axes.legend()
    axes.grid(alpha=0.3)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)
    return path
