"""How commands print: tables and colours for people at a terminal, plain stable columns when piped.

Rich is loaded when something is printed with it: a node that starts prints nothing so.
"""

import sys
from collections.abc import Iterable, Sequence

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
    """Returns whether a person is looking."""
    return sys.stdout.isatty()


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table; piped, one line per row with the cells between tabs, below a line of column names."""
    if not is_terminal():
        print_plain("\t".join(columns))
        for row in rows:
            print_plain("\t".join(row))
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=title, title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(styled(cell) for cell in row))
    Console().print(table)


def print_plain(line: str = "") -> None:
    """Prints a line as it is."""
    sys.stdout.write(line + "\n")


def print_aside(line: str) -> None:
    """Prints a line that is not part of the result, to standard error."""
    sys.stderr.write(line + "\n")


def counted(number: int, noun: str) -> str:
    """Returns `1 zone`, `2 zones`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def print_rich(line: str) -> None:
    """Prints a line with rich's markup; piped, without."""
    from rich.console import Console  # noqa: PLC0415

    if is_terminal():
        Console(highlight=False).print(line, soft_wrap=True)
    else:
        Console(highlight=False, no_color=True, width=10_000).print(line, soft_wrap=True)


def styled(word: str) -> str:
    """Returns a word in its colour, as rich's markup."""
    from rich.markup import escape  # noqa: PLC0415

    style = _STYLES.get(word.strip("!"))
    return f"[{style}]{escape(word)}[/{style}]" if style else escape(word)
