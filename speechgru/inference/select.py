"""The decoder that a checkpoint names or a user wants, with its settings."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from speechgru.decoding import Decoder
from speechgru.decoding.settings import SETTINGS
from speechgru.errors import CheckpointError, ConfigError
from speechgru.text import Normaliser, normalize
from speechgru.text import languages as language_codes
from speechgru.text.normalize import ENGLISH
from speechgru.text.subwords import Subwords
from speechgru.utils import assets, plugins, schema

if TYPE_CHECKING:
    from speechgru.inference.acoustic_header import AcousticHeader

DEFAULT, SEARCH = "greedy", "beam"
_log = logging.getLogger(__name__)
_NEEDS = {  # a setting that does nothing without another
    **dict.fromkeys(("lm_weight", "unknown_word", "unknown_letter", "dictionary"), "lm"),
    "hotword_weight": "hotwords",
    "sounds_weight": "dictionary",
    "prior_weight": "prior",
}


def decoder(
    header: AcousticHeader, name: str | None = None, wanted: Mapping[str, Any] | None = None
) -> tuple[str, Decoder]:
    """The name of the decoder to read a model's output with, and the decoder.

    Args:
        header: of the model's file; its `decoder` is how it is decoded.
        name: of the decoder that the user wants; by default the stored one, or where that doesn't know what
            is wanted, the beam search.
        wanted: settings over the stored ones, which hold for the stored decoder only. Hotwords are normalised.

    Raises:
        CheckpointError: what is stored is damaged, or asks for a language model that isn't there.
        ConfigError: an unknown decoder or setting, a value outside its range, a setting that would do nothing.
    """
    own, values = header.decoder.name, header.decoder.settings
    wanted = dict(wanted or {})
    if "hotwords" in wanted:
        plain = normaliser(header)
        wanted["hotwords"] = [spoken(phrase, plain) for phrase in wanted["hotwords"]]
    from speechgru.models.header import fitting

    with fitting(header.path):
        known = _settings(own)
    chosen = name or (own if wanted.keys() <= known else SEARCH)
    module = plugins.find("decoding", chosen)
    if chosen == own:
        _check_stored(header, module, {key: values[key] for key in values.keys() - wanted.keys()})
    else:
        values = {}
    settings = schema.build(module.Settings, {**values, **wanted}, f"decoder {chosen}")
    for key in wanted:
        needed = _NEEDS.get(key)
        if needed and not getattr(settings, needed):
            raise ConfigError(f"{key} does nothing without {needed}. Give both, or neither.")
    if chosen == SEARCH and isinstance(header.vocabulary, Subwords):
        from speechgru.decoding import subword_beam as module  # its settings are the same
    made: Decoder = module.Decoder(settings, header.vocabulary)
    check_sounds(made, header.sounds, header.path)
    _tell_small(settings, made)
    return chosen, made


def _tell_small(settings: Any, made: Decoder) -> None:
    """Warn of a language model whose words are few: the search takes hardly any others."""
    lm = getattr(made, "lm", None)
    if lm is not None and lm.is_small:
        _log.warning(
            "The language model %s knows only %d words; speech that holds others is spoilt by it. It fits commands and "
            "other closed sets of sentences; for anything else leave it out, or build one from more text.",
            settings.lm,
            lm.n_words,
        )


def search(header: AcousticHeader) -> dict[str, Any]:
    """The settings of the beam search that a model is read with; none where it is read otherwise.

    Raises:
        CheckpointError: they are damaged.
    """
    if header.decoder.name != SEARCH:
        return {}
    built = _check_stored(header, plugins.find("decoding", SEARCH), header.decoder.settings)
    return {key: getattr(built, key) for key in header.decoder.settings}


def check_sounds(decoder: Decoder, phones: tuple[str, ...], model: object) -> None:
    """Refuse a decoder that reads other phones than those of a network.

    Raises:
        ConfigError: it does.
    """
    wanted = decoder.phones
    if wanted and wanted != phones:
        what = f"has other ones ({' '.join(phones[1:])})" if phones else "has no phone head"
        raise ConfigError(
            f"The dictionary {decoder.settings.dictionary!r} has the phones {' '.join(wanted[1:])}, and the "
            f"model {model or assets.CTC_MODEL} {what}. Leave the dictionary out, or train a model with it "
            "(ctc.pronunciations)."
        )


def columns(decoder: Decoder, output: Any, letters: int | None) -> Any:
    """The columns of a network's `output` [frames, characters + phones] that a decoder reads."""
    return output if decoder.phones else output[:, :letters]


def normaliser(header: AcousticHeader) -> Normaliser:
    """What makes texts alike before they are compared with those of a model."""
    return normalize.normaliser_for(header.vocabulary.characters, languages(header))


def languages(header: AcousticHeader) -> tuple[str, ...]:
    """Codes of what a model writes. One that states none was made when all that is written with English letters
    was read as English; of others nothing is known then."""
    if not header.languages and normalize.normaliser_for(header.vocabulary.characters) is ENGLISH:
        return (language_codes.ENGLISH,)
    return header.languages


def _settings(name: str) -> set[str]:
    """What can be set of a decoder."""
    if name in SETTINGS:  # without the search itself, which is not loaded in vain
        return {field.name for field in fields(SETTINGS[name])}
    return {field.name for field in fields(plugins.find("decoding", name).Settings)}


def _check_stored(header: AcousticHeader, module: Any, values: Mapping[str, Any]) -> Any:
    """The settings that are stored: they must make sense by themselves, and not lead to other files by their path."""
    from speechgru.models.header import fitting

    with fitting(header.path):
        settings = schema.build(module.Settings, values, "decoder.settings")
    lm = values.get("lm", "")
    if lm and lm not in assets.language_models():
        raise CheckpointError(
            f"{header.path} is made for the language model {lm!r}, which this installation doesn't hold. "
            f"Install speechgru again, name a language model (--lm FILE), or do without (--decoder {DEFAULT})."
        )
    dictionary = values.get("dictionary", "")
    if dictionary and dictionary not in _dictionaries():
        raise CheckpointError(
            f"{header.path} is made for the pronouncing dictionary {dictionary!r}, which this installation doesn't "
            f"hold. Install speechgru again, or do without (--decoder {DEFAULT})."
        )
    return settings


def _dictionaries() -> Collection[str]:
    """Names of the packaged ones; greedy decoding needs none."""
    from speechgru.lexicon import dictionary

    return dictionary.packaged()


def spoken(phrase: str, normaliser: Normaliser = ENGLISH) -> str:
    """A hotword as the normaliser spells it."""
    strange = normaliser.lost(phrase)
    spoken = normaliser(phrase)
    if strange or not spoken:
        shown = f"holds {' '.join(sorted(strange))}, which nobody can say" if strange else "holds no word"
        raise ConfigError(f"Hotword {phrase!r} {shown}. Expected words as they are spoken.")
    return spoken
