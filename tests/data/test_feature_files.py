"""Features on disk and over many recordings: formats, moments, the pool, and the run itself."""

from __future__ import annotations

import json
import math
import os
import pickle
import tracemalloc
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pooled
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.figure import Figure

from speechgru.audio import resample
from speechgru.augment import preview, speed
from speechgru.config.compose import augmentation
from speechgru.config.recipe import AugmentConfig
from speechgru.data import _feature_spool as feature_spool
from speechgru.data import feature_archive, feature_extraction
from speechgru.data._feature_spool import Spool
from speechgru.data.feature_extraction import Item, Moments, Wanted
from speechgru.errors import AudioError, ConfigError, CorpusError, DependencyError, SpeechGruError
from speechgru.features import extract, transform
from speechgru.plots import features
from speechgru.utils import process_pool

RATE = 16000
HEADER = {
    "kind": "log_mel",
    "settings": {"n_mels": 3, "log": "ln", "top_db": None},
    "bins": [100.0, 250.5, 1000.0],
    "frame_seconds": 0.01,
    "first_seconds": 0.005,
}


def library(extension: str) -> None:
    """Skip where what the format takes isn't there."""
    if extension in ("h5", "parquet"):
        pytest.importorskip({"h5": "h5py", "parquet": "pyarrow"}[extension])


def sound(path: Path, seconds: float = 0.5, rate: int = RATE, seed: int = 0) -> Path:
    signal = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))
    soundfile.write(path, signal, rate, subtype="FLOAT")
    return path


def write(path: Path, *names: str, interrupted: bool = False) -> None:
    """An archive of two frames for each name."""
    with feature_archive.archive(path, HEADER) as add:
        for name in names:
            add(name, np.ones((2, 3), np.float32))
        if interrupted:
            raise KeyboardInterrupt


# ----------------------------------------------------------------------------------------------------------- archives

NAMES = st.text("abcdefgh é日_-.#,\"'", min_size=1, max_size=8).filter(lambda n: n.strip(". "))
FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)
VALUES = hnp.arrays(np.float32, st.tuples(st.integers(1, 6), st.just(3)), elements=FLOATS)


@pytest.mark.parametrize("extension", ["npz", "h5", "csv", "parquet"])
@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4))
def test_archives_give_back_what_they_got(
    tmp_path_factory: pytest.TempPathFactory, extension: str, tables: dict[str, np.ndarray]
) -> None:
    library(extension)
    path = tmp_path_factory.mktemp("archive") / f"a.{extension}"
    with feature_archive.archive(path, HEADER) as add:
        for name, values in tables.items():
            add(name, values)
    assert feature_archive.read_header(path) == HEADER
    found = feature_archive.read(path)
    assert found.keys() == tables.keys()
    for name, values in tables.items():
        assert found[name].dtype == np.float32
        assert np.array_equal(found[name], values)


