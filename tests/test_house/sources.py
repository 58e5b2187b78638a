"""The files of the program, for the tests of the house that look into each of them."""

from collections.abc import Collection, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def sources(words: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Yields the path and the text of each file of gtm that has one of these words; of all without words.

    To look for a word costs a hundredth of what it costs to parse a file.
    """
    for file in sorted((ROOT / "gtm").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if not words or any(word in text for word in words):
            yield file.relative_to(ROOT).as_posix(), text
