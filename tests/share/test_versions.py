"""Reports as nodes of the version before compose them: two versions run side by side while a mesh is upgraded.

tests/data/share/reports.json was written by the version before. As this one composes the same bytes, that one hears
them too. Whoever changes the form has to see to it that both understand each other, or say that they do not in
CHANGELOG.md and docs/guides/upgrading.md.
"""

import json
from pathlib import Path

import pytest

from gtm.counters import Counters
from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.override.override import Action, Override, OverrideId, SafetyRule
from gtm.health.override.scope import parse_scope
from gtm.health.override.signed import open_override, seal_override
from gtm.health.report.envelope import compose_offer
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import Verdict
from gtm.ids import CheckId, NodeName, VantageName
from gtm.share.report_store import Reporter, ReportStore
from tests.fakes.clock import FakeClock
from tests.fakes.peers import key_of, report_store_of

FRA = NodeName("fra")
BEFORE: dict[str, str] = json.loads((Path(__file__).parents[1] / "data/share/reports.json").read_text(encoding="utf-8"))
CHANGED = CheckId("gtm.example.com/api/192.0.2.12")
DRAIN = Override(
    OverrideId("fra:1700000000000"),
    FRA,
    parse_scope("region gtm.example.com/eu-west"),
    Action.DRAIN,
    "it is so",
    "ann",
    1_700_000_000.0,
    1_700_003_600.0,
    (SafetyRule.MAX_SHARE,),
)


def verdict(belief: Belief, reason: Reason, detail: str = "") -> Verdict:
    return Verdict(belief, since=1_700_000_000.0, reason=reason, detail=detail, read_at=997.5)


def composed() -> dict[str, str]:
    """What this version makes of what the other one made them of."""
    me = Reporter(FRA, VantageName("at-fra"), key_of("fra"), 1_700_000_000_000, Coordinates(50.11, 8.68))
    report_store = ReportStore(me, {}, clock=FakeClock(), counters=Counters())
    verdicts = {CheckId(f"gtm.example.com/api/192.0.2.{n}"): verdict(Belief.UP, Reason.OK) for n in range(10, 20)}
    report_store.publish(verdicts)
    found = {"whole": report_store.own_envelope().decode()}
    report_store.publish({**verdicts, CHANGED: verdict(Belief.DOWN, Reason.STATUS, "HTTP 503, 5\u00e9")})
    found["delta"] = report_store.own_envelope().decode()
    report_store.carry((seal_override(DRAIN, key_of("fra")),))
    report_store.publish({**verdicts, CHANGED: verdict(Belief.DOWN, Reason.STATUS, "HTTP 503, 5\u00e9")})
    return {**found, "carries overrides": report_store.own_envelope().decode()}


@pytest.mark.parametrize("kind", BEFORE)
def test_a_report_of_the_version_before_is_heard(kind: str) -> None:
    iad = report_store_of("iad", FRA)
    assert iad.take(compose_offer([BEFORE[kind].encode()]), giver=FRA)
    report = iad.book.by_node[FRA].report
    assert len(report.votes) == 10
    assert (report.votes[CHANGED].belief is Belief.DOWN) == (kind != "whole")
    opened = [open_override(text, trusted={FRA: key_of(FRA).public}, wall=1_700_000_000.0) for text in report.overrides]
    assert opened == ([DRAIN] if kind == "carries overrides" else [])


@pytest.mark.parametrize("kind", BEFORE)
def test_a_report_is_composed_as_the_version_before_did(kind: str) -> None:
    assert composed()[kind] == BEFORE[kind]
