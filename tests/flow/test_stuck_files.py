"""Files that configuration names and that nobody can read: named pipes, and a mount that hangs, in every place at once.

    zones/stuck/networks.yaml, regions.mmdb    geo data
    zones/stuck/token                          a secret of a check
    zones/stuck/roots.pem, own.pem             roots and the client certificate of checks
    zones/stuck/program                        a program of a check
    zones/stuck.yaml                           a zone file, by a link to stuck/stuck.yaml
    zones/big.zone                             the records file of a good zone
    zones/linked-*.yaml                        more links into the folder while it hangs

The node serves, checks what it can, says what it cannot read, takes it up once it is mended, and ends when told to.
"""

import http.client
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import dns.message
import dns.query
import pytest

from tests.fakes.certificates import Authority
from tests.fakes.cluster import ADMIN_PORT, DNS_PORT, REGION_PORT, START_LIMIT_S, Cluster, within
from tests.fakes.geodata import write_database
from tests.fakes.hung import hung_mount
from tests.fakes.siege import STOP_LIMIT_S, Siege, besiege, withstand

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.alone]

PROGRAM = "#!/bin/sh\nexit 0\n"
RECORDS = "big A 192.0.2.77\n"
STUCK_ZONE = (
    "zone: stuck.test\nnameservers: [ns1.stuck.test]\nhostmaster: h@stuck.test\nrecords: {ns1: {A: 192.0.2.1}}\n"
)
NAMES = ("networks.yaml", "regions.mmdb", "token", "roots.pem", "own.pem", "program", "stuck.yaml")
OTHER_ZONE = STUCK_ZONE.replace("stuck", "other") + "records_file: big.zone\n"
UNREAD = {"secret", "roots", "own", "program"}
"""Services whose checks need one of these files."""


def write_good(folder: Path, name: str) -> None:
    """Writes what a file should hold, in one step."""
    beside = folder.parent / f".new-{name}"
    match name:
        case "networks.yaml":
            beside.write_text("networks: {}\n")
        case "regions.mmdb":
            write_database(beside, {"81.2.64.0/18": {"country": {"iso_code": "GB"}}})
        case "token":
            beside.write_text("secret")
        case "roots.pem":
            beside.write_bytes(Authority(folder.parent).root.read_bytes())
        case "own.pem":
            beside.write_bytes(Authority(folder.parent).issue("probe").read_bytes())
        case "program":
            beside.write_text(PROGRAM)
            beside.chmod(0o755)
        case "stuck.yaml":
            beside.write_text(STUCK_ZONE)
        case "big.zone":
            beside.write_text(RECORDS)
    beside.replace(folder / name)


def edit_node(folder: Path) -> Callable[[dict[str, object]], None]:
    def edit(node: dict[str, object]) -> None:
        node["geo"] = {
            "databases": ["regions.mmdb", "zones/stuck/regions.mmdb"],
            "networks": "zones/stuck/networks.yaml",
        }
        probe = node.setdefault("probe", {})
        assert isinstance(probe, dict)
        probe |= {
            "secrets": {"token": {"file": "zones/stuck/token"}},
            "authorities": {"roots": "zones/stuck/roots.pem"},
            "certificates": {"own": {"certificate": "zones/stuck/own.pem"}},
            "exec": [str(folder / "program")],
        }

    return edit


def edit_zone(folder: Path) -> Callable[[dict[str, object]], None]:
    def edit(zone: dict[str, object]) -> None:
        pace = {"interval": "500ms", "timeout": "400ms", "fall": 2, "rise": 1, "failback_delay": "0s", "damping": False}
        monitors, services = zone["monitors"], zone["services"]
        assert isinstance(monitors, dict)
        assert isinstance(services, dict)
        page = {"port": REGION_PORT, "path": "/healthz", **pace}
        monitors["secret"] = {"type": "http", "headers": {"X-Token": {"secret": "token"}}, **page}
        monitors["roots"] = {"type": "https", "tls": {"ca": "roots"}, **page}
        monitors["own"] = {"type": "https", "tls": {"client_certificate": "own"}, **page}
        monitors["program"] = {"type": "exec", "command": [str(folder / "program")], **pace}
        endpoints = services["api"]["endpoints"]
        for name in UNREAD:
            services[name] = {"monitor": name, "steer": "nearest", "endpoints": endpoints}

    return edit


def besieged(cluster: Cluster, put: Callable[[Path], None]) -> Siege:
    """Returns a node that has files in all places: whatever `put` puts there."""
    folder = cluster.zones / "stuck"
    folder.mkdir(parents=True)
    for name in NAMES:
        put(folder / name)
    (cluster.zones / "stuck.yaml").symlink_to("stuck/stuck.yaml")
    (cluster.zones / "other.yaml").write_text(OTHER_ZONE)
    put(cluster.zones / "big.zone")
    return besiege(cluster, edit_zone=edit_zone(folder), edit_node=edit_node(folder))


