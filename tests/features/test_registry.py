"""Kinds by name, and what one of them loads."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

from speechgru import features
from speechgru.features import registry
from speechgru.utils.assets import ASSETS


def test_the_table_is_that_of_the_families() -> None:
    files = (module.name for module in pkgutil.iter_modules(features.__path__))
    modules = {name: importlib.import_module(f"speechgru.features.{name}") for name in files}
    stated = {kind: name for name, module in modules.items() for kind in getattr(module, "KINDS", ())}
    assert stated == registry.FAMILIES
    assert features.kinds() == sorted(stated)


COUNT = """
import sys
entered = set()
def profile(frame, event, _):
    path, code = frame.f_code.co_filename.replace("\\\\", "/"), frame.f_code
    is_function = code.co_flags & 1  # bodies of modules and classes are executed, not called
    is_face = path.endswith(("/__init__.py", "/utils/faces.py"))  # which only look up a name
    if event == "call" and is_function and "/speechgru/" in path and not is_face:
        entered.add(path.rpartition("/speechgru/")[2])
sys.setprofile(profile)
from speechgru import features
features.extract(sys.argv[1])
sys.setprofile(None)
loaded = {name for name in sys.modules if name.startswith("speechgru.")}
print(*sorted(entered))
print(*sorted(loaded))
"""


def test_one_kind_enters_few_files_and_loads_no_other_family() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNT, str(ASSETS / "sample.flac")], capture_output=True, text=True, check=True
    )
    entered, loaded = (line.split() for line in done.stdout.splitlines())
    assert len(entered) <= 25, entered
    others = set(registry.FAMILIES.values()) - {"spectrogram"}
    assert not {f"speechgru.features.{family}" for family in others} & set(loaded)
