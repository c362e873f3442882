"""Print the installed size of every package that speechgru asks for: its own files, and what only it brings along.

python tools/sizes.py       # in an environment with `pip install '.[all]'`
"""

from __future__ import annotations

import importlib.metadata
from functools import lru_cache

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from speechgru.utils.dependencies import wanted

MB = 1e6
GPU = "torch"  # brings the GPU libraries


@lru_cache
def own(name: str) -> int:
    """Bytes of a package's own files."""
    files = importlib.metadata.distribution(name).files or []
    paths = (file.locate() for file in files)
    return sum(path.stat().st_size for path in paths if path.is_file())  # type: ignore[attr-defined]


def closure(name: str) -> frozenset[str]:
    """A package and all that it brings, as far as it is installed."""
    todo, seen = [name], set()
    while todo:
        one = canonicalize_name(todo.pop())
        if one in seen:
            continue
        try:
            lines = importlib.metadata.requires(one) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        seen.add(one)
        for requirement in map(Requirement, lines):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(requirement.name)
    return frozenset(seen)


def total(names: frozenset[str]) -> float:
    """MB of all of them."""
    return sum(map(own, names)) / MB


def main() -> None:
    rows = {name: closure(name) for name in wanted()}
    print(f"{'package':16} {'own':>8} {'with all':>9} {'only by it':>10}   MB")
    for name, parts in rows.items():
        others = frozenset[str]().union(*(p for other, p in rows.items() if name not in p and other != name))
        alone = parts - others
        print(f"{name:16} {total(frozenset({name})):8.1f} {total(parts):9.1f} {total(alone):10.1f}")
    gpu = rows[GPU]
    core = frozenset[str]().union(*(parts for name, parts in rows.items() if not wanted()[name].extra))
    whole = frozenset[str]().union(*rows.values())
    print(f"core without {GPU} and what it brings: {total(core - gpu):.0f} MB")
    print(f"all extras without {GPU} and what it brings: {total(whole - gpu):.0f} MB")


if __name__ == "__main__":
    main()
