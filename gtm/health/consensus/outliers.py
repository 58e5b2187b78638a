"""Outliers: which probes always contradict the others, and are in quarantine for it.

What comes in: the reports heard, and the voices made of them. What goes out: a score for each probe, and whether its
votes count. Once a round, the share of a probe's fresh votes that contradict most voices moves its score:

    score = score + WEIGHT x (share - score)        WEIGHT 0.2: four rounds of nothing but dissent are 0.59

    above QUARANTINE_FROM      quarantine, if the other probes are a majority, and enough for the quorum of each check
                               that this probe votes on
    below RELEASE_BELOW        out of quarantine: eight rounds of nothing but agreement

The settled belief is that of more than half of the voices that count, whatever the rule of the quorum: with `all` one
liar decides the belief, and all honest probes contradict it. A tie settles nothing, and neither does a check with
fewer than MIN_VOICES. A voice in quarantine is one of these, or its probe could never be released.
On a check with fewer voices, but at least two, that all agree, each of them agrees with the others. If these did not
count, one probe that abstains on most checks could leave only the dissent of another, and put it in quarantine.

A round is as short as the shortest interval of all monitors. On a check with a longer interval, the first or the last
probe to see an outage dissents for many rounds. So a dissent counts only when it has lasted for as long as a vote on
its check is fresh: by then every probe has checked again. This node measures that time itself; a report could lie.

A probe that is cut off from half of the world dissents on half of the checks. Only a probe that is wrong on most
checks, for long, gets into quarantine: its own network is down, or it lies.

Where the probes of one vantage agree, or most vantages of one part of the world, they differ from the rest because
their part of the world does. That is no dissent: it is a local belief (local_view.py).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from gtm.health.belief import Belief
from gtm.health.consensus.local_view import Neighbours, seconding
from gtm.health.consensus.quorum import AtLeast, Quorum
from gtm.health.consensus.status import Status
from gtm.health.consensus.voices import Freshness, Voice, in_order, voices_on
from gtm.health.report.book import Heard
from gtm.health.report.report import Vote
from gtm.ids import CheckId, NodeName, VantageName, scope_of

WEIGHT = 0.2
QUARANTINE_FROM = 0.5
RELEASE_BELOW = 0.1
MIN_VOICES = 3
MIN_AGREEING = 2
"""The fewest voices that settle a belief: one voice beside others in quarantine does not."""


@dataclass(frozen=True, slots=True)
class Reputation:
    """How often one probe contradicts the others, and whether it is in quarantine."""

    score: float = 0.0
    """0: its votes always agree with most voices; 1: they always contradict them."""
    judged_at: float = 0.0
    """Monotonic seconds of the last round."""
    is_quarantined: bool = False
    against_since: Mapping[CheckId, float] = field(default_factory=dict)
    """The checks on which it contradicts most voices, and since when without a break, in monotonic seconds."""


Standings = Mapping[NodeName, Reputation]

NO_STANDING = Reputation()


def judged(
    standings: Standings,
    heard: Iterable[Heard],
    status: Status,
    watched: Mapping[CheckId, Freshness],
    near: Neighbours,
    *,
    now: float,
    round_s: float,
    quorum: Quorum,
) -> Standings:
    """Returns the reputation of each probe after a round of `round_s` seconds; the same object when no round is due.

    A probe that left keeps its score and its quarantine: otherwise it could leave (its lease in etcd ends) to be
    released. Only the times of its dissents are dropped. While it is gone it still counts when the others must be a
    majority, because they must be one when it comes back.
    """
    reports = {probe.report.node: probe for probe in heard}
    due = [node for node in reports if now - standings.get(node, NO_STANDING).judged_at >= round_s]
    gone = [node for node, standing in standings.items() if node not in reports and standing.against_since]
    if not due and not gone:
        return standings
    after = {**standings, **{node: replace(standings[node], against_since={}) for node in gone}}
    known, shared = settled(status), unanimous(status)
    for node in sorted(due):
        views = {
            **shared_views(reports[node], shared, watched, now=now),
            **views_of(reports[node], known, watched, near, now=now),
        }
        after[node] = _moved(after.get(node, NO_STANDING), views, watched, now=now)
    others = _Others(known, reports, watched, quorum, now)
    return _within_reason(standings, after, others)


def quarantined(standings: Standings) -> frozenset[NodeName]:
    """Returns the probes whose votes do not count."""
    return frozenset(node for node, standing in standings.items() if standing.is_quarantined)


class Settled(NamedTuple):
    """The settled belief of one check, that of most voices; and all its voices."""

    belief: Belief
    voices: tuple[Voice, ...]


Known = Mapping[CheckId, Settled]


def settled(status: Status) -> Known:
    """Returns the settled beliefs: for each check that is not frozen and not divided, the belief of most voices."""
    beliefs = {}
    for check, known in status.checks.items():
        belief = Belief.UNKNOWN if known.frozen else agreed(known.votes)
        if belief is not Belief.UNKNOWN:
            beliefs[check] = Settled(belief, known.votes)
    return beliefs


def agreed(voices: Sequence[Voice]) -> Belief:
    """Returns the belief of more than half of the voices that count; UNKNOWN if they are divided, or too few."""
    heard = [voice for voice in voices if voice.fresh and voice.belief is not Belief.UNKNOWN]
    counted = [voice.belief for voice in heard if not voice.quarantined]
    if len(heard) < MIN_VOICES:
        return Belief.UNKNOWN
    for belief in (Belief.UP, Belief.DOWN):
        agreeing = counted.count(belief)
        if agreeing >= MIN_AGREEING and 2 * agreeing > len(counted):
            return belief
    return Belief.UNKNOWN


def unanimous(status: Status) -> Mapping[CheckId, Belief]:
    """Returns the belief for each check whose voices all agree and are at least two, but fewer than MIN_VOICES."""
    unanimous_beliefs = {}
    for check, known in status.checks.items():
        beliefs = [voice.belief for voice in known.votes if voice.fresh and voice.belief is not Belief.UNKNOWN]
        if MIN_AGREEING <= len(beliefs) < MIN_VOICES and len(set(beliefs)) == 1:
            unanimous_beliefs[check] = beliefs[0]
    return unanimous_beliefs


ProbeViews = Mapping[CheckId, bool]
"""For one probe: the checks with a settled belief that it votes on, and whether its vote contradicts that belief."""


def views_of(
    heard: Heard, known: Known, watched: Mapping[CheckId, Freshness], near: Neighbours, *, now: float
) -> ProbeViews:
    """Returns for each fresh vote of a probe on a check with a settled belief whether it contradicts that belief.

    A vote that other probes of its vantage, or neighbouring vantages, confirm does not contradict it.
    """
    waited_s = max(0.0, now - heard.heard_at)
    views = {}
    for check, vote in heard.report.votes.items():
        most = known.get(check)
        if most is None or vote.belief is Belief.UNKNOWN or vote.age_s + waited_s > watched[check].limit_s:
            continue
        is_other = vote.belief is not most.belief
        views[check] = is_other and not _is_seconded(vote, heard.report.vantage, most.voices, near)
    return views


def shared_views(
    heard: Heard, shared: Mapping[CheckId, Belief], watched: Mapping[CheckId, Freshness], *, now: float
) -> ProbeViews:
    """Returns the checks of `shared` (unanimous beliefs) on which a probe's fresh vote agrees, each with False."""
    waited_s, votes = max(0.0, now - heard.heard_at), heard.report.votes
    return {
        check: False
        for check, belief in shared.items()
        if (vote := votes.get(check)) is not None
        and vote.belief is belief
        and vote.age_s + waited_s <= watched[check].limit_s
    }


