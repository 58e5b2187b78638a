"""RFC 8914: an extended error says that a service answers although every check fails."""

import dns.edns
import dns.message
import dns.rcode
import pytest

from gtm.engine.protocol import Engine
from tests.fakes import world
from tests.fakes.world import query, values

ALL_OF_API = ("192.0.2.10", "192.0.2.20", "192.0.2.21", "192.0.2.30")


def errors(message: dns.message.Message) -> list[tuple[int, str | None]]:
    return [(option.code, option.text) for option in message.options if isinstance(option, dns.edns.EDEOption)]


def serve(engine: Engine, *down: str) -> None:
    engine.swap(world.plan(world.zone(), beliefs=world.down(*down), geography=world.geography()))


def test_fail_open_is_said(engine: Engine) -> None:
    serve(engine, *ALL_OF_API)
    message = world.answer(engine, query("api", subnet="10.1.2.0/24"))
    assert values(message.answer) == ["192.0.2.10"]
    assert errors(message) == [(0, "no endpoint is up; answering as configured for that")]
    assert world.scope(message) == 16


def test_it_is_said_of_the_type_that_is_down_alone(engine: Engine) -> None:
    serve(engine, *ALL_OF_API)
    assert not errors(world.answer(engine, query("api", "AAAA")))
    assert not errors(world.answer(engine, query("api", "TXT")))


@pytest.mark.parametrize("down", [(), ALL_OF_API[:3]], ids=["steady", "degraded"])
def test_nothing_is_said_while_something_is_up(engine: Engine, down: tuple[str, ...]) -> None:
    serve(engine, *down)
    assert not errors(world.answer(engine, query("api")))


def test_nothing_is_said_to_who_has_no_edns(engine: Engine) -> None:
    serve(engine, *ALL_OF_API)
    assert world.answer(engine, query("api", edns=False)).edns == -1


def test_it_is_said_behind_an_alias(engine: Engine) -> None:
    serve(engine, *ALL_OF_API)
    assert errors(world.answer(engine, query("www")))


def test_a_steered_alias_that_fails_open_says_so_whatever_follows(engine: Engine) -> None:
    serve(engine, "us.alias.gtm.example.com", "eu.example.net", "gone.ent.gtm.example.com")
    for client in (world.US, world.EU, world.AP):
        assert errors(world.answer(engine, query("alias"), client=client)), client


def test_a_steered_alias_that_fails_open_says_so_before_a_steady_service(engine: Engine) -> None:
    serve(engine, "robin.gtm.example.com", "pair.gtm.example.com")
    for coin in range(4):
        message = world.answer(engine, query("chained"), coin=coin)
        assert values(message.answer)
        assert errors(message)


@pytest.mark.parametrize(("name", "rcode"), [("closed", dns.rcode.NOERROR), ("broken", dns.rcode.SERVFAIL)])
def test_a_service_that_fails_closed_says_so_too(engine: Engine, name: str, rcode: dns.rcode.Rcode) -> None:
    serve(engine, "192.0.2.90", "192.0.2.91")
    message = world.answer(engine, query(name))
    assert (message.rcode(), values(message.answer)) == (rcode, [])
    assert errors(message)
