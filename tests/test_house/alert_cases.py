"""For each rule for Prometheus: series that make it fire, what it says then, and series that must not make it fire."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.fakes.promtool import Expected

NS1, NS2 = 'instance="ns1:8053",job="gtm"', 'instance="ns2:8053",job="gtm"'
PROBE = 'instance="fra-1:8053",job="gtm"'
DAY = 86_400
LIVE = "1x60"
"""A value that stays so for an hour, a sample a minute."""


@dataclass(frozen=True)
class Case:
    """What makes an alert fire, what it says then, and what must not make it fire."""

    alert: str
    series: Mapping[str, str]
    expected: tuple[Expected, ...]
    calm: Mapping[str, str]
    at: str = "30m"


def of(node: str = "ns1", **labels: str) -> dict[str, str]:
    return {"instance": f"{node}:8053", "job": "gtm", **labels}


def refused(node: str = NS1, **labels: str) -> str:
    """What a node exposes of a safety rule."""
    return f"gtm_safety_refusal_endpoints{{{node}{_shown(labels)}}}"


def rising(alert: str, counter: str, summary: str, **labels: str) -> Case:
    """An alert of a counter that fires at its first event, and not of what was counted before."""
    name = f"{counter}{{{NS1}{_shown(labels)}}}"
    return Case(alert, {name: "0x25 1x40"}, (Expected(summary, of(**labels)),), {name: "4x60"})


def _shown(labels: Mapping[str, str]) -> str:
    return "".join(f',{name}="{value}"' for name, value in labels.items())


LOCAL = '{%s,service="api.example.com",endpoint="eu-west/192.0.2.20",vantage="fra",seen="%s"}'
API = {"rule": "correlated_failure", "zone": "z.test", "service": "api.z.test"}
SUSPECT = "all 7 checks of api.z.test failed within {} s, all HTTP 404: suspect the check"
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
            f'gtm_region_endpoints{{{PROBE},zone="z",region="eu",state="up"}}': "0x60",
            f'gtm_region_endpoints{{{PROBE},zone="z",region="eu",state="down"}}': "1x60",
            f'gtm_build_info{{{PROBE},roles="admin,probe"}}': "1x60",
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
            "gtm_endpoint_state" + DOWN.format(PROBE, "down"): "1x60",
            f'gtm_build_info{{{PROBE},roles="admin,probe"}}': "1x60",
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
        {f'gtm_config_applied_timestamp_seconds{{{NS1},zones="a.test changed, b.test removed"}}': "1500x60"},
        (
            Expected(
                "Zones at ns1:8053: a.test changed, b.test removed; other answers may come of that",
                of(zones="a.test changed, b.test removed", applied="1970-01-01 00:25:00 +0000 UTC"),
            ),
        ),
        {
            f"gtm_config_applied_timestamp_seconds{{{NS1}}}": "0x60",
            f'gtm_config_applied_timestamp_seconds{{{NS2},zones="a.test changed"}}': "1100x60",
        },
    ),
    rising(
        "GtmEngineFailing",
        "gtm_dns_engine_failures_total",
        "ns1:8053 answered queries with SERVFAIL by a mistake of its own",
    ),
    Case(
        "GtmEndpointCutOff",
        {
            f"gtm_endpoint_local{LOCAL % (NS1, 'down')}": "_x20 1x40",
            f"gtm_endpoint_local{LOCAL % (NS2, 'down')}": "_x20 1x40",
        },
        (
            Expected(
                "eu-west/192.0.2.20 of api.example.com is down as seen from fra, and up elsewhere",
                {"service": "api.example.com", "endpoint": "eu-west/192.0.2.20", "region": "eu-west", "vantage": "fra"},
            ),
        ),
        {
            f"gtm_endpoint_local{LOCAL % (NS1, 'up')}": "1x60",
            f"gtm_endpoint_local{LOCAL % (NS2, 'down')}": "_x29 1x40",
        },
    ),
    Case(
        "GtmQuorumLost",
        {f"gtm_quorum_frozen_checks{{{NS1}}}": "0x20 3x40"},
        (Expected("3 checks have too few fresh voices at ns1:8053: the last beliefs stand", of()),),
        {f"gtm_quorum_frozen_checks{{{NS1}}}": "0x27 3x3"},
    ),
    rising(
        "GtmProbeQuarantined",
        "gtm_quarantines_total",
        "ns1:8053 does not count a probe any more: it is always against the others",
        to="in",
    ),
    rising(
        "GtmReportsForged",
        "gtm_reports_refused_total",
        "Peer fra gives ns1:8053 reports that are equivocated",
        peer="fra",
        reason="equivocated",
    ),
    Case(
        "GtmCheckSuspect",
        {
            refused(**API, says=SUSPECT.format(1)): "0x29 7x40",
            refused(NS2, **API, says=SUSPECT.format(3)): "0x29 8x40",
            refused(rule="correlated_failure", zone="z.test", says="8 of 9 checks failed"): LIVE,
            refused(rule="correlated_failure", says="the probes failed"): LIVE,
        },
        (
            Expected(
                "all 7 checks of api.z.test failed within 3 s, all HTTP 404: suspect the check; if it is well, gtm up "
                "api.z.test --why TEXT keeps it in; if it is really down, gtm obey api.z.test --override-rule "
                "correlated_failure believes the checks",
                {"zone": "z.test", "service": "api.z.test"},
            ),
            Expected(
                "8 of 9 checks failed; if it is really down, gtm obey z.test --override-rule correlated_failure "
                "believes the checks",
                {"zone": "z.test"},
            ),
            Expected(
                "the probes failed; if it is really down, gtm obey ZONE --override-rule correlated_failure believes "
                "the checks",
            ),
        ),
        {refused(rule="correlated_failure"): "0x60"},
    ),
    Case(
        "GtmSafetyHolding",
        {
            refused(
                rule="at_least",
                zone="z.test",
                service="api.z.test",
                says="api.z.test: eu stays, or fewer than 2 regions would serve",
            ): "0x20 1x40",
            refused(rule="max_share_removed_per_minute", zone="z.test", says="one"): "1x20 0x40",
            refused(rule="max_share_removed_per_minute", zone="z.test", says="two"): "_x20 1x40",
        },
        (
            Expected(
                "Safety rule at_least: api.z.test: eu stays, or fewer than 2 regions would serve; gtm obey api.z.test "
                "--override-rule at_least lifts it there",
                {"rule": "at_least", "zone": "z.test", "service": "api.z.test"},
            ),
            Expected(
                "Safety rule max_share_removed_per_minute: two; gtm obey z.test --override-rule "
                "max_share_removed_per_minute lifts it there",
                {"rule": "max_share_removed_per_minute", "zone": "z.test"},
            ),
        ),
        {
            refused(rule="at_least", service="api.z.test", says="x"): "0x29 1x40",
            refused(rule="correlated_failure", service="api.z.test", says="x"): LIVE,
        },
    ),
    rising(
        "GtmSafetyBroken",
        "gtm_safety_breaches_total",
        "People together took out more than the rule at_least allows",
        rule="at_least",
    ),
    rising(
        "GtmSafetyFailing",
        "gtm_safety_failures_total",
        "The safety rules failed at ns1:8053: the checks are followed without them",
    ),
    Case(
        "GtmConfigRejected",
        {f"gtm_config_last_reload_successful{{{NS1}}}": "1x20 0x40"},
        (Expected("Zone files at ns1:8053 have mistakes: the last good ones serve", of()),),
        {f"gtm_config_last_reload_successful{{{NS1}}}": "1x27 0x3"},
    ),
    rising(
        "GtmPlanFailing",
        "gtm_plan_failures_total",
        "ns1:8053 cannot make a plan of a change (health): the last good one serves",
        cause="health",
    ),
    rising(
        "GtmStateFailing",
        "gtm_state_errors_total",
        "status.json of the state folder of ns1:8053 is damaged, or cannot be written",
        file="status.json",
    ),
    Case(
        "GtmStateUnsaved",
        {f"gtm_state_unsaved_files{{{NS1}}}": "0x20 2x40"},
        (Expected("ns1:8053 has 2 files of its state that are not on disk: a restart would lose them", of()),),
        {f"gtm_state_unsaved_files{{{NS1}}}": "0x29 2x1"},
    ),
    rising("GtmEventsLost", "gtm_events_lost_total", "ns1:8053 loses lines of the event log: disk", reason="disk"),
    Case(
        "GtmCertExpiring",
        {
            f'gtm_endpoint_certificate_expiry_timestamp_seconds{{{NS1},check="c"}}': f"{13 * DAY}.7x180",
            f'gtm_endpoint_certificate_expiry_timestamp_seconds{{{NS1},check="gone"}}': "60x180",
        },
        (
            Expected("The certificate of c expires in 12d 22h 0m 0s", {"check": "c"}),
            Expected("The certificate of gone has expired", {"check": "gone"}),
        ),
        {f'gtm_endpoint_certificate_expiry_timestamp_seconds{{{NS1},check="c"}}': f"{15 * DAY}x180"},
        at="2h",
    ),
    Case(
        "GtmNodeCertExpiring",
        {f'gtm_certificate_expiry_timestamp_seconds{{{NS1},side="listen"}}': f"{13 * DAY}x180"},
        (Expected("The certificate that ns1:8053 shows (listen) expires in 12d 22h 0m 0s", of(side="listen")),),
        {f'gtm_certificate_expiry_timestamp_seconds{{{NS1},side="listen"}}': f"{15 * DAY}x180"},
        at="2h",
    ),
    Case(
        "GtmGeoipStale",
        {f'gtm_geoip_build_timestamp_seconds{{{NS1},file="regions.mmdb"}}': f"{-91 * DAY}x180"},
        (
            Expected(
                "The geo database regions.mmdb of ns1:8053 is 91d 2h 0m 0s old",
                {"instance": "ns1:8053", "file": "regions.mmdb"},
            ),
        ),
        {f'gtm_geoip_build_timestamp_seconds{{{NS1},file="regions.mmdb"}}': f"{-89 * DAY}x180"},
        at="2h",
    ),
)