def dissent(
    views: ProbeViews, since: Mapping[CheckId, float], watched: Mapping[CheckId, Freshness], *, now: float
) -> float | None:
    """Returns the share of a probe's views that contradict most voices; None when no view counts.

    A contradiction counts only when it has lasted long enough; `since` has the monotonic seconds when each began. The
    share is that of all checks, or the mean of the shares of the zones if that is less. So the owner of one zone file
    with most of the checks, whose endpoints answer one probe differently, cannot put it in quarantine for every zone.
    """
    against: Counter[str] = Counter()
    lasting: Counter[str] = Counter()
    for check, is_against in views.items():
        if not is_against or now - since[check] >= watched[check].limit_s:
            scope = scope_of(check)
            lasting[scope] += 1
            against[scope] += is_against
    if not lasting:
        return None
    of_all = against.total() / lasting.total()
    return min(of_all, sum(against[scope] / count for scope, count in lasting.items()) / len(lasting))


def _is_seconded(vote: Vote, vantage: VantageName, voices: Sequence[Voice], near: Neighbours) -> bool:
    """Returns whether other probes confirm a vote: another one of its vantage, or most of the neighbouring vantages."""
    counted = [voice for voice in voices if voice.counts]
    for own in voices:
        if own.vantage == vantage and own.belief is vote.belief and own.agreeing > 1:
            return True
        if own.vantage == vantage and own.counts and own.belief is not vote.belief:
            return False
    return seconding(vantage, vote.belief, counted, near) > 0


