from gtm.health.belief import Belief
from gtm.health.consensus.quorum import Quorum
from gtm.health.consensus.silence import silent_probes
from gtm.health.consensus.status import NO_STATUS, Status, merge
from gtm.health.consensus.voices import Freshness
from gtm.health.report.book import EMPTY_BOOK, Book, hear
from gtm.ids import CheckId, NodeName
from tests.health.examples import report, vote

CHECK, OTHER = CheckId("gtm.example.com/api/192.0.2.20"), CheckId("gtm.example.org/api/192.0.2.20")
HEARD_AT = 100.0


def heard() -> Book:
    """Returns a book in which `fra` votes on a check of this node, and `iad` on a check that it does not have."""
    book = EMPTY_BOOK
    for node, check in (("fra", CHECK), ("iad", OTHER)):
        book = hear(book, report(node, {check: vote(Belief.UP)}), heard_at=HEARD_AT) or book
    return book


def status(book: Book, now: float) -> Status:
    watched = {CHECK: Freshness(interval_s=5.0, timeout_s=2.0)}
    return merge(NO_STATUS, book, watched, Quorum(voters=1), now=now, wall=2000.0)


def test_a_probe_whose_votes_are_all_old_is_silent() -> None:
    book = heard()
    assert silent_probes(book, status(book, HEARD_AT + 3600.0)) == {NodeName("fra")}


def test_a_probe_with_a_fresh_vote_is_not_silent() -> None:
    book = heard()
    assert silent_probes(book, status(book, HEARD_AT)) == frozenset()