def test_npy_is_a_plain_array_with_its_settings_beside_it(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    with feature_archive.archive(tmp_path / "a.npy", HEADER) as add:
        add("any", values)
    assert np.array_equal(np.load(tmp_path / "a.npy"), values)
    assert json.loads((tmp_path / "a.npy.json").read_text()) == HEADER
    assert feature_archive.read(tmp_path / "a.npy").keys() == {"a"}
    with pytest.raises(ConfigError, match="holds one recording, not 2"):
        write(tmp_path / "b.npy", "x", "y")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npy", "a.npy.json"]


def test_others_read_them_without_us(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3) / 7
    for extension in ("npz", "csv"):
        with feature_archive.archive(tmp_path / f"a.{extension}", HEADER) as add:
            add("deep/talk", values)
    assert np.array_equal(np.load(tmp_path / "a.npz")["deep/talk"], values)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert json.loads(lines[0].removeprefix("# ")) == HEADER
    assert lines[1:3] == ["file,frame,time,100,250.5,1000", "deep/talk,0,0.005,0,0.142857149,0.285714298"]
    assert lines[3].startswith("deep/talk,1,0.015,")


def test_tables_have_columns(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    with feature_archive.archive(tmp_path / "a.parquet", HEADER) as add:
        for name in ("x", "y"):
            add(name, np.ones((4, 3), np.float32))
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table.column_names == ["file", "frame", "time", "100", "250.5", "1000"]
    assert table.column("frame").to_pylist() == [0, 1, 2, 3] * 2
    assert table.column("time").to_pylist()[:4] == pytest.approx([0.005, 0.015, 0.025, 0.035])
    assert parquet.ParquetFile(tmp_path / "a.parquet").num_row_groups == 2


def test_bins_of_one_name_are_told_apart_and_events_have_no_times() -> None:
    assert feature_archive.columns({**HEADER, "bins": [100.0001, 100.0002]})[3:] == ["0:100", "1:100"]
    assert feature_archive.columns({**HEADER, "bins": ["f0", "voicing"]})[3:] == ["f0", "voicing"]
    assert np.isnan(feature_archive.times({**HEADER, "frame_seconds": None}, 2)).all()


@pytest.mark.parametrize("extension", feature_archive.FORMATS)
def test_an_archive_is_whole_or_not_at_all(extension: str, tmp_path: Path) -> None:
    library(extension)
    path = tmp_path / f"a.{extension}"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt):
        write(path, "x", interrupted=True)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [(path.name, b"before")]


@pytest.mark.parametrize("extension", feature_archive.FORMATS)
@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 broken", b"# [1]\n", b"\x89HDF\r\n\x1a\n", b"\xff\xfe"]
)
def test_what_is_not_ours_has_no_header(extension: str, content: bytes, tmp_path: Path) -> None:
    library(extension)
    path = tmp_path / f"a.{extension}"
    path.write_bytes(content)
    assert feature_archive.read_header(path) is None
    assert feature_archive.read_header(tmp_path / f"missing.{extension}") is None
    np.savez(tmp_path / "foreign.npz", a=np.zeros(3))
    assert feature_archive.read_header(tmp_path / "foreign.npz") is None


def test_a_pickle_is_never_read(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.mkdir, (str(tmp_path / "gone off"),))

    np.savez(tmp_path / "a.npz", **{feature_archive.MEMBER: np.array([Bomb()], object)})
    assert feature_archive.read_header(tmp_path / "a.npz") is None
    with pytest.raises(CorpusError, match="pickle"):
        feature_archive.read(_with_bomb(tmp_path / "b.npz", Bomb()))
    assert not (tmp_path / "gone off").exists()


def _with_bomb(path: Path, bomb: object) -> Path:
    np.savez(path, a=np.array([bomb], object))
    return path


def test_missing_libraries_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, extension in (("h5py", "h5"), ("pyarrow", "parquet")):
        monkeypatch.setitem(__import__("sys").modules, name, None)
        with pytest.raises(DependencyError, match=rf"{name}.*extra 'tables'.*pip install"):
            feature_archive.archive(tmp_path / f"a.{extension}", HEADER)
    with pytest.raises(ConfigError, match=r"'txt'.*npz, npy, h5, csv, parquet"):
        feature_archive.format_of("a.txt")


def test_h5_names_that_are_folders_too(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    with pytest.raises(ConfigError, match=r"'talk/a'.*\.npz"):
        write(tmp_path / "a.h5", "talk", "talk/a")
    assert not list(tmp_path.iterdir())


# -------------------------------------------------------------------------------------------------------------- spool


@given(
    st.lists(hnp.arrays(np.float32, st.tuples(st.integers(0, 9), st.just(3)), elements=FLOATS), min_size=1)
)
def test_a_spool_gives_back_what_it_got(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[np.ndarray]
) -> None:
    folder = tmp_path_factory.mktemp("disk") / "scratch"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feature_spool, "HELD", 100)
        patch.setattr(feature_spool, "_BLOCK", 40)
        spool = Spool(folder)
        for piece in pieces:
            spool.add(piece)
        moved = pickle.loads(pickle.dumps(spool))  # to another process
        blocks = list(moved.blocks())
    whole = np.concatenate(pieces)
    assert spool.shape == whole.shape
    assert all(len(block) for block in blocks)
    assert np.array_equal(np.concatenate([whole[:0], *blocks]), whole)
    assert folder.exists() == (whole.nbytes > 100)
    moved.discard()
    assert not folder.exists() or not list(folder.iterdir())


