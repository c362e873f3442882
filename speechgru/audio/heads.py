"""The first bytes of sound files, by which one is known that follows another."""

from __future__ import annotations

import re

W64 = b"riff.\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0"
# What libsndfile reads, and tags; MP3 begins with a frame (`mp3.is_run`).
OTHERS = re.compile(
    rb"RIFF|RF64|BW64|FORM....AIF|\.snd|caff|OggS|fLaC|ID3|TAG|APETAGEX|" + re.escape(W64), re.DOTALL
)
# MP4, Matroska and ASF: recordings too, but none for libsndfile.
FOREIGN = re.compile(rb"....ftyp|\x1a\x45\xdf\xa3|\x30\x26\xb2\x75\x8e\x66\xcf\x11", re.DOTALL)
