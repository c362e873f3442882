"""The smallest SoundFont: one instrument, a sine that goes on for ever. SoundFont 2.04, sections 4 to 7."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

RATE, HERTZ, KEY = 44100, 441.0, 69


def write(path: Path) -> Path:
    """100 samples are a wave, so the loop is seamless; they are tuned to concert pitch by the sample's correction."""
    wave = np.round(20000 * np.sin(2 * np.pi * HERTZ / RATE * np.arange(4000))).astype("<i2").tobytes()
    smpl = wave + bytes(2 * 46)  # the specification wants so many zeros
    cents = round(1200 * np.log2(440 / HERTZ))  # -4
    header = struct.pack("<20sIIIIIBbHH", b"sine", 0, 4000, 1000, 3000, RATE, KEY, cents, 0, 1)
    end = struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)
    loops, sample, instrument = 54, 53, 41  # generators: sampleModes, sampleID, instrument
    parts = {
        b"phdr": struct.pack("<20sHHHIII", b"sine", 0, 0, 0, 0, 0, 0)
        + struct.pack("<20sHHHIII", b"EOP", 0, 0, 1, 0, 0, 0),
        b"pbag": struct.pack("<HHHH", 0, 0, 1, 0),
        b"pmod": bytes(10),
        b"pgen": struct.pack("<HH", instrument, 0) + bytes(4),
        b"inst": struct.pack("<20sH", b"sine", 0) + struct.pack("<20sH", b"EOI", 1),
        b"ibag": struct.pack("<HHHH", 0, 0, 2, 0),
        b"imod": bytes(10),
        b"igen": struct.pack("<HHHH", loops, 1, sample, 0) + bytes(4),
        b"shdr": header + end,
    }
    info = (
        _chunk(b"ifil", struct.pack("<HH", 2, 4))
        + _chunk(b"isng", b"EMU8000\0")
        + _chunk(b"INAM", b"sine\0\0")
    )
    lists = [
        _chunk(b"LIST", b"INFO" + info),
        _chunk(b"LIST", b"sdta" + _chunk(b"smpl", smpl)),
        _chunk(b"LIST", b"pdta" + b"".join(_chunk(name, data) for name, data in parts.items())),
    ]
    path.write_bytes(_chunk(b"RIFF", b"sfbk" + b"".join(lists)))
    return path


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data
