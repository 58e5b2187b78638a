"""A node that is told to stop while others hold it up: it stops in time, and writes what it has to write."""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from gtm.admin.address import SOCKET_NAME
from tests.fakes.asking import is_answering
from tests.fakes.cluster import (
    ADMIN_PORT,
    REGIONS,
    START_LIMIT_S,
    Cluster,
    Machine,
    loopback_address,
    within,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

RELOAD = b"POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def growing(file: Path) -> Iterator[None]:
    """Has a file written again and again: a reload waits for it for five seconds."""
    is_over = threading.Event()

    def write() -> None:
        while not is_over.wait(0.05):
            with file.open("a") as opened:
                opened.write("#\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        is_over.set()
        writer.join()


def test_a_collector_that_hangs_and_requests_that_take_long_do_not_cost_a_node_its_last_words(cluster: Cluster) -> None:
    node = Machine("ns1", loopback_address(), roles=("dns", "admin"))
    cluster.write_zone(dict(zip(REGIONS, ("192.0.2.1", "192.0.2.2", "192.0.2.3"), strict=True)))
    cluster.write_nodes([node])
    with ExitStack() as stack:
        collector = stack.enter_context(socket.create_server((loopback_address(), 0)))
        host, port = collector.getsockname()
        settings = (f"OTEL_EXPORTER_OTLP_ENDPOINT=http://{host}:{port}", "OTEL_METRIC_EXPORT_INTERVAL=200")
        serve = (sys.executable, "-m", "gtm", "serve", "--config", str(cluster.node_file(node)))
        running = cluster.start_program("ns1", serve, prefix=("env", *settings))
        within(START_LIMIT_S, lambda: is_answering(node.address))
        collector.settimeout(START_LIMIT_S)
        stack.enter_context(collector.accept()[0])
        stack.enter_context(growing(cluster.zones / "unfinished.yaml"))
        for address in ((node.address, ADMIN_PORT), str(cluster.folder / "ns1.state" / SOCKET_NAME)):
            client = stack.enter_context(socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET))
            client.connect(address)
            client.sendall(RELOAD)
        within(START_LIMIT_S, lambda: is_answering(node.address))
        assert running.stop() == 0
    assert "node ns1 stopped" in running.said
    assert "ending all the same" not in running.said
