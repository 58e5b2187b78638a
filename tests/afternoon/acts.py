"""What happens in the incidents of the afternoon, and how each is put right: changes of the world, none of gtm."""

import time
from contextlib import suppress

from tests.afternoon.origins import ILL, WELL
from tests.afternoon.places import (
    AP_SOUTHEAST,
    ENDPOINTS,
    EU_WEST,
    FLAPPING_TEXT,
    NOWHERE,
    NS1,
    NS2,
    SA_EAST,
    US_EAST,
    ZONES,
    write_zones,
    zone_text,
)
from tests.afternoon.stage import Stage


def region(stage: Stage) -> None:
    """Cuts a whole region off."""
    stage.network.cut(EU_WEST)


def region_over(stage: Stage) -> None:
    stage.network.mend(EU_WEST)


def half(stage: Stage) -> None:
    """Takes one of two endpoints of a region away."""
    stage.owns(US_EAST, ENDPOINTS[US_EAST][1], is_so=False)


def half_over(stage: Stage) -> None:
    stage.owns(US_EAST, ENDPOINTS[US_EAST][1], is_so=True)


def probe(stage: Stage) -> None:
    """Kills a probe, the only one of its vantage."""
    stage.running["iad-1"].kill()


def probe_over(stage: Stage) -> None:
    stage.start_node("iad-1")


def cut(stage: Stage) -> None:
    """Has one vantage, and the clients near it, not reach a region that is well for all others."""
    _cut(stage, is_so=True)


def cut_over(stage: Stage) -> None:
    _cut(stage, is_so=False)


def _cut(stage: Stage, *, is_so: bool) -> None:
    for name in ("fra-1", "fra-2"):
        for address in ENDPOINTS[EU_WEST]:
            stage.unreachable(name, address, is_so=is_so)


def blind(stage: Stage) -> None:
    """Has one DNS node reach no other node."""
    _blind(stage, is_so=True)


def blind_over(stage: Stage) -> None:
    _blind(stage, is_so=False)


def _blind(stage: Stage, *, is_so: bool) -> None:
    for name, machine in stage.nodes.items():
        if name != NS1:
            stage.unreachable(NS1, machine.address, is_so=is_so)


def node(stage: Stage) -> None:
    """Kills one DNS node."""
    stage.running[NS2].kill()


def node_over(stage: Stage) -> None:
    stage.start_node(NS2)


def full_disk(stage: Stage) -> None:
    """Fills the disk of one DNS node, and has half a region die, which it would write down."""
    filler = stage.disk / "filler"
    with filler.open("wb", buffering=0) as opened, suppress(OSError):  # there is no space left
        while opened.write(bytes(65_536)):
            pass
    half(stage)


def full_disk_over(stage: Stage) -> None:
    half_over(stage)
    (stage.disk / "filler").unlink()


def two_clocks(stage: Stage) -> None:
    """Puts the clock of one DNS node five minutes ahead."""
    stage.set_clock(300.0)


def two_clocks_over(stage: Stage) -> None:
    stage.set_clock(0.0)


def broken_push(stage: Stage) -> None:
    """Pushes zone files with a mistake."""
    write_zones(stage.folder, {zone: zone_text(zone).replace(f"region: {EU_WEST}", "region: eu-wst") for zone in ZONES})


def wrong_push(stage: Stage) -> None:
    """Pushes zone files that are valid, and have addresses that nobody has."""
    moved = dict(zip(ENDPOINTS[EU_WEST], NOWHERE, strict=True))
    write_zones(stage.folder, {zone: zone_text(zone, moved=moved) for zone in ZONES})


def push_over(stage: Stage) -> None:
    write_zones(stage.folder)


def expired(stage: Stage) -> None:
    """Has a region show a certificate that has expired."""
    stage.origins[AP_SOUTHEAST].show(stage.certificates["expired"])


def expired_over(stage: Stage) -> None:
    stage.origins[AP_SOUTHEAST].show(stage.certificates["good"])


def slow(stage: Stage) -> None:
    """Has a region take seconds for what takes milliseconds."""
    stage.origins[US_EAST].slow_down()


def slow_over(stage: Stage) -> None:
    stage.origins[US_EAST].speed_up()


def error_body(stage: Stage) -> None:
    """Has a region answer 200, and say in the body that it is not well."""
    stage.origins[AP_SOUTHEAST].answer(ILL)


def error_body_over(stage: Stage) -> None:
    stage.origins[AP_SOUTHEAST].answer(WELL)


def nothing(stage: Stage) -> None:
    """Changes nothing."""


def damp(stage: Stage) -> None:
    """Has the checks keep back what comes and goes."""
    began = time.monotonic()
    write_zones(stage.folder, {"_shared": FLAPPING_TEXT})
    stage.wait_for_zones(since=began)


def renamed(stage: Stage) -> None:
    """Renames the health path everywhere, as a deploy does: every endpoint is well, and every check gets 404."""
    for origin in stage.origins.values():
        origin.rename_path()


def renamed_over(stage: Stage) -> None:
    for origin in stage.origins.values():
        origin.rename_path_back()


def drain_in_death(stage: Stage) -> None:
    """Has a person drain a region, at one node, while another region dies."""
    stage.network.cut(EU_WEST)
    stage.command("drain", f"region */{US_EAST}", "--for", "10m", "--why", "the wrong one")


def drain_in_death_over(stage: Stage) -> None:
    stage.command("clear", f"region */{US_EAST}")
    stage.network.mend(EU_WEST)


def flapping(stage: Stage) -> None:
    """Has a region fail as soon as it is believed up, and be well as soon as it is believed down, twice."""
    for _ in range(2):
        stage.origins[SA_EAST].answer(ILL)
        stage.wait_for_belief("down", SA_EAST)
        stage.origins[SA_EAST].answer(WELL)
        stage.wait_for_belief("up", SA_EAST)


def flapping_over(stage: Stage) -> None:
    stage.origins[SA_EAST].answer(WELL)
    write_zones(stage.folder)
