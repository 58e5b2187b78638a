"""Pages that code, scripts and packages name exist: `docs/guides/systemd.md`."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("gtm", "packaging", "zones", "docker", "bench", "tools")
SUFFIXES = {".py", ".service", ".yaml", ".json", ".conf", ".sh"}
_PAGE = re.compile(r"(?<![\w/.])docs/[\w/-]+\.(?:md|yaml|svg|txt)\b")


def pages_named(text: str) -> set[str]:
    """Returns the paths of pages in a text, from the root of the repository."""
    return set(_PAGE.findall(text))


@pytest.mark.slow
def test_pages_that_are_named_exist() -> None:
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.suffix in SUFFIXES]
    texts = [(ROOT / "Makefile").read_text(encoding="utf-8"), *(file.read_text(encoding="utf-8") for file in files)]
    named = set().union(*map(pages_named, texts))
    assert len(named) > 10
    assert sorted(page for page in named if not (ROOT / page).is_file()) == []


def test_names_of_pages_are_read() -> None:
    text = "(docs/flow.md), https://gtm.example.net/docs/a.md, docs/guides/alerts.yaml. docs/decisions/"
    assert pages_named(text) == {"docs/flow.md", "docs/guides/alerts.yaml"}
