"""MAT-files: the same as SciPy reads, and no crash at what makes SciPy's reader end the process."""

from __future__ import annotations

import io
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from speechgru.music.files import mat_file


def saved(compressed: bool = False, **cells: object) -> bytes:
    stream = io.BytesIO()
    scipy.io.savemat(stream, cells, do_compression=compressed)
    return stream.getvalue()


def cell(*arrays: np.ndarray) -> np.ndarray:
    made = np.empty((1, len(arrays)), object)
    for index, array in enumerate(arrays):
        made[0, index] = array
    return made


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int64, np.float32, np.float64])
def test_arrays_are_those_that_were_saved(compressed: bool, kind: type) -> None:
    rng = np.random.default_rng(1)
    arrays = [rng.integers(0, 100, shape).astype(kind) for shape in ((3, 88), (1, 88), (7, 1))]
    data = saved(compressed, a=cell(*arrays), b=np.ones((2, 2)), c="text", d=cell(arrays[0]))
    found = mat_file.read(data, ("a", "d", "absent"))
    assert found.keys() == {"a", "d"}
    for mine, theirs in zip(found["a"], arrays, strict=True):
        assert mine.shape == theirs.shape and (mine == theirs).all()


def test_real_files_are_the_same_to_scipy(data_root: Path) -> None:
    path = data_root / "music" / "poly_music" / "JSB_Chorales.mat"
    ours, theirs = mat_file.read(path.read_bytes(), ("testdata",)), scipy.io.loadmat(path)
    pairs = list(zip(ours["testdata"], theirs["testdata"].ravel(), strict=True))
    assert len(pairs) == 77 and all((mine == other).all() for mine, other in pairs)


HEAD = bytes(124) + b"\0\1IM"
# 184 bytes at which SciPy 1.17.1 ends the process by a segmentation fault: an array of a class that there isn't.
CRASH = HEAD + bytes.fromhex(
    "0e00000000010000000000000000000009000000000000000500000008000000000000000000000001000000000000000000000000000000"
)


def element(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(4, "little") + len(body).to_bytes(4, "little") + body + bytes(-len(body) % 8)


def array(kind: int, shape: tuple[int, ...], name: bytes, rest: bytes = b"", flags: int = 0) -> bytes:
    head = element(6, (kind | flags).to_bytes(8, "little")) + element(5, np.array(shape, "<i4").tobytes())
    return element(14, head + element(1, name) + rest)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEAD[:126] + b"??",
        CRASH,
        HEAD + array(1, (1, 1 << 30), b"a"),
        HEAD + array(1, (1 << 30, 1 << 30), b"a"),
        HEAD + array(1, (1, 2), b"a", array(6, (1, 1), b"", element(9, bytes(8)))),
        HEAD + array(1, (1, 1), b"a", array(6, (1000, 1000), b"", element(9, bytes(8)))),
        HEAD + array(1, (1, 1), b"a", array(1, (1, 1), b"", array(6, (1, 1), b"", element(9, bytes(8))))),
        HEAD + array(1, (1, 1), b"a", array(6, (1, 1), b"", element(9, bytes(8)), 0x0800)),
        HEAD + array(1, (-1, 1), b"a"),
        HEAD + array(9, (1, 1), b"a", element(2, b"1")),
        HEAD + element(15, b"no zlib")[:-1],
        HEAD + element(15, zlib.compress(array(1, (1, 1), b"a"))[:-6]),
        HEAD + (14).to_bytes(4, "little") + (1 << 31).to_bytes(4, "little"),
    ],
)
def test_damaged_ones_are_refused(data: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"\w"):
        mat_file.read(data, ("a",))
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mat_file, "LARGEST", 1 << 16)
    with pytest.raises(ValueError, match="unpacks to more than 65536 bytes"):
        mat_file.read(HEAD + element(15, zlib.compress(bytes(1 << 20))), ("a",))
