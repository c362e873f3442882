"""The acoustic model as an ONNX graph, node by node from its weights: no tracing, so time and batch stay free.

What `speechgru.models.acoustic` computes, in operators of opset 17. A GRU of PyTorch's has its gates in the order
(r, z, h~), ONNX's in (z, r, h~). Its `linear_before_reset` is 0 where the reset gate acts before the recurrent product
(Cho et al. 2014) and 1 where it acts after (cuDNN). Its `sequence_lens` make the backward direction start at each
row's own end, so padding never reaches a result.

Weights are stored as float32, as float16, or as int8 with one scale a row (`DequantizeLinear`): the runtime makes
float32 of them when it loads the model, as it has no GRU of other types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from speechgru.models.settings import AcousticSettings
from speechgru.utils.dependencies import load

Precision = Literal["float32", "float16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("float32", "float16", "int8")
OPSET, IR_VERSION = 17, 8  # what runtimes of 2022 read
SMALLEST_INT8 = 4096  # values; of smaller weights the scales would cost more than is saved
Weights = Mapping[str, NDArray[np.float32]]
Port = tuple[str, Sequence[Any]]
"""An input or output: its type (FLOAT, INT64) and its shape."""


class Builder:
    """Collects nodes and constants. Every method adds what it is named for and gives the name of its output.

    Args:
        precision: of the large weights.
    """

    def __init__(self, precision: Precision = "float32") -> None:
        self.onnx: Any = load("onnx")
        self.precision = precision
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self._count = 0

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """A node of the operator `kind`; the name of its first output."""
        self._count += 1
        names = [f"{kind.lower()}_{self._count}"] + [
            f"{kind.lower()}_{self._count}_{n}" for n in range(1, outputs)
        ]
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), names, **attributes))
        return names[0]

    def named(self, name: str, kind: str, *inputs: str, **attributes: Any) -> None:
        """A node whose output is `name`: one of the graph's."""
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [name], **attributes))

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """Kept as it is, once."""
        array = np.asarray(value, dtype)
        for name, other in self.constants.items():
            if (
                other.dtype == array.dtype
                and other.shape == array.shape
                and array.size < 16
                and np.array_equal(other, array)
            ):
                return name
        return self._store(array)

    def numbers(self, *values: int) -> str:
        """A constant of whole numbers: axes, shapes."""
        return self.constant(values, np.int64)

    def weight(self, array: NDArray[np.float32]) -> str:
        """A weight in the builder's precision. Its last axis is one row for int8."""
        if self.precision == "float16" and array.size >= SMALLEST_INT8:
            half = self._store(array.astype(np.float16))
            return self.add("Cast", half, to=self.onnx.TensorProto.FLOAT)
        if self.precision == "int8" and array.size >= SMALLEST_INT8:
            return self._int8(array)
        return self._store(np.ascontiguousarray(array, np.float32))

    def _int8(self, array: NDArray[np.float32]) -> str:
        rows = array.reshape(-1, array.shape[-1])
        scales = np.maximum(np.abs(rows).max(axis=1) / 127, np.finfo(np.float32).tiny).astype(np.float32)
        whole = np.rint(rows / scales[:, None]).clip(-127, 127).astype(np.int8)
        zeros = self._store(np.zeros(len(rows), np.int8))
        value = self.add("DequantizeLinear", self._store(whole), self._store(scales), zeros, axis=0)
        return value if array.ndim == 2 else self.add("Reshape", value, self.numbers(*array.shape))

    def _store(self, array: NDArray[Any]) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = array
        return name

    def linear(self, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        """x [..., I] times weight [O, I], plus bias [O]."""
        matrix = self.add("Transpose", self.weight(weight), perm=[1, 0])
        return self.add("Add", self.add("MatMul", x, matrix), self.constant(bias))

    def mask(self, lengths: str, x: str, axis: int) -> str:
        """[N, frames], 1.0 where a frame of `x`, which has them on `axis`, lies within its row's length."""
        count = self.add("Gather", self.add("Shape", x), self.constant(axis, np.int64))
        time = self.add("Range", self.constant(0, np.int64), count, self.constant(1, np.int64))
        within = self.add("Less", time, self.add("Unsqueeze", lengths, self.numbers(1)))
        return self.add("Cast", within, to=self.onnx.TensorProto.FLOAT)

    def model(
        self,
        inputs: Mapping[str, Port],
        outputs: Mapping[str, Port],
        metadata: Mapping[str, str],
    ) -> Any:
        """The model: `inputs` and `outputs` by name, each with its type (FLOAT, INT64) and shape.

        Raises:
            onnx.checker.ValidationError: what was built is no sound graph.
        """
        helper = self.onnx.helper

        def infos(values: Mapping[str, Port]) -> list[Any]:
            kinds = self.onnx.TensorProto
            return [
                helper.make_tensor_value_info(name, getattr(kinds, kind), list(shape))
                for name, (kind, shape) in values.items()
            ]

        constants = [self.onnx.numpy_helper.from_array(array, name) for name, array in self.constants.items()]
        graph = helper.make_graph(self.nodes, "speechgru", infos(inputs), infos(outputs), constants)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], producer_name="speechgru")
        model.ir_version = IR_VERSION
        helper.set_model_props(model, dict(metadata))
        self.onnx.checker.check_model(model, full_check=True)
        return model


