"""The public names of speechgru.music."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from speechgru import music


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    piece = music.NoteSequence((music.Note(0, 60, 1),))
    music.write(tmp_path / "a.mid", piece)
    assert music.read([str(tmp_path)]).notes == [piece]


def test_all_names_are_there_and_no_others() -> None:
    assert all(callable(getattr(music, name)) for name in music.__all__) and set(music.__all__) <= set(
        dir(music)
    )
    with pytest.raises(AttributeError, match=r"'speechgru\.music' has no attribute 'compose_all'"):
        music.compose_all  # noqa: B018


def test_importing_music_imports_nothing_heavy() -> None:
    code = "import sys, speechgru.music; print([m for m in ('torch', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
