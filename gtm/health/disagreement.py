"""Disagreement: which probes are always in the minority, and so in quarantine.

What comes in: the reports heard, and the status that came of them. What goes out: a score for each probe, and whether
its votes count. Once a round, the share of a probe's fresh votes against what is believed moves its score:

    score = score + WEIGHT x (share - score)        WEIGHT 0.2: four rounds of nothing but dissent are 0.59

    above QUARANTINE_FROM      quarantine, as long as the others are a majority and enough for the quorum
    below RELEASE_BELOW        trusted again: eight rounds of nothing but agreement

A probe that sees an outage first is alone for a round or two, and about what failed. One that is cut off from half of
the world says otherwise about half of it. Only who is wrong about most things, and stays so, gets here: a probe whose
own network is gone, or that lies. Votes where fewer than MIN_VOICES count say nothing of who is right. And where the
probes of one vantage say the same, they differ from the rest because their part of the world does: that is no lie, and
counts for them alone (vantage.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gtm.health.belief import Belief
from gtm.health.book import Heard
from gtm.health.quorum import Quorum
from gtm.health.report import Vote
from gtm.health.status import CheckStatus, Status
from gtm.health.voices import Freshness
from gtm.ids import CheckId, NodeName, VantageName

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
    quorum: Quorum,
) -> Standings:
    """Returns how the probes stand after a round, or the same object when none is due; who left is forgotten."""
    reports = {one.report.node: one for one in heard}
    due = [node for node in reports if now - standings.get(node, NO_STANDING).judged_at >= round_s]
    if not due and standings.keys() <= reports.keys():
        return standings
    after = {node: standing for node, standing in standings.items() if node in reports}
    known = settled(status)
    for node in sorted(due):
        share = dissent(reports[node], known, watched, now=now)
        after[node] = _moved(after.get(node, NO_STANDING), share, now=now)
    return _within_reason(standings, after, reports, quorum=quorum)


def quarantined(standings: Standings) -> frozenset[NodeName]:
    """Returns the probes whose votes do not count."""
    return frozenset(node for node, standing in standings.items() if standing.is_quarantined)


def settled(status: Status) -> Mapping[CheckId, CheckStatus]:
    """Returns what is believed on the word of enough voices to say who is right."""
    return {
        check: known
        for check, known in status.checks.items()
        if not known.frozen and sum([voice.fresh for voice in known.votes]) >= MIN_VOICES
    }


def dissent(
    heard: Heard, known: Mapping[CheckId, CheckStatus], watched: Mapping[CheckId, Freshness], *, now: float
) -> float | None:
    """Returns the share of a probe's fresh votes against what is settled; None when none says anything."""
    waited_s = max(0.0, now - heard.heard_at)
    total = against = 0
    for check, vote in heard.report.votes.items():
        believed = known.get(check)
        if believed is None or vote.belief is Belief.UNKNOWN or vote.age_s + waited_s > watched[check].limit_s:
            continue
        total += 1
        if vote.belief is not believed.belief:
            against += not _is_seconded(vote, heard.report.vantage, believed)
    return against / total if total else None


def _is_seconded(vote: Vote, vantage: VantageName, believed: CheckStatus) -> bool:
    """Returns whether another probe of the same vantage says what this one says, and so the vantage does."""
    return any(
        voice.vantage == vantage and voice.belief is vote.belief and voice.agreeing > 1 for voice in believed.votes
    )


def _moved(standing: Standing, share: float | None, *, now: float) -> Standing:
    if share is None:
        return Standing(standing.score, now, standing.is_quarantined)
    score = standing.score + WEIGHT * (share - standing.score)
    bound = RELEASE_BELOW if standing.is_quarantined else QUARANTINE_FROM
    return Standing(score, now, score > bound)


def _within_reason(
    before: Standings, after: Mapping[NodeName, Standing], reports: Mapping[NodeName, Heard], *, quorum: Quorum
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
        vantages = len({reports[one].report.vantage for one in rest})
        is_enough = quorum.is_enough(voters=len(rest), vantages=vantages) and vantages > 1
        if 2 * len(rest) > len(reports) and is_enough:
            out.add(node)
        else:
            kept[node] = Standing(after[node].score, after[node].judged_at)
    return kept
