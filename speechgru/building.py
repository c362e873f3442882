"""From a recipe's settings to the parts of a model that learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from speechgru import checkpoint, plugins
from speechgru.errors import CheckpointError, ConfigError
from speechgru.features.spectral import Settings as FeatureSettings
from speechgru.recipe import Recipe


def settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a plugin's Settings in a recipe's section: all but its name."""
    return {key: value for key, value in values.items() if key != "name"}


def feature_settings(recipe: Recipe) -> FeatureSettings:
    """The settings of the recipe's features."""
    return FeatureSettings(**settings(recipe.features))


def network(recipe: Recipe, kind: str, *sizes: int) -> Any:
    """The recipe's network, freshly initialised, for `sizes` that its kind wants (features and labels, ...).

    Raises:
        ConfigError: the recipe names a network of another kind.
    """
    module = plugins.find("models", recipe.model["name"])
    if kind != module.KIND:
        fitting = [name for name in plugins.names("models") if kind == plugins.find("models", name).KIND]
        raise ConfigError(
            f"model.name is {module.__name__.rpartition('.')[2]!r}, a model of kind {module.KIND!r}; task="
            f"{recipe.task} wants {' or '.join(fitting)}. Pass model={fitting[0]}."
        )
    return module.Model(module.Settings(**settings(recipe.model)), *sizes)


def start(model: nn.Module, path: Path, kind: str, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Give `model` the weights of a checkpoint; returns its header.

    Args:
        expected: entries that its header must have, by name; of `features`, the fingerprint.

    Raises:
        CheckpointError: it is of another kind or size, or was made for something else.
    """
    first = checkpoint.load(path).require(kind)
    for what, ours in expected.items():
        theirs = first.get(what)
        theirs = theirs.get("fingerprint") if what == "features" else theirs
        if theirs != ours:
            raise CheckpointError(
                f"{path} has other {_SAID.get(what, what)} than this run: {theirs}, not {ours}. Start from a model of "
                "the same."
            )
    checkpoint.fill(model, first)
    return dict(first.header)


_SAID = {"vocabulary": "symbols"}


def header(recipe: Recipe, model: Any, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint of every kind says about itself."""
    return {
        "model": {"name": recipe.model["name"], "settings": asdict(model.settings)},
        "provenance": dict(provenance),
    }


def feature_header(features: FeatureSettings) -> dict[str, Any]:
    """How a checkpoint describes the features that it hears."""
    return {"kind": "log_mel", "settings": asdict(features), "fingerprint": features.fingerprint}
