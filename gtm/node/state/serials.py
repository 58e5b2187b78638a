"""SOA serials and generations of plans: they only grow, even after restarts and when the clock goes back.

In come the numbers of the run before (`state.json`), the zones that serve now, and the Unix time; out go the numbers of
this run, and the text of `state.json`. It must not read or write files: that is in folder.py.
"""

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from gtm.errors import StateInvalid
from gtm.health.verdict.saved_model import Wire
from gtm.zone.model import Zone

GENERATIONS_AHEAD = 1_000
"""The number of generations that one write reserves, so few changes of health need one. A restart skips the rest."""

LOST_SERIALS = 1_000
"""The most serials of a zone that may be lost; it matters only when the clock is behind the last serial."""

SERIALS = 2**32
MAX_SERIAL = SERIALS - 1

MAX_GENERATION = 2**62
"""The largest generation in `state.json`; a larger one is damage. All that can follow it fit in 64 bits."""


@dataclass(frozen=True, slots=True)
class ZoneSerial:
    """The SOA serial of one zone, and the digest of the zone's content with that serial."""

    digest: str
    serial: int


@dataclass(frozen=True, slots=True)
class Saved:
    """The content of `state.json`: the serials of zones, and the floor for generations."""

    zones: Mapping[str, ZoneSerial] = field(default_factory=dict)
    """The serials by the origin of the zone, in presentation format."""
    generation: int = 0


MAX_GONE = 1_000
"""The most removed zones whose serials are kept: somebody may rename a zone file every second. The next serial of a
zone without a kept serial is the Unix time. That is later, unless the zone changed every second since."""


def with_serials(saved: Saved, zones: tuple[Zone, ...], *, wall: float) -> Saved:
    """Returns the content of `state.json` with a serial for each of these zones.

    An unchanged zone keeps its serial. A changed or new zone gets the Unix time (`wall`), or its last serial plus one
    if that is larger. So serials only grow (RFC 1982), also after restarts and when the clock goes back.
    """
    serials = dict(saved.zones)
    for zone in zones:
        origin = zone.origin.to_text()
        known = serials.get(origin)
        if known is None or known.digest != zone.digest:
            serials[origin] = ZoneSerial(zone.digest, next_serial(None if known is None else known.serial, wall=wall))
    return replace(saved, zones=_without_the_oldest_gone(serials, {zone.origin.to_text() for zone in zones}))


def _without_the_oldest_gone(serials: dict[str, ZoneSerial], here: AbstractSet[str]) -> dict[str, ZoneSerial]:
    """Returns the serials of the zones that are here, and of the MAX_GONE removed zones with the highest serials."""
    if len(serials) <= len(here) + MAX_GONE:
        return serials
    gone = sorted((origin for origin in serials if origin not in here), key=lambda origin: serials[origin].serial)
    forgotten = frozenset(gone[:-MAX_GONE])
    return {origin: pair for origin, pair in serials.items() if origin not in forgotten}


def next_serial(last: int | None, *, wall: float) -> int:
    """Returns the serial after the last one: the Unix time (`wall`) if that is later, else the last one plus one.

    `last` is None for a zone without a known serial.
    """
    now = moved_on(int(wall), 0)
    if last is None or is_later(now, last):
        return now
    return moved_on(last, 1)


def is_later(serial: int, other: int) -> bool:
    """Returns whether a serial is greater than another serial (RFC 1982 3.2)."""
    return 0 < (serial - other) % SERIALS < SERIALS // 2


def moved_on(serial: int, by: int) -> int:
    """Returns the serial plus `by` (RFC 1982 3.1); 1 instead of 0, which some programs read as no serial."""
    return (serial + by) % SERIALS or 1


def reserving(saved: Saved, generation: int) -> Saved:
    """Returns the content of `state.json` with a generation floor above this plan's generation.

    Returns it unchanged while at least half of the reserved generations are left.
    """
    if generation + GENERATIONS_AHEAD // 2 <= saved.generation:
        return saved
    return replace(saved, generation=generation + GENERATIONS_AHEAD)


def with_lost_serials(saved: Saved) -> Saved:
    """Returns the content of `state.json` changed so that each zone gets a new serial: the last ones may be lost."""
    return replace(saved, zones={origin: _lost(known) for origin, known in saved.zones.items()})


def _lost(serial: ZoneSerial) -> ZoneSerial:
    """Returns a serial of a zone raised by LOST_SERIALS, with an empty digest: the zone will get a new serial."""
    return ZoneSerial("", moved_on(serial.serial, LOST_SERIALS))


def compose_serials(saved: Saved) -> str:
    """Returns the text of `state.json`."""
    zones = {origin: {"digest": known.digest, "serial": known.serial} for origin, known in sorted(saved.zones.items())}
    return json.dumps({"version": 1, "generation": saved.generation, "zones": zones}, indent=1)


def parse_serials(text: str) -> Saved:
    """Returns the serials and the generation floor in the text of `state.json`; raises StateInvalid when damaged."""
    try:
        state = _State.model_validate_json(text)
    except (ValidationError, UnicodeEncodeError) as error:
        raise StateInvalid("is damaged") from error
    zones = {origin: ZoneSerial(pair.digest, pair.serial) for origin, pair in state.zones.items()}
    return Saved(zones, state.generation)


class _ZoneSerial(Wire):
    """The JSON of the serial of one zone."""

    digest: str
    serial: Annotated[int, Field(ge=0, le=MAX_SERIAL)]


class _State(Wire):
    """The JSON of `state.json`."""

    version: Literal[1]
    generation: Annotated[int, Field(ge=0, le=MAX_GENERATION)]
    zones: dict[str, _ZoneSerial]
