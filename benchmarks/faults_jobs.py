"""What benchmarks/faults.py disturbs: commands that write many files or large ones, small enough to be run hundreds of
times, and what must be the same after a fault."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import json
import multiprocessing
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from fuzz_models import small_checkpoint

from speechgru import audio
from speechgru.data.corpora import yesno
from speechgru.training import receipt
from speechgru.utils.assets import ASSETS
from speechgru.utils.download import Archive

RATE = 16000
RECORDINGS = 6
_RECIPE = """defaults:
  - features: log_mel
  - augment: none
  - model: acoustic
  - decoder: greedy
  - optimizer: adamw
  - schedule: constant
  - trainer: standard
  - _self_
name: faults
corpus:
  sources: [{name: folder, label: own}]
  train: [own/all]
  hold_out: 0.3
  dev: [held-out]
features: {n_mels: 16}
model: {layers: 1, width: 16, channels: 2}
trainer: {epochs: 6, batch_seconds: 4.0, save_minutes: 0.0001, tensorboard: false, device: cpu, precision: float32}
"""


@dataclass(frozen=True)
class Job:
    """A command. `arguments(inputs, output)` is its command line; `again` the same after a fault; `complete` what must
    be equal after it is done, by name; `damaged` what no fault may leave: files of a wrong content."""

    name: str
    arguments: Callable[[Path, Path], list[str]]
    complete: Callable[[Path], dict[str, str]]
    damaged: Callable[[Path, dict[str, str]], list[str]]
    again: Callable[[Path, Path], list[str]] | None = None

    def command(self, inputs: Path, output: Path, *, is_first: bool) -> list[str]:
        """The command line for the first or for a later attempt."""
        make = self.arguments if is_first or self.again is None else self.again
        return make(inputs, output)


def make_inputs(folder: Path) -> None:
    """Recordings with texts, a text, a recipe."""
    speech = audio.read(ASSETS / "sample.flac") if (ASSETS / "sample.flac").is_file() else _tone()
    recordings = folder / "recordings"
    recordings.mkdir(parents=True)
    for number in range(RECORDINGS):
        soundfile.write(recordings / f"{number}.wav", speech[number * 800 : number * 800 + RATE], RATE)
        (recordings / f"{number}.txt").write_text(f"a text of number {'abcdefgh'[number]}\n")
    words = [
        f"w{'abcdefghij'[i % 10]}{'klmnopqrst'[i * 7 % 10]} " + "the" * (i % 3 == 0) for i in range(6000)
    ]
    lines = [" ".join(words[i : i + 9]) for i in range(0, len(words), 9)]
    (folder / "text.txt").write_text("\n".join(lines))
    (folder / "recipe.yaml").write_text(_RECIPE)
    # What it writes is of no matter, and a small one takes a tenth of the time.
    (folder / "model.safetensors").write_bytes(small_checkpoint("acoustic")[0])


def _tone() -> np.ndarray:
    return (0.1 * np.sin(np.arange(4 * RATE) / 8)).astype(np.float32)


# ------------------------------------------------------------------------------------------------- what is compared


def visible(folder: Path) -> Iterator[Path]:
    """Files that a user sees."""
    if folder.is_dir():
        below = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
        yield from (path for path in below if not any(part.startswith(".") for part in path.parts))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _whole(folder: Path) -> dict[str, str]:
    return {str(path): _digest((folder / path).read_bytes()) for path in visible(folder)}


def _of_others(folder: Path, expected: dict[str, str]) -> list[str]:
    return [name for name, digest in _whole(folder).items() if expected.get(name) != digest]


def _unpacked(folder: Path) -> dict[str, str]:
    return {
        name: digest for name, digest in _whole(folder).items() if name.startswith(f"{yesno.FOLDER}{os.sep}")
    }


def _half_unpacked(folder: Path, expected: dict[str, str]) -> list[str]:
    """The corpus's folder is there with all its files, or not there; what is being fetched is called so."""
    there = _unpacked(folder)
    others = [name for name in _whole(folder) if name not in there and ".part" not in name]
    strange = [name for name in others if not name.startswith("waves_yesno.tar.gz")]
    return strange + (sorted(expected.keys() ^ there.keys()) if there else [])


def _weights(folder: Path) -> dict[str, str]:
    best = folder / "best.safetensors"
    return {"best.safetensors": receipt.weights(best)} if best.is_file() else {}


def _unreadable(folder: Path, _: dict[str, str]) -> list[str]:
    """Of a run's files: a checkpoint or JSON that can't be read."""
    import torch

    from speechgru.models import checkpoint

    wrong = []
    readers: dict[str, Callable[[Path], object]] = {
        ".safetensors": checkpoint.load,
        ".json": lambda path: json.loads(path.read_text()),
        ".jsonl": lambda path: [json.loads(line) for line in path.read_text().splitlines()],
        ".pt": functools.partial(torch.load, weights_only=True),
    }
    for path in visible(folder):
        try:
            readers.get(path.suffix, Path.read_bytes)(folder / path)
        except Exception as error:
            wrong.append(f"{path}: {type(error).__name__}")
    return wrong


