"""From a recipe's settings to the parts of a model that learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Generic

from torch import Tensor, nn

from speechgru.config import Recipe
from speechgru.errors import CheckpointError, ConfigError
from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.models import Checkpoint, checkpoint
from speechgru.models.audio_header import AudioHeader
from speechgru.models.checkpoint import H
from speechgru.utils import plugins

PHONE_HEAD = "sounds."  # prefix of the names of the phone head's tensors: see speechgru/models/acoustic.py


def settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a plugin's Settings in a recipe's section: all but its name."""
    return {key: value for key, value in values.items() if key != "name"}


def feature_settings(recipe: Recipe) -> FeatureSettings:
    """The settings of the recipe's features."""
    return FeatureSettings(**settings(recipe.features))


def network(recipe: Recipe, kind: str, *sizes: int, derived: Mapping[str, Any] | None = None) -> Any:
    """The recipe's network, freshly initialised, for `sizes` that its kind wants (features and labels, ...).

    Args:
        derived: settings that follow from the data, over the recipe's.

    Raises:
        ConfigError: the recipe names a network of another kind.
    """
    folder = plugins.settings("tasks", recipe.task).models
    module = plugins.find(folder, recipe.model["name"])
    if kind != module.KIND:
        fitting = [name for name in plugins.names(folder) if kind == plugins.find(folder, name).KIND]
        raise ConfigError(
            f"model.name is {module.__name__.rpartition('.')[2]!r}, a model of kind {module.KIND!r}; task="
            f"{recipe.task} wants {' or '.join(fitting)}. Pass model={fitting[0]}."
        )
    return module.Model(module.Settings(**{**settings(recipe.model), **(derived or {})}), *sizes)


@dataclass(frozen=True)
class Start(Generic[H]):
    """What a run starts from: the header of a checkpoint, all its entries as they are stored, and whether its outputs
    stand for what the run's do."""

    header: H
    entries: Mapping[str, Any]
    same_outputs: bool = True

    def inherited(self, names: Sequence[str]) -> dict[str, Any]:
        """The entries of the header that hold for the new model too: none of them where its outputs are others."""
        return {name: self.entries[name] for name in names if name in self.entries and self.same_outputs}


def start(
    model: nn.Module,
    first: Checkpoint,
    header: type[H],
    *,
    features: FeatureSettings | None = None,
    outputs: Sequence[str] | None = None,
) -> Start[H]:
    """Give `model` the weights of a checkpoint.

    Args:
        header: of the model's kind.
        features: what the model takes, if it is one of recordings.
        outputs: what the model's outputs stand for. Where those are others than the checkpoint's, shared ones keep
            their weights, and new ones begin as they are.

    Raises:
        CheckpointError: it is of another kind or size, or was made for other features.
    """
    read = first.read(header)
    if features and isinstance(read, AudioHeader) and read.features.fingerprint != features.fingerprint:
        raise CheckpointError(
            f"{first.path} has other features than this run: {_differences(read.features, features)}. Start from a "
            "model of the same, or pass features.SETTING=VALUE."
        )
    tensors = _phone_head(model, first.tensors)
    theirs, ours = list(read.outputs), list(read.outputs if outputs is None else outputs)
    if theirs != ours:
        tensors |= _moved(model, tensors, theirs, ours)
    checkpoint.fill(model, replace(first, tensors=tensors))
    return Start(read, first.header, theirs == ours)


def _phone_head(model: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with the model's phone head: the checkpoint's where it has as many phones, else as it begins."""
    own = {name: tensor for name, tensor in model.state_dict().items() if name.startswith(PHONE_HEAD)}
    theirs = {name: tensor for name, tensor in tensors.items() if not name.startswith(PHONE_HEAD)}
    for name, tensor in own.items():
        given = tensors.get(name)
        theirs[name] = given if given is not None and given.shape == tensor.shape else tensor.clone()
    return theirs


def _differences(theirs: FeatureSettings, ours: FeatureSettings) -> str:
    """What is another in a checkpoint's features, in words."""
    pairs = {name: (getattr(theirs, name), value) for name, value in asdict(ours).items()}
    return "; ".join(f"{name} {their}, not {our}" for name, (their, our) in pairs.items() if their != our)


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
    """How a checkpoint describes its features."""
    return {"kind": "log_mel", "settings": asdict(features), "fingerprint": features.fingerprint}
