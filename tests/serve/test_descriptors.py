"""File descriptors: what strangers may hold, and what is kept from them."""

import asyncio
import resource
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gtm.counters import Counters
from gtm.engine.protocol import Engine
from gtm.node.rivers.queries import AsyncioQueries
from gtm.serve.descriptors import (
    RESERVED,
    WANTED,
    admin_connections,
    connections_each,
    health_connections,
    raise_limit,
    raised_limit,
    tcp_limits,
)
from gtm.serve.listen import open_listeners, parse_listen
from gtm.serve.responder import Responder
from tests.serve.running import LIMITS


@pytest.fixture
def limits() -> Iterator[tuple[int, int]]:
    """Gives the limits of this process, and puts them back."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("soft", "hard", "raised"),
    [
        (1024, 524_288, WANTED),
        (1024, 4096, 4096),
        (1024, 1024, 1024),
        (65_536, 524_288, 65_536),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_is_wanted_and_allowed(soft: int, hard: int, raised: int) -> None:
    assert raised_limit(soft, hard) == raised


def test_raising_the_limit_raises_it(limits: tuple[int, int]) -> None:
    hard = limits[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    raised = raise_limit()
    assert raised > 1024
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (raised, hard)


@pytest.mark.parametrize("limit", [1024, 4096, WANTED, 1 << 30])
@pytest.mark.parametrize("listeners", [1, 2, 7])
def test_connections_leave_what_is_reserved(limit: int, listeners: int) -> None:
    each = connections_each(limit, 1000, listeners=listeners)
    assert 0 < each <= 1000
    assert each * listeners <= limit - RESERVED


def test_the_admin_api_has_what_it_wants_where_there_are_many_and_an_eighth_where_there_are_few() -> None:
    assert [admin_connections(limit, 300) for limit in (1 << 30, WANTED, 1024, 16)] == [300, 300, 128, 8]
    assert admin_connections(1024, 300) + 500 < RESERVED


@pytest.mark.parametrize("limit", [256, 512, 1024, 4096, 1 << 20])
def test_the_health_port_has_a_quarter_of_what_the_admin_api_may_have(limit: int) -> None:
    beside = health_connections(limit, 128)
    assert beside == min(128, limit // 32)
    assert beside + admin_connections(limit, 300, beside=beside) == min(limit // 8, 300 + beside)


def test_where_there_is_almost_nothing_the_health_port_is_served_all_the_same() -> None:
    assert health_connections(64, 128) > 0
    assert admin_connections(64, 300, beside=health_connections(64, 128)) > 0


def test_where_there_is_almost_nothing_a_few_connections_are_served_all_the_same() -> None:
    assert connections_each(256, 1000, listeners=4) > 0


def test_queries_are_served_with_the_limit_raised(engine: Engine, limits: tuple[int, int]) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, limits[1]))
    counters = Counters()
    [listener] = open_listeners([parse_listen("127.0.0.1:0")])

    async def scene() -> None:
        serving = asyncio.create_task(
            AsyncioQueries(
                (listener,),
                Responder(engine, counters=counters),
                counters,
                tcp=LIMITS,
            ).serve()
        )
        await asyncio.sleep(0)
        serving.cancel()
        await asyncio.wait([serving])

    asyncio.run(scene())
    listener.close()
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 1024


def test_for_more_connections_the_soft_limit_goes_higher() -> None:
    assert raised_limit(1024, 524_288, 40_700) == 40_700


def test_as_many_connections_as_the_node_file_wants_are_had_where_the_system_allows_them(
    limits: tuple[int, int],
) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, limits[1]))
    wanted = replace(LIMITS, connections=1500)
    assert tcp_limits(wanted, listeners=2) == wanted


def test_fewer_connections_than_the_node_file_wants_are_told(
    limits: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    most = limits[0] if limits[0] != resource.RLIM_INFINITY else 1 << 30
    wanted = replace(LIMITS, connections=1 << 30, of_network=1 << 28)
    found = tcp_limits(wanted, listeners=1)
    assert most - RESERVED <= found.connections < 1 << 30
    assert found.of_network == found.connections // 4, "a network has the same share of fewer"
    assert f"listen.tcp: {found.connections} connections for each address, not 1073741824" in caplog.text
