"""docs/decisions/README.md lists every decision, by its number and title, in order."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "decisions"
TEMPLATE = "0000-template.md"
_ROW = re.compile(r"^\| (\d+) \| \[(.+)\]\((\S+)\) \|$", re.MULTILINE)


def listed(index: str) -> list[tuple[int, str, str]]:
    """Returns number, title and file of every row."""
    return [(int(number), title, file) for number, title, file in _ROW.findall(index)]


def test_the_index_is_complete() -> None:
    there = []
    for file in sorted(FOLDER.glob("[0-9]*.md")):
        heading = re.match(r"# (\d+)\. (.+)\n", file.read_text(encoding="utf-8"))
        assert heading is not None, file.name
        assert file.name.startswith(f"{int(heading[1]):04}-")
        if file.name != TEMPLATE:
            there.append((int(heading[1]), heading[2], file.name))
    assert listed((FOLDER / "README.md").read_text(encoding="utf-8")) == there


def test_rows_are_read() -> None:
    assert listed("| number | decision |\n| --- | --- |\n| 1 | [A](0001-a.md) |\n") == [(1, "A", "0001-a.md")]
