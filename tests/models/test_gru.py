"""gru.py against its equations, torch.nn.GRU, numerical gradients, and itself one sequence at a time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from speechgru.models import GRU

RESETS = ("before", "after")


def literal(gru: GRU, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The equations as written in the paper, one sequence [T, I], float64, no batch, no padding."""
    finals = []
    for layer in range(gru.num_layers):
        outputs = []
        for direction, suffix in enumerate([f"l{layer}", f"l{layer}_reverse"][: gru.directions]):
            p = {n: getattr(gru, f"{n}_{suffix}").double() for n in ("weight_ih", "weight_hh", "bias_ih")}
            w_r, w_z, w = p["weight_ih"].chunk(3)
            u_r, u_z, u = p["weight_hh"].chunk(3)
            b_r, b_z, b = p["bias_ih"].chunk(3)
            h = state[layer * gru.directions + direction].double()
            if gru.reset == "after":
                c_r, c_z, c = getattr(gru, f"bias_hh_{suffix}").double().chunk(3)
            else:
                c_r = c_z = c = torch.zeros_like(b)
            frames = list(x.double())
            hs = []
            for frame in reversed(frames) if direction else frames:
                r = torch.sigmoid(w_r @ frame + b_r + u_r @ h + c_r)
                z = torch.sigmoid(w_z @ frame + b_z + u_z @ h + c_z)
                inner = u @ (r * h) if gru.reset == "before" else r * (u @ h + c)
                candidate = torch.tanh(w @ frame + b + inner)
                h = z * h + (1 - z) * candidate
                hs.append(h)
            finals.append(h)
            outputs.append(torch.stack(hs[::-1] if direction else hs))
        x = torch.cat(outputs, dim=1)
    return x, torch.stack(finals)


