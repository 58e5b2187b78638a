"""What monitoring sees of a real node: what it scrapes, what it is sent, and the log of what happened."""

import sys
import time
import urllib.request
from collections.abc import Mapping
from itertools import chain

import pytest
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

from gtm.event import Recorded, parse_line
from tests.fakes.asking import addresses, beliefs_of, is_answering
from tests.fakes.cluster import (
    CLIENTS,
    EU_WEST,
    NAME,
    START_LIMIT_S,
    US_EAST,
    ZONE,
    Cluster,
    Machine,
    gtm,
    loopback_address,
    within,
)
from tests.fakes.collector import Collector

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

OPEN = "application/openmetrics-text; version=1.0.0"
QUERIES = 20


def scraped(node: Machine) -> dict[str, Metric]:
    request = urllib.request.Request(f"http://{node.admin}/metrics", headers={"Accept": OPEN})
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read().decode()
    return {metric.name: metric for metric in parse(text)}  # type: ignore[no-untyped-call]


def value(metric: Metric, **labels: str) -> float:
    return sum(
        sample.value
        for sample in metric.samples
        if labels.items() <= sample.labels.items() and sample.name.endswith(("_total", metric.name))
    )


def events_of(cluster: Cluster) -> list[Recorded]:
    ran = gtm("events", "--config", str(cluster.folder / "ns1.yaml"), "--json")
    assert ran.returncode == 0, ran.stderr
    return [parse_line(line.encode()) for line in ran.stdout.splitlines()]


def chain_to(event: Recorded, by_id: Mapping[str, Recorded]) -> list[str]:
    """Returns the types on the way from an event back to its first causes."""
    causes = [by_id[cause] for cause in event.causes]
    return [event.type, *chain.from_iterable(chain_to(cause, by_id) for cause in causes)]


def test_a_failover_is_scraped_sent_and_told_with_its_causes(cluster: Cluster) -> None:
    pytest.importorskip("gtm._native")
    node, regions = Machine("ns1", loopback_address()), {US_EAST: loopback_address(), EU_WEST: loopback_address()}
    collector = Collector()
    try:
        cluster.write_zone(regions)
        cluster.write_nodes([node])
        running = {name: cluster.start_region(name, address) for name, address in regions.items()}
        settings = (f"OTEL_EXPORTER_OTLP_ENDPOINT={collector.url}", "OTEL_METRIC_EXPORT_INTERVAL=200")
        cluster.start_program("ns1", serve(cluster, node), prefix=("env", *settings))
        within(START_LIMIT_S, lambda: is_answering(node.address))
        within(START_LIMIT_S, lambda: beliefs_of(node.address) == dict.fromkeys(regions, "up"))
        for _ in range(QUERIES):
            addresses(node.address, CLIENTS[EU_WEST])

        killed_at = time.time()
        running[EU_WEST].kill()
        within(START_LIMIT_S, lambda: addresses(node.address, CLIENTS[EU_WEST]) == (regions[US_EAST],))

        found = scraped(node)
        assert value(found["gtm_dns_queries"], rcode="NOERROR", transport="udp") >= QUERIES
        assert value(found["gtm_dns_zone_queries"], zone=ZONE) >= QUERIES
        assert value(found["gtm_dns_service_answers"], service=NAME) >= QUERIES
        assert value(found["gtm_dns_region_answers"], region=EU_WEST) >= QUERIES
        down = {"service": NAME, "endpoint": f"{EU_WEST}/{regions[EU_WEST]}", "gtm_endpoint_state": "down"}
        assert value(found["gtm_endpoint_state"], **down) == 1.0
        assert value(found["gtm_fail_open_active"], service=NAME) == 0.0
        took = [
            sample.labels["phase"]
            for sample in found["gtm_probe_duration_seconds"].samples
            if sample.name.endswith("_count")
        ]
        assert {"connect", "ttfb", "total"} <= set(took)

        within(START_LIMIT_S, lambda: "gtm.dns.server.queries" in collector.metrics())
        assert collector.resource()["service.instance.id"] == "ns1"

        def told() -> list[Recorded]:
            return [each for each in events_of(cluster) if each.type == "gtm.plan.swapped" and each.wall >= killed_at]

        within(START_LIMIT_S, lambda: bool(told()))
        by_id = {event.id: event for event in events_of(cluster)}
        types = ["gtm.plan.swapped", "gtm.endpoint.down", "gtm.verdict.changed", "gtm.reading.decisive"]
        assert types in [chain_to(plan, by_id) for plan in told()]
        assert "gtm.region.down" in {event.type for event in by_id.values()}
    finally:
        collector.close()


def serve(cluster: Cluster, node: Machine) -> tuple[str, ...]:
    """Returns the command that runs the node."""
    return (sys.executable, "-m", "gtm", "serve", "--config", str(cluster.node_file(node)))
