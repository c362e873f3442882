"""Settings of the documents' site: `sphinx-build -W docs site` (pip install '.[docs]').

Most pages are the Markdown files of this folder. Those of `reference/` are written at each build, by `_site`:
the commands from their parsers, the API from docstrings, recipes and model cards from the files beside their data.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE / "_site"), str(ROOT)]

import site_links  # noqa: E402 (from _site)
import site_pages  # noqa: E402 (from _site)

import speechgru  # noqa: E402

project = "speechgru"
author = "The speechgru authors"
copyright = "The speechgru authors, Apache-2.0"  # noqa: A001 (its name in Sphinx)
version = release = speechgru.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_site", "Thumbs.db", ".DS_Store"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

highlight_language = "text"  # of blocks that name none: command lines and their output
html_theme = "furo"
html_title = f"speechgru {version}"
html_copy_source = False

# Formulas are the feature pages' $$...$$.
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4

# Docstrings put code between single backticks.
default_role = "code"
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True


# Pages whose children no page lists: a list of them would be in the way of those who read the files.
CHILDREN = {"features/README": "*", "recipes": "reference/recipes/*"}


def setup(app: Any) -> None:
    """Write the pages of `reference/`, and turn links to files of the checkout into links to their pages."""
    app.connect("builder-inited", lambda app: site_pages.write(Path(app.srcdir)))
    app.connect("source-read", _rewrite)


def _rewrite(app: Any, name: str, content: list[str]) -> None:
    file = Path(app.srcdir) / f"{name}.md"
    if file.is_file() and not name.startswith(site_pages.FOLDER):  # site_pages.write has done those
        content[0] = site_links.rewrite(content[0], file.resolve(), file.resolve(), site_pages.places())
    if name in CHILDREN:
        content[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n\n{CHILDREN[name]}\n```\n"
