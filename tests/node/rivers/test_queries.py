"""The query river with either engine: sockets first, answers when told, counters of both in one snapshot."""

import asyncio
from dataclasses import replace
from pathlib import Path

import dns.query
import pytest

from gtm.counters import Counters
from gtm.engine.protocol import Engine, Serving
from gtm.errors import ListenFailed
from gtm.node.config.parse import default_config
from gtm.node.rivers.queries import Queries, open_queries
from gtm.serve.listen import parse_listen
from tests.fakes.engines import ENGINES
from tests.fakes.world import geography, plan, query, zone

WAIT_S = 5.0


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]()


def opened(engine: Engine, *at: str, counters: Counters) -> Queries:
    config = replace(default_config(Path(), "here"), dns=tuple(map(parse_listen, at)), threads=2)
    return open_queries(config, engine, counters=counters)


def test_what_is_asked_before_the_start_is_answered_after_it_and_counted(engine: Engine) -> None:
    counters = Counters()
    queries = opened(engine, "127.0.0.1:0", "[::1]:0", counters=counters)

    async def scene() -> None:
        asking = [asyncio.to_thread(ask, address) for address in queries.addresses]
        answers = asyncio.gather(*asking)
        engine.swap(plan(zone(), beliefs={}, geography=geography()))
        serving = asyncio.create_task(queries.serve())
        assert await answers == [1, 1]
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(scene())
    queries.close()
    assert counters.snapshot()['dns_responses{rcode="NOERROR",transport="udp"}'] == 2


def ask(address: str) -> int:
    at = parse_listen(address)
    return len(dns.query.udp(query("mail"), str(at.address), WAIT_S, at.port).answer)


def test_a_port_in_use_is_said_alike(engine: Engine) -> None:
    with_it = opened(engine, "127.0.0.1:0", counters=Counters())
    [at] = with_it.addresses
    port = parse_listen(at).port
    with pytest.raises(ListenFailed) as caught:
        opened(type(engine)(), at, counters=Counters())
    assert str(caught.value) == (
        f"cannot listen on {at} (UDP): Address already in use; another server has it: "
        f"`ss -lnp 'sport = :{port}'` says which"
    )
    with_it.close()
    opened(engine, at, counters=Counters()).close()


def test_an_engine_with_sockets_of_its_own_says_so() -> None:
    assert {name for name, make in ENGINES.items() if isinstance(make(), Serving)} == set(ENGINES) - {"reference"}


def test_a_link_local_address_is_bound_on_the_interface_that_it_names(engine: Engine) -> None:
    """No machine has this one, and so the system's refusal shows that the name was understood."""
    with pytest.raises(ListenFailed, match=r"cannot listen on \[fe80::dead:beef%.+\]:0 \(UDP\): Cannot assign"):
        opened(engine, "[fe80::dead:beef%lo]:0", counters=Counters())


def test_an_interface_that_is_not_there_is_said(engine: Engine) -> None:
    with pytest.raises(ListenFailed, match=r'cannot listen on .* there is no interface "nowhere0"'):
        opened(engine, "[fe80::1%nowhere0]:0", counters=Counters())
