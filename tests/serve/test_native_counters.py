"""What the threads of the Rust engine count, added up while they serve."""

import dns.message
import dns.query

from tests.fakes import world
from tests.fakes.world import query
from tests.serve.running import WAIT_S, Native, asker, running


def test_counters_add_up(native: Native) -> None:
    with running(native, threads=3) as server:
        for _ in range(30):
            dns.query.udp(query("v4", subnet="10.2.0.0/16"), server.host, WAIT_S, server.port)
            dns.query.udp(query("nothing", "AAAA"), server.host, WAIT_S, server.port)
            dns.query.udp(query("other.test.", "TYPE4711"), server.host, WAIT_S, server.port)
            dns.query.tcp(query("mail", "TXT"), server.host, WAIT_S, server.port)
        with asker(server.port) as sock:
            asked = query("api")
            asked.use_edns(edns=1)
            sock.send(asked.to_wire())
            sock.recv(65_535)
        counted = server.counters.snapshot()
    assert {name: count for name, count in counted.items() if "nanoseconds" not in name} == {
        'dns_questions{type="A"}': 31,
        'dns_questions{type="AAAA"}': 30,
        'dns_questions{type="TXT"}': 30,
        'dns_questions{type="other"}': 30,
        'dns_region_responses{region="eu-west"}': 30,
        'dns_responses{rcode="BADVERS",transport="udp"}': 1,
        'dns_responses{rcode="NOERROR",transport="tcp"}': 30,
        'dns_responses{rcode="NOERROR",transport="udp"}': 30,
        'dns_responses{rcode="NXDOMAIN",transport="udp"}': 30,
        'dns_responses{rcode="REFUSED",transport="udp"}': 30,
        'dns_service_responses{service="v4.gtm.example.com"}': 30,
        'dns_zone_responses{zone="gtm.example.com"}': 90,
    }


def test_counters_outlive_the_names_that_they_counted(native: Native) -> None:
    """New names are numbered anew; what was counted under the old numbers stays with its name."""
    with running(native) as server:
        for edition in range(5):
            for _ in range(10):
                dns.query.udp(query("v4", subnet="10.2.0.0/16"), server.host, WAIT_S, server.port)
            assert server.counters.count("dns_service_responses", service="v4.gtm.example.com") == 10 * (edition + 1)
            assert server.counters.count("dns_zone_responses", zone="gtm.example.com") == 10 * (edition + 1)
            text = f"  a{edition}: {{steer: nearest, endpoints: [{{region: us-east, address: 192.0.2.1}}]}}\n"
            here = "  v4: {steer: nearest, endpoints: [{region: eu-west, address: 192.0.2.41}]}\n"
            native.swap(world.plan(world.services(text + here), beliefs={}, geography=world.geography()))


def test_the_engine_s_own_time_is_sampled(native: Native) -> None:
    with running(native, threads=1) as server:
        for _ in range(200):  # each a batch of its own, and one batch in 64 is timed
            dns.query.udp(query("mail"), server.host, WAIT_S, server.port)
        count = server.counters.count("dns_engine_nanoseconds_count")
        assert 3 <= count <= 4
        assert server.counters.count("dns_engine_nanoseconds_bucket", le="+Inf") == count
        assert 0 < server.counters.count("dns_engine_nanoseconds_sum") < count * 1_000_000_000
