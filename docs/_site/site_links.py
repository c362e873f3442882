"""Links between Markdown files: on the site they lead to pages, in the checkout to files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_CODE = re.compile(r"(^(`{3,}|~{3,}).*?^\2[^\n]*$|`+[^`\n]+`+)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")  # https:, mailto:


def find(text: str) -> Iterator[str]:
    """Targets of the links and pictures of `text` that lead to files or headings of the checkout."""
    for match in _LINK.finditer(_CODE.sub(_without_links, text)):
        if not _ELSEWHERE.match(match[3]):
            yield match[3]


def anchors(text: str) -> set[str]:
    """What links to the headings of `text` may end with, as GitHub and MyST make them."""
    headings = re.findall(
        r"^#{1,6} (.+)$", _CODE.sub(lambda m: "" if m[1][:3] in ("```", "~~~") else m[1], text), re.M
    )
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def rewrite(text: str, source: Path, page: Path, places: dict[Path, str]) -> str:
    """`text` of the file `source` as it stands on `page`, with the links that lead there from it.

    Args:
        places: names of pages by the file that each is made of, as `transcripts` or `reference/recipes/own`.
    """

    def link(match: re.Match[str]) -> str:
        mark, label, target = match.groups()
        if _ELSEWHERE.match(target) or target.startswith("#"):
            return match[0]
        path, _, anchor = target.partition("#")
        file = (source.parent / path).resolve()
        if file.is_dir():
            file /= "README.md"
        if file in places:
            return f"{mark}[{label}](/{places[file]}.md{'#' + anchor if anchor else ''})"
        if not file.is_file() or file.suffix == ".md":  # a folder, or text without a page
            return label
        return f"{mark}[{label}]({os.path.relpath(file, page.parent)})"

    # Links first: a label may hold code, and code no links.
    hidden: list[str] = []

    def hide(match: re.Match[str]) -> str:
        hidden.append(match[0])
        return f"\0{len(hidden) - 1}\0"

    shown = _LINK.sub(link, _CODE.sub(hide, text))
    return re.sub(r"\0(\d+)\0", lambda match: hidden[int(match[1])], shown)


def _without_links(match: re.Match[str]) -> str:
    return match[0].replace("](", "] (")
