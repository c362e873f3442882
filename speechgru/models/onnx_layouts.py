"""The acoustic model's graph as other programs feed it: their features are made into ours within the graph.

speechgru's models take log-mel bands of their own kind, each brought to mean 0 and deviation 1 over the recording.
Others' bands are sums of the same spectrum under other triangles, with a pre-emphasis that is one gain a band and
therefore no matter once each band is normalised. Each of our bands is interpolated between the two of theirs whose
centres lie around its own, in logarithms:

- Kaldi's (zipformer2_ctc) come as they are: they get our level and our floor before, and are normalised after.
- NeMo's (nemo) come normalised by the recording, so their levels are lost; what is interpolated is what they are.

Both are approximations: docs/engines.md has what they cost in word error rate.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechgru.errors import ConfigError
from speechgru.features.arrays import MIN_DEVIATION, KaldiArrays, mel_bank
from speechgru.features.settings import FrontendSettings
from speechgru.models import onnx_graph
from speechgru.models.onnx_graph import Builder, Port, Precision, Weights
from speechgru.models.settings import AcousticSettings

LayoutName = Literal["speechgru", "zipformer2_ctc", "nemo"]
LAYOUTS: tuple[LayoutName, ...] = ("speechgru", "zipformer2_ctc", "nemo")
BANDS = 80  # of Kaldi's and NeMo's
_SIZE, _RATE, _HOP = 512, 16000, 160


class Graph(NamedTuple):
    """A model and what its outputs need beside it."""

    model: Any
    blank: int
    """Number of the blank among the outputs."""


def check(layout: LayoutName, features: FrontendSettings, settings: AcousticSettings) -> None:
    """Refuse a layout that a model can't have.

    Raises:
        ConfigError: rate or hop differ, or the time of a frame can't be told to its readers.
    """
    if layout == "speechgru":
        return
    same = (features.sample_rate, features.hop_length, features.normalise) == (_RATE, _HOP, "utterance")
    if not same or features.f_max > _RATE / 2:
        raise ConfigError(
            f"The layout {layout} is for features of 16000 Hz every 10 ms, normalised over the recording; the "
            f"model's are of {features.sample_rate} Hz every {features.hop * 1000:g} ms, {features.normalise}. "
            "Export it without --layout."
        )
    if layout == "zipformer2_ctc" and settings.subsampling != 4:
        raise ConfigError(
            f"The layout zipformer2_ctc is for models with an output every 4 frames, and this one has one every "
            f"{settings.subsampling}. Take --layout nemo, or none."
        )


def build(
    layout: LayoutName,
    weights: Weights,
    features: FrontendSettings,
    settings: AcousticSettings,
    symbols: int,
    precision: Precision,
    metadata: dict[str, str],
) -> Graph:
    """The graph of an acoustic model with so many `symbols`, in a layout that `check` admits."""
    b = Builder(precision)
    inputs: dict[str, Port]
    outputs: dict[str, Port]
    sizes = {"speechgru": features.n_mels}.get(layout, BANDS)
    if layout == "speechgru":
        x, lengths = "features", "lengths"
    elif layout == "zipformer2_ctc":
        x, lengths = _from_kaldi(b, "x", "x_lens", features), "x_lens"
    else:
        x, lengths = _from_nemo(b, "audio_signal", "length", features), "length"
    frames, counts = onnx_graph.encoder(b, weights, settings, x, lengths)
    log_probs = onnx_graph.head(b, weights, "head", frames)
    size = symbols
    if layout == "speechgru" and settings.sounds:
        log_probs = b.add("Concat", log_probs, onnx_graph.head(b, weights, "sounds", frames), axis=2)
        size += settings.sounds
    if layout == "speechgru":
        inputs = {x: ("FLOAT", ["N", "T", sizes]), lengths: ("INT64", ["N"])}
        names = ("log_probs", "log_probs_lens")
    elif layout == "zipformer2_ctc":
        inputs = {"x": ("FLOAT", ["N", "T", sizes]), "x_lens": ("INT64", ["N"])}
        names = ("log_probs", "log_probs_len")
    else:
        inputs = {"audio_signal": ("FLOAT", ["N", sizes, "T"]), "length": ("INT64", ["N"])}
        names = ("logprobs", "")
        log_probs = b.add("Gather", log_probs, b.numbers(*range(1, symbols), 0), axis=2)
    b.named(names[0], "Identity", log_probs)
    outputs = {names[0]: ("FLOAT", ["N", "T_out", size])}
    if names[1]:
        b.named(names[1], "Identity", counts)
        outputs[names[1]] = ("INT64", ["N"])
    return Graph(b.model(inputs, outputs, metadata), symbols - 1 if layout == "nemo" else 0)


def _from_kaldi(b: Builder, x: str, lengths: str, features: FrontendSettings) -> str:
    """Our features [N, T, F] of Kaldi's log filter bank [N, T, 80]."""
    gains, weights = kaldi_map(features)
    power = b.add("Mul", b.add("Exp", x), b.constant(gains))
    values = b.add("Log", b.add("Add", power, b.constant(features.log_floor)))
    values = b.add("MatMul", values, b.constant(weights))
    return _standardised(b, values, b.add("Unsqueeze", b.mask(lengths, x, 1), b.numbers(2)))


