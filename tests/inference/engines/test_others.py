"""CTC models in ONNX of other programs: the same tokens at the same times as sherpa-onnx, and every field missing or
wrong."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("onnx", reason="the extra onnx isn't installed")
pytest.importorskip("onnxruntime", reason="the extra onnx isn't installed")

import onnx_models
from onnx_models import RATE, edit, exported, speech, waveform_model, with_pieces, write_tokens

from speechgru.alignment import align_text
from speechgru.audio.array import Sound
from speechgru.decoding import greedy
from speechgru.errors import CheckpointError, ConfigError
from speechgru.inference import export, load_ctc, load_recognizer
from speechgru.inference.engines import onnx
from speechgru.models import checkpoint
from speechgru.text.subwords import Subwords
from speechgru.utils.assets import ASSETS

SIGNAL = speech(4.0)


def read(model: Path, signal: Any = SIGNAL) -> tuple[list[str], list[float]]:
    """What greedy decoding makes of a signal: tokens, and seconds at which they begin."""
    engine = onnx.load(model)
    (rows,) = engine.run([signal])
    best = greedy.Decoder(greedy.Settings(), engine.vocabulary)(rows)
    return [t.symbol for t in best.tokens], [round(t.start * engine.frame_seconds, 2) for t in best.tokens]


def sherpa(model: Path, kind: str, signal: Any = SIGNAL, **options: Any) -> tuple[list[str], list[float]]:
    """The same by sherpa-onnx."""
    sherpa_onnx = pytest.importorskip("sherpa_onnx", reason="sherpa-onnx, the oracle, isn't installed")
    make = getattr(sherpa_onnx.OfflineRecognizer, f"from_{kind}")
    recognizer = make(model=str(model), tokens=str(model.with_name("tokens.txt")), **options)
    stream = recognizer.create_stream()
    stream.accept_waveform(RATE, signal)
    recognizer.decode_stream(stream)
    return list(stream.result.tokens), [round(t, 2) for t in stream.result.timestamps]


@pytest.mark.parametrize("seed", range(3))
def test_characters_of_icefall_are_those_of_sherpa(tmp_path: Path, seed: int) -> None:
    model = exported(tmp_path, seed=seed)
    tokens, times = read(model)
    assert len(tokens) > 5
    assert (tokens, times) == sherpa(model, "zipformer_ctc")


@pytest.mark.parametrize("seed", range(3))
def test_pieces_of_icefall_are_those_of_sherpa(tmp_path: Path, seed: int) -> None:
    model = with_pieces(tmp_path, seed=seed)
    tokens, times = read(model)
    assert len(tokens) > 5
    assert (tokens, times) == sherpa(model, "zipformer_ctc")


def test_the_packaged_model_writes_the_same_in_sherpa(tmp_path: Path) -> None:
    model, _ = export.export(
        checkpoint.load(ASSETS / "english-small.safetensors"), tmp_path, layout="zipformer2_ctc"
    )
    signal, rate = soundfile.read(ASSETS / "sample.flac", dtype="float32")
    assert rate == RATE
    tokens, times = read(model, signal)
    assert (tokens, times) == sherpa(model, "zipformer_ctc", signal)
    assert "".join(tokens).startswith("it was the first time that he had been to")


def test_samples_of_wenet_are_those_of_sherpa(tmp_path: Path) -> None:
    model = edit(with_pieces(tmp_path), model_type="wenet_ctc", subsampling_factor="4", vocab_size="13")
    ours = read(model)
    assert len(ours[0]) > 5
    theirs = sherpa(model, "wenet_ctc")
    # It adds noise to each sample, of one part in 32768, so a few tokens differ.
    same = len(set(zip(*ours)) & set(zip(*theirs)))
    assert same >= 0.8 * max(len(ours[0]), len(theirs[0]))


@pytest.mark.parametrize("normalise", ["per_feature", "NA", ""])
def test_nemo_is_near_sherpa(tmp_path: Path, normalise: str) -> None:
    """Near alone: sherpa-onnx makes NeMo's features with Kaldi's filters (kaldi-native-fbank issue 71); ours are
    NeMo's."""
    model = edit(with_pieces(tmp_path, "nemo"), normalize_type=normalise)
    ours, theirs = read(model), sherpa(model, "nemo_ctc")
    assert len(ours[0]) > 5
    assert abs(len(ours[0]) - len(theirs[0])) <= 0.4 * len(ours[0])


