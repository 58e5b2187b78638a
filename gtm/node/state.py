"""What a node keeps on disk: SOA serials, a floor for generations, the last status, and the last good zone files.

    state.json     zones: digest and serial of each; generation: no plan of an earlier run was numbered higher
    status.json    the last beliefs (gtm/health/saved.py)
    verdicts.json  what this node's own probe remembers (gtm/health/remembered.py)
    heard.json     of whom heartbeats came in (gtm/probe/heartbeats.py)
    zones.json     the texts of the zone files that serve (gtm/watch/kept.py)
    vantages.json  where the vantages are that were heard of
    claims.json    from which vantages peers may report for which the node file lists none (gtm/health/claims.py)
    overrides.json what people said, here and elsewhere, each as it was signed (gtm/health/override_seal.py)
    plan-*.bin     the plan that serves, ready for the engine (standby.py)

Each has a checksum, and the one before it beside it (vault.py). A file that cannot be read, or a disk that cannot be
written, costs what was in it and is said in the log; it never stops a node.
"""

import json
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from gtm.counters import Counters
from gtm.errors import CallOverdue, StateInvalid
from gtm.health.claims import Held
from gtm.health.remembered import compose_verdicts, parse_verdicts
from gtm.health.saved import (
    compose_claims,
    compose_saved,
    compose_vantages,
    parse_claims,
    parse_saved,
    parse_vantages,
)
from gtm.health.status import NO_STATUS, Status
from gtm.health.vantage import Vantages
from gtm.health.verdict import Verdict
from gtm.health.wire import Wire
from gtm.ids import CheckId
from gtm.node.standby import Standby
from gtm.node.vault import OnComplaint, Origin, Vault
from gtm.plan.model import Plan
from gtm.probe.heartbeats import compose_heard, parse_heard
from gtm.threads import Pool
from gtm.watch.folder import Catalogue
from gtm.watch.kept import KeptFolder, compose_kept, parse_kept
from gtm.zone.model import Zone

GENERATIONS_AHEAD = 1_000
"""So many plans may follow a write of the floor: most flips of health cost none. A restart skips what was not used."""

FINISH_LIMIT_S = 2.0
"""A disk that hangs does not keep a node from stopping."""

MAX_SERIAL = 2**32 - 1

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


def with_serials(saved: Saved, zones: tuple[Zone, ...], *, wall: float) -> Saved:
    """Returns the state with a serial for each of these zones.

    An unchanged zone keeps its serial. A changed or new one gets the Unix time, or one more than its last serial if
    that is larger: serials only grow (RFC 1912 2.2, RFC 1982), across restarts and clocks that went back.
    """
    serials = dict(saved.zones)
    for zone in zones:
        origin = zone.origin.to_text()
        known = serials.get(origin)
        if known is None or known.digest != zone.digest:
            last = 0 if known is None else known.serial
            serials[origin] = ZoneSerial(zone.digest, min(max(int(wall), last + 1), MAX_SERIAL))
    return replace(saved, zones=serials)


def reserving(saved: Saved, generation: int) -> Saved:
    """Returns the state with a floor for this plan and those to follow; the same while half of them are left."""
    if generation + GENERATIONS_AHEAD // 2 <= saved.generation:
        return saved
    return replace(saved, generation=generation + GENERATIONS_AHEAD)


