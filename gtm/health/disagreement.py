"""Disagreement: which probes are always in the minority, and so in quarantine.

What comes in: the reports heard, and the status that came of them. What goes out: a score for each probe, and whether
its votes count. Once a round, the share of a probe's fresh votes against what is believed moves its score:

    score = score + WEIGHT x (share - score)        WEIGHT 0.2: four rounds of nothing but dissent are 0.59

    above QUARANTINE_FROM      quarantine, as long as the others are a majority and enough for the quorum
    below RELEASE_BELOW        trusted again: eight rounds of nothing but agreement

A probe that sees an outage first is alone for a round or two, and about what failed. One that is cut off from half of
the world says otherwise about half of it. Only who is wrong about most things, and stays so, gets here: a probe whose
own network is gone, or that lies. Votes where fewer than MIN_VOICES count say nothing of who is right.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gtm.health.belief import Belief
from gtm.health.book import Heard
from gtm.health.status import Status
from gtm.health.voices import Freshness
from gtm.ids import CheckId, NodeName

WEIGHT = 0.2
QUARANTINE_FROM = 0.5
RELEASE_BELOW = 0.1
MIN_VOICES = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """How one probe stands with the others."""

    score: float = 0.0
    """0: always with them; 1: always against."""
    judged_at: float = 0.0
    """Monotonic seconds of the last round."""
    is_quarantined: bool = False


Standings = Mapping[NodeName, Standing]

NO_STANDING = Standing()


def judged(
    standings: Standings,
    heard: Iterable[Heard],
    status: Status,
    watched: Mapping[CheckId, Freshness],
    *,
    now: float,
    round_s: float,
    voters: int,
) -> Standings:
    """Returns how the probes stand after a round, or the same object when none is due; who left is forgotten."""
    reports = {one.report.node: one for one in heard}
    due = [node for node in reports if now - standings.get(node, NO_STANDING).judged_at >= round_s]
    if not due and standings.keys() <= reports.keys():
        return standings
    after = {node: standing for node, standing in standings.items() if node in reports}
    for node in sorted(due):
        share = dissent(reports[node], status, watched, now=now)
        after[node] = _moved(after.get(node, NO_STANDING), share, now=now)
    return _within_reason(standings, after, reports, voters=voters)


def quarantined(standings: Standings) -> frozenset[NodeName]:
    """Returns the probes whose votes do not count."""
    return frozenset(node for node, standing in standings.items() if standing.is_quarantined)


def dissent(heard: Heard, status: Status, watched: Mapping[CheckId, Freshness], *, now: float) -> float | None:
    """Returns the share of a probe's fresh votes against what is believed; None when none says anything."""
    waited_s = max(0.0, now - heard.heard_at)
    total = against = 0
    for check, vote in heard.report.votes.items():
        freshness, known = watched.get(check), status.checks.get(check)
        if freshness is None or known is None or known.frozen or vote.belief is Belief.UNKNOWN:
            continue
        if vote.age_s + waited_s > freshness.limit_s or sum(voice.fresh for voice in known.votes) < MIN_VOICES:
            continue
        total += 1
        against += vote.belief is not known.belief
    return against / total if total else None


def _moved(standing: Standing, share: float | None, *, now: float) -> Standing:
    if share is None:
        return Standing(standing.score, now, standing.is_quarantined)
    score = standing.score + WEIGHT * (share - standing.score)
    bound = RELEASE_BELOW if standing.is_quarantined else QUARANTINE_FROM
    return Standing(score, now, score > bound)


def _within_reason(
    before: Standings, after: Mapping[NodeName, Standing], reports: Mapping[NodeName, Heard], *, voters: int
) -> Standings:
    """Returns the standings without new quarantines that would leave no majority, or no quorum."""
    kept = dict(after)
    new = sorted(
        (node for node in quarantined(after) if not before.get(node, NO_STANDING).is_quarantined),
        key=lambda node: (-after[node].score, node),
    )
    out = set(quarantined(after)) - set(new)
    for node in new:
        rest = reports.keys() - out - {node}
        vantages = {reports[one].report.vantage for one in rest}
        if 2 * len(rest) > len(reports) and len(vantages) >= max(voters, 2):
            out.add(node)
        else:
            kept[node] = Standing(after[node].score, after[node].judged_at)
    return kept
