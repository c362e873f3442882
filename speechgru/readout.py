"""How a network's output is read: the decoder that a checkpoint names or a user wants, with its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from speechgru import languagecodes, normalisers, packaged, plugins, pronunciation, text, typed
from speechgru.errors import CheckpointError, ConfigError
from speechgru.normalisers import ENGLISH, Normaliser

if TYPE_CHECKING:
    from speechgru.checkpoint import Checkpoint

DEFAULT, SEARCH = "greedy", "beam"
_NEEDS = {  # a setting that does nothing without another
    **dict.fromkeys(("lm_weight", "unknown_word", "unknown_letter", "dictionary"), "lm"),
    "hotword_weight": "hotwords",
    "sounds_weight": "dictionary",
    "prior_weight": "prior",
}


def decoder(
    checkpoint: Checkpoint,
    vocabulary: text.Vocabulary,
    name: str | None = None,
    wanted: Mapping[str, Any] | None = None,
) -> tuple[str, Any]:
    """The name of the decoder to read a checkpoint's output with, and the decoder.

    Args:
        checkpoint: its header's `decoder`, {"name": ..., "settings": {...}}, says how it wants to be read.
        vocabulary: the checkpoint's.
        name: of the decoder that the user wants; by default the stored one, or where that doesn't know what
            is wanted, the beam search.
        wanted: settings over the stored ones, which hold for the stored decoder only. Hotwords are normalised.

    Raises:
        CheckpointError: what is stored is damaged, or asks for a language model that isn't there.
        ConfigError: an unknown decoder or setting, a value outside its range, a setting that would do nothing.
    """
    own, values = _stored(checkpoint)
    wanted = dict(wanted or {})
    if "hotwords" in wanted:
        plain = normaliser(checkpoint, vocabulary)
        wanted["hotwords"] = [spoken(phrase, plain) for phrase in wanted["hotwords"]]
    chosen = name or (own if wanted.keys() <= _settings(own) else SEARCH)
    module = plugins.find("decoders", chosen)
    if chosen == own:
        _check_stored(checkpoint, module, {key: values[key] for key in values.keys() - wanted.keys()})
    else:
        values = {}
    settings = typed.build(module.Settings, {**values, **wanted}, f"decoder {chosen}")
    for key in wanted:
        needed = _NEEDS.get(key)
        if needed and not getattr(settings, needed):
            raise ConfigError(f"{key} does nothing without {needed}. Give both, or neither.")
    made = module.Decoder(settings, vocabulary)
    check_sounds(made, sounds(checkpoint), checkpoint.path)
    return chosen, made


def search(checkpoint: Checkpoint) -> dict[str, Any]:
    """The settings of the beam search that a checkpoint is read with; none where it is read otherwise.

    Raises:
        CheckpointError: they are damaged.
    """
    name, values = _stored(checkpoint)
    if name != SEARCH:
        return {}
    module = plugins.find("decoders", SEARCH)
    _check_stored(checkpoint, module, values)
    built = typed.build(module.Settings, values, "decoder.settings")
    return {key: getattr(built, key) for key in values}


def check_sounds(decoder: Any, heard: tuple[str, ...], model: object) -> None:
    """Refuse a decoder that reads other sounds than those that a network hears.

    Raises:
        ConfigError: it does.
    """
    wanted = sounds_of(decoder)
    if wanted and wanted != heard:
        what = f"hears other ones ({' '.join(heard[1:])})" if heard else "hears letters alone"
        raise ConfigError(
            f"The dictionary {decoder.settings.dictionary!r} says words in the sounds {' '.join(wanted[1:])}, and the "
            f"model {model or packaged.DEFAULT_MODEL} {what}. Leave the dictionary out, or train a model with it "
            "(ctc.pronunciations)."
        )


def sounds(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Names of the sounds that a checkpoint's network hears beside letters; none of most.

    Raises:
        CheckpointError: the header's `sounds` are no names.
    """
    return _listed(checkpoint, "sounds", "names")


