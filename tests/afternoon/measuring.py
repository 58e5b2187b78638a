"""One incident, played and measured: what clients of both zones got, for how long, and who told of it first."""

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from tests.afternoon.clients import Asking, Got, busiest_share
from tests.afternoon.incidents import Incident
from tests.afternoon.places import BOLD, NAMESERVERS, RESOLVER, ZONES
from tests.afternoon.stage import Stage
from tests.afternoon.telling import Message, Way
from tests.fakes.cluster import within

QUIET_S = 1.2
"""What is dead is gone from the answers once none of such a while named it."""

LIMIT_S = 12.0
TOLD_LIMIT_S = 8.0
SHARE_WINDOW_S = 2.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What the clients of one zone got."""

    answers: int
    wrong: tuple[str, ...]
    """From the resolver: none in time, an error, or no address."""
    dead: int
    """Answers of the resolver and of the nodes that named what does not serve who asked."""
    dead_s: float
    """From the beginning to the last of them that the resolver gave, which keeps answers for their TTL."""
    named_s: float
    """From the beginning to the last of them that a node gave."""
    busiest: float
    """The greatest share of one endpoint in what the nodes answered, in any while."""


@dataclass(frozen=True, slots=True)
class Played:
    """One incident."""

    incident: Incident
    by_zone: Mapping[str, Seen]
    told: Mapping[Way, tuple[float, Message]]
    """The first message of each way that tells of it, and after how many seconds."""
    alarms: Mapping[Way, Message]
    """The first warning of the log, and the first alert that is more than information, whatever they tell of."""
    lasted_s: float
    recovered_s: float


def play(stage: Stage, clients: Asking, incident: Incident) -> Played:
    """Returns what came of an incident; all is well again then."""
    try:
        incident.before(stage)
        stage.wait_for_silence(incident.says.get(Way.ALERT))
        began = time.monotonic()
        incident.act(stage)
        stage.passes(began + incident.lasts_s)
        if incident.dead:
            within(LIMIT_S, lambda: _is_quiet(clients, incident))
        with suppress(AssertionError):  # the table says what was not told
            within(TOLD_LIMIT_S, lambda: _told(stage, incident, since=began).keys() == incident.says.keys())
        told = _told(stage, incident, since=began)
        alarms = _alarms(stage, since=began)
        ended = time.monotonic()
    finally:
        incident.over(stage)
    by_zone = {zone: _seen(clients, incident, zone, began=began, ended=ended) for zone in ZONES}
    recovered_s = stage.wait_until_well(clients)
    return Played(incident, by_zone, told, alarms, ended - began, recovered_s)


def _is_dead(incident: Incident, one: Got) -> bool:
    return one.is_answer and one.addresses[0] in incident.dead.get(one.client, ())


def _is_quiet(clients: Asking, incident: Incident) -> bool:
    since = time.monotonic() - QUIET_S
    got = [one for server in (RESOLVER, *NAMESERVERS) for one in clients.since(since, server=server)]
    return not any(_is_dead(incident, one) for one in got)


def _seen(clients: Asking, incident: Incident, zone: str, *, began: float, ended: float) -> Seen:
    def got(*servers: str) -> list[Got]:
        every = (one for server in servers for one in clients.since(began, server=server, zone=zone))
        return sorted((one for one in every if one.sent_at < ended), key=lambda one: one.at)

    wrong = tuple(
        f"{one.client} {one.rcode} after {one.sent_at - began:.2f} s" for one in got(RESOLVER) if not one.is_answer
    )
    servers = (RESOLVER, *NAMESERVERS)
    dead = {name: [one.at - began for one in got(name) if _is_dead(incident, one)] for name in servers}
    return Seen(
        answers=len(got(*servers)),
        wrong=wrong,
        dead=sum(len(times) for times in dead.values()),
        dead_s=max(dead[RESOLVER], default=0.0),
        named_s=max((at for server in NAMESERVERS for at in dead[server]), default=0.0),
        busiest=busiest_share(got(*NAMESERVERS), window_s=SHARE_WINDOW_S),
    )


def _messages(stage: Stage, since: float) -> list[Message]:
    alerts = [
        Message(alert.at, Way.ALERT, "", f"{alert.name}: {alert.summary}", alert.severity)
        for alert in stage.receiver.fired(since=since)
    ]
    return sorted((*stage.listening.since(since), *alerts), key=lambda message: message.at)


def _told(stage: Stage, incident: Incident, *, since: float) -> dict[Way, tuple[float, Message]]:
    told: dict[Way, tuple[float, Message]] = {}
    for message in sorted(_messages(stage, since), key=lambda message: message.is_aside):
        if message.way in incident.says and message.way not in told and message.names(incident.says[message.way]):
            told[message.way] = message.at - since, message
    return told


def _alarms(stage: Stage, *, since: float) -> dict[Way, Message]:
    alarms: dict[Way, Message] = {}
    for message in _messages(stage, since):
        if message.is_alarm and not message.names(_OF_OTHERS):
            alarms.setdefault(message.way, message)
    return alarms


_OF_OTHERS = rf" flaps: |GtmFlapping|{re.escape(BOLD)}"
"""That something flaps is told of earlier incidents too; the zone without rules has warnings of its own."""