@pytest.mark.parametrize("extension", feature_archive.FORMATS)
def test_a_spool_is_written_as_an_array(
    extension: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library(extension)
    monkeypatch.setattr(feature_spool, "HELD", 500)
    monkeypatch.setattr(feature_spool, "_BLOCK", 200)
    values = np.random.default_rng(0).standard_normal((100, 3)).astype(np.float32)
    spool = Spool(tmp_path / "scratch")
    for start in range(0, 100, 7):
        spool.add(values[start : start + 7])
    written = []
    for name, added in (("array", values), ("spool", spool)):
        path = tmp_path / f"{name}.{extension}"
        with feature_archive.archive(path, HEADER) as add:
            add("a", added)
        (found,) = feature_archive.read(path).values()
        assert np.array_equal(found, values)
        written.append(path.read_bytes())
    if extension in ("npy", "csv"):
        assert written[0] == written[1]
    if extension == "npy":
        np.save(tmp_path / "numpy.npy", values)
        assert (tmp_path / "numpy.npy").read_bytes() == written[0]


@pytest.mark.slow
@pytest.mark.parametrize("extension", ["npy", "npz", "h5", "parquet"])
def test_memory_does_not_grow_with_the_frames(extension: str, tmp_path: Path) -> None:
    library(extension)
    spool = Spool(tmp_path / "scratch")
    tracemalloc.start()
    try:
        for _ in range(64):
            spool.add(np.ones((1 << 18, 3), np.float32))  # 3 MB
        with feature_archive.archive(tmp_path / f"a.{extension}", HEADER) as add:
            add("a", spool)
        highest = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / f"a.{extension}").stat().st_size > 1 << 16
    assert highest < 2 * feature_spool.HELD + (16 << 20) < spool.frames * 12 / 3


def test_a_disk_that_takes_nothing_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_spool, "HELD", 100)
    (tmp_path / "file").touch()
    with pytest.raises(SpeechGruError, match=r"file: features can't be written there: Not a directory"):
        Spool(tmp_path / "file" / "scratch").add(np.ones((100, 3), np.float32))


# ------------------------------------------------------------------------------------------------------------ moments


@given(
    hnp.arrays(
        np.float32, st.tuples(st.integers(0, 40), st.just(2)), elements=st.floats(-1e3, 1e3, width=32)
    ),
    st.lists(st.integers(0, 40), max_size=4),
    st.floats(-1e6, 1e6),
)
def test_moments_of_parts_are_those_of_the_whole(values: np.ndarray, cuts: list[int], offset: float) -> None:
    shifted = values.astype(np.float64) + offset
    parts = np.split(shifted, sorted(min(cut, len(values)) for cut in cuts))
    found = sum(map(Moments.of, parts[1:]), Moments.of(parts[0]))
    assert found.count == len(values)
    if len(values):
        assert found.mean == pytest.approx(shifted.mean(axis=0), rel=1e-9, abs=1e-9)
        assert found.variance == pytest.approx(shifted.var(axis=0), rel=1e-6, abs=1e-6)


def test_a_large_mean_costs_no_digits() -> None:
    """In float32, or by sums of squares, nothing of this variance would be left."""
    values = 1e6 + np.random.default_rng(0).choice([-0.01, 0.01], (1000, 1))
    found = Moments.of(values[:300]) + Moments.of(values[300:])
    assert found.variance == pytest.approx(values.var(axis=0), rel=1e-6)
    assert found.variance == pytest.approx(1e-4, rel=0.01)


# ---------------------------------------------------------------------------------------------------------------- pool


