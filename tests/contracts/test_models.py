"""Every file in `models` keeps the contract: KIND, Settings, Model(settings, sizes of its kind), and results that do
not depend on the company a recording or a text is in."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from torch import Tensor

from speechgru.decoding import greedy
from speechgru.features import LogMel
from speechgru.features.frontend import Settings as FeatureSettings
from speechgru.text import Vocabulary
from speechgru.utils import plugins

MODELS = plugins.names("models")
every_model = pytest.mark.parametrize("name", MODELS)
# What each kind of model wants to know of its data.
SIZES = {
    "acoustic": ["n_features", "n_labels"],
    "language": ["n_labels"],
    "classifier": ["n_features", "n_labels"],
    "detector": ["n_features", "n_labels"],
    "tagger": ["n_words", "n_marks", "n_cases"],
}
# Sizes that keep these tests fast, of settings with these names.
SMALL = {"layers": 2, "width": 12, "channels": 3}
VOCABULARY = Vocabulary(("<blank>", " ", *"abcdefgh"))
BANDS = 20


def variants(kind: str) -> list[Any]:
    """Every model of a kind with every combination of the choices that its Settings offer."""
    found = []
    for name in MODELS:
        if kind != plugins.find("models", name).KIND:
            continue
        hints = get_type_hints(plugins.find("models", name).Settings)
        choices = {key: get_args(hint) for key, hint in hints.items() if get_origin(hint) is Literal}
        for values in itertools.product(*choices.values()):
            label = "-".join(map(str, (name, *values)))
            found.append(pytest.param(name, dict(zip(choices, values)), id=label))
    return found


every_variant = pytest.mark.parametrize(("name", "chosen"), variants("acoustic"))
every_classifier_variant = pytest.mark.parametrize(("name", "chosen"), variants("classifier"))
every_tagger_variant = pytest.mark.parametrize(("name", "chosen"), variants("tagger"))
every_language_variant = pytest.mark.parametrize(("name", "chosen"), variants("language"))


def make(name: str, chosen: dict[str, Any], seed: int = 0) -> Any:
    """A small network whose outputs are as decided as a trained one's."""
    module = plugins.find("models", name)
    given = {f.name for f in dataclasses.fields(module.Settings)}
    settings = module.Settings(**{k: v for k, v in SMALL.items() if k in given}, **chosen)
    torch.manual_seed(seed)
    sizes = {"n_features": BANDS, "n_labels": len(VOCABULARY), "n_words": 9, "n_marks": 4, "n_cases": 3}
    model = module.Model(settings, *(sizes[name] for name in SIZES[module.KIND])).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(2)
    return model


def features(lengths: list[int], seed: int = 1) -> tuple[Tensor, Tensor]:
    """Random features [B, T, BANDS], zero past each length."""
    x = torch.randn(len(lengths), max(lengths), BANDS, generator=torch.Generator().manual_seed(seed))
    for row, length in zip(x, lengths):
        row[length:] = 0
    return x, torch.tensor(lengths)


def recordings(seconds: list[float]) -> list[Tensor]:
    """Tones that jump every 50 ms, with noise: something to write for a network that was never trained."""
    generator = torch.Generator().manual_seed(3)
    found = []
    for duration in seconds:
        time = torch.arange(round(duration * 16000)) / 16000
        pitches = 200 + 3000 * torch.rand(1 + int(duration / 0.05), generator=generator)
        pitch = pitches.repeat_interleave(800)[: len(time)]
        noise = 0.01 * torch.randn(len(time), generator=generator)
        found.append(0.3 * torch.sin(2 * torch.pi * pitch * time) + noise)
    return found


def test_the_models_of_the_first_version_are_there() -> None:
    assert {"acoustic", "language", "classifier"} <= set(MODELS)


@every_model
def test_settings_are_frozen_and_have_defaults(name: str) -> None:
    kind = plugins.find("models", name).Settings
    settings = kind()
    assert dataclasses.is_dataclass(kind)
    assert kind.__doc__
    first = dataclasses.fields(kind)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(settings, first, getattr(settings, first))


@every_model
def test_the_constructor_is_the_agreed_one(name: str) -> None:
    module = plugins.find("models", name)
    assert list(inspect.signature(module.Model).parameters) == ["settings", *SIZES[module.KIND]]
    assert issubclass(module.Model, torch.nn.Module)
    assert module.__doc__ and module.Model.__doc__ and module.Model.forward.__doc__


