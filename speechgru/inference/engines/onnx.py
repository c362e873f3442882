"""Run an acoustic model with ONNX Runtime, on the CPU: our own models, and those of others that CTC trained.

A process computes with one thread: for networks of this size more are slower (their threads wait for each other);
files in several processes are what uses more cores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from speechgru.audio.energy import Signal
from speechgru.errors import CheckpointError, ConfigError
from speechgru.features.arrays import Frontend, LogMelArrays
from speechgru.features.settings import FrontendSettings
from speechgru.inference.acoustic_header import AcousticHeader
from speechgru.inference.onnx_layouts import OWN, Facts, Layout, find, read_json
from speechgru.models.header import FORMAT, NetworkEntry, fitting, read
from speechgru.text import token_table
from speechgru.text.token_table import Columns
from speechgru.utils import dependencies, json_text

if TYPE_CHECKING:
    from speechgru.models import Checkpoint

OWN_TYPE = "speechgru_ctc"
PROBE_SECONDS = 1.0
SHORTEST_SECONDS = 0.25  # others' networks refuse less
MOST_OUTPUTS = 1_000_000
_Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Device:
    """The only one."""

    type: str = "cpu"

    def __str__(self) -> str:
        return self.type


class Engine:
    """signals [time] → log-probabilities [frames, V], with a phone head [frames, V + 1 + S].

    Attributes:
        header: what the model's file says, or what stands for it where the file is another program's.
        vocabulary, sounds, sample_rate, frame_seconds, device: see `speechgru.inference.protocols.Engine`.

    Args:
        session: an InferenceSession.
        path: of the model, for messages; its symbol table and settings lie beside it.

    Raises:
        CheckpointError: the file has no layout that is known, or its parts don't fit together.
    """

    device = Device()

    def __init__(self, session: Any, path: Path) -> None:
        self._session, self._path = session, path
        metadata = dict(session.get_modelmeta().custom_metadata_map)
        facts = Facts(
            path,
            {each.name: list(each.shape) for each in session.get_inputs()},
            metadata,
            *(read_json(path.parent / f"{name}.json") for name in ("config", "preprocessor_config")),
        )
        self._columns: Columns | None = None
        if metadata.get("model_type") == OWN_TYPE:
            self.header, self._layout = _own(facts)
        else:
            self._layout = find(facts)
            self.header = self._others(facts)
        self.vocabulary, self.sounds = self.header.vocabulary, self.header.sounds
        frontend = self._layout.frontend
        self.sample_rate: int = frontend.rate
        self.frame_seconds = self._layout.stride * frontend.hop / frontend.rate
        if self._columns is None:
            self._check_outputs(len(self.vocabulary) + (len(self.sounds) + 1 if self.sounds else 0))

    def run(self, signals: Sequence[Signal]) -> Iterator[NDArray[Any]]:
        """The output for each of `signals` [time]. Our networks run them as one batch; of others each runs alone, as
        not all of them leave padding out of account.

        Raises:
            CheckpointError: the network fails.
        """
        if self._columns is None:
            yield from self._batch([self._layout.frontend(signal) for signal in signals])
            return
        for signal in signals:
            yield self._alone(signal, self._columns)

    def _alone(self, signal: Signal, columns: Columns) -> _Rows:
        if not len(signal):
            return np.zeros((0, len(self.vocabulary)), np.float32)
        missing = round(SHORTEST_SECONDS * self.sample_rate) - len(signal)
        (rows,) = self._batch([self._layout.frontend(np.pad(signal, (0, max(0, missing))))])
        return columns.arrange(_log_softmax(rows))

    def _batch(self, features: Sequence[_Rows]) -> list[_Rows]:
        """Outputs [frames, outputs] of each of `features` [T, F]."""
        layout = self._layout
        lengths = np.array([len(each) for each in features], np.int64)
        batch = np.full((len(features), lengths.max(), layout.frontend.bins), layout.padding, np.float32)
        for row, each in zip(batch, features, strict=True):
            row[: len(each)] = each
        inputs: dict[str, Any] = {layout.signal: self._shaped(batch).astype(self._types[layout.signal])}
        if layout.mask:
            within = np.arange(batch.shape[1]) < lengths[:, None]
            inputs[layout.lengths] = within.astype(self._types[layout.lengths])
        elif layout.lengths:
            inputs[layout.lengths] = lengths.astype(self._types[layout.lengths])
        outputs = self._outputs(inputs)
        log_probs = outputs[0]
        if log_probs.ndim != 3 or len(log_probs) != len(features):
            raise CheckpointError(
                f"{self._path} gives an output of shape {list(log_probs.shape)}; expected [batch, frames, "
                "symbols]. Is this a model that CTC trained?"
            )
        if len(outputs) > 1 and outputs[1].shape == lengths.shape:
            counts = outputs[1].astype(np.int64)
        else:
            counts = -(-lengths // max(layout.stride, 1))
        counts = np.clip(counts, 0, log_probs.shape[1])
        return [row[:count] for row, count in zip(log_probs, counts.tolist())]

    def _shaped(self, batch: _Rows) -> _Rows:
        if self._layout.frontend.bins == 1 and self._layout.frontend.hop == 1:
            return batch[:, :, 0]
        return np.ascontiguousarray(batch.transpose(0, 2, 1)) if self._layout.bins_first else batch

    def _outputs(self, inputs: dict[str, Any]) -> list[NDArray[Any]]:
        try:
            outputs: list[NDArray[Any]] = self._session.run(None, inputs)
        except Exception as error:  # the runtime has many kinds of its own
            raise CheckpointError(f"{self._path} can't be run: {_first_line(error)}.") from error
        if not outputs or outputs[0].dtype not in (np.float32, np.float16):
            raise CheckpointError(
                f"{self._path} gives no numbers of floating point first; expected log-probabilities."
            )
        return [outputs[0].astype(np.float32, copy=False), *outputs[1:]]

    @cached_property
    def _types(self) -> dict[str, Any]:
        """NumPy's type of each input."""
        kinds = {
            "tensor(int32)": np.int32,
            "tensor(bool)": np.bool_,
            "tensor(float)": np.float32,
            "tensor(float16)": np.float16,
        }
        return {each.name: kinds.get(each.type, np.int64) for each in self._session.get_inputs()}

    def _check_outputs(self, wanted: int) -> None:
        (rows,) = self._batch([self._layout.frontend(np.zeros(0, np.float32))])
        if rows.shape[1] != wanted:
            raise CheckpointError(
                f"{self._path} has {rows.shape[1]} outputs, and its metadata names {wanted} symbols. Export it again."
            )

    def _others(self, facts: Facts) -> AcousticHeader:
        """The header of another program's model: what its outputs stand for is learnt by running it once."""
        layout, frontend = self._layout, self._layout.frontend
        signal = np.zeros(round(PROBE_SECONDS * frontend.rate), np.float32)
        features = frontend(signal)
        (rows,) = self._batch([features])
        if not len(rows) or rows.shape[1] > MOST_OUTPUTS:
            raise CheckpointError(f"{facts.path} makes {rows.shape} of a second; expected [frames, symbols].")
        if not layout.stride:
            # The nearest power of two: networks subsample by these, and lose a frame or two at the ends.
            stride = 2 ** round(np.log2(max(len(features) / len(rows), 1)))
            self._layout = Layout(**{**vars(layout), "stride": int(stride)})
        table = token_table.find(facts.path.parent)
        tokens = token_table.read(table)
        self._columns = token_table.columns(tokens, rows.shape[1], table, layout.blank)
        return AcousticHeader(
            model=NetworkEntry(layout.name, {}),
            features=FrontendSettings(),
            vocabulary=self._columns.vocabulary,
            path=facts.path,
        )


