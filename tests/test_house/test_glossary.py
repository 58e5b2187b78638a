"""docs/glossary.md has each term once, names classes that exist, and every page links to it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.test_house.pages import relative_links

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
TEXT = GLOSSARY.read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", *(page for page in (ROOT / "docs").rglob("*.md") if page != GLOSSARY)])


def rows(text: str) -> list[tuple[str, str, str]]:
    """Returns term, meaning and class of every row."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]
    return [(term, meaning, name) for term, meaning, name in cells if term != "term" and not term.startswith("---")]


def classes(source: str) -> Iterator[str]:
    """Yields the classes of a module, and names that stand for several (`Rule = Majority | Share`)."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            yield node.name


@cache
def classes_of_gtm() -> frozenset[str]:
    files = (ROOT / "gtm").rglob("*.py")
    return frozenset(name for file in files for name in classes(file.read_text(encoding="utf-8")))


def test_each_term_occurs_once() -> None:
    terms = [term.lower() for term, _, _ in rows(TEXT)]
    assert len(terms) > 80
    assert sorted({term for term in terms if terms.count(term) > 1}) == []


def test_terms_stand_in_order() -> None:
    for section in TEXT.split("\n## ")[1:]:
        terms = [term.lower() for term, _, _ in rows(section)]
        assert terms == sorted(terms)


def test_each_term_has_a_meaning() -> None:
    assert [term for term, meaning, _ in rows(TEXT) if len(meaning.split()) < 3] == []


def test_each_class_exists() -> None:
    named = {name for _, _, cell in rows(TEXT) for name in re.findall(r"`(\w+)`", cell)}
    assert sorted(named - classes_of_gtm()) == [], "a class was renamed: write its new name into docs/glossary.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_page_links_to_it(page: Path) -> None:
    targets = [(page.parent / link.partition("#")[0]).resolve() for link in relative_links(page.read_text("utf-8"))]
    assert GLOSSARY in targets


def test_rows_and_classes_are_read() -> None:
    assert rows("| term | meaning | class |\n| --- | --- | --- |\n| a | b c | `D` |\n| e | f | |\n") == [
        ("a", "b c", "`D`"),
        ("e", "f", ""),
    ]
    assert list(classes("class A: ...\ndef b(): ...\n")) == ["A"]
