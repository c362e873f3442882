"""Features on disk: one archive of many recordings, or a file each, in formats that others read without us.

What they are (kind, settings, names of the bins, seconds from frame to frame) lies in the file as JSON:

npz      member "__speechgru__"; each recording an array [frames, bins] under its name
h5       attribute "speechgru"; each recording a dataset [frames, bins] under its name
parquet  metadata "speechgru"; columns file, frame, time and one a bin; a row group a recording, several for a long one
csv      first line, after "# "; the same columns
npy      a file beside it, NAME.npy.json; one recording only

Values are float32 and come back exactly. Files are written whole or not at all, and never unpickled.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from speechgru.data._feature_spool import Spool, Values
from speechgru.errors import ConfigError, CorpusError
from speechgru.utils import dependencies, json_text
from speechgru.utils.files import atomic_path, check_readable, write_text
from speechgru.utils.plugins import unknown

Header = Mapping[
    str, Any
]  # ready for JSON; "bins", "frame_seconds" (None for events) and "first_seconds" are used
Add = Callable[[str, Values | Spool], None]

FORMATS = ("npz", "npy", "h5", "csv", "parquet")
KEY = "speechgru"
MEMBER = "__speechgru__"


def format_of(path: str | Path) -> str:
    """The format that the extension of `path` names. Raises ConfigError for none of FORMATS."""
    name = Path(path).suffix.lower().lstrip(".")
    if name not in FORMATS:
        raise ConfigError(f"{path}: {unknown('format of features', name, FORMATS)} The extension names it.")
    return name


def require(kind: str) -> None:
    """Raise DependencyError where what writes `kind` (of FORMATS) isn't installed."""
    library = {"h5": "h5py", "parquet": "pyarrow"}.get(kind)
    if library is not None:
        dependencies.require(library, f"A .{kind} file")


def archive(path: str | Path, header: Header, *, durable: bool = True) -> AbstractContextManager[Add]:
    """A new archive at `path`: a function that adds a recording, by its name and its values.

    It takes its place at the end of the `with` block, or doesn't where that raises. `durable` as `atomic_path`'s.

    Raises:
        ConfigError: an unknown extension, or one that takes a library that isn't installed.
    """
    kind = format_of(path)
    require(kind)
    return _archive(Path(path), kind, header, durable)


@contextmanager
def _archive(path: Path, kind: str, header: Header, durable: bool) -> Iterator[Add]:
    write = {"npz": _npz, "npy": _npy, "h5": _h5, "csv": _csv, "parquet": _parquet}[kind]
    if kind != "npy":
        with atomic_path(path, durable=durable) as temporary, write(temporary, header) as add:
            yield add
        return
    # Values must never stand beside a header that isn't theirs, and new ones never without any: wherever this is
    # stopped, the next run sees that the recording isn't done.
    beside, text = _beside(path), json.dumps(header) + "\n"
    is_new, was_beside = not path.exists(), beside.exists()
    try:
        with atomic_path(path, durable=durable) as temporary:
            with write(temporary, header) as add:
                yield add
            if is_new:
                write_text(beside, text, durable=durable)
            else:
                beside.unlink(missing_ok=True)
    except BaseException:
        if is_new and not was_beside:
            beside.unlink(missing_ok=True)
        raise
    if not is_new:
        write_text(beside, text, durable=durable)


def read_header(path: str | Path) -> dict[str, Any] | None:
    """What `archive` was given for the file at `path`; None where it is none of ours, or damaged."""
    path, kind = Path(path), format_of(path)
    require(kind)
    readers = {"npz": _npz_header, "npy": _npy_header, "h5": _h5_header, "csv": _csv_header}
    try:
        header = json_text.loads({**readers, "parquet": _parquet_header}[kind](path))
    except Exception:  # as in `read`
        return None
    return header if isinstance(header, dict) else None


def read(path: str | Path) -> dict[str, Values]:
    """All recordings of an archive: name → values [frames, bins]. Of .npy the name is the file's.

    Raises:
        ConfigError: as `archive`. CorpusError: it is damaged, or holds something else. OSError: there is none that may
            be read.
    """
    path, kind = Path(path), format_of(path)
    require(kind)
    with path.open("rb"):  # so that whatever comes now is the content's fault
        pass
    readers = {"npz": _read_npz, "npy": _read_npy, "h5": _read_h5, "csv": _read_csv, "parquet": _read_parquet}
    try:
        values = readers[kind](path)
    except Exception as error:  # the libraries raise a dozen kinds for a damaged file
        check_readable(path)  # a failing disk is no damage
        raise CorpusError(
            f"{path} can't be read as features ({str(error) or type(error).__name__}). Expected what speechgru "
            "features writes; make it again."
        ) from error
    for name, array in values.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
            raise CorpusError(f"{path} holds something else than numbers under {name!r}. Expected features.")
    return values


def times(header: Header, frames: int, start: int = 0) -> NDArray[np.float64]:
    """Centre in seconds of each of `frames`, from frame `start` on; NaN of events, which are no frames."""
    first, step = float(header["first_seconds"]), header["frame_seconds"]
    numbers = np.arange(start, start + frames, dtype=np.float64)
    return np.asarray(first + (np.nan if step is None else float(step)) * numbers, np.float64)


def columns(header: Header) -> list[str]:
    """Of a table: file, frame, time, and one a bin: its frequency in Hz, or its name."""
    names = [f"{b:g}" if isinstance(b, (int, float)) else str(b) for b in header["bins"]]
    if len(set(names)) < len(names):
        names = [f"{number}:{name}" for number, name in enumerate(names)]
    return ["file", "frame", "time", *names]