def make(reset: str, **settings) -> GRU:
    torch.manual_seed(1)
    return GRU(5, 4, 2, reset=reset, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("bidirectional", [True, False])
def test_equals_the_literal_equations(reset: str, bidirectional: bool) -> None:
    gru = make(reset, bidirectional=bidirectional).double()
    lengths = torch.tensor([9, 4, 1])
    x = torch.randn(3, 9, 5, dtype=torch.float64)
    initial = torch.randn(2 * gru.directions, 3, 4, dtype=torch.float64)
    outputs, final = gru(x, lengths, initial)
    for i, length in enumerate(lengths.tolist()):
        expected, expected_final = literal(gru, x[i, :length], initial[:, i])
        torch.testing.assert_close(outputs[i, :length], expected, atol=1e-12, rtol=0)
        torch.testing.assert_close(final[:, i], expected_final, atol=1e-12, rtol=0)
        assert not outputs[i, length:].any()


@pytest.mark.parametrize("lengths", [None, [7, 3, 5]])
def test_after_equals_torch_and_shares_its_weights(lengths: list[int] | None) -> None:
    torch.manual_seed(2)
    theirs = torch.nn.GRU(5, 8, 3, bidirectional=True, batch_first=True)
    ours = GRU(5, 8, 3, reset="after")
    ours.load_state_dict(theirs.state_dict())
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    x, initial = torch.randn(3, 7, 5), torch.randn(6, 3, 8)
    if lengths is None:
        expected, expected_final = theirs(x, initial)
        outputs, final = ours(x, None, initial)
    else:
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), True, False)
        expected, expected_final = theirs(packed, initial)
        expected, _ = torch.nn.utils.rnn.pad_packed_sequence(expected, batch_first=True)
        outputs, final = ours(x, torch.tensor(lengths), initial)
    torch.testing.assert_close(outputs, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(final, expected_final, atol=1e-6, rtol=0)
    ours.zero_grad()
    (outputs.square().sum() + final.sum()).backward()
    (expected.square().sum() + expected_final.sum()).backward()
    for name, parameter in theirs.named_parameters():
        torch.testing.assert_close(getattr(ours, name).grad, parameter.grad, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("lengths", [None, [12, 2, 7, 9]])
def test_the_librarys_kernel_gives_the_same(
    lengths: list[int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where cuDNN takes over on a GPU; here the same calls reach torch's CPU kernel."""
    gru = make("after").double()
    x, initial = torch.randn(4, 12, 5, dtype=torch.float64), torch.randn(4, 4, 4, dtype=torch.float64)
    valid = None if lengths is None else torch.tensor(lengths)
    ours = gru(x, valid, initial)
    monkeypatch.setattr(GRU, "_library_wins", lambda self, x: True)
    monkeypatch.setattr("speechgru.models.gru.After.apply", None)
    theirs = gru(x, valid, initial)
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("reset", RESETS)
def test_gpu_equals_cpu(reset: str) -> None:
    gru = make(reset)
    x, lengths = torch.randn(4, 12, 5), torch.tensor([12, 2, 7, 9])
    expected = gru(x, lengths)
    found = gru.cuda()(x.cuda(), lengths.cuda())
    for a, b in zip(found, expected):
        torch.testing.assert_close(a.cpu(), b, atol=1e-5, rtol=0)


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("steps", [3, 11])
def test_gradcheck(reset: str, steps: int) -> None:
    gru = make(reset).double()
    lengths = torch.tensor([steps, steps - 2])
    x = torch.randn(2, steps, 5, dtype=torch.float64, requires_grad=True)
    initial = torch.randn(4, 2, 4, dtype=torch.float64, requires_grad=True)
    names = [n for n, _ in gru.named_parameters()]

    def call(x: Tensor, initial: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor]:
        return torch.func.functional_call(gru, dict(zip(names, weights)), (x, lengths, initial))

    weights = [p.detach().clone().requires_grad_() for p in gru.parameters()]
    assert torch.autograd.gradcheck(call, (x, initial, *weights), fast_mode=steps > 3)


@pytest.mark.parametrize("reset", RESETS)
def test_batch_equals_one_by_one_forward_and_backward(reset: str) -> None:
    gru = make(reset).double()
    lengths = torch.tensor([12, 2, 7, 9])
    x = torch.randn(4, 12, 5, dtype=torch.float64)
    x[1, 2:] = 1e6  # whatever stands in the padding must not matter
    outputs, final = gru(x, lengths)
    (outputs.square().sum() + final.sum()).backward()
    together = [p.grad.clone() for p in gru.parameters()]
    gru.zero_grad()
    for i, length in enumerate(lengths.tolist()):
        alone, alone_final = gru(x[i : i + 1, :length])
        torch.testing.assert_close(outputs[i, :length], alone[0], atol=1e-12, rtol=0)
        torch.testing.assert_close(final[:, i], alone_final[:, 0], atol=1e-12, rtol=0)
        (alone.square().sum() + alone_final.sum()).backward()
    for parameter, expected in zip(gru.parameters(), together):
        torch.testing.assert_close(parameter.grad, expected, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("reset", RESETS)
def test_inference_equals_training_pass(reset: str) -> None:
    gru = make(reset)
    x, lengths = torch.randn(3, 20, 5), torch.tensor([20, 11, 3])
    with torch.no_grad():
        quiet = gru(x, lengths)[0]
    torch.testing.assert_close(quiet, gru(x, lengths)[0], atol=0, rtol=0)


@pytest.mark.parametrize("reset", RESETS)
def test_state_carries_over_blocks(reset: str) -> None:
    gru = make(reset, bidirectional=False).double()
    x = torch.randn(2, 10, 5, dtype=torch.float64)
    whole, final = gru(x)
    first, state = gru(x[:, :4])
    second, state = gru(x[:, 4:], None, state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole, atol=1e-12, rtol=0)
    torch.testing.assert_close(state, final, atol=1e-12, rtol=0)


@pytest.mark.parametrize("reset", RESETS)
def test_bfloat16_autocast_is_near_float32(reset: str) -> None:
    torch.manual_seed(3)
    gru = GRU(16, 32, 2, reset=reset)  # type: ignore[arg-type]
    x, lengths = torch.randn(4, 40, 16), torch.tensor([40, 31, 22, 5])
    exact = gru(x, lengths)[0]
    with torch.autocast("cpu", torch.bfloat16):
        rough = gru(x, lengths)[0]
    assert rough.dtype == torch.bfloat16
    assert (rough.float() - exact).abs().max() < 0.03
    rough.float().square().sum().backward()
    rough_grads = [p.grad.clone() for p in gru.parameters()]
    gru.zero_grad()
    exact.square().sum().backward()
    for parameter, grad in zip(gru.parameters(), rough_grads):
        assert (parameter.grad - grad).norm() < 0.05 * parameter.grad.norm()


def test_dropout_only_between_layers_and_only_in_training() -> None:
    gru = make("before", dropout=0.5)
    x = torch.randn(2, 6, 5)
    assert not torch.equal(gru(x)[0], gru(x)[0])
    gru.eval()
    assert torch.equal(gru(x)[0], gru(x)[0])
    single = GRU(5, 4, 1, dropout=0.5)
    assert torch.equal(single(x)[0], single(x)[0])


def test_time_first() -> None:
    gru = make("before")
    x = torch.randn(2, 6, 5)
    expected = gru(x)[0]
    gru.batch_first = False
    torch.testing.assert_close(gru(x.transpose(0, 1))[0].transpose(0, 1), expected)


@pytest.mark.parametrize(
    ("x", "lengths", "initial", "message"),
    [
        (torch.zeros(2, 3, 4), None, None, r"\[batch, time, 5\]"),
        (torch.zeros(2, 3, 5), [3], None, "expected 2 lengths"),
        (torch.zeros(2, 3, 5), [3, 4], None, r"1\.\.3"),
        (torch.zeros(2, 3, 5), [3, 0], None, r"1\.\.3"),
        (torch.zeros(2, 3, 5), None, torch.zeros(1, 2, 4), "initial state"),
    ],
)
def test_bad_shapes_are_refused(
    x: Tensor, lengths: list[int] | None, initial: Tensor | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make("before")(x, None if lengths is None else torch.tensor(lengths), initial)


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="reset"):
        GRU(5, 4, reset="between")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="dropout"):
        GRU(5, 4, dropout=1.0)
    with pytest.raises(ValueError, match="positive"):
        GRU(5, 0)


@pytest.mark.parametrize("reset", RESETS)
def test_step_by_step_is_the_same(reset: str) -> None:
    gru = make(reset, bidirectional=False).double()
    x = torch.randn(3, 6, 5, dtype=torch.float64)
    state = torch.randn(2, 3, 4, dtype=torch.float64)
    expected, final = gru(x, initial=state)
    for frame, output in zip(x.unbind(1), expected.unbind(1)):
        found, state = gru.step(frame, state)
        torch.testing.assert_close(found, output, atol=1e-12, rtol=0)
    torch.testing.assert_close(state, final, atol=1e-12, rtol=0)
    with pytest.raises(ValueError, match="two directions"):
        make(reset).step(x[:, 0], state)
