"""Endpoints that flood their probe, and names that nobody answers for, while every other part of the node is looked at.

Another region stops to answer at the same time, which only a timeout tells: a probe that is too busy believes in none.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gtm.share.keys import generate_key
from tests.fakes.asking import is_answering
from tests.fakes.cluster import START_LIMIT_S, ZONE, Cluster, Running, loopback_address, within
from tests.fakes.siege import Siege, besiege, withstand

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.alone]

Record = Callable[[str, float], None]

CHANGE_LIMIT_S = 5.0
"""For a changed zone: two scans, a compile, and a busy machine."""

FLOOD_PORT = 5399
FLOOD = """
import select, socket, sys, time
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.bind((sys.argv[1], int(sys.argv[2])))
client, stray, until = None, b"", 0.0
while True:
    if select.select([line], [], [], 0 if time.monotonic() < until else None)[0]:
        query, client = line.recvfrom(65535)
        stray = query[:2] + bytes.fromhex("8400 0001 0fa0 0000 0000 05") + b"other" + query[12:-11]  # no OPT
        stray += (bytes.fromhex("c00c 0001 0001 00000000 0004") + bytes(4)) * 4000
        until = time.monotonic() + 2.0
    line.sendto(stray, client)
"""
"""Answers another question, with 65 kB, again and again, as fast as it can, for two seconds after each query."""

FLOODED = """
  flooded:
    monitor: flooded
    steer: nearest
    endpoints:
      - {{region: eu-west, address: {address}}}
"""
MONITOR = f"""
  flooded:
    {{type: dns, port: {FLOOD_PORT}, name: www.example.com, interval: 500ms, timeout: 500ms, fall: 2, rise: 2}}
services:"""


def add_service(siege: Siege, address: str) -> None:
    """Adds a service whose endpoint is checked by a query."""
    text = siege.cluster.zone_file.read_text(encoding="utf-8")
    text = text.replace("\nservices:", MONITOR, 1).replace(
        "\nrecords:", FLOODED.format(address=address) + "records:", 1
    )
    siege.cluster.zone_file.write_text(text, encoding="utf-8")


@contextmanager
def flooding(siege: Siege) -> Iterator[None]:
    """An endpoint that floods whoever asks it, and a service that has it checked."""
    address = loopback_address()
    siege.cluster.start("flood", ("-c", FLOOD, address, str(FLOOD_PORT)))
    add_service(siege, address)
    within(START_LIMIT_S, lambda: is_answering(siege.machine.address, name=f"flooded.{ZONE}"))
    yield


def test_an_endpoint_that_floods_delays_no_failover_of_another(cluster: Cluster, record: Record) -> None:
    siege = besiege(cluster)
    seen = withstand(siege, flooding(siege), fall=Running.hang)
    seen.report(record)
    seen.hold()
    assert "status a flood of messages" in siege.node.said, "the log tells who it was"


PEERS = 20
SUFFIX = ".hangs.test"
HANGING = f"""
import socket, threading
asked = socket.getaddrinfo
def getaddrinfo(host, *more, **named):
    if isinstance(host, str) and host.endswith({SUFFIX!r}):
        threading.Event().wait()
    return asked(host, *more, **named)
socket.getaddrinfo = getaddrinfo
"""
"""What the C library does where no name server answers, but for good."""


def with_peers_that_hang(node: dict[str, object]) -> None:
    """Adds peers whose names nobody answers for."""
    share = node["share"]
    assert isinstance(share, dict)
    share["peers"] = [
        {"node": f"peer{n}", "url": f"http://peer{n}{SUFFIX}:8080", "key": str(generate_key().public)}
        for n in range(PEERS)
    ]
    node["quorum"] = {"rule": "majority", "voters": 1}


@contextmanager
def changing(siege: Siege) -> Iterator[None]:
    """A zone that changes, and is served."""
    text = siege.cluster.zone_file.read_text(encoding="utf-8")
    siege.cluster.zone_file.write_text(text + "  news: {A: 192.0.2.54}\n", encoding="utf-8")
    within(CHANGE_LIMIT_S, lambda: is_answering(siege.machine.address, name=f"news.{ZONE}"))
    yield


def test_names_that_hang_delay_neither_zones_nor_a_failover(
    cluster: Cluster, record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patched = tmp_path / "patched"
    patched.mkdir()
    (patched / "sitecustomize.py").write_text(HANGING, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(patched), os.environ.get("PYTHONPATH", "")]))
    siege = besiege(cluster, edit_node=with_peers_that_hang)
    seen = withstand(siege, changing(siege), fall=Running.hang)
    seen.report(record)
    seen.hold()
