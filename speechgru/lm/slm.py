"""The `.slm` file: a packed n-gram model that is mapped into memory, not read.

A first line of JSON (padded with spaces so that what follows is aligned), then the arrays of `Arrays` and the
words (one a line, zlib), each at a multiple of 64 bytes. The header says `format`, `order`, `counts`, `sections`
(name → dtype, shape, offset after the header), `size` and `crc32` of what follows, and where the model comes from.
Numbers are little-endian.
"""

from __future__ import annotations

import json
import math
import mmap
import sys
import zlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from speechgru.errors import LanguageModelError
from speechgru.lm.bit_packing import width_of, words_needed
from speechgru.lm.corpus import LARGEST_VOCABULARY
from speechgru.lm.packed_query import BACKOFF, CONTEXTS, ENDS, LINK, Arrays
from speechgru.lm.table import SPECIAL
from speechgru.utils import json_text
from speechgru.utils.files import atomic_path

FORMAT = "speechgru-lm/1"
LARGEST_HEADER = 1 << 20
LARGEST_ORDER = 16
_ALIGNMENT = 64
_HEADER = 4096  # about
_LONGEST_WORD = 64  # bytes on average: what the compressed words may grow to
_DTYPES = {"bits": "uint64", "weights": "float32", "layout": "int64"}


def save(path: str | Path, words: Sequence[str], arrays: Arrays, provenance: dict[str, Any]) -> None:
    """Write a model, whole or not at all; `provenance` is what JSON can hold, kept in the header."""
    named = {**arrays._asdict(), "words": np.frombuffer(_compressed(words), np.uint8)}
    sections, parts, size = {}, [], 0
    for name, array in named.items():
        sections[name] = {"dtype": array.dtype.name, "shape": list(array.shape), "offset": size}
        raw = array.tobytes()
        raw += bytes(-len(raw) % _ALIGNMENT)
        parts.append(raw)
        size += len(raw)
    data = b"".join(parts)
    header = {
        "format": FORMAT,
        "order": len(arrays.ngram_ends),
        "counts": [int(n) for n in np.diff(arrays.ngram_ends, prepend=0)],
        "size": size,
        "crc32": zlib.crc32(data),
        "sections": sections,
        **{key: value for key, value in provenance.items() if key not in _OWN_KEYS},
    }
    line = json.dumps(header, ensure_ascii=True, allow_nan=False).encode()
    line += b" " * (-(len(line) + 1) % _ALIGNMENT) + b"\n"
    with atomic_path(path) as temporary:
        temporary.write_bytes(line + data)


def size_of(words: Sequence[str], counts: Sequence[int], contexts: int, bits: int) -> int:
    """Bytes of the file of a model with that many n-grams of each order and contexts, to within a few hundred.

    `bits` of a weight's code.
    """
    ngrams = sum(counts)
    ngram_bits = ngrams * (width_of(len(words) - 1) + bits)
    context_bits = (contexts + 2) * (bits + width_of(ngrams) + width_of(contexts))
    rank_bits = (ngrams - counts[-1]) * (1 + width_of(contexts) / 64)
    books = 2 * len(counts) * 4 << bits
    return int(ngram_bits + context_bits + rank_bits) // 8 + books + len(_compressed(words)) + _HEADER


def _compressed(words: Sequence[str]) -> bytes:
    return zlib.compress("\n".join(words).encode(), 9)


_OWN_KEYS = ("format", "order", "counts", "size", "crc32", "sections")


def load(path: str | Path) -> tuple[tuple[str, ...], Arrays, dict[str, Any]]:
    """Words, arrays (memory-mapped, read-only) and header of a model.

    Raises:
        LanguageModelError: the file can't be read, is of another kind, cut short or damaged.
    """
    checksum = 0
    try:
        with open(path, "rb") as stream:
            header, start = _header(path, stream.readline(LARGEST_HEADER))
            # Read, not mapped: a failing disk would end the process in a map.
            while piece := stream.read(1 << 20):
                checksum = zlib.crc32(piece, checksum)
            content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise LanguageModelError(f"Can't read the language model {path}: {error}.") from error
    size = header.get("size")
    if size != len(content) - start:
        raise LanguageModelError(
            f"The language model {path} has {len(content) - start} bytes of data; its header says {size}. "
            "It was cut short or changed; copy or download it again."
        )
    if checksum != header.get("crc32"):
        raise LanguageModelError(
            f"The language model {path} is damaged: its checksum is wrong. Copy or download it again."
        )
    try:
        named = {name: _section(header, name, dtype, content, start) for name, dtype in _DTYPES.items()}
        arrays = Arrays(**named)
        _check(arrays)
        words = _words(_section(header, "words", "uint8", content, start), int(arrays.ngram_ends[0]))
    except _FaultError as fault:
        raise LanguageModelError(f"The language model {path} is damaged: {fault}.") from fault
    return words, arrays, header


