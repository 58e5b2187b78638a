import io
import sys

import pytest

from gtm.cli import console
from gtm.cli.console import counted, print_aside, print_plain, print_table, styled


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
    ("word", "marked"),
    [("up", "[green]up[/green]"), ("fail_open", "[red]fail_open[/red]"), ("[x]", "\\[x]"), ("other", "other")],
)
def test_words_for_states_have_colours(word: str, marked: str) -> None:
    assert styled(word) == marked
    assert not console.is_terminal()
