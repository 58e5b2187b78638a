"""A node's present with one of everything, for tests of what monitoring is given."""

import asyncio
from dataclasses import replace
from pathlib import Path

from gtm.checks.model import checks
from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.health.certificate import Certificate
from gtm.health.consensus.local_view import LocalBelief
from gtm.health.consensus.status import Status
from gtm.health.override.override import SafetyRule, in_force, joined, newest
from gtm.health.report.clocks import judged
from gtm.health.verdict.reading import Phases, Reading, Reason
from gtm.ids import EndpointId, NodeName, ServiceId, VantageName
from gtm.metrics.measurements import Tallies
from gtm.metrics.snapshot import ExpectedProbe, GeoSource, Push, Reloads, Snapshot
from gtm.node.planner import Planner
from gtm.plan.overlay import Overlay
from gtm.plan.safety.minimums import Refusal
from gtm.zone.model import PLAIN_HTTP
from gtm.zone.monitors.kinds.http import HttpSettings
from tests.fakes import world
from tests.fakes.checks import check_of
from tests.fakes.clock import FakeClock
from tests.fakes.overrides import WALL, said
from tests.fakes.peers import WatchedReportStore, report_store_of
from tests.node.present import GEO, catalogue, make_planner

OVERRIDE = said("region gtm.example.com/eu-west")
API = ServiceId("api.gtm.example.com")
KEPT = (API, EndpointId("eu-west/192.0.2.20"))


class Measured:
    """The world's zone with one endpoint down, a probe that was heard, and counters that moved."""

    def __init__(self, tmp_path: Path) -> None:
        self.clock = FakeClock()
        self.counters = Counters()
        self.planner: Planner = make_planner(tmp_path, counters=self.counters)
        asyncio.run(self.planner.take_geo(GEO))
        asyncio.run(self.planner.take_zones(catalogue(world.zone())))
        self.planner.take_status(self.status)
        self.report_store: WatchedReportStore = report_store_of("ns1", "fra", clock=self.clock)
        fra = report_store_of("fra", clock=self.clock)
        fra.publish({})
        self.report_store.take(fra.offer().body, giver=NodeName("fra"))
        self.clock.advance(2.5)
        self.counters.add("dns_responses", 3, rcode="NOERROR", transport="udp")
        self.tallies = Tallies()
        self.tallies.transitions.watch(checks((world.zone(),)))
        phases = Phases(connect_s=0.01, first_byte_s=0.03)
        self.tallies.durations.take(check_of(PLAIN_HTTP), Reading(Reason.OK, 0.04, phases=phases))
        secure = check_of(HttpSettings(secure=True))
        seen = Reading(Reason.OK, 0.04, certificate=Certificate(1_690_000_000.0, 1_800_000_000.0))
        self.tallies.certificates.take(secure, seen, wall=self.clock.wall())

    @property
    def status(self) -> Status:
        believed = world.status(world.down("192.0.2.20"), world.zone())
        seen = LocalBelief(VantageName("fra"), Belief.DOWN)
        local = {name: replace(one, local=(seen,)) for name, one in believed.checks.items() if "192.0.2.10" in name}
        return Status({**believed.checks, **local})

    def present(self) -> Snapshot:
        return Snapshot(
            node=NodeName("ns1"),
            version="1.2.3",
            engine="reference",
            roles=("admin", "dns"),
            started_at=1_700_000_000.0,
            plan=self.planner.present.plan,
            status=self.planner.present.status,
            overlay=Overlay(in_force(newest(joined({}, [OVERRIDE])), wall=WALL)),
            probes=(
                ExpectedProbe(NodeName("fra"), is_peer=True, age_s=2.5, is_fresh=False, is_voting=False),
                ExpectedProbe(NodeName("ns1"), is_peer=False, age_s=0.5, is_fresh=True, is_voting=True),
            ),
            reloads=Reloads(successful=True, at=1_700_000_001.0),
            push=Push(1_700_000_060.9, "gtm.example.com changed"),
            refusals=(Refusal(SafetyRule.CORRELATED, f"service {API}", "all 2 checks failed", held=frozenset([KEPT])),),
            geo=(GeoSource("regions.mmdb", 1_690_000_000),),
            ready=True,
            measured=self.tallies.families(),
            expiries={"listen": 1_800_000_000.0},
            unsaved=1,
            counters={
                **self.counters.snapshot(),
                'dns_engine_nanoseconds_bucket{le="1023"}': 2,
                'dns_engine_nanoseconds_bucket{le="+Inf"}': 3,
                "dns_engine_nanoseconds_count": 3,
                "dns_engine_nanoseconds_sum": 9_000,
            },
            wrong_keys={NodeName("fra"): True},
            skew=judged({NodeName("fra"): 41.0}),
        )