def test_results_come_in_order_from_several_processes() -> None:
    found = list(process_pool.in_order(pooled.slow_then_fast, range(12), 2, preload=["torch"]))
    assert [number for number, _ in found] == list(range(12))
    assert os.getpid() not in {pid for _, pid in found}
    assert {pid for _, pid in process_pool.in_order(pooled.slow_then_fast, range(2), 1)} == {os.getpid()}
    process_pool.prepare(["torch"])
    found = list(process_pool.in_order(pooled.slow_then_fast, range(23), 2, chunk=5))
    assert [number for number, _ in found] == list(range(23))
    with pytest.raises(process_pool.PoolError, match="--jobs 1"):
        list(process_pool.in_order(pooled.die, range(4), 2))
    assert list(process_pool.in_order(pooled.threads, range(2), 2)) == [1, 1]


def test_who_stops_waits_for_no_chunk(tmp_path: Path) -> None:
    results = process_pool.in_order(
        pooled.leave_a_file, [(tmp_path, n) for n in range(400)], 2, ["torch"], chunk=20
    )
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    # Two chunks were begun and three more handed over: 120 files in all.
    assert 20 <= len(list(tmp_path.iterdir())) < 60


# ----------------------------------------------------------------------------------------------------------------- run


def _run(items: list[Item], wanted: Wanted, **options: object) -> list[feature_extraction.Done]:
    return list(feature_extraction.run(items, wanted, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["log_mel", "cmvn", "onset_strength"])
def test_the_numbers_are_those_of_extract(kind: str, tmp_path: Path) -> None:
    """Kinds that stream, and kinds that need the whole."""
    path = sound(tmp_path / "a.wav", 1.3)
    done = _run([Item(str(path), "a", tmp_path / "a.npy")], Wanted(kind), archive=tmp_path / "all.npz")
    expected = extract(path, kind, output="numpy").values
    assert feature_archive.read(tmp_path / "all.npz")["a"] == pytest.approx(expected, abs=1e-5)
    assert np.load(tmp_path / "a.npy") == pytest.approx(expected, abs=1e-5)
    assert (done[0].frames, done[0].seconds, done[0].source_rate) == (len(expected), 1.3, RATE)


@pytest.mark.parametrize("target", [None, "b.npy"])
def test_what_waits_on_the_disk_changes_nothing(
    target: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_spool, "HELD", 5000)
    path = sound(tmp_path / "a.wav", 70.0)  # of three blocks
    out = {"archive": tmp_path / "all.npz"} if target is None else {}
    seen = []
    monkeypatch.setattr(Spool, "discard", lambda spool: seen.append(spool._path))
    done = _run([Item(str(path), "a", target and tmp_path / target)], Wanted(), **out)
    assert [p is not None and p.parent.parent for p in seen] == [tmp_path]
    expected = extract(path, output="numpy").values
    found = feature_archive.read(tmp_path / (target or "all.npz"))
    assert np.array_equal(*found.values(), expected)
    assert (done[0].frames, done[0].values) == (len(expected), None)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_the_header_says_how_to_do_it_again(tmp_path: Path) -> None:
    header = Wanted("log_mel", "kaldi", {"n_mels": 10}).header()
    assert json.loads(json.dumps(header)) == {**header, "bins": list(header["bins"])}
    assert (header["kind"], len(header["bins"])) == ("kaldi_fbank", 10)
    path = sound(tmp_path / "a.wav")
    again = extract(path, header["kind"], output="numpy", **header["settings"])
    first = extract(path, "log_mel", preset="kaldi", n_mels=10, output="numpy")
    assert np.array_equal(again.values, first.values)
    assert again.times == pytest.approx(feature_archive.times(header, len(again.values)))


def test_bad_recordings_are_results_and_the_others_are_done(tmp_path: Path) -> None:
    good = [sound(tmp_path / f"{n}.wav", seed=n) for n in range(2)]
    (tmp_path / "empty.wav").touch()
    sound(tmp_path / "short.wav", 0.01)
    paths = [tmp_path / "missing.wav", good[0], tmp_path / "empty.wav", tmp_path / "short.wav", good[1]]
    items = [Item(str(path), path.stem) for path in paths]
    done = _run(items, Wanted(), archive=tmp_path / "a.npz", stats=True)
    assert [bool(d.error) for d in done] == [True, False, True, True, False]
    assert list(feature_archive.read(tmp_path / "a.npz")) == ["0", "1"]
    found = sum([d.moments for d in done[2:] if d.moments], done[1].moments)
    both = np.concatenate([extract(path, output="numpy").values for path in good])
    assert found.count == len(both)
    assert found.mean == pytest.approx(both.mean(axis=0), abs=1e-4)
    assert found.variance == pytest.approx(both.var(axis=0), rel=1e-3)
    assert not _run([items[0]], Wanted(), archive=tmp_path / "b.npz")[0].frames
    assert not (tmp_path / "b.npz").exists()


def test_a_run_that_stops_leaves_no_archive(tmp_path: Path) -> None:
    items = [Item(str(sound(tmp_path / f"{n}.wav")), str(n)) for n in range(3)]
    run = feature_extraction.run(items, Wanted(), archive=tmp_path / "a.npz")
    next(run)
    run.close()  # type: ignore[attr-defined]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0.wav", "1.wav", "2.wav"]


def test_processes_change_nothing(tmp_path: Path) -> None:
    items = [Item(str(sound(tmp_path / f"{n}.wav", seed=n)), str(n)) for n in range(5)]
    for processes in (1, 2):
        _run(items, Wanted("mfcc"), archive=tmp_path / f"{processes}.npz", processes=processes)
    with zipfile.ZipFile(tmp_path / "1.npz") as one, zipfile.ZipFile(tmp_path / "2.npz") as two:
        assert one.namelist() == two.namelist() == [f"{n}.npy" for n in (feature_archive.MEMBER, *range(5))]
        assert all(one.read(name) == two.read(name) for name in one.namelist())


def test_rates(tmp_path: Path) -> None:
    low = sound(tmp_path / "a.wav", rate=8000)
    done = _run([Item(str(low), "a")], Wanted(strict_rate=True))[0]
    assert "8000 Hz; --strict-rate wants 16000 Hz" in done.error
    assert _run([Item(str(low), "a")], Wanted())[0].source_rate == 8000
    assert feature_extraction.rates_note(Counter({16000: 3}), 16000) is None
    note = feature_extraction.rates_note(Counter({44100: 1, 8000: 2}), 16000)
    assert note is not None
    assert note.startswith("recordings are 2 at 8000 Hz, 1 at 44100 Hz; features are computed at 16000 Hz")
    assert "Those below 16000 Hz" in note


# ------------------------------------------------------------------------------------------------------- augmentation


def tone(seconds: float = 2.0) -> torch.Tensor:
    return 0.3 * torch.sin(2 * math.pi * 440 * torch.arange(round(seconds * RATE)) / RATE)


def test_nothing_asked_for_changes_nothing() -> None:
    module = Wanted().module()
    found = preview.augmented(tone(), module, AugmentConfig(), 0, "a")
    assert torch.equal(found.signal, tone())
    assert torch.allclose(found.values, module(tone())[0][0], atol=1e-5)


def test_the_changes_are_trainings() -> None:
    module = Wanted().module()
    fast = preview.augmented(tone(), module, AugmentConfig(speed=[1.1]), 0, "a")
    assert torch.equal(fast.signal, speed.speed(tone(), 1.1))
    masked = preview.augmented(tone(), module, AugmentConfig(frequency_masks=1), 5, "a")
    plain = module(tone())[0][0]
    same = (masked.values - plain).abs().amax(dim=0) < 1e-5
    masked_bands = torch.nonzero(~same)[:, 0]
    assert 1 <= len(masked_bands) <= 20
    assert torch.equal(masked_bands, torch.arange(masked_bands[0], masked_bands[-1] + 1))
    means = plain.mean(dim=0)[masked_bands].expand(len(plain), -1)
    assert torch.allclose(masked.values[:, masked_bands], means, atol=1e-4)


def test_other_kinds_hear_the_sound_alone() -> None:
    config = AugmentConfig(noise=1.0, time_masks=2, vocal_tract=0.1)
    module = Wanted("mfcc").module()
    assert not preview.changes_bands(module)
    found = preview.augmented(tone(), module, config, 0, "a")
    assert not torch.equal(found.signal, tone())
    assert torch.equal(found.values, module(found.signal)[0][0])


def test_seed_and_name_decide() -> None:
    module = Wanted().module()
    config = augmentation("robust", ["noise=1"])

    def heard(seed: int, name: str) -> torch.Tensor:
        return preview.augmented(tone(), module, config, seed, name).signal

    assert torch.equal(heard(1, "a"), heard(1, "a"))
    for seed, name in ((2, "a"), (1, "b"), (1 + (1 << 40), "a")):
        other = heard(seed, name)
        assert other.shape != heard(1, "a").shape or not torch.equal(other, heard(1, "a"))


def test_files_and_sound_agree(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav", 1.0)
    wanted = Wanted(augment=AugmentConfig(noise=1.0, time_masks=1), seed=3)
    _run([Item(str(path), "a")], wanted, archive=tmp_path / "a.npz")
    assert wanted.augment is not None
    heard = preview.augmented_file(path, wanted.module(), wanted.augment, 3)
    assert np.array_equal(feature_archive.read(tmp_path / "a.npz")["a"], heard.values.numpy())
    assert wanted.header()["augment"]["seed"] == 3


# ------------------------------------------------------------------------------------------------------------- picture


def test_the_picture_shows_a_tone_where_it_is() -> None:
    rate = 22050
    time = np.arange(3 * rate) / rate
    figure = features.draw((0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32), rate, "a $x$ & b")
    waveform, spectrum, pitch, chroma = figure.axes[:4]
    assert waveform.get_ylim()[1] == pytest.approx(0.3, rel=0.01)
    assert chroma.get_xlim() == (0, 3)
    assert chroma.get_xlabel() == "seconds"
    image = spectrum.images[0]
    low, high = image.get_extent()[2:]
    assert (low, high) == (0, rate / 2)
    row = image.get_array().mean(axis=1).argmax() / image.get_array().shape[0] * high
    assert row == pytest.approx(440, abs=60)
    dots = pitch.lines[0].get_ydata()
    assert np.nanmedian(dots) == pytest.approx(440, rel=0.01)
    notes = pitch.child_axes[0]
    hertz = dict(zip([t.get_text() for t in notes.get_yticklabels()], notes.get_yticks()))
    assert hertz["C4"] == pytest.approx(261.63, abs=0.01)
    assert [t.get_text() for t in chroma.get_yticklabels()][9] == "A"
    assert chroma.images[0].get_array().mean(axis=1).argmax() == 9


def test_what_was_asked_for_is_drawn_as_it_is() -> None:
    """One or two bins as lines, more as an image with the names of its bins, events in the waveform."""
    rate = 16000
    signal = (0.3 * np.sin(2 * np.pi * 220 * np.arange(rate) / rate)).astype(np.float32)

    def drawn(kind: str) -> Figure:
        module = transform(kind)
        values = module(torch.from_numpy(resample(signal, rate, module.rate)))[0][0].numpy()
        return features.draw(signal, rate, "", features.Panel.of(module, values))

    figure = drawn("pitch")
    below, voicing = figure.axes[4:6]
    seconds, hertz = below.lines[0].get_data()
    assert np.nanmedian(hertz) == pytest.approx(220, rel=0.01)
    assert (seconds[1], below.get_ylabel()) == (pytest.approx(0.01), "pitch, f0")
    assert voicing.get_ylabel() == "pitch, voicing"
    chroma = drawn("chroma").axes[4]
    assert [t.get_text() for t in chroma.get_yticklabels()][:2] == ["C", "D"]
    assert chroma.images[0].get_array().mean(axis=1).argmax() == 9
    assert drawn("log_mel").axes[4].get_ylabel() == "log_mel, hertz\n(ln power)"
    times = np.array([[0.25], [0.5]], np.float32)
    events = features.Panel("beats", "seconds", ("time",), times, None)
    strokes = features.draw(signal, rate, "", events).axes[0].collections[-1].get_segments()
    assert [stroke[0][0] for stroke in strokes] == [0.25, 0.5]


def test_powers_and_cepstra_are_made_legible() -> None:
    powers = np.array([[1.0, 0.1], [0.0, 1e-3]], np.float32)
    level, unit = features.legible("mel", powers, "power")
    assert level == pytest.approx(np.array([[0, -10], [-80, -30]]), abs=1e-4)
    assert unit == "dB below the peak"
    values = np.random.default_rng(0).normal(5, [1, 9], (500, 2)).astype(np.float32)
    same, unit = features.legible("mfcc", values, "cepstrum")
    assert same.mean(axis=0) == pytest.approx([0, 0], abs=1e-4)
    assert same.std(axis=0) == pytest.approx([1, 1], abs=1e-4)
    assert features.legible("pitch", values, "Hz")[0] is values


@pytest.mark.parametrize("samples", [1, 500])
def test_the_shortest_and_the_silent_are_drawn(samples: int, tmp_path: Path) -> None:
    features.save(tmp_path / "a.png", np.zeros(samples, np.float32), RATE, "silence")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_long_recordings_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "MAX_SECONDS", 0.25)
    assert len(features.load(sound(tmp_path / "a.wav", 1.0))) == round(0.25 * features.RATE)
    with pytest.raises(AudioError, match="no such file"):
        features.load(tmp_path / "b.wav")


@pytest.mark.parametrize("kind", feature_archive.FORMATS)
@pytest.mark.parametrize("damage", [b"", b"no features", None])
def test_damaged_files_are_named(tmp_path: Path, kind: str, damage: bytes | None) -> None:
    path = tmp_path / f"a.{kind}"
    with feature_archive.archive(path, HEADER) as add:
        add("a", np.ones((40, 3), np.float32))
    path.write_bytes(path.read_bytes()[:-40] + b"?" if damage is None else damage)
    with pytest.raises(CorpusError, match=rf"a\.{kind} can't be read as features"):
        feature_archive.read(path)
    assert damage is None or feature_archive.read_header(path) is None or kind == "npy"


def test_values_in_other_files_are_not_read(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    (tmp_path / "secret").write_bytes(bytes(12))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", (3,), np.float32, external=[(str(tmp_path / "secret"), 0, 12)])
    with pytest.raises(CorpusError, match="lies in another file"):
        feature_archive.read(tmp_path / "a.h5")


@pytest.mark.parametrize("is_new", [True, False])
def test_values_never_stand_beside_a_header_that_is_not_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    """Stopped at each step in turn; before and after, what a next run reads is a pair or no result."""
    path, before, after = tmp_path / "a.npy", {**HEADER, "kind": "old"}, HEADER
    moves = os.replace
    for stop in range(3):
        for each in tmp_path.iterdir():
            each.unlink()
        if not is_new:
            with feature_archive.archive(path, before) as add:
                add("a", np.zeros((2, 3), np.float32))
        left = [stop]

        def failing(source: object, target: object, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(28, "No space left on device")
            moves(source, target)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", failing)
            try:
                with feature_archive.archive(path, after) as add:
                    add("a", np.ones((2, 3), np.float32))
            except OSError:
                pass
        header = feature_archive.read_header(path) if path.exists() else None
        if header is not None:
            expected = 1.0 if header == after else 0.0
            assert (feature_archive.read(path)["a"] == expected).all(), f"stopped at {stop}"
        if is_new and not path.exists():
            assert not list(tmp_path.iterdir()), "nothing is left of what didn't work"
        if is_new:
            assert path.exists() == (header is not None), "values without their header would be in the way"
