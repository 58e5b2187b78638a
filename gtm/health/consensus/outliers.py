"""Disagreement: which probes are always in the minority, and so in quarantine.

What comes in: the reports heard, and the voices that they made. What goes out: a score for each probe, and whether its
votes count. Once a round, the share of a probe's fresh votes against what most voices say moves its score:

    score = score + WEIGHT x (share - score)        WEIGHT 0.2: four rounds of nothing but dissent are 0.59

    above QUARANTINE_FROM      quarantine, as long as the others are a majority, and enough for the quorum of each check
                               that says so
    below RELEASE_BELOW        trusted again: eight rounds of nothing but agreement

Who is right is what more than half of the voices that count say, whatever the rule of the quorum: under `all` one liar
decides what is believed, and the honest ones are against that. A tie says nothing of who is right, nor does a check
on which fewer than MIN_VOICES say anything. Of these the voice in quarantine is one, for else it would never come back.
Where fewer say something, but at least two, and all the same, they agree: that speaks for each of them. Else who says
nothing of most checks could leave nothing of another one to look at but its only dissent, and have it quarantined.

A round is as short as the shortest interval of all monitors: who is the first, or the last, to see an outage at the
pace of a slower one is alone for many of them. So a dissent is left out until it has lasted for as long as a vote on
its check is fresh: by then everybody has looked again. Since when it lasts is this node's own note: a liar's is a lie.

One that is cut off from half of the world says otherwise about half of it. Only who is wrong about most things, and
stays so, gets here: a probe whose own network is gone, or that lies.

Where the probes of one vantage say the same, or most vantages of one part of the world, they differ from the rest
because their part of the world does: that is no lie, and counts for them alone (local_view.py).
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
"""One voice alone, beside others in quarantine, is right against nobody."""


@dataclass(frozen=True, slots=True)
class Reputation:
    """How one probe stands with the others."""

    score: float = 0.0
    """0: always with them; 1: always against."""
    judged_at: float = 0.0
    """Monotonic seconds of the last round."""
    is_quarantined: bool = False
    against_since: Mapping[CheckId, float] = field(default_factory=dict)
    """The checks on which it is against most voices, and since when without a break, in monotonic seconds."""


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
    """Returns the reputation of the probes after a round, or the same object when no round is due.

    Who left stands as before when it comes back: to leave, and to be forgotten, is up to each probe where leases say
    who lives. Only what it was against has not lasted since. In quarantine it is one of whom the others must be a
    majority all the time, or they would be none when it is back.
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
    """What most voices say of one check, and all of them."""

    belief: Belief
    voices: tuple[Voice, ...]


Known = Mapping[CheckId, Settled]


def settled(status: Status) -> Known:
    """Returns the belief of most voices for each check on which it tells who is right."""
    beliefs = {}
    for check, known in status.checks.items():
        belief = Belief.UNKNOWN if known.frozen else agreed(known.votes)
        if belief is not Belief.UNKNOWN:
            beliefs[check] = Settled(belief, known.votes)
    return beliefs


def agreed(voices: Sequence[Voice]) -> Belief:
    """Returns the belief of more than half of the voices that count; UNKNOWN where they are divided, or too few."""
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
    """Returns the unanimous belief for each check with several voices, but fewer than tell who is right."""
    unanimous_beliefs = {}
    for check, known in status.checks.items():
        beliefs = [voice.belief for voice in known.votes if voice.fresh and voice.belief is not Belief.UNKNOWN]
        if MIN_AGREEING <= len(beliefs) < MIN_VOICES and len(set(beliefs)) == 1:
            unanimous_beliefs[check] = beliefs[0]
    return unanimous_beliefs


ProbeViews = Mapping[CheckId, bool]
"""Of one probe: the checks on which it says something of what is settled, and whether that is against most voices."""


def views_of(
    heard: Heard, known: Known, watched: Mapping[CheckId, Freshness], near: Neighbours, *, now: float
) -> ProbeViews:
    """Returns the comparison of a probe's fresh votes with the settled beliefs."""
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
    """Returns the checks on which a probe's fresh votes are what all say."""
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
    """Returns the share of views against most voices, without those that are new; None when nothing is left.

    It is that of all checks, or the mean of those of the zones if that is less: who has one zone file, with most of the
    checks, and has them answer one probe otherwise than all the others, must not have it in quarantine for every zone.
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
    """Returns whether another probe of its vantage says what this one says, and so the vantage does; or neighbours."""
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
    """Who would still count without some of the probes."""

    known: Known
    reports: Mapping[NodeName, Heard]
    watched: Mapping[CheckId, Freshness]
    quorum: Quorum
    now: float

    def are_enough(self, node: NodeName, out: AbstractSet[NodeName]) -> bool:
        """Returns whether the probes that are not out decide what this one votes on, and are most of all."""
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
    """Returns the standings without new quarantines that would leave no majority, or no quorum."""
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
