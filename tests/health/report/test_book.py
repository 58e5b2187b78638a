import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.report.book import EMPTY_BOOK, Book, hear, leave
from gtm.health.report.report import Edition, Report
from gtm.ids import NodeName
from tests.health.examples import report


def book_of(heard: list[Report]) -> Book:
    book = EMPTY_BOOK
    for one in heard:
        book = hear(book, one, heard_at=5.0) or book
    return book


editions = st.lists(st.builds(report, st.sampled_from("abc"), epoch=st.integers(0, 3), serial=st.integers(0, 5)))


@given(editions, st.randoms(use_true_random=False))
def test_hearing_commutes(heard: list[Report], chance: object) -> None:
    shuffled = list(heard)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert book_of(heard) == book_of(shuffled)


@pytest.mark.slow
@given(editions)
def test_hearing_again_says_nothing_new(heard: list[Report]) -> None:
    book = book_of(heard)
    assert all(hear(book, one, heard_at=9.0) is None for one in heard)


def test_a_new_epoch_beats_a_high_serial() -> None:
    book = book_of([report("a", epoch=1, serial=900), report("a", epoch=2, serial=0)])
    assert book.editions == {NodeName("a"): Edition(2, 0)}


def test_a_book_that_hears_more_leaves_the_old_one_as_it_was() -> None:
    old = book_of([report("a")])
    assert hear(old, report("b"), heard_at=6.0) is not None
    assert old.editions.keys() == {"a"}


def test_a_node_that_left_is_out_of_the_book_and_may_come_back() -> None:
    book = leave(book_of([report("a", serial=5), report("b")]), NodeName("a"))
    assert book.editions.keys() == {"b"}
    assert hear(book, report("a", serial=5), heard_at=9.0) is not None
