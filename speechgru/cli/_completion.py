"""What may stand at the end of an unfinished command line, told by the commands' own parsers.

The shells ask `speechgru completion words =speechgru =WORD...`: after `=` nothing is an option. Each line of the answer
is a candidate, a tab and a few words about it. No answer means that the shell completes file names.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence

from speechgru import cli
from speechgru.errors import SpeechGruError

Candidates = list[tuple[str, str]]

SCRIPTS = {
    "bash": """\
_speechgru() {
    local line typed=("${COMP_WORDS[@]:0:COMP_CWORD+1}")
    COMPREPLY=()
    while IFS= read -r line; do COMPREPLY+=("${line%%$'\\t'*}"); done \\
        < <("${COMP_WORDS[0]}" completion words "${typed[@]/#/=}" 2>/dev/null)
}
complete -o default -F _speechgru speechgru
""",
    "zsh": """\
#compdef speechgru
_speechgru() {
    local -a found typed=("${(@)words[1,CURRENT]}")
    local line
    while IFS= read -r line; do
        found+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}")
    done < <("${words[1]}" completion words "${typed[@]/#/=}" 2>/dev/null)
    if (( $#found )); then _describe speechgru found; else _files; fi
}
compdef _speechgru speechgru
""",
    "fish": """\
function __speechgru_complete
    set -l typed (commandline -opc) (commandline -ct)
    set -l found ($typed[1] completion words =$typed 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c speechgru -f -a '(__speechgru_complete)'
""",
}


def candidates(words: Sequence[str]) -> Candidates:
    """What may take the place of the last of `words`, which follow `speechgru`; none where a file name may."""
    *before, last = words or [""]
    if last == "=":  # bash takes --format=json for three words
        before, last = [*before, last], ""
    if before and before[-1] == "=":
        before = before[:-1]
    folder, group, rest = "cli", "", before
    while True:
        if not rest:
            return _starting(last, [*_commands(folder), *_options(cli.group_parser(group))])
        try:
            command = cli.find_command(folder, rest[0])
        except SpeechGruError:
            return []
        if not hasattr(command, "__path__"):
            break
        group, folder, rest = rest[0], f"cli.{rest[0]}", rest[1:]
    name = rest[0]
    if folder == "cli" and name == "help":
        return candidates([*rest[1:], last])
    parser = cli.command_parser(command, f"speechgru {group} {name}")
    return _of_command(parser, f"{group} {name}".strip(), rest[1:], last)


def _of_command(parser: argparse.ArgumentParser, name: str, before: Sequence[str], last: str) -> Candidates:
    by_option = {option: action for action in parser._actions for option in action.option_strings}
    if "--" in before:
        return []
    option, equals, value = last.partition("=")
    if equals and option in by_option:
        return [(f"{option}={word}", text) for word, text in _starting(value, _values(by_option[option]))]
    if before and before[-1] in by_option and _takes_value(by_option[before[-1]]):
        return _starting(last, _values(by_option[before[-1]]))
    if last.startswith("-"):
        return _starting(last, _options(parser))
    count = sum(1 for _ in _positionals(by_option, before))
    places = [action for action in parser._actions if not action.option_strings]
    action = places[min(count, len(places) - 1)] if places else None
    return _starting(last, _values(action)) if action else []


def _positionals(by_option: dict[str, argparse.Action], words: Sequence[str]) -> Iterable[str]:
    """Those of `words` that are neither options nor their values."""
    value = False
    for word in words:
        if not value and not word.startswith("-"):
            yield word
        value = not value and word in by_option and _takes_value(by_option[word])


def _takes_value(action: argparse.Action) -> bool:
    return action.nargs != 0


def _commands(folder: str) -> Candidates:
    return [(name, cli.find_command(folder, name).HELP) for name in cli.commands(folder)]


def _options(parser: argparse.ArgumentParser) -> Candidates:
    shown = (action for action in parser._actions if action.help != argparse.SUPPRESS)
    return [
        (option, (action.help or "").replace("%%", "%").partition(" (")[0])
        for action in shown
        for option in action.option_strings
        if option.startswith("--")
    ]


def _values(action: argparse.Action) -> Candidates:
    """What an option or argument may be: its choices, or names of its kind, told by what the help calls it."""
    if action.choices is not None:
        return [(str(choice), "") for choice in action.choices if choice != "words"]
    names = NAMES.get(action.dest)
    return [(name, "") for name in names()] if names else []


def _starting(beginning: str, found: Candidates) -> Candidates:
    return [(word, text) for word, text in found if word.startswith(beginning)]


def _models() -> list[str]:
    from speechgru.utils import assets

    return assets.model_names()


def _recipes() -> list[str]:
    from speechgru.config.files import recipes

    return recipes()


def _language_models() -> list[str]:
    from speechgru.utils.assets import language_models

    return language_models()


def _corpora() -> list[str]:
    from speechgru.utils import plugins

    return plugins.names("data.corpora")


def _decoders() -> list[str]:
    from speechgru.utils import plugins

    return plugins.names("decoding")


def _devices() -> list[str]:
    return ["auto", "cpu", "cuda"]


NAMES: dict[str, Callable[[], list[str]]] = {
    "model": _models,
    "first": _models,
    "second": _models,
    "detector": _models,
    "lm": _language_models,
    "recipe": _recipes,
    "corpus": _corpora,
    "decoder": _decoders,
    "device": _devices,
}
"""By an argument's `dest`."""
