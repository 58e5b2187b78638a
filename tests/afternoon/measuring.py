"""One incident, played and measured: what clients of both zones got, for how long, and who told of it first."""

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from tests.afternoon.clients import Asking, Got, busiest_share
from tests.afternoon.incidents import Incident
from tests.afternoon.places import NAMESERVERS, RESOLVER, ZONES
from tests.afternoon.stage import Stage
from tests.afternoon.telling import Message, Way
from tests.fakes.cluster import within

QUIET_S = 1.2
"""What is dead is gone from the answers once none of such a while named it."""

LIMIT_S = 12.0
ALERT_LIMIT_S = 8.0
SHARE_WINDOW_S = 1.5


@dataclass(frozen=True, slots=True)
class Seen:
    """What the clients of one zone got."""

    answers: int
    wrong: tuple[str, ...]
    """From the resolver: none in time, an error, or no address."""
    dead: int
    """Answers of the resolver and of the nodes that named what does not serve who asked."""
    dead_s: float
    """From the beginning to the last of them."""
    busiest: float
    """The greatest share of one endpoint in what the nodes answered, in any while."""


@dataclass(frozen=True, slots=True)
class Played:
    """One incident."""

    incident: Incident
    by_zone: Mapping[str, Seen]
    told: Mapping[Way, tuple[float, Message]]
    """The first message of each way that tells of it, and after how many seconds."""
    lasted_s: float
    recovered_s: float

    @property
    def first(self) -> tuple[float, Message] | None:
        """Returns the first message of all."""
        return min(self.told.values(), key=lambda told: told[0], default=None)


def play(stage: Stage, clients: Asking, incident: Incident) -> Played:
    """Returns what came of an incident; all is well again then."""
    began = time.monotonic()
    try:
        incident.act(stage)
        stage.passes(began + incident.lasts_s)
        if incident.dead:
            within(LIMIT_S, lambda: _is_quiet(clients, incident))
        if incident.alert:
            with suppress(AssertionError):  # the table says that there was none
                within(ALERT_LIMIT_S, lambda: _is_alerted(stage, incident, since=began))
        ended = time.monotonic()
    finally:
        incident.over(stage)
    by_zone = {zone: _seen(clients, incident, zone, began=began, ended=ended) for zone in ZONES}
    told = _told(stage, incident, began=began, ended=ended)
    recovered_s = stage.wait_until_well(clients)
    return Played(incident, by_zone, told, ended - began, recovered_s)


def _is_dead(incident: Incident, one: Got) -> bool:
    return one.is_answer and one.addresses[0] in incident.dead.get(one.client, ())


def _is_quiet(clients: Asking, incident: Incident) -> bool:
    since = time.monotonic() - QUIET_S
    got = [one for server in (RESOLVER, *NAMESERVERS) for one in clients.since(since, server=server)]
    return not any(_is_dead(incident, one) for one in got)


def _is_alerted(stage: Stage, incident: Incident, *, since: float) -> bool:
    return any(
        re.match(incident.alert, f"{alert.name}: {alert.summary}") for alert in stage.receiver.fired(since=since)
    )


def _seen(clients: Asking, incident: Incident, zone: str, *, began: float, ended: float) -> Seen:
    def got(*servers: str) -> list[Got]:
        every = (one for server in servers for one in clients.since(began, server=server, zone=zone))
        return sorted((one for one in every if one.sent_at < ended), key=lambda one: one.at)

    wrong = tuple(
        f"{one.client} {one.rcode} after {one.sent_at - began:.2f} s" for one in got(RESOLVER) if not one.is_answer
    )
    dead = [one for one in got(RESOLVER, *NAMESERVERS) if _is_dead(incident, one)]
    return Seen(
        answers=len(got(RESOLVER, *NAMESERVERS)),
        wrong=wrong,
        dead=len(dead),
        dead_s=max((one.at - began for one in dead), default=0.0),
        busiest=busiest_share(got(*NAMESERVERS), window_s=SHARE_WINDOW_S),
    )


def _told(stage: Stage, incident: Incident, *, began: float, ended: float) -> dict[Way, tuple[float, Message]]:
    alerts = [
        Message(alert.at, Way.ALERT, "", f"{alert.name}: {alert.summary}", alert.severity)
        for alert in stage.receiver.fired(since=began)
    ]
    told: dict[Way, tuple[float, Message]] = {}
    messages = sorted((*stage.listening.since(began), *alerts), key=lambda message: (message.is_aside, message.at))
    for message in messages:
        if message.at < ended and message.way not in told and _is_about(incident, message):
            told[message.way] = message.at - began, message
    return told


def _is_about(incident: Incident, message: Message) -> bool:
    if message.way is Way.ALERT and incident.alert:
        return re.match(incident.alert, message.text) is not None
    return re.search(incident.tells, message.text) is not None
