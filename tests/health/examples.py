"""Hypothesis strategies and small examples of the health river's values."""

from hypothesis import strategies as st

from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.report.report import Report, Vote
from gtm.health.verdict.reading import MAX_DETAIL_LENGTH, Reason, clean_detail
from gtm.health.verdict.verdict import VerdictState
from gtm.ids import CheckId, NodeName, VantageName

NOW_WALL = 1_700_000_000.0

names = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-_", min_size=1, max_size=64)
details = st.text(max_size=MAX_DETAIL_LENGTH).map(clean_detail)
check_texts = st.text(min_size=1, max_size=60).map(clean_detail)
seconds = st.floats(0, 1e9)

votes = st.builds(
    Vote,
    belief=st.sampled_from(Belief),
    reason=st.sampled_from(Reason),
    detail=details,
    age_s=seconds,
    since=seconds,
    state=st.sampled_from(VerdictState),
    flip_in_s=seconds,
)

reports = st.builds(
    Report,
    node=names.map(NodeName),
    vantage=names.map(VantageName),
    epoch=st.integers(0, 2**40),  # in the past, by NOW_WALL
    serial=st.integers(0, 2**35),
    made_at=st.floats(NOW_WALL - 30, NOW_WALL + 30),
    at=st.none() | st.builds(Coordinates, st.floats(-90, 90), st.floats(-180, 180)),
    votes=st.dictionaries(check_texts.map(CheckId), votes, max_size=5),
    overrides=st.lists(st.text(max_size=20).map(clean_detail), max_size=3).map(tuple),
)


def vote(belief: Belief, *, age_s: float = 0.0, reason: Reason | None = None, detail: str = "") -> Vote:
    """A vote with the reason that fits the belief, unless told otherwise."""
    fitting = Reason.OK if belief is Belief.UP else Reason.TIMEOUT
    return Vote(belief, reason or fitting, detail, age_s, NOW_WALL, VerdictState(belief.value))


def report(
    node: str = "probe-fra",
    cast: dict[CheckId, Vote] | None = None,
    *,
    vantage: str | None = None,
    epoch: int = 1,
    serial: int = 1,
    made_at: float = NOW_WALL,
) -> Report:
    """A report of a node that is alone in its vantage, unless told otherwise."""
    return Report(NodeName(node), VantageName(vantage or f"at-{node}"), epoch, serial, made_at, cast or {})
