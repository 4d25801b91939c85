"""``penstock completion``: a script that completes commands and options in a shell, made from the commands."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from penstock_cli.failure import CommandFailed

SHELLS: Final = ("bash", "zsh", "fish")
# What follows `penstock` and the given words: subcommands or options, each with its help.
Words = Mapping[tuple[str, ...], Mapping[str, str]]


def completion(shell: str, command: Any) -> int:
    """Print the script for `shell`; it starts no Python when it completes. Raises CommandFailed for another shell."""
    if shell not in SHELLS:
        raise CommandFailed(f"{shell!r} is not supported; take one of {', '.join(SHELLS)}", exit_code=2)
    words = dict(_words(command, ()))
    sys.stdout.write(_fish(words) if shell == "fish" else _bash(words, zsh=shell == "zsh"))
    return 0


def _words(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, str]]]:
    children: Mapping[str, Any] = getattr(command, "commands", {})
    options = {
        name: str(getattr(parameter, "help", "") or "")
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    }
    below = {name: _first_sentence(child.help or child.short_help or "") for name, child in children.items()}
    yield path, {**below, **options, "--help": "Show the help and leave."}
    for name, child in children.items():
        yield from _words(child, (*path, name))


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).split(". ")[0].rstrip(".")


def _bash(words: Words, *, zsh: bool) -> str:
    cases = [
        f'    "{"".join(f" {word}" for word in path)}"*) words="{" ".join(following)}" ;;'
        for path, following in sorted(words.items(), key=lambda entry: -len(entry[0]))
    ]
    head = ["autoload -U +X bashcompinit && bashcompinit"] if zsh else []
    return "\n".join(
        [
            *head,
            "_penstock() {",
            '  local path="" word words=""',
            '  for word in "${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do',
            '    case "$word" in -*) ;; *) path="$path $word" ;; esac',
            "  done",
            '  case "$path" in',
            *cases,
            "  esac",
            '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
            "}",
            "complete -o default -F _penstock penstock",
            "",
        ]
    )


def _fish(words: Words) -> str:
    lines = ["complete -c penstock -f"]
    for path, following in words.items():
        asked = " ".join(path)
        for name, text in following.items():
            when = f"__fish_seen_subcommand_from {path[-1]}" if path else "__fish_use_subcommand"
            what = f"-l {name[2:]}" if name.startswith("--") else f"-a {name}"
            lines.append(f"complete -c penstock -n '{when}' {what} -d '{_quoted(text)}' # penstock {asked}".rstrip())
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
