"""What every test gets: one thread, and the shared data where there is any."""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("speechgru", deadline=None)
settings.load_profile("speechgru")

# Also for the processes that tests start: two threads on busy cores can be far slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Where speechgru isn't installed the checkout itself is tested, also by the processes that tests start.
checkout = str(Path(__file__).resolve().parents[1])
found = importlib.util.find_spec("speechgru")
if found is None or str(found.origin).startswith(checkout + os.sep + "speechgru"):
    sys.path.insert(0, checkout)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [checkout, os.environ.get("PYTHONPATH")]))


def pytest_configure() -> None:
    import speechgru

    home = Path(speechgru.__file__).resolve()
    wanted = os.environ.get("SPEECHGRU_TEST_INSTALLED") == "1"
    if wanted and "site-packages" not in home.parts:
        raise pytest.UsageError(f"SPEECHGRU_TEST_INSTALLED=1, but speechgru is {home}, no installed wheel")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def log_levels() -> Iterator[None]:
    """As they were, after a command has set them."""
    loggers = [logging.getLogger(name) for name in ("speechgru", "speechgru.training.search")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels):
        logger.setLevel(level)


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """A shell's background job is started with Ctrl-C ignored; tests of it are to run there too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real recordings that SPEECHGRU_DATA names; tests that want it are skipped without it."""
    root = os.environ.get("SPEECHGRU_DATA", "")
    if not root:
        pytest.skip("SPEECHGRU_DATA is not set: no real recordings here")
    if not Path(root).is_dir():
        pytest.skip(f"SPEECHGRU_DATA names {root!r}, which is no folder")
    return Path(root)