class _FaultError(Exception):
    """What is wrong with a file's contents."""


def _header(path: str | Path, line: bytes) -> tuple[dict[str, Any], int]:
    """The first line and its length."""
    try:
        header = json_text.loads(line) if line.endswith(b"\n") and len(line) % _ALIGNMENT == 0 else None
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        version = repr(header.get("format")) if isinstance(header, dict) else "none"
        raise LanguageModelError(
            f"{path} is no language model that this version reads: format {version}, expected {FORMAT!r}. "
            "Build one with speechgru lm build, or give an .arpa file its ending."
        )
    return header, len(line)


def _section(header: dict[str, Any], name: str, dtype: str, content: mmap.mmap, start: int) -> np.ndarray:
    sections = header.get("sections")
    section = sections.get(name) if isinstance(sections, dict) else None
    if not isinstance(section, dict) or section.get("dtype") != dtype:
        raise _FaultError(f"section {name} is missing or not {dtype}")
    shape: Any = section.get("shape")
    offset: Any = section.get("offset")
    whole = isinstance(shape, list) and all(type(n) is int and n >= 0 for n in [*shape, offset])
    if not whole or len(shape) not in (1, 3) or offset % _ALIGNMENT:
        raise _FaultError(f"section {name} has shape {shape!r} and offset {offset!r}")
    length = math.prod(shape) * np.dtype(dtype).itemsize
    if offset + length > len(content) - start:
        raise _FaultError(f"section {name} goes beyond the end of the file")
    array = np.frombuffer(content, np.dtype(dtype).newbyteorder("<"), math.prod(shape), start + offset)
    if sys.byteorder == "big":
        array = array.astype(dtype)
        array.flags.writeable = False
    values: np.ndarray = array.reshape(shape)
    return values


def _check(arrays: Arrays) -> None:
    """That the arrays fit each other, so that `advance` never leaves them."""
    bits, weights, layout = arrays
    orders = (len(layout) - ENDS) // 2
    if layout.ndim != 1 or not 1 <= orders <= LARGEST_ORDER or len(layout) != ENDS + 2 * orders:
        raise _FaultError(f"its layout has {layout.shape} numbers")
    widths, ngram_ends, context_ends = layout[:CONTEXTS], arrays.ngram_ends, arrays.context_ends
    if (widths < 1).any() or (widths > 48).any():
        raise _FaultError(f"widths are {widths.tolist()}")
    for name, ends in (("n-grams", ngram_ends), ("contexts", context_ends)):
        if ends[0] < 1 or (np.diff(ends) < 0).any() or ends[-1] > 64 * len(bits):
            raise _FaultError(f"its {name} end at {ends.tolist()}")
    if not len(SPECIAL) <= ngram_ends[0] <= LARGEST_VOCABULARY:
        raise _FaultError(f"it has {ngram_ends[0]} words")
    flags = int(ngram_ends[-2]) if orders > 1 else 0
    records = (int(ngram_ends[-1]), int(context_ends[-1]) + 1, flags, words_needed(flags, 1))
    sizes = (int(widths[:BACKOFF].sum()), int(widths[BACKOFF:].sum()), 1, int(widths[LINK]))
    ends = np.cumsum([words_needed(n, size) for n, size in zip(records, sizes)])
    if layout[CONTEXTS:ENDS].tolist() != ends[:-1].tolist() or bits.shape != (ends[-1],):
        raise _FaultError(f"bits has {bits.shape} words in parts that end at {ends.tolist()}")
    if weights.ndim != 3 or weights.shape[:2] != (2, orders) or not weights.shape[2]:
        raise _FaultError(f"weights has shape {weights.shape}")
    if not np.isfinite(weights).all() or (weights[0] > 0).any():
        raise _FaultError("it has probabilities above one or weights that are not finite")


def _words(compressed: np.ndarray, count: int) -> tuple[str, ...]:
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(compressed.tobytes(), (_LONGEST_WORD + 1) * count)
        words = tuple(content.decode("utf-8").split("\n"))
    except (zlib.error, UnicodeDecodeError) as error:
        raise _FaultError(f"its words can't be read ({error})") from error
    if len(words) != count or words[: len(SPECIAL)] != SPECIAL or unpacker.unconsumed_tail:
        raise _FaultError(f"it lists {len(words)} words, not {count} that begin with {' '.join(SPECIAL)}")
    rest = words[len(SPECIAL) :]
    if any(a >= b for a, b in pairwise(rest)):
        raise _FaultError("its words are not sorted")
    return words
