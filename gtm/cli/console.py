"""How commands print: tables and colours for people at a terminal, plain stable columns when piped.

What comes in may be anybody's text: names of files, what a peer or an endpoint answered. What goes out is printable:
gtm/escape.py stands before both streams, and what looks like rich's markup is text. JSON stays JSON.

Rich is loaded when something is printed with it: a node that starts prints nothing so.
"""

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from gtm.errors import GtmError
from gtm.escape import escaped, escaped_json

if TYPE_CHECKING:
    from rich.text import Text

MAX_LINE = 100_000
"""The most characters of one line: enough for a service of a thousand endpoints."""
MAX_CELL = 10_000
MIN_COLUMN = 8
"""The least characters that a column of a table has at a terminal."""
MAX_REFUSAL = 2_000
"""The most characters of an error about a wrong command line."""

_STYLES = {
    "up": "green",
    "steady": "green",
    "down": "red",
    "fail_open": "red",
    "fail_closed": "red",
    "degraded": "yellow",
    "unknown": "yellow",
    "up, degraded": "yellow",
    "up, flapping": "yellow",
    "down, flapping": "red",
}


def is_terminal() -> bool:
    """Returns whether a person reads the output at a terminal, and no program."""
    return sys.stdout.isatty()


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table; piped, one line per row with the cells between tabs, below a line of column names.

    So it is at a terminal that is too narrow, too: rich shows a letter of a cell in each line there, and then none.
    """
    safe = ([escaped(cell, limit=MAX_CELL) for cell in row] for row in rows)
    if not is_terminal() or shutil.get_terminal_size().columns < MIN_COLUMN * len(columns):
        sys.stdout.write("\t".join(columns) + "\n")
        for row in safe:
            sys.stdout.write("\t".join(row) + "\n")
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    heading = Text(escaped(title, limit=MAX_CELL)) if title else None
    table = Table(title=heading, title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in safe:
        table.add_row(*(styled(cell) for cell in row))
    Console().print(table)


def print_plain(line: str = "") -> None:
    """Prints one line to standard output, with unprintable characters escaped."""
    sys.stdout.write(escaped(line, limit=MAX_LINE) + "\n")


def print_lines(text: str) -> None:
    """Prints a text of several lines; each line is escaped by itself."""
    for line in text.split("\n"):
        print_plain(line)


def print_json(text: str) -> None:
    """Prints JSON text to standard output, with unprintable characters escaped."""
    sys.stdout.write(escaped_json(text) + "\n")


def print_view(view: object) -> None:
    """Prints a value of the admin API as its JSON."""
    from pydantic import TypeAdapter  # noqa: PLC0415

    print_json(TypeAdapter(type(view)).dump_json(view, indent=2).decode())


def print_fields(fields: Mapping[str, object]) -> None:
    """Prints these fields as a JSON object."""
    print_json(json.dumps(fields, indent=2))


def print_aside(line: str) -> None:
    """Prints a line that is not part of the result, to standard error."""
    sys.stderr.write(escaped(line, limit=MAX_LINE) + "\n")


def print_error(error: GtmError) -> None:
    """Prints the lines of an error to standard error."""
    for line in error.lines:
        print_aside(line)


def counted(number: int, noun: str) -> str:
    """Returns a number with its noun, in the plural where needed: `1 zone`, `2 zones`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def styled(word: str) -> "Text":
    """Returns a word in its colour for a terminal, such as `down` in red; plain for a word without a colour."""
    from rich.text import Text  # noqa: PLC0415

    return Text(word, style=_STYLES.get(word.strip("!"), ""))
