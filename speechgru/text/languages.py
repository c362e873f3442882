"""Languages by their codes (BCP 47: `en`, `de`, `pt-BR`); only the part before the first dash counts."""

from __future__ import annotations

import re

from speechgru.errors import ConfigError

ENGLISH = "en"
_CODE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*")


def check(code: str) -> None:
    """Accept `code` if it can be one of a language.

    Raises:
        ConfigError: it can't.
    """
    if not _CODE.fullmatch(code):
        raise ConfigError(
            f"The language is {code!r}; expected the code of a language, such as en, de, cy or pt-BR."
        )


def are_same(one: str, other: str) -> bool:
    """Whether two codes are of one language.

    >>> are_same("en", "en-GB"), are_same("pt_BR", "PT"), are_same("de", "nl")
    (True, True, False)
    """
    return _primary(one) == _primary(other)


def is_english(code: str) -> bool:
    """Whether texts of this language are normalised as English, by `english-1`."""
    return are_same(code, ENGLISH)


def _primary(code: str) -> str:
    return re.split("[-_]", code.casefold())[0]