def test_characters_have_all_of_our_decoders(tmp_path: Path) -> None:
    model = exported(tmp_path)
    recognizer = load_ctc(model, decoder="beam", hotwords=["zebra"])
    assert recognizer.engine.vocabulary.symbols[1:4] == (" ", "'", "a")
    assert recognizer.normaliser.name == "english-1"
    plain = recognizer.transcribe(SIGNAL, RATE).text
    favoured = load_ctc(model, decoder="beam", hotwords=["zebra", "a"], hotword_weight=40.0)
    assert favoured.transcribe(SIGNAL, RATE).text.split().count("a") > plain.split().count("a")


@pytest.mark.slow
@pytest.mark.timeout(600)  # the aligner is compiled once
def test_characters_are_aligned_with_a_known_text(tmp_path: Path) -> None:
    loaded = checkpoint.load(ASSETS / "english-small.safetensors")
    model, _ = export.export(loaded, tmp_path, layout="zipformer2_ctc")
    signal, _ = soundfile.read(ASSETS / "sample.flac", dtype="float32")
    text = "it was the first time that he had been to the city"
    words = align_text(load_ctc(model, decoder="greedy"), Sound(signal), text).transcript.words
    assert [word.text for word in words] == text.split()
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(words))


def test_pieces_make_words_with_times(tmp_path: Path) -> None:
    recognizer = load_recognizer(with_pieces(tmp_path))
    words = recognizer.transcribe(SIGNAL, RATE).words
    assert isinstance(recognizer.engine.vocabulary, Subwords)  # type: ignore[attr-defined]
    assert words
    assert all(word.text and " " not in word.text for word in words)
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(words))


def test_capitals_are_taken_in_small_letters(tmp_path: Path) -> None:
    model = with_pieces(tmp_path, pieces=[p.upper() for p in onnx_models.PIECES])
    assert set(read(model)[0]) <= {p.replace("▁", " ") for p in onnx_models.PIECES}


def test_what_writes_nothing_counts_as_blank(tmp_path: Path) -> None:
    model = with_pieces(tmp_path)
    write_tokens(tmp_path, ["<blk>", "<sos/eos>", "<unk>", *onnx_models.PIECES[2:]])
    engine = onnx.load(model)
    (rows,) = engine.run([SIGNAL])
    assert rows.shape[1] == len(engine.vocabulary) == 11
    np.testing.assert_allclose(np.exp(rows).sum(axis=1), 1.0, atol=1e-4)


@pytest.mark.parametrize("samples", [0, 1, 100, 400, 4000])
def test_short_signals(tmp_path: Path, samples: int) -> None:
    for layout in ("zipformer2_ctc", "nemo"):
        engine = onnx.load(exported(tmp_path / layout, layout))
        (rows,) = engine.run([SIGNAL[:samples]])
        assert rows.shape[1] == len(engine.vocabulary)
        assert np.isfinite(rows).all()
        assert bool(len(rows)) == bool(samples)


def test_neighbours_change_nothing(tmp_path: Path) -> None:
    engine = onnx.load(with_pieces(tmp_path))
    together = list(engine.run([SIGNAL, SIGNAL[:9000], SIGNAL[9000:]]))
    np.testing.assert_array_equal(together[1], next(engine.run([SIGNAL[:9000]])))


# ------------------------------------------------------------------------------------------- wav2vec 2.0


LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", "E", "T", "A", "'"]


@pytest.fixture(params=[False, True], ids=["group norm", "mask"])
def wave(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate(LETTERS)}))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "wav2vec2", "pad_token_id": 0}))
    return waveform_model(tmp_path / "model.onnx", len(LETTERS), mask=request.param)