class StateFolder:
    """The folder. Reading and writing never raise; what fails is logged once and counted (vault.py)."""

    def __init__(
        self, folder: Path, counters: Counters, *, zones: Path | None = None, on_complaint: OnComplaint | None = None
    ) -> None:
        self._vault = Vault(folder, counters, on_complaint=on_complaint)
        self._standby = None if zones is None else Standby(self._vault, zones)
        self._writer = Pool("state", threads=1)
        """One write after the other."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Returns what cannot be read or written now, one line for each file."""
        return self._vault.problems

    def load(self, *, wall: float) -> Saved:
        """Returns the state of the run before, or an empty one; generations go on even from a damaged file.

        1. The newest copy: its floor is above every plan of the runs before.
        2. The copy before it: the lost one reserved at most GENERATIONS_AHEAD more.
        3. Neither, though there was one: the Unix time, which is above any count of changes.
        """
        found = self._vault.read("state.json", _parse)
        if found.value is None:
            return Saved(generation=max(0, int(wall))) if found.origin is Origin.LOST else Saved()
        if found.origin is Origin.BEFORE:
            return replace(found.value, generation=found.value.generation + GENERATIONS_AHEAD)
        return found.value

    def load_status(self) -> Status:
        """Returns the beliefs of the run before, all frozen, or none."""
        return self._vault.read("status.json", parse_saved).value or NO_STATUS

    def load_zones(self) -> KeptFolder | None:
        """Returns the last good zone files, if any are kept."""
        return self._vault.read("zones.json", parse_kept).value

    def load_overrides(self) -> tuple[str, ...]:
        """Returns what people said before this run, each as it was signed."""
        return self._vault.read("overrides.json", _parse_overrides).value or ()

    def save_overrides_apart(self, signed: tuple[str, ...]) -> Future[bool]:
        """Writes what people said in the same thread as the state."""
        text = json.dumps({"version": 1, "overrides": signed}, indent=1)
        return self._writer.submit(lambda: self._vault.write("overrides.json", text))

    def save(self, saved: Saved) -> bool:
        """Writes the state; returns whether it is on disk."""
        zones = {origin: {"digest": one.digest, "serial": one.serial} for origin, one in sorted(saved.zones.items())}
        text = json.dumps({"version": 1, "generation": saved.generation, "zones": zones}, indent=1)
        return self._vault.write("state.json", text)

    def save_apart(self, saved: Saved) -> Future[bool]:
        """Writes the state in a thread, one write after the other: a disk takes seconds to sync when it is busy."""
        return self._writer.submit(self.save, saved)

    async def finish(self) -> bool:
        """Waits for the writes that are under way, but not for a disk that hangs; returns whether all were made."""
        try:
            await self._writer.run(lambda: None, timeout_s=FINISH_LIMIT_S)
        except CallOverdue:
            return False
        return True

    def save_status(self, status: Status) -> None:
        """Writes the beliefs."""
        self._vault.write("status.json", compose_saved(status))

    def load_verdicts(self, *, now: float, wall: float) -> Mapping[CheckId, Verdict]:
        """Returns what this node's probe is to begin with, of what the run before found out."""
        return self._vault.read("verdicts.json", lambda text: parse_verdicts(text, now=now, wall=wall)).value or {}

    def save_verdicts(self, verdicts: Mapping[CheckId, Verdict], *, now: float) -> None:
        """Writes what the next run is to remember."""
        self._vault.write("verdicts.json", compose_verdicts(verdicts, now=now))

    def load_heard(self) -> frozenset[CheckId]:
        """Returns the checks of which the run before had heartbeats."""
        return self._vault.read("heard.json", parse_heard).value or frozenset()

    def save_heard(self, heard: frozenset[CheckId]) -> None:
        """Writes of which checks there were heartbeats."""
        self._vault.write("heard.json", compose_heard(heard))

    def load_vantages(self) -> Vantages:
        """Returns the vantages that the run before knew of."""
        return self._vault.read("vantages.json", parse_vantages).value or ()

    def save_vantages_apart(self, vantages: Vantages) -> Future[bool]:
        """Writes where the vantages are in the same thread."""
        return self._writer.submit(lambda: self._vault.write("vantages.json", compose_vantages(vantages)))

    def load_claims(self) -> Held:
        """Returns what was claimed first under each key in the runs before."""
        return self._vault.read("claims.json", parse_claims).value or {}

    def save_claims_apart(self, held: Held) -> None:
        """Writes what was claimed first under each key in the same thread."""
        self._writer.submit(lambda: self._vault.write("claims.json", compose_claims(held)))

    def save_plan_apart(self, plan: Plan) -> Future[None]:
        """Writes the plan that serves in the same thread, for the next start (standby.py)."""
        return self._writer.submit(self._keep_plan, plan)

    def _keep_plan(self, plan: Plan) -> None:
        if self._standby is not None:
            self._standby.keep(plan)

    def save_zones_apart(self, folder: Path, catalogue: Catalogue) -> Future[bool]:
        """Writes the good zone files in the same thread."""
        return self._writer.submit(lambda: self._vault.write("zones.json", compose_kept(folder, catalogue)))


class _ZoneSerial(Wire):
    digest: str
    serial: Annotated[int, Field(ge=0, le=MAX_SERIAL)]


class _State(Wire):
    version: Literal[1]
    generation: Annotated[int, Field(ge=0, le=MAX_GENERATION)]
    zones: dict[str, _ZoneSerial]


class _Overrides(Wire):
    version: Literal[1]
    overrides: list[str]


def _parse_overrides(text: str) -> tuple[str, ...]:
    try:
        return tuple(_Overrides.model_validate_json(text).overrides)
    except (ValidationError, UnicodeEncodeError) as error:
        raise StateInvalid("is damaged") from error


def _parse(text: str) -> Saved:
    try:
        state = _State.model_validate_json(text)
    except (ValidationError, UnicodeEncodeError) as error:
        raise StateInvalid("is damaged") from error
    zones = {origin: ZoneSerial(one.digest, one.serial) for origin, one in state.zones.items()}
    return Saved(zones, state.generation)