@every_variant
def test_shapes_and_probabilities(name: str, chosen: dict[str, Any]) -> None:
    model = make(name, chosen)
    x, lengths = features([50, 1, 37, 16, 49])
    log_probs, found = model(x, lengths)
    assert log_probs.shape == (5, int(found.max()), len(VOCABULARY))
    assert log_probs.dtype == torch.float32
    assert found.tolist() == [-(-n // model.stride) for n in lengths.tolist()]
    torch.testing.assert_close(log_probs.exp().sum(dim=2), torch.ones(log_probs.shape[:2]))


@every_variant
def test_stride_is_feature_frames_per_output_frame(name: str, chosen: dict[str, Any]) -> None:
    model = make(name, chosen)
    expected = [-(-n // model.stride) for n in range(1, 100)]
    assert all(model(*features([n]))[0].shape[1] == expected[n - 1] for n in (1, 2, 15, 16, 17, 31))


@every_variant
def test_a_recording_gets_the_same_alone_and_in_a_batch_of_16(name: str, chosen: dict[str, Any]) -> None:
    model, transform = make(name, chosen), LogMel(FeatureSettings(n_mels=BANDS))
    decode = greedy.Decoder(greedy.Settings(), VOCABULARY)
    signals = recordings(
        [1.3, 0.01, 0.4, 1.29, 0.9, 0.05, 1.0, 0.77, 0.2, 1.3, 0.63, 0.31, 1.1, 0.5, 0.02, 0.123]
    )
    assert len(signals) == 16
    padded = torch.nn.utils.rnn.pad_sequence(signals, batch_first=True, padding_value=0.5)
    texts = []
    with torch.inference_mode():
        together, lengths = model(*transform(padded, torch.tensor([len(s) for s in signals])))
        for row, length, signal in zip(together, lengths.tolist(), signals):
            alone, own = model(*transform(signal))
            assert own.tolist() == [length]
            torch.testing.assert_close(row[:length], alone[0], atol=1e-4, rtol=0)
            texts.append(decode(alone[0]).text)
            assert decode(row[:length]).text == texts[-1]
    assert len(set(texts)) > 8, "texts that hardly differ prove nothing"


@every_variant
def test_more_padding_changes_nothing(name: str, chosen: dict[str, Any]) -> None:
    model = make(name, chosen)
    x, lengths = features([23, 40])
    once, found = model(x, lengths)
    more, same = model(torch.nn.functional.pad(x, (0, 0, 0, 29)), lengths)
    assert same.tolist() == found.tolist()
    for row, other, length in zip(once, more, found.tolist()):
        torch.testing.assert_close(other[:length], row[:length], atol=1e-5, rtol=0)


@every_variant
def test_the_output_sees_the_whole_recording(name: str, chosen: dict[str, Any]) -> None:
    model = make(name, chosen)
    x, lengths = features([33])
    x.requires_grad_()
    model(x, lengths)[0][0, 0, 1].backward()
    assert x.grad is not None and (x.grad != 0).any(dim=2).all()


@every_variant
def test_the_gradient_reaches_every_parameter(name: str, chosen: dict[str, Any]) -> None:
    model = make(name, chosen).train()
    log_probs, lengths = model(*features([40, 25, 33]))
    targets, counts = torch.tensor([[1, 2], [3, 4], [5, 6]]), torch.tensor([2, 2, 2])
    torch.nn.functional.ctc_loss(log_probs.transpose(0, 1), targets, lengths, counts).backward()
    dead = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not dead
    assert all(p.grad.isfinite().all() for p in model.parameters())


@every_variant
def test_dropout_acts_in_training_only(name: str, chosen: dict[str, Any]) -> None:
    model, batch = make(name, chosen), features([30, 20])
    calm = model(*batch)[0]
    assert torch.equal(model(*batch)[0], calm)
    model.train()
    assert not torch.allclose(model(*batch)[0], model(*batch)[0])
    without = make(name, {**chosen, "dropout": 0.0}).train()
    torch.testing.assert_close(without(*batch)[0], calm)


# --- classifiers


@every_classifier_variant
def test_a_classifier_gives_one_answer_a_recording_alone_and_in_a_batch(
    name: str, chosen: dict[str, Any]
) -> None:
    model = make(name, chosen)
    x, lengths = features([50, 1, 37, 16, 49])
    log_probs = model(x, lengths)
    assert log_probs.shape == (5, len(VOCABULARY)) and log_probs.dtype == torch.float32
    torch.testing.assert_close(log_probs.exp().sum(dim=1), torch.ones(5))
    for row, own, length in zip(log_probs, x, lengths.tolist()):
        alone = model(own[None, :length], torch.tensor([length]))
        torch.testing.assert_close(row, alone[0], atol=1e-5, rtol=0)
    more = model(torch.nn.functional.pad(x, (0, 0, 0, 29)), lengths)
    torch.testing.assert_close(more, log_probs, atol=1e-5, rtol=0)
    assert not torch.allclose(log_probs[0], log_probs[2], atol=1e-3), (
        "answers that don't differ prove nothing"
    )


@every_classifier_variant
def test_a_classifier_hears_all_and_learns_with_all_it_has(name: str, chosen: dict[str, Any]) -> None:
    model = make(name, chosen).train()
    x, lengths = features([40, 25, 33])
    x.requires_grad_()
    model(x, lengths)[:, 1].sum().backward()
    assert not [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert x.grad is not None and (x.grad[0] != 0).any(dim=1).all()


# --- language models


def texts(lengths: list[int], seed: int = 1) -> Tensor:
    """Random symbols [B, T] that begin with the edge of a text, and end with it where they are shorter than T."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(1, len(VOCABULARY), (len(lengths), max(lengths)), generator=generator)
    x[:, 0] = 0
    for row, length in zip(x, lengths):
        row[length:] = 0
    return x


@every_language_variant
def test_a_language_model_gives_probabilities(name: str, chosen: dict[str, Any]) -> None:
    log_probs, _ = make(name, chosen)(texts([7, 3, 1]))
    assert log_probs.shape == (3, 7, len(VOCABULARY)) and log_probs.dtype == torch.float32
    torch.testing.assert_close(log_probs.exp().sum(dim=2), torch.ones(3, 7))


@every_language_variant
def test_a_text_gets_the_same_alone_and_beside_others(name: str, chosen: dict[str, Any]) -> None:
    model, lengths = make(name, chosen), [9, 1, 30, 4, 17]
    x = texts(lengths)
    together = model(x)[0]
    for row, symbols, length in zip(together, x, lengths):
        torch.testing.assert_close(row[:length], model(symbols[None, :length])[0][0], atol=1e-5, rtol=0)


@every_language_variant
def test_nothing_is_known_of_what_comes_later(name: str, chosen: dict[str, Any]) -> None:
    model, x = make(name, chosen), texts([12])
    changed = x.clone()
    changed[0, 6:] = 1 + changed[0, 6:] % 3
    before, after = model(x)[0][0], model(changed)[0][0]
    assert torch.equal(before[:6], after[:6])
    assert not torch.allclose(before[6:], after[6:])


@every_language_variant
def test_the_state_carries_on(name: str, chosen: dict[str, Any]) -> None:
    model, x = make(name, chosen), texts([20, 20])
    whole, final = model(x)
    first, state = model(x[:, :8])
    second, carried = model(x[:, 8:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(carried, final, atol=1e-5, rtol=0)


@every_language_variant
def test_symbol_by_symbol_is_the_same(name: str, chosen: dict[str, Any]) -> None:
    model, x, state = make(name, chosen), texts([9, 9]), None
    whole, final = model(x)
    for symbols, expected in zip(x.unbind(1), whole.unbind(1)):
        found, state = model.step(symbols, state)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(state, final, atol=1e-5, rtol=0)


@every_language_variant
def test_a_language_model_learns_with_all_it_has(name: str, chosen: dict[str, Any]) -> None:
    model, x = make(name, chosen).train(), texts([40, 25, 33])
    model(x)[0][..., 1].sum().backward()
    assert not [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not torch.allclose(model(x)[0], model(x)[0]), "dropout acts in training"
    model.eval()
    assert torch.equal(model(x)[0], model(x)[0])


def words(lengths: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Features of random words [B, T, 6], classes of pauses [B, T] and lengths."""
    generator = torch.Generator().manual_seed(5)
    shape = len(lengths), max(lengths)
    rows = torch.randint(0, 10, (*shape, 6), generator=generator)
    return rows, torch.randint(0, 8, shape, generator=generator), torch.tensor(lengths)


@every_tagger_variant
def test_a_tagger_gives_probabilities_that_company_does_not_change(name: str, chosen: dict[str, Any]) -> None:
    model, lengths = make(name, chosen), [9, 1, 30, 4]
    rows, pauses, _ = words(lengths)
    marks, cases = model(rows, pauses, torch.tensor(lengths))
    assert marks.shape == (4, 30, 4) and cases.shape == (4, 30, 3) and marks.dtype == torch.float32
    torch.testing.assert_close(cases.exp().sum(dim=2), torch.ones(4, 30))
    for row, length in enumerate(lengths):
        alone = model(rows[row : row + 1, :length], pauses[row : row + 1, :length], torch.tensor([length]))
        torch.testing.assert_close(marks[row, :length], alone[0][0], atol=1e-5, rtol=0)
        torch.testing.assert_close(cases[row, :length], alone[1][0], atol=1e-5, rtol=0)


@every_tagger_variant
def test_a_pause_counts_for_a_tagger(name: str, chosen: dict[str, Any]) -> None:
    model = make(name, chosen)
    rows, _, lengths = words([12])
    short, long = (model(rows, torch.full((1, 12), each), lengths)[0] for each in (1, 7))
    assert not torch.allclose(short, long)
