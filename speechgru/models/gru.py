"""The gated recurrent unit, in the form of Cho et al. 2014 and in the form of cuDNN.

    r  = sigma(W_r x + U_r h + b_r)
    z  = sigma(W_z x + U_z h + b_z)
    h~ = tanh(W x + U (r * h) + b)              reset="before" (Cho et al. 2014, arXiv:1406.1078, eq. 8)
    h~ = tanh(W x + b + r * (U h + b_u))        reset="after"  (cuDNN, torch.nn.GRU)
    h' = z * h + (1 - z) * h~

Parameters have the names, shapes and gate order (r, z, h~) of torch.nn.GRU, so that `reset="after"` loads
and saves its state dicts; `reset="before"` has one bias per gate and therefore no `bias_hh`.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn

from speechgru.models.gru_kernels import After, Before

Reset = Literal["before", "after"]


class GRU(nn.Module):
    """A stack of (bidirectional) GRU layers over sequences of different lengths.

    Padding never reaches a result: the backward direction of each sequence starts at its own last frame, the
    final state is the one at its own end, and frames past the end come out as zeros.

    Args:
        input_size: features per frame.
        hidden_size: units per direction.
        num_layers: layers in the stack.
        bidirectional: run a second direction over the reversed sequence and concatenate the two.
        dropout: probability in [0, 1) of dropping an output of a layer, except the last.
        weight_dropout: probability in [0, 1) of dropping a recurrent weight, for all steps of a batch alike
            (DropConnect: Wan et al. 2013; of recurrent weights: Merity et al. 2018, arXiv:1708.02182).
        reset: "before" or "after" the recurrent product.
        batch_first: sequences are [batch, time, features] instead of [time, batch, features].
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bidirectional: bool = True,
        dropout: float = 0.0,
        weight_dropout: float = 0.0,
        reset: Reset = "before",
        batch_first: bool = True,
    ) -> None:
        super().__init__()
        if min(input_size, hidden_size, num_layers) < 1:
            raise ValueError(f"sizes must be positive, got {input_size=}, {hidden_size=}, {num_layers=}")
        if reset not in ("before", "after"):
            raise ValueError(f"reset must be 'before' or 'after', got {reset!r}")
        if not (0.0 <= dropout < 1.0 and 0.0 <= weight_dropout < 1.0):
            raise ValueError(f"dropouts must be in [0, 1), got {dropout=}, {weight_dropout=}")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bidirectional, self.dropout, self.reset = bidirectional, dropout, reset
        self.weight_dropout = weight_dropout
        self.batch_first = batch_first
        self.directions = 2 if bidirectional else 1
        for layer in range(num_layers):
            width = input_size if layer == 0 else hidden_size * self.directions
            for suffix in self._suffixes(layer):
                self._parameter(f"weight_ih_{suffix}", 3 * hidden_size, width)
                self._parameter(f"weight_hh_{suffix}", 3 * hidden_size, hidden_size)
                self._parameter(f"bias_ih_{suffix}", 3 * hidden_size)
                if reset == "after":
                    self._parameter(f"bias_hh_{suffix}", 3 * hidden_size)
        self.reset_parameters()

    def _parameter(self, name: str, *shape: int) -> None:
        self.register_parameter(name, nn.Parameter(torch.empty(*shape)))

    def _suffixes(self, layer: int) -> list[str]:
        return [f"l{layer}", f"l{layer}_reverse"][: self.directions]

    def reset_parameters(self) -> None:
        """Draw every parameter uniformly from +-1 / sqrt(hidden_size), as torch.nn.GRU does."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(
        self, x: Tensor, lengths: Tensor | None = None, initial: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run the stack.

        Args:
            x: [B, T, input_size] ([T, B, input_size] unless `batch_first`).
            lengths: valid frames of each sequence, [B], in 1..T; None: all of them.
            initial: state before the first frame, [num_layers * directions, B, hidden_size]; None: zeros.

        Returns:
            outputs of the last layer [B, T, directions * hidden_size], zero past each sequence's end, and the
            final states [num_layers * directions, B, hidden_size] in torch.nn.GRU's order.
        """
        x = x.transpose(0, 1) if self.batch_first else x
        self._check(x, lengths, initial)
        steps, batch, _ = x.shape
        device_type = x.device.type
        if torch.is_autocast_enabled(device_type):
            x = x.to(torch.get_autocast_dtype(device_type))
        padding = _Padding(lengths.to(x.device), steps) if lengths is not None else None
        states = (
            x.new_zeros(self.num_layers * self.directions, batch, self.hidden_size)
            if initial is None
            else initial
        )
        finals = []
        with torch.autocast(device_type, enabled=False):
            for layer in range(self.num_layers):
                start = states[layer * self.directions : (layer + 1) * self.directions]
                x, final = self._layer(layer, x, start, padding)
                finals.append(final)
                if self.dropout and layer + 1 < self.num_layers:
                    x = nn.functional.dropout(x, self.dropout, self.training)
        return (x.transpose(0, 1) if self.batch_first else x), torch.cat(finals)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One frame of a stack of one direction: for what is made frame by frame, not for training.

        Args:
            x: [B, input_size].
            state: before it, [num_layers, B, hidden_size].

        Returns:
            output of the last layer [B, hidden_size] and the state after it, [num_layers, B, hidden_size].
        """
        if self.bidirectional:
            raise ValueError("a stack of two directions can't go step by step: one of them begins at the end")
        states = []
        for layer, h in enumerate(state):
            gates = nn.functional.linear(
                x, getattr(self, f"weight_ih_l{layer}"), getattr(self, f"bias_ih_l{layer}")
            )
            x = self._cell(layer, gates, h)
            states.append(x)
        return x, torch.stack(states)

    def _cell(self, layer: int, gates: Tensor, h: Tensor) -> Tensor:
        """The state after h [B, H], where `gates` [B, 3H] are the input's products with bias."""
        weight, size = getattr(self, f"weight_hh_l{layer}"), self.hidden_size
        if self.reset == "after":
            products = nn.functional.linear(h, weight, getattr(self, f"bias_hh_l{layer}"))
            r, z = (gates[:, : 2 * size] + products[:, : 2 * size]).sigmoid().chunk(2, dim=1)
            n = torch.tanh(gates[:, 2 * size :] + r * products[:, 2 * size :])
        else:
            r, z = torch.addmm(gates[:, : 2 * size], h, weight[: 2 * size].t()).sigmoid().chunk(2, dim=1)
            n = torch.addmm(gates[:, 2 * size :], r * h, weight[2 * size :].t()).tanh()
        return torch.lerp(n, h, z)

    def _check(self, x: Tensor, lengths: Tensor | None, initial: Tensor | None) -> None:
        if x.dim() != 3 or x.shape[2] != self.input_size or 0 in x.shape:
            raise ValueError(f"expected non-empty [batch, time, {self.input_size}], got {tuple(x.shape)}")
        if lengths is not None:
            if lengths.shape != (x.shape[1],):
                raise ValueError(f"expected {x.shape[1]} lengths, got shape {tuple(lengths.shape)}")
            if int(lengths.min()) < 1 or int(lengths.max()) > x.shape[0]:
                raise ValueError(f"lengths must lie in 1..{x.shape[0]}, got {lengths.tolist()}")
        expected = (self.num_layers * self.directions, x.shape[1], self.hidden_size)
        if initial is not None and initial.shape != expected:
            raise ValueError(f"expected an initial state of shape {expected}, got {tuple(initial.shape)}")

    def _layer(self, layer: int, x: Tensor, start: Tensor, padding: _Padding | None) -> tuple[Tensor, Tensor]:
        """One layer: x [T, B, I] and states [D, B, H] to outputs [T, B, D * H] and final states [D, B, H]."""
        if self.reset == "after" and self._library_wins(x):
            return self._library_layer(layer, x, start, padding)
        inputs = [x]
        if self.bidirectional:
            inputs.append(padding.reverse(x) if padding else x.flip(0))
        h = self._recur(layer, torch.stack(inputs), start)
        final = h[-1] if padding is None else padding.last(h)
        if padding is not None:
            h = h * padding.mask.unsqueeze(1).to(h.dtype)
        if not self.bidirectional:
            return h[:, 0], final
        back = padding.reverse(h[:, 1]) if padding else h[:, 1].flip(0)
        return torch.cat([h[:, 0], back], dim=2), final

    def _recur(self, layer: int, x: Tensor, start: Tensor) -> Tensor:
        """All states [T, D, B, H] of a layer whose inputs are given per direction: x [D, T, B, I]."""
        h, dtype = self.hidden_size, x.dtype
        w_x, w_h = self._stacked("weight_ih", layer), self._stacked("weight_hh", layer)
        bias = self._stacked("bias_ih", layer)
        if self.reset == "after":
            bias_h = self._stacked("bias_hh", layer)
            bias = bias + torch.cat([bias_h[:, : 2 * h], torch.zeros_like(bias_h[:, 2 * h :])], dim=1)
        # r and z are wanted as half of their pre-activation: see gru_kernels.py.
        scale = torch.cat([w_x.new_full((2 * h,), 0.5), w_x.new_ones(h)])
        w_x = (w_x * scale[:, None]).to(dtype).transpose(1, 2)
        gates = torch.baddbmm((bias * scale).to(dtype).unsqueeze(1), x.flatten(1, 2), w_x)
        gates = torch.unflatten(gates, 1, x.shape[1:3])
        w_rz = (w_h[:, : 2 * h] * 0.5).to(dtype).transpose(1, 2).contiguous()
        w_n = w_h[:, 2 * h :].to(dtype).transpose(1, 2).contiguous()
        # Without gradients nothing needs to be kept but the outputs.
        save = torch.is_grad_enabled() and (gates.requires_grad or w_rz.requires_grad or start.requires_grad)
        if self.reset == "before":
            outputs: Tensor = Before.apply(gates, start, w_rz, w_n, save)
        else:
            outputs = After.apply(gates, start, w_rz, w_n, bias_h[:, 2 * h :].to(dtype), save)
        return outputs

    def _stacked(self, name: str, layer: int) -> Tensor:
        """A parameter of both directions, [D, ...]."""
        return torch.stack([self._weight(name, suffix) for suffix in self._suffixes(layer)])

    def _weight(self, name: str, suffix: str) -> Tensor:
        """A parameter as this batch has it."""
        weight: Tensor = getattr(self, f"{name}_{suffix}")
        if name != "weight_hh" or not self.weight_dropout:
            return weight
        return nn.functional.dropout(weight, self.weight_dropout, self.training)

    def _library_wins(self, x: Tensor) -> bool:
        """cuDNN's kernel is, on a GPU. On a CPU neither wins: without gradients the two are within a fifth of each
        other for every batch and width (benchmarks/gru.py), with gradients ours is ahead."""
        return x.is_cuda

    def _library_layer(
        self, layer: int, x: Tensor, start: Tensor, padding: _Padding | None
    ) -> tuple[Tensor, Tensor]:
        """The same layer by torch's own kernel."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [self._weight(n, s).to(x.dtype) for s in self._suffixes(layer) for n in names]
        settings = (True, 1, 0.0, self.training, self.bidirectional)
        start = start.to(x.dtype).contiguous()
        if padding is None:
            return torch.gru(x, start, weights, *settings, False)
        packed = nn.utils.rnn.pack_padded_sequence(x, padding.lengths.cpu(), enforce_sorted=False)
        order, back = packed.sorted_indices, packed.unsorted_indices
        data, final = torch.gru(packed.data, packed.batch_sizes, start[:, order], weights, *settings)
        output, _ = nn.utils.rnn.pad_packed_sequence(packed._replace(data=data), total_length=len(x))
        return output, final[:, back]

    def extra_repr(self) -> str:
        return (
            f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}, reset={self.reset!r}, "
            f"bidirectional={self.bidirectional}, dropout={self.dropout}"
        )


class _Padding:
    """Where sequences end: `lengths` [B], `mask` [T, B, 1], and an index that reverses each within its own length."""

    def __init__(self, lengths: Tensor, steps: int) -> None:
        self.lengths = lengths
        time = torch.arange(steps, device=lengths.device).unsqueeze(1)
        self.mask = (time < lengths).unsqueeze(2)
        self.end = lengths - 1
        self.batch = torch.arange(len(lengths), device=lengths.device)
        # Padded frames stay where they are, behind the valid ones, so neither direction meets them first.
        self.index = torch.where(self.mask.squeeze(2), self.end - time, time)

    def reverse(self, x: Tensor) -> Tensor:
        """x [T, B, F] with every sequence reversed in place."""
        reversed_rows: Tensor = _Reverse.apply(x, self.index, self.batch)
        return reversed_rows

    def last(self, h: Tensor) -> Tensor:
        """The state of h [T, D, B, H] at each sequence's last frame, [D, B, H]."""
        return h[self.end, :, self.batch].transpose(0, 1)


class _Reverse(torch.autograd.Function):
    """x[index, batch] where that is its own inverse: the gradient is a gather too, not the far slower scatter."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor, batch: Tensor) -> Tensor:
        ctx.save_for_backward(index, batch)
        return x[index, batch]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        index, batch = ctx.saved_tensors
        return _Reverse.apply(grad, index, batch), None, None