def _blocks(values: Values | Spool) -> Iterator[tuple[int, Values]]:
    """`values` in pieces, each with the number of its first frame."""
    start = 0
    for block in values.blocks() if isinstance(values, Spool) else [values]:
        yield start, block
        start += len(block)


# ------------------------------------------------------------------------------------------------------------ npz, npy


@contextmanager
def _npz(path: Path, header: Header) -> Iterator[Add]:
    with zipfile.ZipFile(path, "w", allowZip64=True) as file:
        with file.open(f"{MEMBER}.npy", "w") as member:
            np.lib.format.write_array(member, np.array(json.dumps(header)), allow_pickle=False)

        def add(name: str, values: Values | Spool) -> None:
            # As numpy.savez, which wants all arrays at once.
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                _write_npy(member, values)

        yield add


def _write_npy(file: IO[bytes], values: Values | Spool) -> None:
    """What numpy.save writes."""
    described = np.lib.format.dtype_to_descr(np.dtype(np.float32))
    shape = {"descr": described, "fortran_order": False, "shape": values.shape}
    np.lib.format.write_array_header_1_0(file, shape)
    for _, block in _blocks(values):
        file.write(np.ascontiguousarray(block, np.float32).data)


def _read_npz(path: Path) -> dict[str, Values]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files if name != MEMBER}


def _read_npy(path: Path) -> dict[str, Values]:
    return {path.stem: np.load(path, allow_pickle=False)}


def _npz_header(path: Path) -> str:
    with np.load(path, allow_pickle=False) as file:
        return str(file[MEMBER])


@contextmanager
def _npy(path: Path, _: Header) -> Iterator[Add]:
    count = 0

    def add(name: str, values: Values | Spool) -> None:
        nonlocal count
        count += 1
        with path.open("wb") as file:
            _write_npy(file, values)

    yield add
    if count != 1:
        raise ConfigError(f"A .npy file holds one recording, not {count}. Choose .npz, or a folder.")


def _npy_header(path: Path) -> str:
    np.load(path, mmap_mode="r", allow_pickle=False)  # it is there, and as long as it says
    return _beside(path).read_text(encoding="utf-8")


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


# ------------------------------------------------------------------------------------------------------------------ h5


@contextmanager
def _h5(path: Path, header: Header) -> Iterator[Add]:
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs[KEY] = json.dumps(header)

        def add(name: str, values: Values | Spool) -> None:
            try:
                table = file.create_dataset(name, values.shape, np.float32)
            except (ValueError, TypeError) as error:  # a folder and a recording of one name
                raise ConfigError(f"HDF5 can't hold {name!r}: {error} Choose .npz.") from None
            for start, block in _blocks(values):
                table[start : start + len(block)] = block

        yield add


def _h5_header(path: Path) -> str:
    import h5py

    with h5py.File(path, "r") as file:
        return str(file.attrs[KEY])


def _read_h5(path: Path) -> dict[str, Values]:
    import h5py

    values: dict[str, Values] = {}
    with h5py.File(path, "r") as file:
        file.visititems(
            lambda name, item: values.update({name: _inside(item)} if hasattr(item, "dtype") else {})
        )
    return values


def _inside(dataset: Any) -> Values:
    """A dataset whose values lie in the file itself."""
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"{dataset.name} lies in another file")
    values: Values = dataset[()]
    return values


# ----------------------------------------------------------------------------------------------------------------- csv


@contextmanager
def _csv(path: Path, header: Header) -> Iterator[Add]:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {json.dumps(header)}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns(header))

        def add(name: str, values: Values | Spool) -> None:
            for start, block in _blocks(values):
                for number, (time, row) in enumerate(zip(times(header, len(block), start), block), start):
                    seconds = "" if np.isnan(time) else f"{time:.10g}"
                    # Nine digits tell every float32 from its neighbours.
                    writer.writerow([name, number, seconds, *(f"{value:.9g}" for value in row)])

        yield add


def _csv_header(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().removeprefix("# ")


def _read_csv(path: Path) -> dict[str, Values]:
    rows: dict[str, list[list[float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        file.readline()
        reader = csv.reader(file)
        next(reader)
        for name, _, _, *values in reader:
            rows.setdefault(name, []).append([float(value) for value in values])
    return {name: np.array(values, np.float32) for name, values in rows.items()}


# ------------------------------------------------------------------------------------------------------------- parquet


@contextmanager
def _parquet(path: Path, header: Header) -> Iterator[Add]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = columns(header)
    types = [pa.string(), pa.int32(), pa.float64(), *[pa.float32()] * (len(names) - 3)]
    schema = pa.schema(list(zip(names, types)), metadata={KEY: json.dumps(header)})
    with pq.ParquetWriter(path, schema) as writer:

        def add(name: str, values: Values | Spool) -> None:
            for start, block in _blocks(values):
                count = len(block)
                numbers = np.arange(start, start + count)
                first = [np.full(count, name, object), numbers, times(header, count, start)]
                arrays = [*first, *np.ascontiguousarray(block.T)]
                made = [pa.array(array, kind) for array, kind in zip(arrays, types)]
                writer.write_table(pa.Table.from_arrays(made, schema=schema))

        yield add


def _parquet_header(path: Path) -> str:
    import pyarrow.parquet as pq

    return str((pq.read_schema(path).metadata or {})[KEY.encode()].decode())


def _read_parquet(path: Path) -> dict[str, Values]:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    files = np.array(table.column("file").to_pylist(), object)
    values = np.stack([column.to_numpy() for column in table.columns[3:]], axis=1).astype(np.float32)
    return {name: values[files == name] for name in dict.fromkeys(files)}
