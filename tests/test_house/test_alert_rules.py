"""Rules for Prometheus fire when they should, in Prometheus' own evaluation, say the right words, and not otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.promtool import Expected, require_alerts, require_good_rules

pytestmark = [pytest.mark.tool("promtool"), pytest.mark.slow]

NS1, NS2 = 'instance="ns1:8053",job="gtm"', 'instance="ns2:8053",job="gtm"'
LIVE = "1x60"
"""A value that stays so for an hour, a sample a minute."""


@dataclass(frozen=True)
class Case:
    """What makes an alert fire, what it says then, and what must not make it fire."""

    alert: str
    series: Mapping[str, str]
    expected: tuple[Expected, ...]
    calm: Mapping[str, str]


def of(node: str = "ns1", **labels: str) -> dict[str, str]:
    return {"instance": f"{node}:8053", "job": "gtm", **labels}


DOWN = '{{{},service="api.example.com",endpoint="eu-west/192.0.2.20",gtm_endpoint_state="{}"}}'
CASES = (
    Case(
        "GtmFailOpen",
        {f'gtm_fail_open_active{{{NS1},service="api"}}': "0x10 1x20"},
        (Expected("Nothing of api is up: it answers as configured for that", {"service": "api"}),),
        {f'gtm_fail_open_active{{{NS1},service="api"}}': "0x60"},
    ),
    Case(
        "GtmRegionDown",
        {
            f'gtm_region_endpoints{{{NS1},zone="z",region="eu",state="up"}}': "1x10 0x20",
            f'gtm_region_endpoints{{{NS1},zone="z",region="eu",state="down"}}': "0x10 1x20",
        },
        (
            Expected(
                "Every endpoint of region eu of z is down, as a node sees it",
                {"zone": "z", "region": "eu"},
            ),
        ),
        {
            f'gtm_region_endpoints{{{NS1},zone="z",region="eu",state="up"}}': "1x60",
            f'gtm_region_endpoints{{{NS1},zone="z",region="eu",state="down"}}': "1x60",
        },
    ),
    Case(
        "GtmNotReady",
        {f"gtm_ready{{{NS1}}}": "1x10 0x20"},
        (Expected("ns1:8053 should get no queries: its zones or the first health are missing, or it is blind", of()),),
        {f"gtm_ready{{{NS1}}}": "1x25 0x3"},
    ),
    Case(
        "GtmNodeGone",
        {
            f'gtm_build_info{{{NS1},roles="admin,dns"}}': "1x20",
            f'gtm_build_info{{{NS2},roles="admin,dns,probe"}}': "1x60",
            f"up{{{NS1}}}": "1x20 0x40",
            f"up{{{NS2}}}": LIVE,
        },
        (
            Expected(
                "ns1:8053, a node that answers queries, cannot be scraped: it is gone, or cut off",
                of(),
            ),
        ),
        {
            f'gtm_build_info{{{NS1},roles="admin,probe"}}': "1x20",
            f"up{{{NS1}}}": "1x20 0x40",
            'up{instance="other:9100",job="node"}': "0x60",
        },
    ),
    Case(
        "GtmEndpointDown",
        {"gtm_endpoint_state" + DOWN.format(NS1, "down"): "0x20 1x20"},
        (
            Expected(
                "eu-west/192.0.2.20 of api.example.com is down, as a node sees it: its clients get another one",
                {"service": "api.example.com", "endpoint": "eu-west/192.0.2.20", "region": "eu-west"},
            ),
        ),
        {
            "gtm_endpoint_state" + DOWN.format(NS1, "down"): "0x60",
            "gtm_endpoint_state" + DOWN.format(NS1, "taken_out"): "1x60",
        },
    ),
    Case(
        "GtmProbeSilent",
        {f'gtm_probe_silent{{{NS1},probe="fra"}}': "1x60", f'gtm_probe_silent{{{NS1},probe="iad"}}': "0x60"},
        (
            Expected(
                "None of the votes of probe fra is fresh, or it was never heard, as a node sees it",
                {"probe": "fra"},
            ),
        ),
        {f'gtm_probe_silent{{{NS1},probe="fra"}}': "0x28 1x2"},
    ),
    Case(
        "GtmStatusStale",
        {
            f"gtm_peers_voting{{{NS1}}}": "3x20 0x20",
            f"gtm_peers_expected{{{NS1}}}": "3x60",
            f"gtm_peers_voting{{{NS2}}}": "1x60",
            f"gtm_peers_expected{{{NS2}}}": "3x60",
        },
        (
            Expected(
                "ns1:8053 hears no vote of any peer: it answers from what it knew, or from its own checks alone",
                of(),
            ),
        ),
        {f"gtm_peers_voting{{{NS1}}}": "0x60", f"gtm_peers_expected{{{NS1}}}": "0x60"},
    ),
    Case(
        "GtmPeerKeyWrong",
        {f'gtm_peer_key_wrong{{{NS1},peer="fra"}}': "0x20 1x20"},
        (
            Expected(
                "Peer fra signs with another key than ns1:8053 lists for it: nothing that it says is believed",
                {"instance": "ns1:8053", "peer": "fra"},
            ),
        ),
        {f'gtm_peer_key_wrong{{{NS1},peer="fra"}}': "0x60"},
    ),
    Case(
        "GtmNodeClockOff",
        {f"gtm_node_clock_offset_seconds{{{NS1}}}": "0x20 -41.2x20"},
        (Expected("The clock of ns1:8053 is -41 s ahead of most others (less than 0: behind)", of()),),
        {f"gtm_node_clock_offset_seconds{{{NS1}}}": "0x60"},
    ),
    Case(
        "GtmPeerClockOff",
        {
            f'gtm_peer_clock_offset_seconds{{{NS1},peer="fra"}}': "-41.2x60",
            f'gtm_peer_clock_offset_seconds{{{NS1},peer="iad"}}': "-0.2x60",
            f"gtm_node_clock_offset_seconds{{{NS1}}}": "0x60",
        },
        (
            Expected(
                "The clock of peer fra is 41 s off, as a node sees it: from 30 s on it is not believed",
                {"peer": "fra"},
            ),
        ),
        {
            f'gtm_peer_clock_offset_seconds{{{NS1},peer="fra"}}': "41x60",
            f"gtm_node_clock_offset_seconds{{{NS1}}}": "-41x60",
        },
    ),
    Case(
        "GtmFlapping",
        {f'gtm_state_transitions_total{{{NS1},check="c",to="{to}"}}': "0x10 1x3 2x2 3x20" for to in ("up", "down")},
        (Expected("c went up and down 6 times within half an hour", {"check": "c"}),),
        {f'gtm_state_transitions_total{{{NS1},check="c",to="{to}"}}': "0x10 1x50" for to in ("up", "down")},
    ),
    Case(
        "GtmConfigChanged",
        {
            f'gtm_zone_changes_total{{{NS1},change="changed"}}': "0x25 1x30",
            f'gtm_zone_changes_total{{{NS1},change="added"}}': "0x60",
        },
        (
            Expected(
                "Zones at ns1:8053 were changed: other answers may come of that",
                {"instance": "ns1:8053", "change": "changed"},
            ),
        ),
        {f'gtm_zone_changes_total{{{NS1},change="changed"}}': "4x60"},
    ),
)

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)


def test_prometheus_reads_the_rules() -> None:
    require_good_rules()


@each_case
def test_an_alert_fires_and_says_what_it_should(case: Case, tmp_path: Path) -> None:
    require_alerts(tmp_path, case.series, {case.alert: case.expected})


@each_case
def test_an_alert_does_not_fire_without_reason(case: Case, tmp_path: Path) -> None:
    require_alerts(tmp_path, case.calm, {case.alert: ()})
