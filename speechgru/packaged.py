"""The models that come with the package."""

from __future__ import annotations

from pathlib import Path

from speechgru.errors import CheckpointError

DEFAULT_MODEL = "english-small"
ASSETS = Path(__file__).parent / "assets"


def find_model(model: str | Path | None = None) -> Path:
    """The file of a model given by path or by the name of one that comes with the package.

    Raises:
        CheckpointError: there is none; the message says what there is and what to do.
    """
    packaged = {path.stem: path for path in sorted(ASSETS.glob("*.safetensors"))}
    name = DEFAULT_MODEL if model is None else str(model)
    if name in packaged:
        return packaged[name]
    if model is not None and Path(model).exists():
        return Path(model)
    choices = (
        f"a path or one of: {', '.join(packaged)}"
        if packaged
        else "a path (this installation holds no models)"
    )
    what = "The default model" if model is None else "The model"
    raise CheckpointError(
        f"{what} {name} is not there. Expected {choices}. Name a checkpoint (--model FILE, inspect FILE, in "
        f"Python load_recognizer(FILE)), install the package again, or train one: speechgru train {DEFAULT_MODEL}."
    )
