"""The documents: links lead somewhere, command lines are what the parsers take, Python runs, and words are plain."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from speechgru.utils.assets import ASSETS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
pytestmark = pytest.mark.skipif(not (DOCS / "conf.py").is_file(), reason="needs the checkout's docs")
sys.path.insert(0, str(DOCS / "_site"))

PAGES = sorted(
    file
    for file in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("recipes/*/README.md"))
    if "reference" not in file.relative_to(ROOT).parts
)
NAMES = [str(file.relative_to(ROOT)) for file in PAGES]
# Pages whose Python other tests run: tests/features/test_docs.py, tests/test_transcripts_page.py.
RUN_ELSEWHERE = ("docs/features/", "docs/transcripts.md")
# What makes a reader stop: docs/style.md.
UNPLAIN = re.compile(
    r"\b(hears?|heard|unheard|listens|(read|found) by ear|by heart|(breaks?|broke|broken) off|a name is enough"
    r"|its name is enough|foret(old|ells?)|swallow(s|ed)?)\b",
    re.IGNORECASE,
)
# The one page that names the words to avoid.
ABOUT_WORDS = "docs/style.md"


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_readme_fits_on_a_few_screens() -> None:
    lines = _text("README.md").split("\n")
    assert len(lines) <= 150
    assert "<!-- ci: install -->" in lines and "<!-- ci: test -->" in lines


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    import site_links

    broken = []
    for target in site_links.find(_text(name)):
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        if not file.exists() or (
            anchor and anchor not in site_links.anchors(file.read_text(encoding="utf-8"))
        ):
            broken.append(target)
    assert broken == []


def test_broken_links_are_seen() -> None:
    import site_links

    text = "# One, *two*\n[a](x.md#b) `[c](d)` ![`e`](f.png)\n```\n[g](h)\n# i\n```\n[j](https://k) [l [m]](#n)\n"
    assert list(site_links.find(text)) == ["x.md#b", "f.png", "#n"]
    assert site_links.anchors(text) == {"one-two"}


def test_links_become_those_of_the_site(tmp_path: Path) -> None:
    import site_links
    import site_pages

    text = "[a](../digits/README.md#measured) [b](recipe.yaml) [c](splits) [d](#e) `[f](g)` [h](../../docs/audio.md)"
    source, page = ROOT / "recipes/english-small/README.md", DOCS / "reference/recipes/english-small.md"
    assert site_links.rewrite(text, source, page, site_pages.places()) == (
        "[a](/reference/recipes/digits.md#measured) [b](../../../recipes/english-small/recipe.yaml) c [d](#e) "
        "`[f](g)` [h](/audio.md)"
    )


@pytest.mark.parametrize("name", NAMES)
def test_words_are_plain(name: str) -> None:
    text = "" if name == ABOUT_WORDS else re.sub(r"`[^`\n]*`", "", _text(name))
    assert [match[0] for match in UNPLAIN.finditer(text)] == []


def test_help_texts_are_plain() -> None:
    import site_commands

    helps = {name: site_commands.page(name) for name in site_commands.groups()}
    assert {name: found[0] for name, page in helps.items() if (found := UNPLAIN.search(page))} == {}


def test_comments_docstrings_and_names_are_plain() -> None:
    files = [
        file for folder in ("speechgru", "benchmarks", "tools") for file in ROOT.glob(f"{folder}/**/*.py")
    ]
    files += [
        *ROOT.glob("conf/**/*.yaml"),
        *ROOT.glob("recipes/*/*.yaml"),
        *ROOT.glob("speechgru/assets/*.md"),
    ]
    texts = {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in files}
    assert len(texts) > 200
    unplain = {name: found[0] for name, text in texts.items() if (found := UNPLAIN.search(text))}
    assert unplain == {}


def test_unplain_words_are_seen() -> None:
    assert UNPLAIN.search("A model hears it") and UNPLAIN.search("the recording breaks off")
    assert not UNPLAIN.search("the heart of hearing")


def _command_lines(text: str) -> list[str]:
    """What begins with `speechgru` in blocks of code, continued lines as one, without comments."""
    blocks = re.findall(r"^```(?:bash)?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", "\n".join(blocks)).split("\n")
    return [line for line in lines if line.startswith("speechgru ")]


def _arguments(line: str) -> list[str]:
    """The arguments of one command: up to a pipe or a redirection. `$S` and `...` stand for more of them."""
    words = shlex.split(line, comments=True)
    ends = [i for i, word in enumerate(words) if word in {"|", ">", "&&", ";"}]
    words = words[1 : min(ends, default=len(words))]
    return [word for word in words if not word.startswith("$") and word != "..."]


LINES = sorted({line for name in NAMES for line in _command_lines(_text(name))})


def test_command_lines_are_found() -> None:
    assert len(LINES) > 100


@pytest.mark.parametrize("line", LINES)
def test_a_command_line_is_one_that_the_parser_takes(line: str) -> None:
    import site_commands

    from speechgru import cli

    words = _arguments(line)
    if words[0].startswith("-"):
        return  # speechgru --help
    if words[0] in site_commands.groups() and site_commands.groups()[words[0]] != [words[0]]:
        group, words = words[0], words[1:]
    else:
        group = ""
    module = cli.find_command(f"cli.{group}" if group else "cli", words[0])
    cli.command_parser(module, f"speechgru {words[0]}").parse(words[1:])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [n for n in NAMES if not n.startswith(RUN_ELSEWHERE) and "```python\n" in _text(n)]
)
def test_python_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "docs/hybrid.md":
        pytest.skip("needs a model that takes hours to train")
    monkeypatch.chdir(tmp_path)
    shutil.copy(ASSETS / "sample.flac", tmp_path / "talk.mp3")  # libsndfile goes by the content
    for block in re.findall(r"```python\n(.*?)```", _text(name), re.DOTALL):
        said = "It was the first time that he had been to the city."
        exec(compile(block.replace("What is said in it.", said), name, "exec"), {})