def encoder(
    b: Builder, weights: Weights, settings: AcousticSettings, x: str, lengths: str
) -> tuple[str, str]:
    """Features [N, T, F], zero past `lengths` [N], to frames [N, T', width] and their lengths [N]."""
    x, lengths = _subsampling(b, weights, settings, x, lengths)
    steps = b.add("Cast", lengths, to=b.onnx.TensorProto.INT32)
    for layer in range(settings.layers):
        out = _gru(b, weights, settings, layer, _norm(b, weights, f"norms.{layer}", x), steps)
        x = b.add("Add", x, out) if settings.residual else out
    return _norm(b, weights, f"norms.{settings.layers}", x), lengths


def _subsampling(
    b: Builder, weights: Weights, settings: AcousticSettings, x: str, lengths: str
) -> tuple[str, str]:
    x = b.add("Unsqueeze", x, b.numbers(1))
    for number in range(settings.subsampling.bit_length() - 1):
        one_more = b.add("Add", lengths, b.constant(1, np.int64))
        lengths = b.add("Div", one_more, b.constant(2, np.int64))
        name = f"front.convolutions.{number}"
        kernel, bias = b.constant(weights[f"{name}.weight"]), b.constant(weights[f"{name}.bias"])
        x = b.add("Conv", x, kernel, bias, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
        inside = b.add("Unsqueeze", b.mask(lengths, x, 2), b.numbers(1, 3))
        x = b.add("Mul", b.add("Relu", x), inside)
    # [N, C, T', F'] → [N, T', C · F']
    x = b.add("Reshape", b.add("Transpose", x, perm=[0, 2, 1, 3]), b.numbers(0, 0, -1))
    return b.linear(x, weights["front.project.weight"], weights["front.project.bias"]), lengths


def _norm(b: Builder, weights: Weights, name: str, x: str) -> str:
    scale, shift = b.constant(weights[f"{name}.weight"]), b.constant(weights[f"{name}.bias"])
    return b.add("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-5)


def _gru(b: Builder, weights: Weights, settings: AcousticSettings, layer: int, x: str, steps: str) -> str:
    """A bidirectional layer: [N, T, I] → [N, T, 2 H], zero past each end."""
    names = [f"layers.{layer}.{{}}_l0{direction}" for direction in ("", "_reverse")]

    def stacked(name: str) -> NDArray[np.float32]:
        return np.stack([_gates(weights[each.format(name)]) for each in names])

    own = stacked("bias_ih")
    other = stacked("bias_hh") if settings.reset == "after" else np.zeros_like(own)
    out = b.add(
        "GRU",
        b.add("Transpose", x, perm=[1, 0, 2]),
        b.weight(stacked("weight_ih")),
        b.weight(stacked("weight_hh")),
        b.constant(np.concatenate([own, other], axis=1)),
        steps,
        direction="bidirectional",
        hidden_size=settings.width,
        linear_before_reset=int(settings.reset == "after"),
    )
    # [T, 2, N, H] → [N, T, 2 H]
    return b.add("Reshape", b.add("Transpose", out, perm=[2, 0, 1, 3]), b.numbers(0, 0, -1))


def _gates(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """From PyTorch's order of gates to ONNX's."""
    reset, update, candidate = np.split(array, 3)
    return np.concatenate([update, reset, candidate])


def head(b: Builder, weights: Weights, name: str, x: str) -> str:
    """Log-probabilities [N, T', outputs] of the head `name`."""
    return b.add("LogSoftmax", b.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"]), axis=-1)
