"""The state folder: SOA serials, a floor for generations, the last status, the last valid zone files, overrides.

    state.json     zones: digest and serial of each; generation: no plan of an earlier run was numbered higher
    status.json    the last beliefs (gtm/health/consensus/saved.py)
    last-heard.json the last report of each peer from which these beliefs were made
    verdicts.json  the verdicts of this node's own probe (gtm/health/verdict/saved.py)
    heard.json     the checks for which heartbeats came in (gtm/probe/heartbeats.py)
    zones.json     the texts of the zone files that serve (gtm/watch/last_good_files.py)
    vantages.json  the places of the known vantages
    claims.json    the vantages of peers for which the node file lists none (gtm/health/report/claims.py)
    overrides.json the overrides, of this node and of peers, each in its signed form (gtm/health/override/signed.py)
    override-names.json the present names of their scopes (override_names.py)
    plan-*.bin     the plan that serves, ready for the engine (boot_plan.py)
    lock           the process that uses the folder (lock.py)

Each JSON file has a checksum, and its previous version beside it (checksummed_files.py). A file that cannot be read, or
a disk that cannot be written, is logged; it never stops a node. A failed write is tried again at growing intervals,
until it is on disk. Numbers never go back (serials.py), even if an earlier run could not write them:

    generations    start from the floor on disk, or from the Unix time in milliseconds if that is higher: no run makes
                   a thousand plans a second, so all numbers of earlier runs are lower
    SOA serials    are at least the Unix time of the change; every zone gets a new serial after a run that could not
                   write its serials (`lock`), or when only the previous version of state.json is left
"""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from gtm.counters import Counters
from gtm.errors import CallOverdue, StateInvalid
from gtm.health.consensus.local_view import Vantages
from gtm.health.consensus.saved import (
    compose_claims,
    compose_last_heard,
    compose_saved,
    compose_vantages,
    parse_claims,
    parse_last_heard,
    parse_saved,
    parse_vantages,
)
from gtm.health.consensus.status import NO_STATUS, Status
from gtm.health.report.book import NOBODY_HEARD, LastHeard
from gtm.health.report.claims import ClaimsByKey
from gtm.health.verdict.saved import compose_verdicts, parse_verdicts
from gtm.health.verdict.saved_model import Wire
from gtm.health.verdict.verdict import Verdict
from gtm.ids import CheckId
from gtm.node.state.boot_plan import DECISIONS, BootPlan
from gtm.node.state.checksummed_files import ChecksummedFiles, OnComplaint, Origin
from gtm.node.state.lock import StateLock
from gtm.node.state.override_names import NO_NAMES, KeptNames, parse_names
from gtm.node.state.serials import GENERATIONS_AHEAD, Saved, compose_serials, parse_serials, with_lost_serials
from gtm.plan.model import Plan
from gtm.probe.heartbeats import compose_heard, parse_heard
from gtm.threads import Pool
from gtm.watch.folder import Catalogue
from gtm.watch.last_good_files import KeptFolder, compose_kept, parse_kept

OVERRIDE_NAMES = "override-names.json"

FINISH_LIMIT_S = 2.0
"""Seconds for the last write of a node that stops; a disk that hangs must not delay the stop for longer."""

RETRY_S, MAX_RETRY_S = 1.0, 60.0
"""Seconds between two tries to write a file after a failure: the first wait, and the longest."""


@dataclass(frozen=True, slots=True)
class KeptOverrides:
    """The overrides on disk, each in its signed form."""

    signed: tuple[str, ...] = ()
    echoes: frozenset[str] = frozenset()
    """The overrides in the name of this node that did not come from this node's API but from a peer's report."""