def status(siege: Siege) -> dict[str, object]:
    opened = http.client.HTTPConnection(siege.machine.address, ADMIN_PORT, timeout=START_LIMIT_S)
    try:
        opened.request("GET", "/v1/status")
        found = json.loads(opened.getresponse().read())
    finally:
        opened.close()
    assert isinstance(found, dict)
    return found


def problems(siege: Siege) -> str:
    found = status(siege)
    return "\n".join([*found["problems"], *found["geo_problems"]])  # type: ignore[misc]


def reasons(siege: Siege) -> dict[str, set[str]]:
    """Why the endpoints of each service are as they are."""
    found: dict[str, set[str]] = {}
    for service in status(siege)["services"]:  # type: ignore[attr-defined]
        name = str(service["service"]).partition(".")[0]
        found[name] = {f"{each['belief']} {each['reason']}" for each in service["endpoints"]}
    return found


def stop(siege: Siege) -> float:
    began = time.monotonic()
    siege.node.stop()
    return time.monotonic() - began


def asks_for(siege: Siege, name: str) -> int:
    query = dns.message.make_query(name, "A")
    answer = dns.query.udp(query, siege.machine.address, timeout=START_LIMIT_S, port=DNS_PORT)
    return len(answer.answer)


def test_pipes_in_every_place_are_told_and_taken_up_once_they_are_files(cluster: Cluster) -> None:
    siege = besieged(cluster, os.mkfifo)
    folder = cluster.zones / "stuck"
    told = problems(siege)
    for name in ("networks.yaml", "regions.mmdb", "stuck.yaml", "big.zone"):
        assert any(name in line and "not a regular file" in line for line in told.splitlines()), name
    within(START_LIMIT_S, lambda: all(f"/{name}" in siege.node.said for name in ("token", "roots", "own", "program")))
    assert all(reasons(siege)[name] == {"unknown unread"} for name in UNREAD)
    assert reasons(siege)["api"] == {"up ok"}
    for name in NAMES:
        write_good(folder, name)
    write_good(cluster.zones, "big.zone")
    within(START_LIMIT_S, lambda: problems(siege) == "")
    within(START_LIMIT_S, lambda: all("unread" not in " ".join(reasons(siege)[name]) for name in UNREAD))
    assert reasons(siege)["secret"] == reasons(siege)["program"] == {"up ok"}
    assert asks_for(siege, "ns1.stuck.test") == asks_for(siege, "big.other.test") == 1
    assert stop(siege) < STOP_LIMIT_S
    assert "Traceback" not in siege.node.said


def test_a_mount_that_hangs_harms_nobody_and_what_is_in_it_is_taken_up_afterwards(cluster: Cluster) -> None:
    folder = cluster.zones / "stuck"
    links = [cluster.zones / f"linked-{number}.yaml" for number in range(20)]
    siege = besieged(cluster, lambda path: write_good(path.parent, path.name))
    within(START_LIMIT_S, lambda: reasons(siege)["program"] == {"up ok"})
    with hung_mount(folder) as mount:
        (cluster.zones / "other.yaml").write_text(OTHER_ZONE + "ttl: 77\n")
        within(START_LIMIT_S, lambda: "no answer from its disk or mount" in problems(siege))
        assert reasons(siege)["api"] == {"up ok"}
        for link in links:
            link.symlink_to(f"stuck/{link.name}")
        (cluster.zones / "third.yaml").write_text(STUCK_ZONE.replace("stuck", "third"))
        within(START_LIMIT_S, lambda: asks_for(siege, "ns1.third.test") == 1)
        assert asks_for(siege, "ns1.stuck.test") == 1, "its last good zone serves on"
        threads = threads_of(siege)
        for link in links:
            link.unlink()
        mount.mend()
    write_good(folder, "stuck.yaml")
    within(START_LIMIT_S, lambda: problems(siege) == "")
    within(START_LIMIT_S, lambda: threads_of(siege) <= threads)
    within(START_LIMIT_S, lambda: all("unread" not in " ".join(reasons(siege)[name]) for name in UNREAD))
    assert stop(siege) < STOP_LIMIT_S
    assert "Traceback" not in siege.node.said


def test_under_a_mount_that_hangs_clients_and_failovers_are_as_without(
    cluster: Cluster, record: Callable[[str, float], None]
) -> None:
    siege = besieged(cluster, lambda path: write_good(path.parent, path.name))
    seen = withstand(siege, hung_mount(cluster.zones / "stuck"))
    seen.report(record)
    seen.hold()


def threads_of(siege: Siege) -> int:
    return sum(1 for _ in Path(f"/proc/{siege.node.process.pid}/task").iterdir())
