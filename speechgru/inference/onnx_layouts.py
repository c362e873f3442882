"""How ONNX files of models that CTC trained want to be fed, by who exported them.

A layout is told by config.json beside the model, else by the metadata in it, else by the names of its inputs:

| layout | inputs → first output | features |
|---|---|---|
| speechgru | features [N, T, F], lengths → log_probs | in the metadata |
| zipformer2_ctc | x [N, T, 80], x_lens → log_probs | Kaldi's, samples in [-1, 1] (icefall) |
| wenet_ctc | x [N, T, 80], x_lens → log_probs | Kaldi's, samples of 16 bits |
| nemo | audio_signal [N, F, T], length → logprobs | NeMo's, normalised as the metadata says |
| parakeet_hf | input_features [N, T, F], attention_mask → logits | NeMo's |
| wav2vec2 | input_values [N, time], with some attention_mask → logits | none: samples |

Facts are those of sherpa-onnx's readers and export scripts, onnx-asr and transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from speechgru.errors import CheckpointError
from speechgru.features.arrays import Frontend, KaldiArrays, NemoArrays, WaveformArrays
from speechgru.features.settings import MOST_MELS
from speechgru.utils import json_text, plugins

OWN = "speechgru"
_KALDI_PADDING = -23.025850929940457  # ln 1e-10, as sherpa-onnx pads
_NEMO_TYPES = (
    "EncDecCTCModelBPE",
    "EncDecCTCModel",
    "EncDecHybridRNNTCTCBPEModel",
    "EncDecHybridRNNTCTCModel",
)
_NEMO_CONFIGS = ("nemo-conformer-ctc", "nemo-fastconformer-ctc", "nemo-parakeet-ctc", "nemo-conformer")
_HUGGING_FACE = (
    "wav2vec2",
    "hubert",
    "wavlm",
    "unispeech",
    "unispeech-sat",
    "data2vec-audio",
    "wav2vec2-conformer",
)
_OTHERS = {  # by words in metadata, config.json or names of inputs
    "whisper": "Whisper writes word by word with a decoder",
    "moonshine": "Moonshine writes word by word with a decoder",
    "sense_voice": "SenseVoice wants features of its own and inputs for language and style",
    "paraformer": "Paraformer is no CTC model",
    "transducer": "a transducer has a decoder and a joiner beside the encoder",
    "zipformer2": "a streaming or transducer encoder has no CTC output",
    "canary": "Canary writes word by word with a decoder",
    "telespeech": "TeleSpeech wants MFCC of its own",
}


@dataclass(frozen=True)
class Layout:
    """How one network is fed and read.

    frontend: its features. signal, lengths: names of its inputs; lengths "" where there is none. mask: the second
    input is a mask of valid frames, not their number. bins_first: [N, F, T]. stride: features an output frame, 0
    where it is to be measured. blank: number of the blank, where another file than the table says so. padding: what
    stands past the end.
    """

    name: str
    frontend: Frontend
    signal: str
    lengths: str = ""
    mask: bool = False
    bins_first: bool = False
    stride: int = 0
    blank: int | None = None
    padding: float = 0.0


@dataclass(frozen=True)
class Facts:
    """What a file says of itself: inputs with their shapes, metadata, config.json and preprocessor_config.json."""

    path: Path
    inputs: Mapping[str, list[Any]]
    metadata: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    preprocessor: Mapping[str, Any] = field(default_factory=dict)

    def number(self, *names: str, default: int = 0) -> int:
        """A whole number, 1 or more, from metadata or config.json.

        Raises:
            CheckpointError: it is none.
        """
        for name in names:
            value = self.metadata.get(name, self.config.get(name))
            if value is not None:
                text = str(value)
                if not text.isdecimal() or len(text) > len(str(MOST_MELS)) or not 1 <= int(text) <= MOST_MELS:
                    raise CheckpointError(
                        f"{self.path} has {name} {text[:40]!r}; expected a whole number from 1 to {MOST_MELS}."
                    )
                return int(text)
        return default

    def bins(self, name: str, axis: int) -> int:
        """Features that an input takes, where its shape says it; else 80.

        Raises:
            CheckpointError: more than any model takes.
        """
        shape = self.inputs.get(name) or []
        size = shape[axis] if len(shape) > axis else None
        if not isinstance(size, int) or size < 1:
            return 80
        if size > MOST_MELS:
            raise CheckpointError(f"{self.path} takes {size} features a frame; expected {MOST_MELS} at most.")
        return size


def read_json(path: Path) -> Mapping[str, Any]:
    """A file beside a model; {} where there is none.

    Raises:
        CheckpointError: it is damaged.
    """
    try:
        value = json_text.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} can't be read: {error}. Expected JSON, as the model was published with."
        ) from error
    if not isinstance(value, Mapping):
        raise CheckpointError(f"{path} holds a {type(value).__name__}; expected an object of settings.")
    return value


def find(facts: Facts) -> Layout:
    """The layout of a model that isn't speechgru's own.

    Raises:
        CheckpointError: it is none that is known; the message names the nearest, and what the file says.
    """
    kinds = [str(facts.config.get("model_type", "")), facts.metadata.get("model_type", "")]
    for kind in filter(None, kinds):
        if kind in BY_TYPE:
            return _fitting(BY_TYPE[kind](facts), facts)
    told = " ".join([*kinds, *facts.inputs]).lower()
    for word, why in _OTHERS.items():
        if word in told or (word == "transducer" and {"encoder_out", "decoder_out"} & set(facts.inputs)):
            raise CheckpointError(
                f"{facts.path} is of a kind that speechgru can't run: {why}. {_expected(facts)}"
            )
    for names, make in BY_INPUTS.items():
        if names <= set(facts.inputs) and not any(kinds):
            return _fitting(make(facts), facts)
    raise CheckpointError(f"{facts.path} has no known layout. {_expected(facts)}")


def _fitting(layout: Layout, facts: Facts) -> Layout:
    """`layout`, where the file has its inputs and no other that would have to be filled in."""
    wanted = {layout.signal, layout.lengths} - {""}
    if wanted != set(facts.inputs):
        inputs = ", ".join(facts.inputs) or "none"
        raise CheckpointError(
            f"{facts.path} says that it is a {layout.name} model, which has the inputs {', '.join(sorted(wanted))}; "
            f"it has {inputs}. Was it exported by a CTC recipe, or is it one part of a larger model?"
        )
    rank = 2 if layout.name == "wav2vec2" else 3
    shape = facts.inputs[layout.signal]
    if len(shape) != rank:
        raise CheckpointError(
            f"{facts.path} takes {layout.signal} with {len(shape)} dimensions; a {layout.name} model takes {rank}."
        )
    size = shape[1 if layout.bins_first else 2] if rank == 3 else None
    if isinstance(size, int) and size != layout.frontend.bins:
        raise CheckpointError(
            f"{facts.path} takes {size} features a frame and the {layout.name} layout makes {layout.frontend.bins}."
        )
    return layout


def _expected(facts: Facts) -> str:
    given = ", ".join(f"{name} {shape}" for name, shape in facts.inputs.items()) or "nothing"
    kind = facts.config.get("model_type") or facts.metadata.get("model_type") or "none"
    near = plugins.nearest(str(kind), BY_TYPE) or _nearest_inputs(set(facts.inputs))
    hint = f" The nearest known layout is {near}." if near else ""
    return (
        f"It takes {given}, and its model_type is {kind}.{hint} Known: {', '.join(LAYOUTS)}; see docs/engines.md, or "
        "export the model again with a CTC recipe of one of them."
    )


def _nearest_inputs(names: set[str]) -> str:
    """The layout that shares inputs with a file."""
    # Who has these may be icefall or WeNet, whose samples differ by 32768: that alone isn't enough to run one.
    known = {**BY_INPUTS, frozenset({"x", "x_lens"}): _zipformer2_ctc}
    best = max(known, key=lambda inputs: len(inputs & names))
    return known[best].__name__.strip("_") if best & names else ""


def _zipformer2_ctc(facts: Facts) -> Layout:
    frontend = KaldiArrays(facts.bins("x", 2))
    return Layout("zipformer2_ctc", frontend, "x", "x_lens", stride=4, padding=_KALDI_PADDING)


def _wenet_ctc(facts: Facts) -> Layout:
    frontend = KaldiArrays(facts.bins("x", 2), full_scale=32768.0)
    return Layout("wenet_ctc", frontend, "x", "x_lens", stride=facts.number("subsampling_factor", default=4))


def _nemo(facts: Facts) -> Layout:
    if facts.metadata.get("is_giga_am", "0") not in ("", "0"):
        raise CheckpointError(
            f"{facts.path} is a GigaAM model, whose features speechgru doesn't have. {_expected(facts)}"
        )
    given = facts.metadata.get("normalize_type", "per_feature")
    normalise = "" if given in ("", "NA") else given
    if normalise not in ("", "per_feature", "all_features"):
        raise CheckpointError(
            f"{facts.path} has normalize_type {given!r}; expected per_feature, all_features, NA or nothing."
        )
    bins = facts.number("features_size", "feat_dim", default=facts.bins("audio_signal", 1))
    stride = facts.number("subsampling_factor")
    return Layout(
        "nemo", NemoArrays(bins, normalise), "audio_signal", "length", bins_first=True, stride=stride
    )


def _parakeet_hf(facts: Facts) -> Layout:
    bins = facts.bins("input_features", 2)
    blank = facts.config.get("pad_token_id")
    return Layout(
        "parakeet_hf",
        NemoArrays(bins),
        "input_features",
        "attention_mask",
        mask=True,
        blank=_index(blank, facts),
    )


def _wav2vec2(facts: Facts) -> Layout:
    given = facts.preprocessor.get("do_normalize", True)
    strides = facts.config.get("conv_stride") or [5, 2, 2, 2, 2, 2, 2]
    if not isinstance(strides, list) or not all(isinstance(s, int) and s > 0 for s in strides):
        raise CheckpointError(
            f"{facts.path}: config.json has conv_stride {strides!r}; expected whole numbers."
        )
    second = next((name for name in ("attention_mask", "input_lengths") if name in facts.inputs), "")
    return Layout(
        "wav2vec2",
        WaveformArrays(bool(given)),
        "input_values",
        second,
        mask=second == "attention_mask",
        stride=prod(strides),
        blank=_index(facts.config.get("pad_token_id", 0), facts),
    )


def _index(value: Any, facts: Facts) -> int | None:
    if value is not None and (not isinstance(value, int) or value < 0):
        raise CheckpointError(
            f"{facts.path}: config.json has pad_token_id {value!r}; expected the blank's number."
        )
    return value


LAYOUTS = (OWN, "zipformer2_ctc", "wenet_ctc", "nemo", "parakeet_hf", "wav2vec2")
BY_TYPE: dict[str, Callable[[Facts], Layout]] = {
    "zipformer2_ctc": _zipformer2_ctc,
    "wenet_ctc": _wenet_ctc,
    **dict.fromkeys((*_NEMO_TYPES, *_NEMO_CONFIGS), _nemo),
    "parakeet_ctc": _parakeet_hf,
    **dict.fromkeys(_HUGGING_FACE, _wav2vec2),
}
BY_INPUTS: dict[frozenset[str], Callable[[Facts], Layout]] = {
    frozenset({"audio_signal", "length"}): _nemo,
    frozenset({"input_features", "attention_mask"}): _parakeet_hf,
    frozenset({"input_values"}): _wav2vec2,
}
