"""How often a zone file may have one target asked."""

import re

import pytest

from gtm.errors import ZoneInvalid
from gtm.zone.model import Monitor, Zone
from gtm.zone.monitors.kinds.calculated import CalculatedSettings, Combine
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.monitors.kinds.icmp import IcmpSettings
from gtm.zone.monitors.kinds.push import PushSettings
from gtm.zone.monitors.kinds.tcp import TcpSettings
from gtm.zone.monitors.registry import MonitorType
from gtm.zone.monitors.settings import Secret, Settings
from gtm.zone.parse import NO_SHARED, parse, parse_shared
from gtm.zone.rules.check_rates import MAX_REQUESTS_PER_S, requests_per_s
from tests.fakes.vocabulary import FAKE_VOCABULARY

HEAD = """\
zone: example.com
nameservers: [ns.example.net]
hostmaster: hostmaster@example.com
regions: {here: {at: [50, 8]}}
monitors:
"""
OFTEN = "{type: tcp, port: PORT, interval: 100ms}"
"""Ten times a second."""


def zone(targets: list[str], monitor: str = OFTEN, *, own: str = "", shared: str = "") -> Zone:
    """A zone with a service for each target, each with a monitor of its own."""
    text = HEAD + own
    text += "".join(f"  m{number}: {monitor.replace('PORT', f'{number + 1}')}\n" for number in range(len(targets)))
    text += "services:\n"
    for number, target in enumerate(targets):
        key = "target" if target.endswith(".") else "address"
        endpoint = f"{{region: here, {key}: {target}}}"
        text += f"  s{number}: {{monitor: m{number}, steer: weighted, endpoints: [{endpoint}]}}\n"
    return parse(text, "zone.yaml", parse_shared(shared, "_shared.yaml") if shared else NO_SHARED, FAKE_VOCABULARY)


def refused(target: str) -> str:
    return re.escape(f"each probe would ask {target} more than {MAX_REQUESTS_PER_S} times a second")


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        (["192.0.2.1"], "192.0.2.1"),
        (["2001:db8::1", '"2001:DB8:0::1"'], "2001:db8::1"),
        (["lb.example.net.", "LB.example.net."], "lb.example.net"),
    ],
)
def test_a_target_is_asked_so_often_on_all_ports_together_and_no_oftener(targets: list[str], told: str) -> None:
    most = MAX_REQUESTS_PER_S // 10
    assert len(zone((targets * most)[:most]).services) == most
    with pytest.raises(ZoneInvalid, match=refused(told)) as raised:
        zone((targets * (most + 2))[: most + 2])
    [problem] = raised.value.problems
    assert problem.line == HEAD.count("\n") + most + 2 + 1 + most + 1, "at the service that is one too many"


def test_many_targets_are_asked_as_often_as_one_each() -> None:
    assert len(zone([f"192.0.2.{number}" for number in range(200)]).services) == 200


def test_monitors_of_the_usual_pace_are_many() -> None:
    usual = "{type: tcp, port: PORT}"
    assert len(zone(["192.0.2.1"] * 166, usual).services) == 166
    with pytest.raises(ZoneInvalid, match=refused("192.0.2.1")):
        zone(["192.0.2.1"] * 167, usual)


def test_services_that_share_a_monitor_ask_once() -> None:
    each = "{type: calculated, all: [often, other], interval: 100ms}"
    own = "  often: {type: tcp, port: 1, interval: 100ms}\n  other: {type: tcp, port: 2, interval: 100ms}\n"
    assert len(zone(["192.0.2.1"] * 100, each, own=own).services) == 100


def test_parts_and_monitors_of_the_shared_file_count() -> None:
    names = [f"p{number}" for number in range(11)]
    lines = "".join(f"  {name}: {{type: tcp, port: 1, interval: 100ms}}\n" for name in names)
    every = f"{{type: calculated, all: [{', '.join(names)}]}}"
    with pytest.raises(ZoneInvalid, match=refused("192.0.2.1")):
        zone(["192.0.2.1"], every, own=lines)
    with pytest.raises(ZoneInvalid, match=refused("192.0.2.1")):
        zone(["192.0.2.1"], every, shared=f"monitors:\n{lines}")


@pytest.mark.parametrize(
    ("kind", "settings", "pace", "expected"),
    [
        (MonitorType.TCP, TcpSettings(), {"interval_s": 5.0, "recheck_s": 5.0}, 0.2),
        (MonitorType.TCP, TcpSettings(), {"interval_s": 5.0, "recheck_s": 1.0, "fall": 3}, 0.6),
        (MonitorType.TCP, TcpSettings(), {"interval_s": 5.0, "recheck_s": 1.0, "fall": 1}, 0.4),
        (MonitorType.TCP, TcpSettings(), {"interval_s": 5.0, "recheck_s": 1.0, "fall": 100}, 1.0),
        (MonitorType.HTTP, HttpSettings(secure=False, max_redirects=4), {"interval_s": 5.0, "recheck_s": 5.0}, 1.0),
        (MonitorType.ICMP, IcmpSettings(count=3), {"interval_s": 1.0, "recheck_s": 1.0}, 3.0),
        (MonitorType.PUSH, PushSettings(30.0, Secret("a")), {"interval_s": 0.1}, 0.0),
        (MonitorType.CALCULATED, CalculatedSettings(Combine.ALL, 1), {"interval_s": 0.1}, 0.0),
    ],
)
def test_what_a_monitor_asks_of_a_target(
    kind: MonitorType, settings: Settings, pace: dict[str, float], expected: float
) -> None:
    monitor = Monitor("example.com", "m", kind, 80, settings, **pace)  # type: ignore[arg-type]
    assert requests_per_s(monitor) == pytest.approx(expected)