def load(path: Path, device: str = "cpu") -> Engine:
    """The engine of an ONNX file.

    Raises:
        DependencyError: ONNX Runtime isn't installed.
        CheckpointError: it is no ONNX file, or of no layout that is known.
        ConfigError: another device than the CPU.
    """
    return Engine(_session(str(path), path, device), path)


def of_checkpoint(loaded: Checkpoint, device: str = "cpu") -> Engine:
    """The engine of a model of ours, whose graph is made in memory.

    Raises:
        DependencyError: onnx or ONNX Runtime isn't installed.
        CheckpointError, ConfigError: as for `load`.
    """
    from speechgru.inference import export

    return Engine(_session(export.graph(loaded).SerializeToString(), loaded.path, device), loaded.path)


def _session(model: str | bytes, path: Path, device: str) -> Any:
    dependencies.require("onnxruntime", "A model in ONNX, or --runtime onnx,")
    if device not in ("cpu", "auto"):
        raise ConfigError(
            f"--device {device}: ONNX models run on the CPU here. Leave it out, or take a .safetensors model."
        )
    runtime: Any = dependencies.load("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise CheckpointError(
            f"{path} is no ONNX model that can be loaded: {_first_line(error)}. Was it cut short? Copy or "
            "download it again, with all files beside it."
        ) from error


def _own(facts: Facts) -> tuple[AcousticHeader, Layout]:
    """Header and layout of a model that `speechgru export` wrote."""
    try:
        entries = json_text.loads(facts.metadata.get("speechgru", ""))
    except ValueError as error:
        raise CheckpointError(f"{facts.path} has damaged metadata ({error}). Export it again.") from error
    if facts.metadata.get("format") != FORMAT or not isinstance(entries, dict):
        raise CheckpointError(
            f"{facts.path} has format {facts.metadata.get('format')!r}; expected {FORMAT!r}. Was it written by "
            "another version?"
        )
    header = read(facts.path, AcousticHeader.KIND, entries, AcousticHeader)
    with fitting(facts.path):
        stride = header.model.settings.get("subsampling", 4)
        if stride not in (2, 4, 8):
            raise ConfigError(f"subsampling is {stride!r}; expected 2, 4 or 8")
    frontend: Frontend = LogMelArrays(header.features)
    if set(facts.inputs) != {"features", "lengths"}:
        raise CheckpointError(
            f"{facts.path} has the inputs {', '.join(facts.inputs)}; expected features, lengths."
        )
    return header, Layout(OWN, frontend, "features", "lengths", stride=stride)


def _log_softmax(rows: _Rows) -> _Rows:
    """Of logits; log-probabilities stay as they are."""
    return rows - np.logaddexp.reduce(rows, axis=1, keepdims=True)


def _first_line(error: Exception) -> str:
    """What a library says of an error, in one line."""
    return " ".join(str(error).split())[:300].rstrip(".")
