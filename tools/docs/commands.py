"""docs/reference/commands.md: every command, with its arguments and options."""

from collections.abc import Iterator

from tools.docs.cli import CommandText, command_texts, usage
from tools.docs.section import table


def commands_section() -> str:
    """Returns the part of the page that lists all commands."""
    return "\n\n".join(part for command in command_texts() for part in _parts(command))


def _parts(command: CommandText) -> Iterator[str]:
    yield f"## {command.name}"
    yield f"    {usage(command)}"
    yield _filled(command.summary)
    yield from (_filled(paragraph) for paragraph in command.details)
    rows = [
        (f"`{one.names}`", one.help + (f" Environment: `{one.variable}`." if one.variable else ""))
        for one in command.parameters
    ]
    if rows:
        yield table(("argument or option", "meaning"), rows)


def _filled(paragraph: str) -> str:
    lines, line = [], ""
    for word in paragraph.split(" "):
        if line and len(line) + 1 + len(word) > 120:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])
