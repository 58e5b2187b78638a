"""A zone of another team that takes long to plan, and is written again and again while a region of ours dies."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations

import pytest

from gtm.node.config.shipped import shipped
from gtm.zone.rules.sizes import MAX_REGION_SETS
from tests.fakes.asking import is_answering
from tests.fakes.cluster import START_LIMIT_S, Cluster, within
from tests.fakes.siege import Siege, besiege, withstand

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.alone]

Record = Callable[[str, float], None]
REGIONS = 12


def costly_zone(turn: int) -> str:
    """A zone of as many sets of regions as there may be, at other places each time."""
    places = "".join(
        f"  r{each}: {{at: [{each * 10 - 60 + turn % 7}.{turn % 10}, {each * 29 - 170}.5]}}\n"
        for each in range(REGIONS)
    )
    sets = list(combinations(range(REGIONS), 3))[:MAX_REGION_SETS]
    services = "".join(
        f"  s{number}: {{steer: nearest, endpoints: ["
        + ", ".join(f"{{region: r{region}, address: 192.0.2.{region + 1}}}" for region in regions)
        + "]}\n"
        for number, regions in enumerate(sets)
    )
    return (
        "zone: costly.test\nnameservers: [ns1.example.net]\nhostmaster: hostmaster@example.com\n"
        f"regions:\n{places}services:\n{services}"
    )


def shipped_database(node: dict[str, object]) -> None:
    """The database that comes with the program: its networks are what a plan costs."""
    node["geo"] = {"databases": [str(shipped("geodata") / "regions.mmdb")]}


@contextmanager
def rewritten(siege: Siege) -> Iterator[None]:
    """Another zone, which is written again every second."""
    file, ending = siege.cluster.zones / "costly.yaml", threading.Event()

    def write() -> None:
        turn = 0
        while not ending.is_set():
            file.with_suffix(".new").write_text(costly_zone(turn), encoding="utf-8")
            file.with_suffix(".new").rename(file)
            turn += 1
            ending.wait(1.0)

    thread = threading.Thread(target=write, name="author")
    thread.start()
    try:
        within(START_LIMIT_S, lambda: is_answering(siege.machine.address, name="s0.costly.test"))
        yield
    finally:
        ending.set()
        thread.join()


def test_a_zone_that_takes_long_to_plan_delays_no_failover_of_another(cluster: Cluster, record: Record) -> None:
    siege = besiege(cluster, edit_node=shipped_database)
    seen = withstand(siege, rewritten(siege))
    seen.report(record)
    assert seen.failures == ()
    assert 0 < seen.failover_s < seen.bound_s + 2
    assert seen.slowest_livez_s <= 1.5, "0.2 to 1 s were measured on a machine that did nothing else"
    assert seen.stopped_s < 5
