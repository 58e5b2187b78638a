"""Man pages in roff: gtm.1, and one for each command, such as gtm-geodata-install.1.

What comes in: the commands as values. What goes out: the text of each page by its file name. Plain man(7) macros.
"""

from collections.abc import Iterator, Mapping

from gtm import __version__
from tools.docs.cli import CommandText, command_texts, usage


def man_pages() -> Mapping[str, str]:
    """Returns every page by its file name."""
    commands = command_texts()
    return {f"{_page(command.name)}.1": "\n".join(_lines(command, commands)) + "\n" for command in commands}


def _lines(command: CommandText, commands: list[CommandText]) -> Iterator[str]:
    title = _page(command.name)
    yield f'.TH {title.upper()} 1 "" "gtm {__version__}" "User Commands"'
    yield ".SH NAME"
    yield f"{_text(title)} \\- {_text(command.summary)}"
    yield ".SH SYNOPSIS"
    yield f".B {_text(usage(command))}"
    if command.details:
        yield ".SH DESCRIPTION"
    for paragraph in command.details:
        yield from (".PP", _text(paragraph))
    yield from _parameters("ARGUMENTS", command, is_option=False)
    yield from _parameters("OPTIONS", command, is_option=True)
    inner = [one for one in commands if one.name.rpartition(" ")[0] == command.name]
    if inner:
        yield ".SH COMMANDS"
    for one in inner:
        yield from (".TP", f".BR {_text(_page(one.name))} (1)", _text(one.summary))
    if " " in command.name:
        yield from (".SH SEE ALSO", f".BR {_text(_page(command.name.rpartition(' ')[0]))} (1)")


def _parameters(heading: str, command: CommandText, *, is_option: bool) -> Iterator[str]:
    chosen = [one for one in command.parameters if one.is_option is is_option]
    if chosen:
        yield f".SH {heading}"
    for one in chosen:
        said = one.help + (f" Environment: {one.variable}." if one.variable else "")
        yield from (".TP", f".B {_text(one.names)}", _text(said))


def _page(name: str) -> str:
    return name.replace(" ", "-")


def _text(text: str) -> str:
    """Returns text that roff prints as it is: hyphens can be copied, and no line is a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