class StateFolder:
    """Reads and writes the state folder. No method raises; a failure is logged once and counted (checksummed_files.py).

    Methods whose name ends in `_apart` write in one thread, one file after the other, and do not wait for it.
    """

    def __init__(
        self,
        folder: Path,
        counters: Counters,
        *,
        zones: Path | None = None,
        on_complaint: OnComplaint | None = None,
        lock: StateLock | None = None,
    ) -> None:
        self._lock = lock or StateLock(None)
        self._state_files = ChecksummedFiles(folder, counters, on_complaint=on_complaint)
        self._boot_plan = None if zones is None else BootPlan(self._state_files, zones)
        self._unkept: Plan | None = None
        self._overrides = KeptOverrides()
        self._overrides_saved: Future[bool] | None = None
        """The future of a write that has not begun; it will write the newest overrides."""
        self._overrides_lock = threading.Lock()
        self._writer = Pool("state", threads=1)
        """The thread that writes, one file after the other."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Returns the files that cannot be read or written now, one line for each."""
        return self._state_files.problems

    @property
    def unsaved(self) -> frozenset[str]:
        """Returns the files whose newest content is not on disk."""
        return self._state_files.unsaved | (frozenset() if self._unkept is None else {DECISIONS})

    async def keep_trying(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Tries failed writes again and checks the lock file, at growing intervals, until cancelled."""
        wait_s = RETRY_S
        while True:
            await sleep(wait_s)
            await self._writer.run(self._lock.check)
            is_saved = not self.unsaved or await self._writer.run(self._write_again)
            wait_s = RETRY_S if is_saved else min(2 * wait_s, MAX_RETRY_S)

    def check_lock_apart(self) -> None:
        """Checks in the writing thread that the lock file was not removed or replaced."""
        self._writer.submit(self._lock.check)

    def _write_again(self) -> bool:
        """Tries all failed writes again; returns whether everything is on disk now."""
        is_state_due = "state.json" in self._state_files.unsaved
        self._state_files.write_again()
        if is_state_due:  # else the mark stays, which may be that of the run before
            self._lock.mark(is_saved="state.json" not in self._state_files.unsaved)
        if self._unkept is not None:
            self._keep_plan(self._unkept)
        return not self.unsaved

    def load(self, *, wall: float) -> Saved:
        """Returns the serials and the generation floor of the run before; `wall` is the Unix time in seconds.

        1. The newest version: its floor is above every plan of earlier runs, as far as they could write.
        2. The previous version: the lost one reserved at most GENERATIONS_AHEAD more, and its serials are unknown.
        3. Neither version: the clock alone.
        """
        saved_state = self._state_files.read("state.json", parse_serials)
        saved = saved_state.value or Saved()
        if saved_state.origin is Origin.BEFORE:
            saved = replace(saved, generation=saved.generation + GENERATIONS_AHEAD)
        if saved_state.origin is Origin.BEFORE or self._lock.was_unsaved:
            saved = with_lost_serials(saved)
        return replace(saved, generation=max(saved.generation, int(wall * 1000)))

    def load_status(self) -> Status:
        """Returns the status of the run before, with all checks frozen; an empty status when there is none."""
        return self._state_files.read("status.json", parse_saved).value or NO_STATUS

    def load_zones(self) -> KeptFolder | None:
        """Returns the last valid zone files; None when none are on disk."""
        return self._state_files.read("zones.json", parse_kept).value

    def load_overrides(self) -> KeptOverrides:
        """Returns the overrides that the run before wrote."""
        return self._state_files.read("overrides.json", _parse_overrides).value or KeptOverrides()

    def save_overrides_apart(self, signed: tuple[str, ...], *, echoes: AbstractSet[str] = frozenset()) -> Future[bool]:
        """Writes the overrides, in their signed form; drops an older write that has not begun.

        `echoes` are those in the name of this node that came from peers. The future says whether they are on disk.
        """
        with self._overrides_lock:
            self._overrides = KeptOverrides(signed, frozenset(echoes))
            if self._overrides_saved is None:
                self._overrides_saved = self._writer.submit(self._save_overrides)
            return self._overrides_saved

    def load_override_names(self) -> KeptNames:
        """Returns the present names of the scopes of overrides, as the run before wrote them."""
        return self._state_files.read(OVERRIDE_NAMES, parse_names).value or NO_NAMES

    def save_override_names_apart(self, text: str) -> None:
        """Writes the present names of the scopes of overrides (`compose_names`) in the writing thread."""
        self._writer.submit(lambda: self._state_files.write(OVERRIDE_NAMES, text))

    def _save_overrides(self) -> bool:
        """Writes the newest overrides; returns whether they are on disk."""
        with self._overrides_lock:
            kept, self._overrides_saved = self._overrides, None
        echoes = {"echoes": sorted(kept.echoes)} if kept.echoes else {}
        content = {"version": 1, "overrides": kept.signed, **echoes}
        return self._state_files.write("overrides.json", json.dumps(content, indent=1))

    def save(self, saved: Saved) -> bool:
        """Writes serials and the generation floor, and marks the lock file; returns whether they are on disk."""
        is_saved = self._state_files.write("state.json", compose_serials(saved))
        self._lock.mark(is_saved=is_saved)
        return is_saved

    def save_apart(self, saved: Saved) -> Future[bool]:
        """Writes serials and the generation floor in the writing thread; the future says whether they are on disk."""
        return self._writer.submit(self.save, saved)

    async def finish(self) -> bool:
        """Tries failed writes a last time, for FINISH_LIMIT_S at most; returns whether everything is on disk."""
        try:
            return await self._writer.run(self._write_again, timeout_s=FINISH_LIMIT_S)
        except CallOverdue:
            return False

    def save_status(self, status: Status) -> None:
        """Writes the beliefs of this node."""
        self._state_files.write("status.json", compose_saved(status))

    def load_last_heard(self) -> LastHeard:
        """Returns the last report of each peer from which the run before made its beliefs."""
        return self._state_files.read("last-heard.json", parse_last_heard).value or NOBODY_HEARD

    def save_last_heard(self, last: LastHeard) -> None:
        """Writes the last report of each peer from which the beliefs were made."""
        self._state_files.write("last-heard.json", compose_last_heard(last))

    def load_verdicts(self, *, now: float, wall: float) -> Mapping[CheckId, Verdict]:
        """Returns the verdicts of the run before, with which the probe of this node begins.

        `now` is the monotonic time, `wall` the Unix time, in seconds.
        """
        return (
            self._state_files.read("verdicts.json", lambda text: parse_verdicts(text, now=now, wall=wall)).value or {}
        )

    def save_verdicts(self, verdicts: Mapping[CheckId, Verdict], *, now: float) -> None:
        """Writes the verdicts of this node's probe for the next run; `now` is the monotonic time in seconds."""
        self._state_files.write("verdicts.json", compose_verdicts(verdicts, now=now))

    def load_heard(self) -> frozenset[CheckId]:
        """Returns the checks for which the run before received heartbeats."""
        return self._state_files.read("heard.json", parse_heard).value or frozenset()

    def save_heard(self, heard: frozenset[CheckId]) -> None:
        """Writes the checks for which heartbeats came in."""
        self._state_files.write("heard.json", compose_heard(heard))

    def load_vantages(self) -> Vantages:
        """Returns the vantages that the run before knew, with their places."""
        return self._state_files.read("vantages.json", parse_vantages).value or ()

    def save_vantages_apart(self, vantages: Vantages) -> Future[bool]:
        """Writes the places of the vantages in the writing thread; the future says whether they are on disk."""
        return self._writer.submit(lambda: self._state_files.write("vantages.json", compose_vantages(vantages)))

    def load_claims(self) -> ClaimsByKey:
        """Returns the first vantage that was claimed under each public key in earlier runs."""
        return self._state_files.read("claims.json", parse_claims).value or {}

    def save_claims_apart(self, held: ClaimsByKey) -> None:
        """Writes the first vantage that was claimed under each public key, in the writing thread."""
        self._writer.submit(lambda: self._state_files.write("claims.json", compose_claims(held)))

    def save_plan_apart(self, plan: Plan) -> Future[None]:
        """Writes the boot plan for the next start in the writing thread (boot_plan.py)."""
        return self._writer.submit(self._keep_plan, plan)

    def _keep_plan(self, plan: Plan) -> None:
        """Writes the boot plan; remembers the plan for another try if that fails."""
        if self._boot_plan is not None:
            self._unkept = None if self._boot_plan.keep(plan) else plan

    def save_zones_apart(self, folder: Path, catalogue: Catalogue) -> Future[bool]:
        """Writes the valid zone files of a zone folder in the writing thread; the future says if they are on disk."""
        return self._writer.submit(lambda: self._state_files.write("zones.json", compose_kept(folder, catalogue)))


class _Overrides(Wire):
    """The JSON of `overrides.json`."""

    version: Literal[1]
    overrides: list[str]
    echoes: list[str] = Field(default_factory=list)
    """Left out when empty."""


def _parse_overrides(text: str) -> KeptOverrides:
    """Returns the overrides in the text of `overrides.json`; raises StateInvalid."""
    try:
        saved = _Overrides.model_validate_json(text)
        return KeptOverrides(tuple(saved.overrides), frozenset(saved.echoes))
    except (ValidationError, UnicodeEncodeError) as error:
        raise StateInvalid("is damaged") from error