def test_wav2vec2_reads_samples(wave: Path) -> None:
    engine = onnx.load(wave)
    assert engine.vocabulary.symbols == ("<blank>", " ", "e", "t", "a", "'")
    assert engine.frame_seconds == pytest.approx(0.02)
    (rows,) = engine.run([SIGNAL])
    assert rows.shape == ((len(SIGNAL) - 400) // 320 + 1, 6)
    np.testing.assert_allclose(np.exp(rows).sum(axis=1), 1.0, atol=1e-4)
    session = engine._session
    normal = (SIGNAL - SIGNAL.mean()) / np.sqrt(SIGNAL.var() + 1e-5)
    inputs = {"input_values": normal[None].astype(np.float32)}
    if len(session.get_inputs()) > 1:
        inputs["attention_mask"] = np.ones((1, len(SIGNAL)), np.int64)
    logits = session.run(None, inputs)[0][0]
    expected = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(rows[:, 1:], expected[:, 4:], atol=1e-4)


def test_wav2vec2_without_normalisation(wave: Path) -> None:
    (before,) = onnx.load(wave).run([SIGNAL])
    (wave.parent / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False}))
    (after,) = onnx.load(wave).run([SIGNAL])
    assert np.abs(before - after).max() > 0.1


# ------------------------------------------------------------------------------------------- what is wrong


def wrong(model: Path, match: str, kind: type[Exception] = CheckpointError) -> None:
    with pytest.raises(kind, match=match) as caught:
        onnx.load(model)
    assert str(model.parent) in str(caught.value)


def test_without_a_model_type_the_nearest_layout_is_named(tmp_path: Path) -> None:
    model = edit(exported(tmp_path), model_type=None)
    wrong(model, r"no known layout.*x \['N', 'T', 80\].*nearest known layout is zipformer2_ctc")


def test_a_misspelt_model_type(tmp_path: Path) -> None:
    wrong(edit(exported(tmp_path), model_type="zipformer_ctc"), "nearest known layout is zipformer2_ctc")


@pytest.mark.parametrize(
    "kind", ["whisper-tiny", "sense_voice_ctc", "paraformer", "telespeech_ctc", "moonshine"]
)
def test_models_that_are_no_ctc_models_are_named(tmp_path: Path, kind: str) -> None:
    wrong(edit(exported(tmp_path), model_type=kind), "kind that speechgru can't run")


def test_nemo_is_known_by_its_inputs(tmp_path: Path) -> None:
    model = with_pieces(tmp_path, "nemo")
    expected = read(model)
    edit(model, model_type=None, subsampling_factor=None, vocab_size=None)
    assert read(model) == expected


NEMO: dict[str, tuple[dict[str, str], str]] = {
    "stride": ({"subsampling_factor": "x"}, "subsampling_factor 'x'; expected a whole number"),
    "endless stride": ({"subsampling_factor": "9" * 5000}, "expected a whole number from 1 to 4096"),
    "many bins": ({"feat_dim": "99999999"}, "feat_dim '99999999'"),
    "no stride": ({"subsampling_factor": "0"}, "subsampling_factor '0'"),
    "normalisation": ({"normalize_type": "per_utterance"}, "normalize_type 'per_utterance'"),
    "GigaAM": ({"is_giga_am": "1"}, "GigaAM"),
    "bins": ({"feat_dim": "64"}, "takes 80 features a frame and the nemo layout makes 64"),
    "another layout": (
        {"model_type": "zipformer2_ctc"},
        "which has the inputs x, x_lens; it has audio_signal, length",
    ),
}


@pytest.mark.parametrize(("fields", "message"), NEMO.values(), ids=NEMO)
def test_fields_of_nemo_that_make_no_sense(tmp_path: Path, fields: dict[str, str], message: str) -> None:
    wrong(edit(exported(tmp_path, "nemo"), **fields), message)


TABLES: dict[str, tuple[str | None, str]] = {
    "missing": (None, "has no symbol table"),
    "empty": ("", "it is empty"),
    "short": ("<blk> 0\na 1\n", "has 2 tokens and the network 30 outputs"),
    "gap": ("<blk> 0\na 2\n", "numbers should be 0 to 1, each once; 1 is missing"),
    "twice": ("<blk> 0\na 1\nb 1\n", "2 is missing"),
    "three fields": ("<blk> 0\na b 1\n", "line 2 is 'a b 1'"),
    "no number": ("<blk> 0\na x\n", "line 2"),
    "no blank": ("".join(f"t{n} {n}\n" for n in range(30)), "has no blank"),
    "nothing written": ("".join(f"<t{n}> {n}\n" for n in range(29)) + "<blk> 29\n", "no token that writes"),
}


