import io
import json
import sys

import pytest
from rich.text import Text

from gtm.cli import console
from gtm.cli.console import (
    counted,
    print_aside,
    print_error,
    print_json,
    print_lines,
    print_plain,
    print_table,
    styled,
)
from gtm.errors import Problem, ZoneInvalid
from tests.fakes.text import ESCAPED, HOSTILE, TITLE, harm


class Terminal(io.StringIO):
    """A stream that is a person's."""

    def isatty(self) -> bool:
        return True


ROWS = [("us-east", "up"), ("eu-west", "down"), ("[red]odd[/red]", "unknown")]


def test_piped_a_table_is_lines_of_cells_between_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("regions", ("region", "state"), ROWS)
    assert capsys.readouterr().out == "region\tstate\nus-east\tup\neu-west\tdown\n[red]odd[/red]\tunknown\n"


def test_at_a_terminal_a_table_is_aligned_and_markup_in_it_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    print_table("regions", ("region", "state"), ROWS)
    shown = screen.getvalue()
    assert "\x1b[31mdown" in shown
    assert "\x1b[32mup" in shown
    assert "[red]odd[/red]" in shown
    assert "\t" not in shown


@pytest.mark.parametrize("columns", ["1", "5", "40"])
def test_at_a_terminal_that_is_too_narrow_a_table_is_lines_of_cells(
    monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    names = ("region", "state", "since", "by", "why", "id")
    print_table("regions", names, [("us-east", "up", "3 s ago", "ann", "a fire", "ns1:1")])
    assert screen.getvalue() == "\t".join(names) + "\nus-east\tup\t3 s ago\tann\ta fire\tns1:1\n"


def test_a_line_is_printed_as_it_is_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_plain("[bold]no markup[/bold] {} %s")
    print_aside("beside")
    captured = capsys.readouterr()
    assert captured.out == "[bold]no markup[/bold] {} %s\n"
    assert captured.err == "beside\n"


@pytest.mark.parametrize(("number", "words"), [(0, "0 zones"), (1, "1 zone"), (2, "2 zones")])
def test_one_is_singular(number: int, words: str) -> None:
    assert counted(number, "zone") == words


@pytest.mark.parametrize(
    ("word", "style"), [("up", "green"), ("fail_open", "red"), ("[red]x", ""), (":warning:", ""), ("other", "")]
)
def test_words_for_states_have_colours(word: str, style: str) -> None:
    assert styled(word) == Text(word, style=style)
    assert not console.is_terminal()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_nothing_that_does_not_print_reaches_a_terminal(
    is_terminal: bool,  # noqa: FBT001  # pytest gives it
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(console, "is_terminal", lambda: is_terminal)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "200")
    print_table(HOSTILE, ("a", "b"), [(HOSTILE, "[link=https://example.com]x[/link]")])
    print_plain(HOSTILE)
    print_aside(HOSTILE)
    print_lines(f"one\n{TITLE}")
    print_json(json.dumps({HOSTILE: HOSTILE}, ensure_ascii=False))
    print_error(ZoneInvalid([Problem(HOSTILE, 1, 1, HOSTILE), Problem("b.yaml", 1, 1, "c")]))
    shown = capsys.readouterr()
    assert harm(shown.out) == []
    assert harm(shown.err) == []
    assert "[link=https://example.com]x[/link]" in shown.out
    assert shown.err.splitlines() == [ESCAPED, f"{ESCAPED}:1:1: {ESCAPED}", "b.yaml:1:1: c"]
