"""What a node's own file keeps it from checking: few lines, whatever the number of checks."""

from gtm.health.verdict.reading import Reading, Reason
from gtm.ids import CheckId
from gtm.probe.withheld import MAX_REASONS, Withheld, WithheldChecks, foreseen
from gtm.zone.monitors.kinds.exec import ExecSettings
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.monitors.settings import Secret
from tests.fakes.checks import check_of
from tests.fakes.permits import permits

A, B = CheckId("z/a/192.0.2.1"), CheckId("z/b/192.0.2.2")


def withheld(why: str) -> Reading:
    return Reading(Reason.UNREAD, 0.0, why, is_withheld=True)


def test_the_last_reading_of_each_check_counts() -> None:
    checks = WithheldChecks()
    checks.take(A, withheld("one"))
    checks.take(B, withheld("one"))
    assert checks.summary() == (Withheld("one", 2, A),)
    checks.take(A, Reading(Reason.OK, 0.1))
    checks.take(B, withheld("other"))
    assert checks.summary() == (Withheld("other", 1, B),)
    assert str(checks.summary()[0]) == f"{B} cannot be checked from here: other"
    checks.take(B, Reading(Reason.UNREAD, 0.0, "no descriptors"))
    assert checks.summary() == ()


def test_what_is_no_longer_watched_is_forgotten() -> None:
    checks, kept = WithheldChecks(), check_of(HttpSettings(secure=False), target="192.0.2.1", port=80)
    for check in (A, kept.id):
        checks.take(check, withheld("one"))
    checks.watch([kept])
    assert checks.summary() == (Withheld("one", 1, kept.id),)


def test_there_is_no_more_to_read_than_people_do() -> None:
    checks = WithheldChecks()
    for number in range(1000):
        checks.take(CheckId(f"z/a/{number}"), withheld(f"reason {number % 500}"))
    checks.take(CheckId("z/a/x"), withheld("reason 7"))
    assert len(checks.summary()) == MAX_REASONS
    assert checks.summary()[0] == Withheld("reason 7", 3, CheckId("z/a/507"))


def test_what_names_alone_tell_is_told_before_anything_runs() -> None:
    asks = check_of(HttpSettings(secure=False, headers=(("X", Secret("api")),)), target="192.0.2.1", port=80, name="a")
    runs = check_of(ExecSettings(("/bin/true",)), target="192.0.2.1", name="b")
    assert foreseen([asks, runs], permits(programs=frozenset({"/bin/true"}))) == (
        Withheld('this node has no secret "api": its file does not list it in probe.secrets', 1, asks.id),
    )
