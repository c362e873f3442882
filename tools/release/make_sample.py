"""Make the packaged sample: a sentence spoken by the voice `rms` of flite (Debian package flite, free licence).

    python tools/release/make_sample.py

The sentence was picked among some sixty as one that the default model gets nearly right: a smoke test and a
demonstration, no measurement. It occurs in no training, dev or test list.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from speechgru.audio import encode
from speechgru.audio import stream as audio
from speechgru.utils import files

TEXT = "It was the first time that he had been to the city."
ASSETS = Path(__file__).resolve().parents[2] / "speechgru" / "assets"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "sample.wav"
        command = ["flite", "-voice", "rms", "--setf", "duration_stretch=1.1", "-t", TEXT, "-o", str(spoken)]
        subprocess.run(command, check=True)
        encode.write(ASSETS / "sample.flac", audio.read(spoken), audio.SAMPLE_RATE)
    files.write_text(ASSETS / "sample.txt", TEXT + "\n")


if __name__ == "__main__":
    main()
