"""Write constraints.txt: the exact versions that the tests pass with, for pip and uv.

    python tools/lock.py            # in a fresh environment, from what pyproject.toml admits
    python tools/lock.py --check    # exit 1 if constraints.txt doesn't satisfy pyproject.toml any more

Installs speechgru with all extras, the test tools and those of the site into a new virtual environment, as a user
would, and writes down what is there. A machine's own pip settings (such as a constraint of its own) take part, as they
do in any installation.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "constraints.txt"
# What a new environment holds already, and speechgru itself.
NOT_LOCKED = {"pip", "setuptools", "wheel", "speechgru"}


def installed() -> dict[str, str]:
    """Versions by name, of a fresh environment with speechgru and all that its tests and its site need."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", f"{ROOT}[dev,docs]"], check=True)
        listed = subprocess.run(
            [python, "-m", "pip", "list", "--format", "json"], check=True, capture_output=True, text=True
        )
    return {
        canonicalize_name(row["name"]): row["version"].partition("+")[0] for row in json.loads(listed.stdout)
    }


def write(versions: dict[str, str]) -> None:
    """One line a package, with what it was made by."""
    lines = [
        "# What speechgru's tests pass with: pip install -c constraints.txt '.[all]' (uv pip install takes it too).",
        f"# Made by tools/lock.py with Python {platform.python_version()} on {platform.system()} {platform.machine()}.",
        *(f"{name}=={version}" for name, version in sorted(versions.items()) if name not in NOT_LOCKED),
    ]
    LOCK.write_text("\n".join(lines) + "\n", encoding="utf-8")


def faults() -> list[str]:
    """What pyproject.toml asks for and constraints.txt doesn't give."""
    import tomllib

    locked = dict(
        line.split("==") for line in LOCK.read_text(encoding="utf-8").split("\n") if line and line[0] != "#"
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    wrong = []
    for wanted in {Requirement(line) for group in groups for line in group}:
        name = canonicalize_name(wanted.name)
        if name == "speechgru":
            continue
        if name not in locked:
            wrong.append(f"{wanted} is not in constraints.txt")
        elif not wanted.specifier.contains(locked[name], prereleases=True):
            wrong.append(f"{wanted}, but constraints.txt has {locked[name]}")
    return sorted(wrong)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare constraints.txt with pyproject.toml")
    args = parser.parse_args()
    if not args.check:
        write(installed())
    wrong = faults()
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
