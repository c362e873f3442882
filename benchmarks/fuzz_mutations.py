"""Ways to damage a file, for benchmarks/fuzz.py: bits, bytes, sizes, lines, numbers, and pieces of other files.

Every change is drawn from the generator that it is given, so a case is the same on every machine with the same seeds.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from random import Random

LARGEST = 1 << 18
"""Bytes that a damaged file may have."""
_HEAD = 128
"""Bytes at the front, which half of the changes fall into: sizes and kinds stand there."""
_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 63)
_WRITTEN = (
    *(
        b"0",
        b"-1",
        b"1e999",
        b"-1e999",
        b"nan",
        b"inf",
        b"9" * 25,
        b"1e308",
        b"5e-324",
        b"0.0",
        b"-0",
        b"",
        b"1.5",
    ),
    *(
        b"1" + b"0" * 400,
        b"9" * 5000,
        b"\xd9\xa3",
        b"\xc2\xb2",
        b"0x10",
        b"1_000",
        b"99999999",
        b"2147483648",
        b"true",
    ),
)
_STRANGE = (
    *(
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xe2\x80\xa8",
        b"\xc2\x85",
        b"\x1b[31m",
        b"\r",
        b"\r\n",
        b"\x1a",
    ),
    *(
        b"\xed\xa0\x80",
        b"\xf0\x9f\x8e\xb5",
        b"\t",
        b"\n\n",
        b" ",
        b"%s",
        b"../",
        b"/dev/zero",
        b"\\u0000",
        b"\x9b1m",
    ),
)
_NESTED = (b"[", b"{", b"(", b'{"a":', b"- ", b"[[", b"${")
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")

Change = Callable[[bytearray, Random], None]


def mutate(
    data: bytes, rng: Random, others: Sequence[bytes], tokens: Sequence[bytes], is_text: bool
) -> bytes:
    """`data` with one to thirty changes.

    Args:
        others: files of the same kind, of which pieces are put in.
        tokens: what means something in this kind of file.
        is_text: whether lines and written numbers are changed too.
    """
    damaged = bytearray(data)
    changes: list[Change] = [*_BINARY, *(_TEXT * 2 if is_text else ())]
    changes.append(lambda d, r: _splice(d, r, others))
    if tokens:
        changes += [lambda d, r: _put(d, r, r.choice(tokens))] * (4 if is_text else 1)
    for _ in range(rng.choice((1, 1, 1, 1, 2, 2, 3, 5, 10, 30))):
        rng.choice(changes)(damaged, rng)
    del damaged[LARGEST:]
    return bytes(damaged)


def _place(data: bytearray, rng: Random) -> int:
    """Any place in `data`, every other time near its front."""
    end = min(len(data), _HEAD) if rng.random() < 0.5 else len(data)
    return rng.randrange(end) if end else 0


def _flip(data: bytearray, rng: Random) -> None:
    if data:
        data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _byte(data: bytearray, rng: Random) -> None:
    if data:
        data[_place(data, rng)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _number(data: bytearray, rng: Random) -> None:
    """Sizes and counts: numbers at the edges of their types, or near what was there."""
    form = rng.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
    size = struct.calcsize(form)
    place = _place(data, rng)
    if place + size > len(data):
        return
    before = struct.unpack_from(form, data, place)[0]
    near = before + rng.choice((-1, 1, -8, 8, 1 << 8, 1 << 16))
    struct.pack_into(form, data, place, rng.choice((*_NUMBERS, near)) % (1 << 8 * size))


def _cut(data: bytearray, rng: Random) -> None:
    del data[_place(data, rng) :]


def _drop(data: bytearray, rng: Random) -> None:
    place = _place(data, rng)
    del data[place : place + rng.choice((1, 2, 4, 8, rng.randrange(1, 512)))]


def _repeat(data: bytearray, rng: Random) -> None:
    place = _place(data, rng)
    piece = bytes(data[place : place + rng.randrange(1, 256)])
    _put(data, rng, piece * rng.choice((1, 1, 2, 10, 100)))


def _noise(data: bytearray, rng: Random) -> None:
    place = _place(data, rng)
    piece = rng.randbytes(rng.randrange(1, 64))
    data[place : place + len(piece)] = piece


def _blank(data: bytearray, rng: Random) -> None:
    place = _place(data, rng)
    end = min(len(data), place + rng.randrange(1, 64))
    data[place:end] = rng.choice((b"\0", b"\xff", b" ")) * (end - place)


def _splice(data: bytearray, rng: Random, others: Sequence[bytes]) -> None:
    other = rng.choice(others)
    start = rng.randrange(len(other)) if other else 0
    _put(data, rng, other[start : start + rng.randrange(1, 4096)])


def _put(data: bytearray, rng: Random, piece: bytes) -> None:
    place = _place(data, rng)
    data[place : place + rng.choice((0, 0, len(piece)))] = piece


def _strange(data: bytearray, rng: Random) -> None:
    _put(data, rng, rng.choice(_STRANGE))


def _written_number(data: bytearray, rng: Random) -> None:
    numbers = [match.span() for match in _NUMBER.finditer(data[: 1 << 14])]
    if numbers:
        start, end = rng.choice(numbers)
        data[start:end] = rng.choice(_WRITTEN)


def _nest(data: bytearray, rng: Random) -> None:
    _put(data, rng, rng.choice(_NESTED) * rng.choice((2, 50, 5_000, 100_000)))


def _lines(data: bytearray, rng: Random) -> None:
    """A line goes, comes twice, or two change places."""
    lines = bytes(data).split(b"\n")
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(3)
    if kind == 0:
        del lines[a]
    elif kind == 1:
        lines.insert(b, lines[a])
    else:
        lines[a], lines[b] = lines[b], lines[a]
    data[:] = b"\n".join(lines)


_BINARY: tuple[Change, ...] = (
    _flip,
    _flip,
    _byte,
    _byte,
    _number,
    _number,
    _number,
    _cut,
    _drop,
    _repeat,
    _noise,
    _blank,
)
_TEXT: tuple[Change, ...] = (
    _written_number,
    _written_number,
    _written_number,
    _strange,
    _strange,
    _nest,
    _lines,
    _lines,
)
