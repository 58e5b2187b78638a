"""SOA serials and the numbers of plans: they only grow, over restarts and clocks that went back.

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
"""So many plans may follow a write of the floor: most flips of health cost none. A restart skips what was not used."""

LOST_SERIALS = 1_000
"""So many changes of a zone may be lost; it matters where the clock is behind the last serial."""

SERIALS = 2**32
MAX_SERIAL = SERIALS - 1

MAX_GENERATION = 2**62
"""Far beyond any count, and with all that may follow still 64 bits; a larger one in the file is damage."""


@dataclass(frozen=True, slots=True)
class ZoneSerial:
    """The SOA serial of one zone, and the digest of what it stands for."""

    digest: str
    serial: int


@dataclass(frozen=True, slots=True)
class Saved:
    """What `state.json` says."""

    zones: Mapping[str, ZoneSerial] = field(default_factory=dict)
    """By origin, in presentation format."""
    generation: int = 0


MAX_GONE = 1_000
"""Zones that are gone, of which the serial is known yet: whoever writes a zone file may name it anew each second. Of a
zone that is forgotten the next serial is the Unix time, which is later unless it changed every second ever since."""


def with_serials(saved: Saved, zones: tuple[Zone, ...], *, wall: float) -> Saved:
    """Returns the state with a serial for each of these zones.

    An unchanged zone keeps its serial. A changed or new one gets the Unix time, or one more than its last serial if
    that is larger: serials only grow, as RFC 1982 counts, across restarts and clocks that went back.
    """
    serials = dict(saved.zones)
    for zone in zones:
        origin = zone.origin.to_text()
        known = serials.get(origin)
        if known is None or known.digest != zone.digest:
            serials[origin] = ZoneSerial(zone.digest, next_serial(None if known is None else known.serial, wall=wall))
    return replace(saved, zones=_without_the_oldest_gone(serials, {zone.origin.to_text() for zone in zones}))


def _without_the_oldest_gone(serials: dict[str, ZoneSerial], here: AbstractSet[str]) -> dict[str, ZoneSerial]:
    if len(serials) <= len(here) + MAX_GONE:
        return serials
    gone = sorted((origin for origin in serials if origin not in here), key=lambda origin: serials[origin].serial)
    forgotten = frozenset(gone[:-MAX_GONE])
    return {origin: pair for origin, pair in serials.items() if origin not in forgotten}


def next_serial(last: int | None, *, wall: float) -> int:
    """Returns the serial that follows the last one: the Unix time where that is later, else one more."""
    now = moved_on(int(wall), 0)
    if last is None or is_later(now, last):
        return now
    return moved_on(last, 1)


def is_later(serial: int, other: int) -> bool:
    """Returns whether a serial is greater than another one (RFC 1982 3.2)."""
    return 0 < (serial - other) % SERIALS < SERIALS // 2


def moved_on(serial: int, by: int) -> int:
    """Returns the serial that is so much greater (RFC 1982 3.1); never 0, which some take for no serial at all."""
    return (serial + by) % SERIALS or 1


def reserving(saved: Saved, generation: int) -> Saved:
    """Returns the state with a floor for this plan and those to follow; the same while half of them are left."""
    if generation + GENERATIONS_AHEAD // 2 <= saved.generation:
        return saved
    return replace(saved, generation=generation + GENERATIONS_AHEAD)


def with_lost_serials(saved: Saved) -> Saved:
    """Returns the state for a run before whose last serials may be lost: each zone will get a new one."""
    return replace(saved, zones={origin: _lost(known) for origin, known in saved.zones.items()})


def _lost(serial: ZoneSerial) -> ZoneSerial:
    """Returns the known serial of a zone whose last serials may be lost: a new one is due, whatever the zone says."""
    return ZoneSerial("", moved_on(serial.serial, LOST_SERIALS))


def compose_serials(saved: Saved) -> str:
    """Returns the text of `state.json`."""
    zones = {origin: {"digest": known.digest, "serial": known.serial} for origin, known in sorted(saved.zones.items())}
    return json.dumps({"version": 1, "generation": saved.generation, "zones": zones}, indent=1)


def parse_serials(text: str) -> Saved:
    """Returns the state in the text of `state.json`; raises StateInvalid."""
    try:
        state = _State.model_validate_json(text)
    except (ValidationError, UnicodeEncodeError) as error:
        raise StateInvalid("is damaged") from error
    zones = {origin: ZoneSerial(pair.digest, pair.serial) for origin, pair in state.zones.items()}
    return Saved(zones, state.generation)


class _ZoneSerial(Wire):
    digest: str
    serial: Annotated[int, Field(ge=0, le=MAX_SERIAL)]


class _State(Wire):
    version: Literal[1]
    generation: Annotated[int, Field(ge=0, le=MAX_GENERATION)]
    zones: dict[str, _ZoneSerial]
