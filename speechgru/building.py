"""From a recipe's settings to the parts of a model that learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from speechgru import checkpoint, plugins
from speechgru.checkpoint import Checkpoint
from speechgru.errors import CheckpointError, ConfigError
from speechgru.features.spectral import Settings as FeatureSettings
from speechgru.recipe import Recipe

SECOND = "sounds."  # of the names of the second head's tensors: see speechgru/models/acoustic.py


def settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a plugin's Settings in a recipe's section: all but its name."""
    return {key: value for key, value in values.items() if key != "name"}


def feature_settings(recipe: Recipe) -> FeatureSettings:
    """The settings of the recipe's features."""
    return FeatureSettings(**settings(recipe.features))


def network(recipe: Recipe, kind: str, *sizes: int, folder: str = "models") -> Any:
    """The recipe's network, freshly initialised, for `sizes` that its kind wants (features and labels, ...).

    Args:
        folder: where networks of its kind lie.

    Raises:
        ConfigError: the recipe names a network of another kind.
    """
    module = plugins.find(folder, recipe.model["name"])
    if kind != module.KIND:
        fitting = [name for name in plugins.names(folder) if kind == plugins.find(folder, name).KIND]
        raise ConfigError(
            f"model.name is {module.__name__.rpartition('.')[2]!r}, a model of kind {module.KIND!r}; task="
            f"{recipe.task} wants {' or '.join(fitting)}. Pass model={fitting[0]}."
        )
    return module.Model(module.Settings(**settings(recipe.model)), *sizes)


@dataclass(frozen=True)
class Start:
    """What a run starts from: the header of a checkpoint, and whether its outputs stand for what the run's do."""

    header: dict[str, Any]
    same_outputs: bool = True

    def inherited(self, names: Sequence[str]) -> dict[str, Any]:
        """The entries of the header that hold for the new model too: none of them where its outputs are others."""
        return {name: self.header[name] for name in names if name in self.header and self.same_outputs}


def start(
    model: nn.Module,
    path: Path,
    kind: str,
    *,
    features: FeatureSettings | None = None,
    outputs: tuple[str, Sequence[str]] | None = None,
) -> Start:
    """Give `model` the weights of a checkpoint.

    Args:
        features: what the model hears, if it does.
        outputs: the header's name for what the model's outputs stand for, and what they do in `model`. Where those
            are others than the checkpoint's, shared ones keep their weights, and new ones begin as they are.

    Raises:
        CheckpointError: it is of another kind or size, or was made for other features.
    """
    first = checkpoint.load(path).require(kind)
    first = replace(first, tensors=_second_head(model, first.tensors))
    if features and first.get("features").get("fingerprint") != features.fingerprint:
        raise CheckpointError(
            f"{path} has other features than this run: {_differences(first, features)}. Start from a model of the "
            "same, or pass features.SETTING=VALUE."
        )
    if outputs is None:
        checkpoint.fill(model, first)
        return Start(dict(first.header))
    name, ours = outputs
    theirs = list(first.get(name))
    if theirs != list(ours):
        first = replace(first, tensors={**first.tensors, **_moved(model, first.tensors, theirs, list(ours))})
    checkpoint.fill(model, first)
    return Start(dict(first.header), theirs == list(ours))


def _second_head(model: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with what the model's head of sounds wants: theirs where it has as many, else as it begins."""
    own = {name: tensor for name, tensor in model.state_dict().items() if name.startswith(SECOND)}
    theirs = {name: tensor for name, tensor in tensors.items() if not name.startswith(SECOND)}
    for name, tensor in own.items():
        given = tensors.get(name)
        theirs[name] = given if given is not None and given.shape == tensor.shape else tensor.clone()
    return theirs


def _differences(first: Checkpoint, features: FeatureSettings) -> str:
    """What is another in a checkpoint's features, in words."""
    theirs = first.get("features").get("settings", {})
    ours = asdict(features)
    found = [f"{key} {theirs.get(key)}, not {ours.get(key)}" for key in ours if theirs.get(key) != ours[key]]
    return "; ".join(found) or "another version of them"


def _moved(
    model: nn.Module, tensors: Mapping[str, Tensor], theirs: list[str], ours: list[str]
) -> dict[str, Tensor]:
    """The tensors with a row an output, the rows of shared outputs in their new places."""
    shared = [output for output in ours if output in theirs]
    to, source = [ours.index(output) for output in shared], [theirs.index(output) for output in shared]
    moved = {}
    for name, own in model.state_dict().items():
        given = tensors.get(name)
        if (
            name.startswith(("head.", "embedding."))
            and given is not None
            and given.shape[1:] == own.shape[1:]
        ):
            moved[name] = own.clone()
            moved[name][to] = given[source].to(own.dtype)
    return moved


def header(recipe: Recipe, model: Any, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint of every kind says about itself."""
    return {
        "model": {"name": recipe.model["name"], "settings": asdict(model.settings)},
        "provenance": dict(provenance),
    }


def feature_header(features: FeatureSettings) -> dict[str, Any]:
    """How a checkpoint describes the features that it hears."""
    return {"kind": "log_mel", "settings": asdict(features), "fingerprint": features.fingerprint}
