"""Generated pages are up to date: the reference, the man pages and the picture say what the code says."""

import re
from pathlib import Path

import pytest

from tools.docs.described import members
from tools.docs.metrics import all_metrics
from tools.docs.pages import generated, stale
from tools.docs.picture import picture
from tools.docs.section import BEGIN, END, table, with_section

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_no_generated_page_is_stale() -> None:
    assert stale(ROOT, generated(ROOT)) == [], "run `make docs`, or `python -m tools.docs`, and commit what it writes"


def test_a_page_that_differs_and_one_too_many_are_stale(tmp_path: Path) -> None:
    for path in ("packaging/man/gone.1", "docs/same.md", "docs/other.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("old")
    assert stale(tmp_path, {"docs/same.md": "old", "docs/other.md": "new", "docs/missing.md": "new"}) == [
        "docs/missing.md",
        "docs/other.md",
        "packaging/man/gone.1",
    ]


def test_text_written_by_hand_stays() -> None:
    page = f"# A\n\n{BEGIN}\nold\n{END}\n\nmore\n"
    assert with_section(page, "new") == f"# A\n\n{BEGIN}\n\nnew\n\n{END}\n\nmore\n"
    with pytest.raises(ValueError, match="no generated part"):
        with_section("# A\n", "new")


def test_a_table_is_made() -> None:
    assert table(("a", "b"), [("x|y", "z")]) == "| a | b |\n| --- | --- |\n| x\\|y | z |"


def test_what_stands_below_a_member_describes_it() -> None:
    source = 'class A:\n    """Of the class."""\n    x: int = 1\n    """One\n    two."""\n'
    source += '    y = 2\n    z = 3\n    """Three."""\n'
    assert members(source) == {"A": {"x": "One two.", "z": "Three."}}


def test_every_metric_has_a_sentence() -> None:
    assert [metric.prometheus for metric in all_metrics() if not metric.help.endswith(".")] == []
    assert len({metric.prometheus for metric in all_metrics()}) == len(all_metrics()) > 60


def test_rivers_that_end_in_one_step_share_its_box() -> None:
    drawn = picture("# a comment\na: one (first) -> end\nb: two -> three -> end\nc: in -> out\nend => out: word\n")
    assert re.findall(r'font-weight="600" fill="#1f2328">(\w+)<', drawn) == ["one", "end", "two", "three", "in", "out"]
    assert ">first<" in drawn
    assert ">word<" in drawn


def test_a_description_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no river and no arrow"):
        picture("one -> two\n")