def _from_nemo(b: Builder, x: str, lengths: str, features: FrontendSettings) -> str:
    """Our features [N, T, F] of NeMo's normalised ones [N, 80, T]."""
    rows = b.add("Transpose", x, perm=[0, 2, 1])
    inside = b.add("Unsqueeze", b.mask(lengths, rows, 1), b.numbers(2))
    return b.add("Mul", b.add("MatMul", rows, b.constant(nemo_map(features))), inside)


def _standardised(b: Builder, values: str, mask: str) -> str:
    """Each band to mean 0 and deviation 1 over the frames in `mask` [N, T, 1]: as `LogMel` does."""
    count = b.add("ReduceSum", mask, b.numbers(1), keepdims=1)
    total = b.add("ReduceSum", b.add("Mul", values, mask), b.numbers(1), keepdims=1)
    centred = b.add("Mul", b.add("Sub", values, b.add("Div", total, count)), mask)
    squares = b.add("ReduceSum", b.add("Mul", centred, centred), b.numbers(1), keepdims=1)
    deviation = b.add("Sqrt", b.add("Div", squares, count))
    return b.add("Div", centred, b.add("Max", deviation, b.constant(MIN_DEVIATION)))


def kaldi_map(features: FrontendSettings) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Gains [80] that give Kaldi's band powers our level, and weights [80, F] by which their logarithms make ours."""
    kaldi = KaldiArrays(BANDS)
    angles = np.pi * np.arange(_SIZE // 2 + 1) / (_SIZE // 2)
    emphasis = np.abs(1 - 0.97 * np.exp(-1j * angles)) ** 2
    theirs = kaldi.bank.astype(np.float64) * emphasis[:, None]
    ours = _own_bank(features)
    areas = ours.sum(axis=0)
    wanted = np.interp(_centres(theirs), _centres(ours)[areas > 0], areas[areas > 0])
    # Windows weigh a frame's energy differently.
    energy = _energy(features) / float((kaldi.window.astype(np.float64) ** 2).sum())
    gains = energy * wanted / theirs.sum(axis=0)
    return gains.astype(np.float32), _between(_centres(theirs), ours)


def nemo_map(features: FrontendSettings) -> NDArray[np.float32]:
    """Weights [80, F] by which NeMo's normalised bands make ours."""
    theirs = mel_bank(_SIZE, _RATE, BANDS, 0.0, _RATE / 2, scale="slaney")
    return _between(_centres(theirs), _own_bank(features))


def _between(theirs: NDArray[np.float64], bank: NDArray[np.float64]) -> NDArray[np.float32]:
    """Weights [80, F] that interpolate bands with centres `theirs` at those of our `bank`; 0 for bands without a bin,
    which are always constant."""
    weights = np.zeros((len(theirs), bank.shape[1]))
    for band, (centre, area) in enumerate(zip(_centres(bank), bank.sum(axis=0))):
        if not area:
            continue
        after = int(np.searchsorted(theirs, centre).clip(1, len(theirs) - 1))
        share = float(np.clip((centre - theirs[after - 1]) / (theirs[after] - theirs[after - 1]), 0, 1))
        weights[after - 1, band], weights[after, band] = 1 - share, share
    return weights.astype(np.float32)


def _own_bank(features: FrontendSettings) -> NDArray[np.float64]:
    """Our triangles over the 257 bins of 16000 Hz, whatever the size of our transform."""
    return mel_bank(_SIZE, _RATE, features.n_mels, features.f_min, features.f_max, scale="htk")


def _energy(features: FrontendSettings) -> float:
    length = round(features.window * features.sample_rate)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    return float((window**2).sum())


def _centres(bank: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bins around which bands lie; -1 for empty ones."""
    area = bank.sum(axis=0)
    weighted = (bank * np.arange(len(bank))[:, None]).sum(axis=0)
    return np.where(area > 0, weighted / np.where(area > 0, area, 1.0), -1.0)
