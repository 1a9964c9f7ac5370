"""Every command of `maye` with its arguments and options."""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer

from docs._generate.errors import EXIT_CODES
from docs._generate.markdown import code, head, join, sentence, table
from maye.commands.app import build_app

INTRODUCTION = """\
`maye COMMAND --help` says the same in a terminal, and `maye --install-completion` teaches your
shell the commands. RUN is a run's id, a unique beginning of one (at least four characters), or
`last` for the newest. `--json` prints JSON on standard output and nothing else there."""


def write_command_line() -> str:
    """The page."""
    group = typer.main.get_command(build_app())
    blocks = [head("Command line", "`maye/commands/`"), INTRODUCTION]
    blocks += ["## Exit codes", table(("Code", "Meaning"), EXIT_CODES)]
    blocks += ["## Options of every command", _parameters(group)]
    for panel, commands in _by_panel(group):
        blocks.append(f"## {panel}")
        for path, command in commands:
            blocks += _describe(path, command)
    return join(blocks)


def _by_panel(group: Any) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """Commands by the panel of `maye --help` that shows them."""
    panels: dict[str, list[tuple[str, Any]]] = {}
    for name, command in group.commands.items():
        if not command.hidden:
            panel = getattr(command, "rich_help_panel", None)
            title = panel if isinstance(panel, str) else "Commands"
            panels.setdefault(title, []).extend(_leaves(f"maye {name}", command))
    yield from panels.items()


def _leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command, or the commands of a group; a group that does something by itself comes first."""
    inner = getattr(command, "commands", None)
    if inner is None or command.invoke_without_command:
        yield path, command
    for name, child in (inner or {}).items():
        if not child.hidden:
            yield from _leaves(f"{path} {name}", child)


def _describe(path: str, command: Any) -> list[str]:
    name = path.replace(" ", "-")
    blocks = [f"### `{path}` {{ #{name} }}", _paragraphs(command.help or "")]
    blocks.append(f"`{_usage(path, command)}`")
    blocks.append(_parameters(command))
    examples = _examples(command.epilog or "")
    if examples:
        blocks.append("```console\n" + "\n".join(f"$ {line}" for line in examples) + "\n```")
    return blocks


def _usage(path: str, command: Any) -> str:
    words = [path]
    if any(parameter.param_type_name == "option" for parameter in command.params):
        words.append("[OPTIONS]")
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            name = _metavar(parameter) + ("..." if parameter.nargs == -1 else "")
            words.append(name if parameter.required else f"[{name}]")
    if getattr(command, "commands", None):
        words.append("[COMMAND]")
    return " ".join(words)


def _metavar(parameter: Any) -> str:
    return parameter.metavar or parameter.name.upper()


def _parameters(command: Any) -> str:
    rows = [
        (_name(parameter), _default(parameter), sentence(parameter.help or ""))
        for parameter in command.params
        if not getattr(parameter, "hidden", False)
    ]
    return table(("Argument or option", "Default", "Meaning"), rows)


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return code(_metavar(parameter))
    names = ", ".join(code(name) for name in (*parameter.opts, *parameter.secondary_opts))
    if parameter.is_flag:
        return names
    kind = parameter.metavar or _kind(parameter.type_descriptor.annotation)
    return f"{names} {code(kind)}" + (", may be repeated" if parameter.multiple else "")


def _kind(annotation: Any) -> str:
    """What a value of a type looks like."""
    if get_origin(annotation) is Literal:
        return "|".join(map(str, get_args(annotation)))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "|".join(str(choice.value) for choice in annotation)
    inner = [kind for kind in get_args(annotation) if kind not in (type(None), ...)]
    if inner:
        return _kind(inner[0])
    return {int: "INTEGER", float: "NUMBER", Path: "PATH"}.get(annotation, "TEXT")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    default = parameter.default
    if default in (None, (), [], "", False) or callable(default):
        return ""
    return code(getattr(default, "value", default))


def _paragraphs(help_text: str) -> str:
    return "\n\n".join(sentence(part) for part in help_text.strip().split("\n\n"))


def _examples(epilog: str) -> list[str]:
    """The examples that `maye.commands.help_texts.examples` put below a command's help."""
    if not epilog.startswith("Examples:"):
        return []
    return [line.strip() for line in epilog.splitlines()[1:] if line.strip()]
