"""Two nodes that speak mutual TLS, and whose certificates and roots are renewed while they run: real processes.

They go over to another authority without a restart, and hear each other as before. A half-written file is refused, and
said; what served before serves on.
"""

import socket
import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from gtm.admin.address import SOCKET_NAME, UNIX
from gtm.admin.client import fetch_events, fetch_status
from gtm.admin.views import NodeStatus
from gtm.errors import Unreachable
from gtm.health.report.peer import PeerState
from gtm.share.keys import generate_key, save_key
from gtm.tls.peers import TlsFiles, client_tls
from tests.fakes.certificates import DAY, Authority
from tests.fakes.cluster import (
    ADMIN_PORT,
    DNS_PORT,
    EU_WEST,
    START_LIMIT_S,
    Cluster,
    Running,
    loopback_address,
    within,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

NAMES = ("one", "two")
RENEWAL_LIMIT_S = 15.0
"""Two looks, and a poll that is under way."""


class Stage:
    """Two nodes, and what renews their certificates."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.addresses = {name: loopback_address() for name in NAMES}
        self.keys = {name: generate_key() for name in NAMES}
        self.authorities = [self._authority("first"), self._authority("second")]
        cluster.write_zone({EU_WEST: "192.0.2.1"})
        for name in NAMES:
            self._write_node_file(name)
        self.renew(self.authorities[0])
        self.running: Mapping[str, Running] = {name: self._start(name) for name in NAMES}

    def _authority(self, name: str) -> Authority:
        (self.cluster.folder / name).mkdir()
        return Authority(self.cluster.folder / name)

    def _write_node_file(self, name: str) -> None:
        save_key(self.cluster.folder / f"{name}.key", self.keys[name])
        tls = {"certificate": f"{name}.pem", "ca": "ca.pem"}
        at = f"{self.addresses[name]}:{ADMIN_PORT}"
        peers = [
            {"node": peer, "url": f"https://{self.addresses[peer]}:{ADMIN_PORT}", "key": str(self.keys[peer].public)}
            for peer in NAMES
            if peer != name
        ]
        node = {
            "node": name,
            "state": name,
            "listen": {"dns": [f"{self.addresses[name]}:{DNS_PORT}"], "admin": at, "tls": tls},
            "geo": {"databases": [self.cluster.database.name]},
            "probe": {"allow": ["127.0.0.0/8"]},
            "share": {"key": f"{name}.key", "peers": peers, "tls": tls},
        }
        (self.cluster.folder / f"{name}.yaml").write_text(yaml.safe_dump(node), encoding="utf-8")

    def _start(self, name: str) -> Running:
        return self.cluster.start(name, ("-m", "gtm", "serve", "--config", str(self.cluster.folder / f"{name}.yaml")))

    def renew(self, authority: Authority) -> None:
        """Has an authority issue everything anew, as a tool would that knows nothing of the nodes."""
        for name in NAMES:
            authority.issue(self.addresses[name], ends=90 * DAY).replace(self.file(name))
        fresh = self.cluster.folder / "ca.new"
        fresh.write_bytes(authority.root.read_bytes())
        fresh.replace(self.cluster.folder / "ca.pem")

    def file(self, name: str) -> Path:
        return self.cluster.folder / f"{name}.pem"

    def local(self, name: str) -> str:
        """Where a node is asked without TLS."""
        return f"{UNIX}{self.cluster.folder / name / SOCKET_NAME}"

    def status(self, name: str) -> NodeStatus | None:
        try:
            return fetch_status(self.local(name))
        except Unreachable:
            return None

    def renewals(self, name: str, side: str, outcome: str) -> int:
        status = self.status(name)
        series = f'certificate_renewals{{outcome="{outcome}",side="{side}"}}'
        return 0 if status is None else status.counters.get(series, 0)

    def hear_each_other(self) -> bool:
        """Whether each hears the other by a poll that just went well."""
        found = [self.status(name) for name in NAMES]
        states = [peer.state for one in found if one is not None for peer in one.peers]
        return states == [PeerState.HEARD] * len(NAMES)

    def polled(self) -> int:
        """How many polls went well, of the node that did least of them."""
        found = [self.status(name) for name in NAMES]
        return min(0 if one is None else one.counters.get('polls{outcome="news"}', 0) for one in found)

    def serial(self, name: str, authority: Authority) -> object:
        """What a node shows to a client of an authority; None for a client that it does not let in."""
        context = client_tls(TlsFiles(authority.issue("client"), ca=authority.root))
        at = (self.addresses[name], ADMIN_PORT)
        try:
            with (
                socket.create_connection(at, timeout=10) as opened,
                context.wrap_socket(opened, server_hostname=self.addresses[name]) as talking,
            ):
                talking.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                shown = talking.getpeercert()
                return shown["serialNumber"] if shown and talking.recv(100) else None
        except (ssl.SSLError, ConnectionError):
            return None


def test_nodes_go_over_to_another_authority_without_a_restart(cluster: Cluster) -> None:
    stage = Stage(cluster)
    first, second = stage.authorities
    within(START_LIMIT_S, stage.hear_each_other)
    assert stage.serial("one", first)
    assert stage.serial("one", second) is None

    stage.renew(second)
    for name in NAMES:
        for side in ("listen", "share"):
            within(RENEWAL_LIMIT_S, lambda name=name, side=side: stage.renewals(name, side, "taken") == 1)  # type: ignore[misc]
    assert stage.serial("one", second)
    assert stage.serial("one", first) is None, "the roots of before vouch for nobody any more"
    polled = stage.polled()
    within(RENEWAL_LIMIT_S, lambda: stage.hear_each_other() and stage.polled() > polled + 2)

    before = stage.serial("one", second)
    whole = stage.file("one").read_text()
    stage.file("one").write_text(whole[: len(whole) // 2])
    within(RENEWAL_LIMIT_S, lambda: stage.renewals("one", "share", "refused") == 1)
    within(RENEWAL_LIMIT_S, lambda: stage.renewals("one", "listen", "refused") == 1)
    assert stage.serial("one", second) == before
    said = stage.running["one"].said
    assert said.count("TLS of listen: the renewed files are refused, those of before serve on: ") == 1
    types = [event.type for event in fetch_events(stage.local("one"), since=0, after="")]
    assert (types.count("gtm.cert.renewed"), types.count("gtm.cert.refused")) == (2, 2)
    for running in stage.running.values():
        assert running.running
        assert "Traceback" not in running.said