# ---------------------------------------------------------------------------------------------------------- jobs


def _transcribe(inputs: Path, output: Path) -> list[str]:
    how = ["--model", str(inputs / "model.safetensors"), "--format", "json"]
    return ["transcribe", str(inputs / "recordings"), *how, "--output-dir", str(output)]


def _features(inputs: Path, output: Path) -> list[str]:
    jobs = ["--jobs", "1", "n_mels=40"]
    return ["features", str(inputs / "recordings"), "-o", f"{output}{os.sep}", "--format", "npy", *jobs]


def _archive(inputs: Path, output: Path) -> list[str]:
    return [
        "features",
        str(inputs / "recordings"),
        "-o",
        str(output / "all.npz"),
        "--jobs",
        "1",
        "--overwrite",
    ]


def _lm(inputs: Path, output: Path) -> list[str]:
    target = ["-o", str(output / "a.slm"), "--arpa", str(output / "a.arpa")]
    return ["lm", "build", str(inputs / "text.txt"), "--order", "3", "--discount-fallback", *target]


def _train(inputs: Path, output: Path) -> list[str]:
    settings = [f"corpus.root={inputs / 'recordings'}", f"output={output}", "--quiet"]
    return ["train", str(inputs / "recipe.yaml"), *settings]


def _train_again(inputs: Path, output: Path) -> list[str]:
    return _train(inputs, output) + ["--resume"] * (output / "last.pt").exists()


def _download(_: Path, output: Path) -> list[str]:
    return ["corpus", "download", "yesno", str(output)]


def _same_models(folder: Path) -> dict[str, str]:
    """Of the packed model all but its first line, which tells when it was made."""
    return {
        str(path): _digest((folder / path).read_bytes().partition(b"\n")[2] if path.suffix == ".slm" else b"")
        for path in visible(folder)
    } | {str(p): _digest((folder / p).read_bytes()) for p in visible(folder) if p.suffix != ".slm"}


def _other_models(folder: Path, expected: dict[str, str]) -> list[str]:
    return [name for name, digest in _same_models(folder).items() if expected.get(name) != digest]


JOBS = {
    job.name: job
    for job in (
        Job("transcribe", _transcribe, _whole, _of_others, lambda i, o: [*_transcribe(i, o), "--overwrite"]),
        Job("features", _features, _whole, _of_others),
        Job("archive", _archive, _whole, _of_others),
        Job("lm build", _lm, _same_models, _other_models, lambda i, o: [*_lm(i, o), "--overwrite"]),
        Job("train", _train, _weights, _unreadable, _train_again),
        Job("corpus download", _download, _unpacked, _half_unpacked),
    )
}


@contextmanager
def serving(folder: Path) -> Iterator[None]:
    """A web server on this machine with a corpus of 40 files, from which `corpus download yesno` then fetches."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(1).integers(0, 256, 40_000, np.uint8).tobytes()
    with tarfile.open(folder / "waves_yesno.tar.gz", "w:gz", compresslevel=1) as tar:
        for number in range(40):
            member = tarfile.TarInfo(f"{yesno.FOLDER}/{number:06b}.wav")
            member.size = len(noise)
            tar.addfile(member, io.BytesIO(noise[number:] + noise[:number]))
    handler = functools.partial(_Handler, directory=str(folder))
    # In a process of its own: the commands are forks of this one, in which a thread's locks would stay locked.
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        process = multiprocessing.get_context("fork").Process(target=_serve, args=(server, os.getpid()))
        process.start()
    before = dict(yesno.ARCHIVES)
    content = (folder / "waves_yesno.tar.gz").read_bytes()
    url = f"http://127.0.0.1:{server.server_port}/waves_yesno.tar.gz"
    yesno.ARCHIVES["all"] = replace(
        Archive(url, yesno.FOLDER, len(content)), checksum=f"sha256:{_digest(content)}"
    )
    os.environ["no_proxy"] = "*"
    try:
        yield
    finally:
        yesno.ARCHIVES.update(before)
        process.kill()
        process.join()


def _serve(server: http.server.ThreadingHTTPServer, parent: int) -> None:
    """Until the parent is gone."""
    server.timeout = 1.0
    while os.getppid() == parent:
        server.handle_request()


class _Handler(http.server.SimpleHTTPRequestHandler):
    """With ranges, so that a transfer goes on where it ended."""

    def do_GET(self) -> None:
        content = Path(self.translate_path(self.path)).read_bytes()
        asked = self.headers.get("Range")
        start = int(asked.partition("=")[2].partition("-")[0]) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(content) - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(content[start:])

    def log_message(self, *_: object) -> None:
        """Say nothing."""
