"""Pages are wrapped as .editorconfig says: at 120 characters, but for tables, code and links."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLAT = (ROOT, ROOT / "docker", ROOT / "findings", ROOT / "geodata")
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *(page for folder in FLAT for page in folder.glob("*.md"))])
WIDTH = 120
_FENCE = re.compile(r"^\s*```")
_UNBROKEN = re.compile(r"^\s*(\||    |\S+$)")
"""A row of a table, a line of indented code, or one word such as a link."""


def long_lines(text: str) -> list[int]:
    """Returns the numbers of the lines that are too long and could be wrapped."""
    found, is_code = [], False
    for number, line in enumerate(text.splitlines(), 1):
        is_code ^= bool(_FENCE.match(line))
        if len(line) > WIDTH and not is_code and not _UNBROKEN.match(line):
            found.append(number)
    return found


def test_lines_are_wrapped() -> None:
    long = {page.relative_to(ROOT).as_posix(): long_lines(page.read_text(encoding="utf-8")) for page in PAGES}
    assert {page: lines for page, lines in long.items() if lines} == {}


def test_the_width_is_that_of_editorconfig() -> None:
    assert f"[*.md]\nmax_line_length = {WIDTH}" in (ROOT / ".editorconfig").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a " * 61, [1]),
        ("a " * 60, []),
        ("| " + "a " * 61, []),
        ("    " + "a " * 61, []),
        ("a" * 121, []),
        ("```\n" + "a " * 61 + "\n```\n" + "a " * 61, [4]),
    ],
    ids=["long", "at the limit", "a table", "code", "a link", "a fence"],
)
def test_what_could_be_wrapped_is_found(text: str, lines: list[int]) -> None:
    assert long_lines(text.rstrip(" ") if len(text) <= WIDTH else text) == lines