def _moved(standing: Reputation, views: ProbeViews, watched: Mapping[CheckId, Freshness], *, now: float) -> Reputation:
    since = {check: standing.against_since.get(check, now) for check, is_against in views.items() if is_against}
    share = dissent(views, since, watched, now=now)
    if share is None:
        return Reputation(standing.score, now, standing.is_quarantined, since)
    score = standing.score + WEIGHT * (share - standing.score)
    bound = RELEASE_BELOW if standing.is_quarantined else QUARANTINE_FROM
    return Reputation(score, now, score > bound, since)


@dataclass(frozen=True, slots=True)
class _Others:
    """Tests whether the remaining probes would be enough if some were in quarantine."""

    known: Known
    reports: Mapping[NodeName, Heard]
    watched: Mapping[CheckId, Freshness]
    quorum: Quorum
    now: float

    def are_enough(self, node: NodeName, out: AbstractSet[NodeName]) -> bool:
        """Returns whether `node` may go into quarantine: the probes not in `out` are a majority of all.

        They must also be enough for the quorum on every settled check that `node` votes on.
        """
        counting = {
            name for views in self.known.values() for voice in views.voices if voice.counts for name in voice.nodes
        }
        if 2 * len(counting - out) <= len(counting | out):
            return False
        order = in_order(self.reports.values())
        votes = self.reports[node].report.votes
        return all(self._still_decide(check, order, out) for check in votes if check in self.known)

    def _still_decide(self, check: CheckId, order: Iterable[Heard], out: AbstractSet[NodeName]) -> bool:
        voices = voices_on(check, order, self.watched[check], quarantined=out, now=self.now)
        counted = [voice for voice in voices if voice.counts]
        rule = self.quorum.rule
        least = max(MIN_AGREEING, rule.count) if isinstance(rule, AtLeast) else MIN_AGREEING
        voters = sum([voice.agreeing for voice in counted])
        return len(counted) >= least and self.quorum.is_enough(voters=voters, vantages=len(counted))


def _within_reason(before: Standings, after: Mapping[NodeName, Reputation], others: _Others) -> Standings:
    """Returns the reputations without those new quarantines that would leave no majority, or no quorum."""
    kept = dict(after)
    new = sorted(
        (node for node in quarantined(after) if not before.get(node, NO_STANDING).is_quarantined),
        key=lambda node: (-after[node].score, node),
    )
    out = quarantined(after) - set(new)
    for node in new:
        if others.are_enough(node, out | {node}):
            out |= {node}
        else:
            kept[node] = replace(after[node], is_quarantined=False)
    return kept
