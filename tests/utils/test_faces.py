"""Names that a package offers before the file that has them is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from speechgru import lm
from speechgru.lm import ngram
from speechgru.utils.faces import lazy


def test_a_name_is_imported_when_it_is_used() -> None:
    code = "import sys; from speechgru import lm; before = 'speechgru.lm.ngram' in sys.modules; lm.load; " + (
        "print(before, 'speechgru.lm.ngram' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_it_is_the_files_own_and_others_are_refused() -> None:
    assert lm.load is ngram.load
    getattr_, dir_ = lazy("speechgru.lm", {"load": "ngram"})
    assert getattr_("load") is ngram.load and "load" in dir_()
    with pytest.raises(AttributeError, match=r"'speechgru\.lm' has no attribute 'lode'"):
        getattr_("lode")
