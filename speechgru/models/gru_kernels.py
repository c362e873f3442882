"""The part of a GRU that must go step by step, forward and backward by hand, in plain PyTorch.

Everything that can be one large matrix product stays outside the loop: the input products come in as
`gates`, the weight gradients are one product at the end. Inside, all directions share each small product
(a batched one), and nothing is allocated.

Shapes: D directions, T steps, B sequences, H units. Gate order along the last axis is torch's: r, z, n.
What the loop writes is [T, D, B, ...], so that a step's part is contiguous: the small products write into nothing
else as fast.

**Half-angle gates.** torch.sigmoid is about eight times slower than torch.tanh on some CPUs, and
sigma(a) = (1 + tanh(a / 2)) / 2 exactly. So the caller hands over a / 2 for r and z (weights and inputs
halved, which is exact in binary floating point), and d sigma / d(a/2) = 2 sigma (1 - sigma).

In bfloat16 the products and gates are bfloat16 while the state h is carried in float32, because
h' = z h + (1 - z) n with z near 1 would round small updates away.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Steps whose elementwise coefficients are computed at once in the backward pass: enough to amortise the
# cost of a call, few enough to stay in the processor's cache.
CHUNK = 8


def _state_dtype(dtype: torch.dtype) -> torch.dtype:
    return torch.float32 if dtype in (torch.bfloat16, torch.float16) else dtype


def _sigmoid_half_(x: Tensor, half: Tensor) -> Tensor:
    """In place: x = sigma(2 x)."""
    torch.tanh(x, out=x)
    return torch.add(half, x, alpha=0.5, out=x)


class _State:
    """h in full precision, and its copy in the dtype of the products."""

    def __init__(self, h0: Tensor, dtype: torch.dtype) -> None:
        self.mixed = _state_dtype(dtype) != dtype
        self.h = h0.to(_state_dtype(dtype)).clone()
        self.low = h0.to(dtype)
        self.buffers = (torch.empty_like(self.h), torch.empty_like(self.h)) if self.mixed else None

    def update(self, z: Tensor, n: Tensor, out: Tensor) -> None:
        """h = z h + (1 - z) n, written to `out` too."""
        if self.buffers is None:
            torch.lerp(n, self.low, z, out=out)
        else:
            wide_z, wide_n = self.buffers
            torch.lerp(wide_n.copy_(n), self.h, wide_z.copy_(z), out=self.h)
            out.copy_(self.h)
        self.low = out


def _previous(h0: Tensor, outputs: Tensor) -> Tensor:
    """The state before each step: [T, D, B, H]."""
    return torch.cat([h0.to(outputs.dtype).unsqueeze(0), outputs[:-1]])


def _weight_gradient(inputs: Tensor, grads: Tensor) -> Tensor:
    """Sum over steps and sequences of inputs^T grads: [D, H, K] from [T, D, B, H] and [D, T, B, K]."""
    return torch.bmm(inputs.transpose(0, 1).flatten(1, 2).transpose(1, 2), grads.flatten(1, 2))


class Before(torch.autograd.Function):
    """Reset before the recurrent product, Cho et al. 2014 (arXiv:1406.1078), eqs. 5-8.

    r = sigma(.. + W_r h), z = sigma(.. + W_z h), n = tanh(.. + W (r * h)), h' = z h + (1 - z) n.

    Args: gates [D, T, B, 3H] input products with bias, r and z halved; h0 [D, B, H];
    w_rz [D, H, 2H] halved; w_n [D, H, H]. Returns all states [T, D, B, H].
    """

    @staticmethod
    def forward(ctx: Any, gates: Tensor, h0: Tensor, w_rz: Tensor, w_n: Tensor, save: bool) -> Tensor:
        d, steps, b, h3 = gates.shape
        h = h3 // 3
        kept = steps if save else 1
        rz, n = gates.new_empty(kept, d, b, 2 * h), gates.new_empty(kept, d, b, h)
        reset = gates.new_empty(kept, d, b, h)
        outputs = gates.new_empty(steps, d, b, h)
        half = gates.new_tensor(0.5)
        state = _State(h0, gates.dtype)
        for t in range(steps):
            k = t if save else 0
            torch.baddbmm(gates[:, t, :, : 2 * h], state.low, w_rz, out=rz[k])
            _sigmoid_half_(rz[k], half)
            torch.mul(rz[k, ..., :h], state.low, out=reset[k])
            torch.baddbmm(gates[:, t, :, 2 * h :], reset[k], w_n, out=n[k])
            torch.tanh(n[k], out=n[k])
            state.update(rz[k, ..., h:], n[k], outputs[t])
        if save:
            ctx.save_for_backward(h0, w_rz, w_n, rz, n, reset, outputs)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        h0, w_rz, w_n, rz, n, reset, outputs = ctx.saved_tensors
        steps, d, b, h = outputs.shape
        previous = _previous(h0, outputs)
        grads = outputs.new_empty(steps, d, b, 3 * h)
        wt_rz, wt_n = w_rz.transpose(1, 2), w_n.transpose(1, 2)
        dh = torch.zeros(d, b, h, dtype=_state_dtype(outputs.dtype), device=outputs.device)
        low, d_reset, back = (outputs.new_empty(d, b, h) for _ in range(3))
        for end in range(steps, 0, -CHUNK):
            start = max(0, end - CHUNK)
            chunk = slice(start, end)
            r, z, c, hp = rz[chunk, ..., :h], rz[chunk, ..., h:], n[chunk], previous[chunk]
            of_zn = outputs.new_empty(end - start, d, b, 2, h)
            torch.mul((hp - c).mul_(2), z - z * z, out=of_zn[:, :, :, 0])
            torch.mul(1 - z, 1 - c * c, out=of_zn[:, :, :, 1])
            of_r = (hp + hp).mul_(r - r * r)
            for t in range(end - 1, start - 1, -1):
                step = grads[t]
                dh.add_(grad_outputs[t])
                low.copy_(dh)
                torch.mul(low.unsqueeze(2), of_zn[t - start], out=step[..., h:].unflatten(2, (2, h)))
                torch.bmm(step[..., 2 * h :], wt_n, out=d_reset)
                torch.mul(d_reset, of_r[t - start], out=step[..., :h])
                torch.bmm(step[..., : 2 * h], wt_rz, out=back)
                back.addcmul_(d_reset, rz[t, ..., :h])
                dh.mul_(rz[t, ..., h:]).add_(back)
        grads = grads.transpose(0, 1).contiguous()
        return (
            grads,
            dh.to(h0.dtype),
            _weight_gradient(previous, grads[..., : 2 * h]),
            _weight_gradient(reset, grads[..., 2 * h :]),
            None,
        )


class After(torch.autograd.Function):
    """Reset after the recurrent product: the form of cuDNN and torch.nn.GRU.

    r and z as in `Before`; n = tanh(.. + r * (W h + b)), h' = z h + (1 - z) n.

    Args: gates, h0, w_rz as in `Before`; w_n [D, H, H]; b_n [D, H]. Returns all states [T, D, B, H].
    """

    @staticmethod
    def forward(
        ctx: Any, gates: Tensor, h0: Tensor, w_rz: Tensor, w_n: Tensor, b_n: Tensor, save: bool
    ) -> Tensor:
        d, steps, b, h3 = gates.shape
        h = h3 // 3
        kept = steps if save else 1
        rz, n = gates.new_empty(kept, d, b, 2 * h), gates.new_empty(kept, d, b, h)
        product = gates.new_empty(kept, d, b, h)
        outputs = gates.new_empty(steps, d, b, h)
        half = gates.new_tensor(0.5)
        state = _State(h0, gates.dtype)
        bias = b_n.unsqueeze(1).expand(d, b, h)
        for t in range(steps):
            k = t if save else 0
            torch.baddbmm(gates[:, t, :, : 2 * h], state.low, w_rz, out=rz[k])
            _sigmoid_half_(rz[k], half)
            torch.baddbmm(bias, state.low, w_n, out=product[k])
            torch.addcmul(gates[:, t, :, 2 * h :], rz[k, ..., :h], product[k], out=n[k])
            torch.tanh(n[k], out=n[k])
            state.update(rz[k, ..., h:], n[k], outputs[t])
        if save:
            ctx.save_for_backward(h0, w_rz, w_n, rz, n, product, outputs)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        h0, w_rz, w_n, rz, n, product, outputs = ctx.saved_tensors
        steps, d, b, h = outputs.shape
        previous = _previous(h0, outputs)
        # Parts: gradient of W h + b, of r, of z, of n. The first three go back through the recurrent
        # weights, the last three to the input products.
        grads = outputs.new_empty(steps, d, b, 4 * h)
        back_weights = torch.cat([w_n, w_rz], dim=2).transpose(1, 2)
        dh = torch.zeros(d, b, h, dtype=_state_dtype(outputs.dtype), device=outputs.device)
        low, back = outputs.new_empty(d, b, h), outputs.new_empty(d, b, h)
        for end in range(steps, 0, -CHUNK):
            start = max(0, end - CHUNK)
            chunk = slice(start, end)
            r, z, c, hp = rz[chunk, ..., :h], rz[chunk, ..., h:], n[chunk], previous[chunk]
            of = outputs.new_empty(end - start, d, b, 4, h)
            torch.mul(1 - z, 1 - c * c, out=of[:, :, :, 3])
            torch.mul((hp - c).mul_(2), z - z * z, out=of[:, :, :, 2])
            torch.mul(of[:, :, :, 3], r, out=of[:, :, :, 0])
            torch.mul(of[:, :, :, 0].mul(1 - r).mul_(2), product[chunk], out=of[:, :, :, 1])
            for t in range(end - 1, start - 1, -1):
                dh.add_(grad_outputs[t])
                low.copy_(dh)
                torch.mul(low.unsqueeze(2), of[t - start], out=grads[t].unflatten(2, (4, h)))
                torch.bmm(grads[t, ..., : 3 * h], back_weights, out=back)
                dh.mul_(rz[t, ..., h:]).add_(back)
        grads = grads.transpose(0, 1).contiguous()
        d_recurrent = _weight_gradient(previous, grads[..., : 3 * h])
        return (
            grads[..., h:],
            dh.to(h0.dtype),
            d_recurrent[..., h:],
            d_recurrent[..., :h],
            grads[..., :h].sum(dim=(1, 2), dtype=dh.dtype).to(outputs.dtype),
            None,
        )
