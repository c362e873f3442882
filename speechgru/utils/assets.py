"""Models that can be given by a name: those that come with the package, and those fetched (see hub.py); folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from speechgru.errors import CheckpointError, LanguageModelError
from speechgru.utils import near, plugins

DEFAULT_MODEL = "english"
CTC_MODEL = "english-small"  # where emissions of characters are looked at
ASSETS = Path(__file__).parents[1] / "assets"
SUFFIX = ".safetensors"
ONNX = ".onnx"
ONNX_FILES = ("model.onnx", "model.float16.onnx", "model.int8.onnx")
"""As the exports of most programs are named, the most exact first."""
BEST = f"best{SUFFIX}"
"""The model of a training run, in the run's folder."""
FOLDER_VARIABLE = "SPEECHGRU_MODELS"


def models_folder() -> Path:
    """Where fetched models are kept: SPEECHGRU_MODELS, or speechgru/models below the user's data folder."""
    given = os.environ.get(FOLDER_VARIABLE, "")
    data = os.environ.get("XDG_DATA_HOME", "") or "~/.local/share"
    return Path(given or Path(data) / "speechgru" / "models").expanduser()


def cache_folder() -> Path:
    """Where this user's programs keep what they can make again: $XDG_CACHE_HOME or ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "speechgru"


def model_names() -> list[str]:
    """Names of the models that come with the package or were fetched, sorted."""
    return sorted({path.stem for folder in (models_folder(), ASSETS) for path in folder.glob(f"*{SUFFIX}")})


def find_model(model: str | Path | None = None) -> Path:
    """The file of a model given by path, or by the name of one that comes with the package or was fetched.

    Raises:
        CheckpointError: there is none; the message says what there is and what to do.
    """
    # The package's own come last, so that no fetched file takes the name of one.
    named = {
        path.stem: path for folder in (models_folder(), ASSETS) for path in sorted(folder.glob(f"*{SUFFIX}"))
    }
    name = DEFAULT_MODEL if model is None else str(model)
    if name in named:
        return named[name]
    if model is not None and Path(model).exists():
        return model_file(model)
    choices = (
        f"a path or one of: {', '.join(sorted(named))}"
        if named
        else "a path (this installation holds no models)"
    )
    what = "The default model" if model is None else "The model"
    again = "Install the package again, which holds it, or name a model" if model is None else "Name a model"
    raise CheckpointError(
        f"{what} {name} is not there.{_nearest(name, named)} Expected {choices}. {again}: a file, or a name that "
        "speechgru model list shows (--model FILE, inspect FILE, in Python load_recognizer(FILE)). To train one of "
        f"your own: speechgru train {DEFAULT_MODEL} corpus.root=DATA, then --model runs/{DEFAULT_MODEL}."
    )


def model_file(path: str | Path) -> Path:
    """`path`, or the model in it where it is the folder of a training run or of a model in ONNX.

    Raises:
        CheckpointError: there is no such file, or the folder holds no model.
    """
    path = Path(path)
    if path.is_dir():
        models = sorted(path.glob(f"*{SUFFIX}"))
        best = path / BEST
        if not models and (exported := _onnx_file(path)):
            return exported
        if best not in models and len(models) != 1:
            held = (
                f"several ({', '.join(model.name for model in models[:5])}); name one" if models else "none"
            )
            raise CheckpointError(
                f"{path} is a folder; expected a model file ({SUFFIX}), or the folder of a training run with its "
                f"{BEST}, or a folder with one model in ONNX. It holds {held}."
            )
        return best if best in models else models[0]
    if not path.exists():
        raise CheckpointError(f"{path} does not exist; expected a model file ({SUFFIX}).")
    return path


def _onnx_file(folder: Path) -> Path | None:
    """The model in ONNX of a folder; None where there is none, or several of unknown names."""
    known = [folder / name for name in ONNX_FILES if (folder / name).is_file()]
    models = known or sorted(folder.glob(f"*{ONNX}"))
    return models[0] if known or len(models) == 1 else None


def _nearest(name: str, names: Iterable[str]) -> str:
    """A question after the nearest of `names`, or of the files beside a path that isn't there; "" for none."""
    if named := plugins.nearest(name, names):
        return f" Did you mean {named}?"
    return near.question(name)


def language_models() -> list[str]:
    """Names of the language models that come with the package, sorted."""
    return sorted(path.stem for path in ASSETS.glob("*.slm"))


def find_lm(name_or_path: str | Path) -> Path:
    """The file of a language model given by the name of one that comes with the package, or by path.

    Raises:
        LanguageModelError: there is none; the message says what there is and what to do.
    """
    names = language_models()
    if str(name_or_path) in names:
        return ASSETS / f"{name_or_path}.slm"
    if Path(name_or_path).is_file():
        return Path(name_or_path)
    choices = f"a file (.slm, .arpa or .arpa.gz){' or one of: ' + ', '.join(names) if names else ''}"
    raise LanguageModelError(
        f"The language model {name_or_path} is not there.{_nearest(str(name_or_path), names)} Expected {choices}. Make "
        "one from a text: speechgru lm build TEXT -o model.slm."
    )