@pytest.mark.parametrize(("text", "message"), TABLES.values(), ids=TABLES)
def test_symbol_tables_that_dont_fit(tmp_path: Path, text: str | None, message: str) -> None:
    model = exported(tmp_path, symbols=("<blank>", *"abcdefghijklmnopqrstuvwxyz", "'", " ", "é"))
    table = model.with_name("tokens.txt")
    if text is None:
        table.unlink()
    else:
        table.write_text(text)
    wrong(model, message)


def test_a_symbol_table_that_is_no_text(tmp_path: Path) -> None:
    model = exported(tmp_path)
    model.with_name("tokens.txt").write_bytes(b"\xff\xfe\x00")
    wrong(model, "is no symbol table")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_file_that_is_cut_short(tmp_path: Path, share: float) -> None:
    model = exported(tmp_path)
    data = model.read_bytes()
    model.write_bytes(data[: int(share * len(data))])
    wrong(model, "no ONNX model that can be loaded|no known layout|damaged")


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_text("hello")
    wrong(tmp_path / "model.onnx", "no ONNX model that can be loaded")


def test_a_model_of_pictures(tmp_path: Path) -> None:
    import onnx as library
    from onnx import TensorProto, helper

    shape = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 224, 224])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3, 224, 224])
    graph = helper.make_graph([helper.make_node("Relu", ["image"], ["out"])], "toy", [shape], [out])
    library.save(
        helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]),
        tmp_path / "m.onnx",
    )
    wrong(tmp_path / "m.onnx", r"no known layout. It takes image \[1, 3, 224, 224\]")


def test_damaged_files_beside_a_model(wave: Path) -> None:
    (wave.parent / "config.json").write_text("{")
    wrong(wave, "config.json can't be read")
    (wave.parent / "config.json").write_text("[]")
    wrong(wave, "config.json holds a list")
    (wave.parent / "config.json").write_text(json.dumps({"model_type": "wav2vec2", "pad_token_id": 99}))
    wrong(wave, "has no blank")
    (wave.parent / "config.json").write_text(json.dumps({"model_type": "wav2vec2", "conv_stride": "5"}))
    wrong(wave, "conv_stride")


def test_our_own_metadata_damaged(tmp_path: Path) -> None:
    model = exported(tmp_path, "speechgru")
    metadata = onnx.load(model)._session.get_modelmeta().custom_metadata_map
    for entry, message in {"{": "damaged metadata", "[]": "format", "{}": "lacks"}.items():
        wrong(edit(model, speechgru=entry), message)
    entries = json.loads(metadata["speechgru"])
    entries["vocabulary"] = entries["vocabulary"][:-1]
    wrong(edit(model, speechgru=json.dumps(entries)), "has 29 outputs, and its metadata names 28")
    wrong(edit(model, format="speechgru/9"), "another version")


def test_gpus_and_runtimes(tmp_path: Path) -> None:
    model = exported(tmp_path)
    with pytest.raises(ConfigError, match="run on the CPU"):
        load_ctc(model, device="cuda")
    with pytest.raises(ConfigError, match="PyTorch doesn't run"):
        load_ctc(model, runtime="torch")
    with pytest.raises(ConfigError, match="Did you mean 'onnx'"):
        load_ctc(model, runtime="onnxx")


def test_what_wants_characters_refuses_pieces(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="writes pieces of words"):
        load_ctc(with_pieces(tmp_path))


def test_a_folder_names_its_model(tmp_path: Path) -> None:
    model = exported(tmp_path / "mine")
    assert load_recognizer(tmp_path / "mine").transcribe(SIGNAL, RATE).model == "mine"
    model.rename(model.with_name("encoder.onnx"))
    assert load_recognizer(tmp_path / "mine").transcribe(SIGNAL, RATE).model == "encoder"
    model.with_name("joiner.onnx").touch()
    with pytest.raises(CheckpointError, match="is a folder"):
        load_recognizer(tmp_path / "mine")
