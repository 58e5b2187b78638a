"""What people see: dig and kdig against the server."""

import subprocess

import pytest

from gtm.engine.protocol import Engine
from tests.serve.running import running


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout


def dig(host: str, port: int, *arguments: str) -> str:
    return run("dig", f"@{host}", "-p", str(port), "+tries=1", "+time=5", *arguments)


@pytest.mark.tool("dig")
@pytest.mark.parametrize("at", ["127.0.0.1:0", "[::1]:0"])
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_dig_gets_the_region_of_its_subnet(engine: Engine, at: str, transport: str) -> None:
    with running(engine, at) as server:
        for subnet, address in (("10.1.0.0/16", "192.0.2.40"), ("10.2.3.0/24", "192.0.2.41")):
            asked = ("+short", transport, "v4.gtm.example.com", f"+subnet={subnet}")
            assert dig(server.host, server.port, *asked).split() == [address]
        assert dig(server.host, server.port, "+short", transport, "+noedns", "v4.gtm.example.com").split()


@pytest.mark.tool("dig")
def test_dig_shows_the_scope_and_no_warning(engine: Engine) -> None:
    with running(engine) as server:
        shown = dig(server.host, server.port, "v4.gtm.example.com", "+subnet=10.2.3.0/24", "+norecurse")
    assert "CLIENT-SUBNET: 10.2.3.0/24/15" in shown
    assert "status: NOERROR" in shown
    assert "flags: qr aa;" in shown
    assert "WARN" not in shown.upper()


@pytest.mark.tool("dig")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["+edns=1", "+noednsnegotiation", "v4.gtm.example.com"], "status: BADVERS"),
        (["+ednsopt=65001:abcd", "v4.gtm.example.com"], "status: NOERROR"),
        (["+opcode=notify", "v4.gtm.example.com"], "status: NOTIMP"),
        (["+header-only"], "status: FORMERR"),
        (["+subnet=0", "v4.gtm.example.com"], "status: NOERROR"),
        (["nothing.gtm.example.com"], "status: NXDOMAIN"),
        (["example.org"], "status: REFUSED"),
        (["big.gtm.example.com", "TXT"], "ANSWER: 20"),
        (["big.gtm.example.com", "TXT", "+ignore"], "flags: qr aa tc rd"),
        (["@", "version.bind", "CH", "TXT"], "status: REFUSED"),
        (["api.gtm.example.com", "ANY"], "RFC8482"),
    ],
)
def test_dig_shows_what_is_due(engine: Engine, arguments: list[str], words: str) -> None:
    with running(engine) as server:
        shown = dig(server.host, server.port, *[argument for argument in arguments if argument != "@"])
    assert words in shown
    assert "Messages has" not in shown
    assert "malformed" not in shown.lower()


@pytest.mark.tool("kdig")
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_kdig_gets_the_region_of_its_subnet(engine: Engine, transport: str) -> None:
    with running(engine) as server:
        shown = run(
            "kdig",
            "@127.0.0.1",
            "-p",
            str(server.port),
            transport,
            "+short",
            "v4.gtm.example.com",
            "+subnet=10.2.0.0/16",
        )
    assert shown.split() == ["192.0.2.41"]