def sounds_of(decoder: Any) -> tuple[str, ...]:
    """Names of the sounds that a decoder reads; none of most."""
    found: tuple[str, ...] = getattr(decoder, "sounds", ())
    return found


def columns(decoder: Any, output: Any, letters: int | None) -> Any:
    """Of a network's `output` [frames, letters + sounds], what a decoder reads."""
    return output if sounds_of(decoder) else output[:, :letters]


def normaliser(checkpoint: Checkpoint, vocabulary: text.Vocabulary) -> Normaliser:
    """What makes texts alike before they are compared with those of a checkpoint.

    Raises:
        CheckpointError: the header's `languages` are no codes.
    """
    return normalisers.of(vocabulary.symbols, languages(checkpoint, vocabulary))


def languages(checkpoint: Checkpoint, vocabulary: text.Vocabulary) -> tuple[str, ...]:
    """Codes of what a checkpoint writes. One that states none was made when all that is written with English letters
    was read as English; of others nothing is known then.

    Raises:
        CheckpointError: the header's `languages` are no codes.
    """
    stated = _listed(checkpoint, "languages", "codes")
    if not stated and normalisers.of(vocabulary.symbols) is ENGLISH:
        return (languagecodes.ENGLISH,)
    return stated


def _listed(checkpoint: Checkpoint, key: str, what: str) -> tuple[str, ...]:
    """What a checkpoint's header lists under `key`: `what`, in one word for the message; none where it says nothing."""
    stated = checkpoint.header.get(key, [])
    if not isinstance(stated, list) or not all(isinstance(entry, str) for entry in stated):
        raise CheckpointError(
            f"{checkpoint.path} has a damaged header: {key} are {stated!r}, not a list of {what}."
        )
    return tuple(stated)


def _settings(name: str) -> set[str]:
    """What can be set of a decoder."""
    return {field.name for field in fields(plugins.find("decoders", name).Settings)}


def _stored(checkpoint: Checkpoint) -> tuple[str, dict[str, Any]]:
    """Name and settings in a checkpoint's header."""
    stored = checkpoint.header.get("decoder") or {}
    if not isinstance(stored, dict) or not isinstance(stored.get("settings", {}), dict):
        raise CheckpointError(
            f"{checkpoint.path} has a damaged header: decoder {stored!r} has no name and settings."
        )
    return str(stored.get("name", DEFAULT)), stored.get("settings", {})


def _check_stored(checkpoint: Checkpoint, module: Any, values: Mapping[str, Any]) -> None:
    """What is stored must make sense by itself, and must not lead to other files by naming their path."""
    try:
        typed.build(module.Settings, values, "decoder.settings")
    except ConfigError as error:
        raise CheckpointError(f"{checkpoint.path} has a damaged header: {error}") from error
    lm = values.get("lm", "")
    if lm and lm not in packaged.language_models():
        raise CheckpointError(
            f"{checkpoint.path} is made for the language model {lm!r}, which this installation doesn't hold. "
            f"Install speechgru again, name a language model (--lm FILE), or do without (--decoder {DEFAULT})."
        )
    dictionary = values.get("dictionary", "")
    if dictionary and dictionary not in pronunciation.packaged():
        raise CheckpointError(
            f"{checkpoint.path} is made for the pronouncing dictionary {dictionary!r}, which this installation doesn't "
            f"hold. Install speechgru again, or do without (--decoder {DEFAULT})."
        )


def spoken(phrase: str, normaliser: Normaliser = ENGLISH) -> str:
    """A hotword as the normaliser spells it."""
    strange = normaliser.lost(phrase)
    spoken = normaliser(phrase)
    if strange or not spoken:
        shown = f"holds {' '.join(sorted(strange))}, which nobody can say" if strange else "holds no word"
        raise ConfigError(f"Hotword {phrase!r} {shown}. Expected words as they are spoken.")
    return spoken
