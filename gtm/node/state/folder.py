"""What a node keeps on disk: SOA serials, a floor for generations, the last status, and the last good zone files.

    state.json     zones: digest and serial of each; generation: no plan of an earlier run was numbered higher
    status.json    the last beliefs (gtm/health/consensus/saved.py)
    last-heard.json which report of each peer they were made from
    verdicts.json  what this node's own probe remembers (gtm/health/verdict/saved.py)
    heard.json     of whom heartbeats came in (gtm/probe/heartbeats.py)
    zones.json     the texts of the zone files that serve (gtm/watch/last_good_files.py)
    vantages.json  where the vantages are that were heard of
    claims.json    from which vantages peers may report for which the node file lists none (gtm/health/report/claims.py)
    overrides.json what people said, here and elsewhere, each as it was signed (gtm/health/override/signed.py)
    override-names.json what their scopes are called now (override_names.py)
    plan-*.bin     the plan that serves, ready for the engine (boot_plan.py)
    lock           who uses the folder (lock.py)

Each has a checksum, and the one before it beside it (checksummed_files.py). A file that cannot be read, or a disk that
cannot be written, is said in the log; it never stops a node. What could not be written is tried again until it is on
disk, at growing intervals. Numbers never go back (serials.py), whatever of that a run before did not manage:

    generations    start from the floor on disk, or from the Unix time in milliseconds where that is higher: no run
                   makes a thousand plans a second, so what it could not write is below that
    SOA serials    are at least the Unix time of the change; after a run that could not write them (`lock`), or of which
                   only the copy before is left, every zone gets a new one
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
"""A disk that hangs does not keep a node from stopping."""

RETRY_S, MAX_RETRY_S = 1.0, 60.0
"""Between two tries to write what could not be written: at first, and at most."""


@dataclass(frozen=True, slots=True)
class KeptOverrides:
    """What people said, as it is on disk: each as it was signed."""

    signed: tuple[str, ...] = ()
    echoes: frozenset[str] = frozenset()
    """Those of them that are in the name of this node, and were not said here but heard."""


class StateFolder:
    """The folder. Reading and writing never raise; what fails is logged once and counted (checksummed_files.py)."""

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
        """Of a write that has not begun: it will take the newest."""
        self._overrides_lock = threading.Lock()
        self._writer = Pool("state", threads=1)
        """One write after the other."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Returns the files that cannot be read or written now, one line for each."""
        return self._state_files.problems

    @property
    def unsaved(self) -> frozenset[str]:
        """Returns the files whose newest content is not on disk."""
        return self._state_files.unsaved | (frozenset() if self._unkept is None else {DECISIONS})

    async def keep_trying(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Tries again to write what could not be written, and looks after the lock, until cancelled."""
        wait_s = RETRY_S
        while True:
            await sleep(wait_s)
            await self._writer.run(self._lock.check)
            is_saved = not self.unsaved or await self._writer.run(self._write_again)
            wait_s = RETRY_S if is_saved else min(2 * wait_s, MAX_RETRY_S)

    def check_lock_apart(self) -> None:
        """Sees in the same thread that the lock file is the one that is held."""
        self._writer.submit(self._lock.check)

    def _write_again(self) -> bool:
        is_state_due = "state.json" in self._state_files.unsaved
        self._state_files.write_again()
        if is_state_due:  # else the mark stands, which may be that of the run before
            self._lock.mark(is_saved="state.json" not in self._state_files.unsaved)
        if self._unkept is not None:
            self._keep_plan(self._unkept)
        return not self.unsaved

    def load(self, *, wall: float) -> Saved:
        """Returns the state of the run before; generations and serials go on even from a damaged file, or none.

        1. The newest copy: its floor is above every plan of the runs before, as far as they could write.
        2. The copy before it: the lost one reserved at most GENERATIONS_AHEAD more, and its serials are not known.
        3. Neither: the clock alone.
        """
        saved_state = self._state_files.read("state.json", parse_serials)
        saved = saved_state.value or Saved()
        if saved_state.origin is Origin.BEFORE:
            saved = replace(saved, generation=saved.generation + GENERATIONS_AHEAD)
        if saved_state.origin is Origin.BEFORE or self._lock.was_unsaved:
            saved = with_lost_serials(saved)
        return replace(saved, generation=max(saved.generation, int(wall * 1000)))

    def load_status(self) -> Status:
        """Returns the beliefs of the run before, all frozen, or none."""
        return self._state_files.read("status.json", parse_saved).value or NO_STATUS

    def load_zones(self) -> KeptFolder | None:
        """Returns the last good zone files, if any are kept."""
        return self._state_files.read("zones.json", parse_kept).value

    def load_overrides(self) -> KeptOverrides:
        """Returns the overrides from before this run."""
        return self._state_files.read("overrides.json", _parse_overrides).value or KeptOverrides()

    def save_overrides_apart(self, signed: tuple[str, ...], *, echoes: AbstractSet[str] = frozenset()) -> Future[bool]:
        """Writes what people said in the same thread as the state; what was to be written and is older is left out."""
        with self._overrides_lock:
            self._overrides = KeptOverrides(signed, frozenset(echoes))
            if self._overrides_saved is None:
                self._overrides_saved = self._writer.submit(self._save_overrides)
            return self._overrides_saved

    def load_override_names(self) -> KeptNames:
        """Returns the last names of the scopes of overrides."""
        return self._state_files.read(OVERRIDE_NAMES, parse_names).value or NO_NAMES

    def save_override_names_apart(self, text: str) -> None:
        """Writes what the scopes of overrides are called in the same thread."""
        self._writer.submit(lambda: self._state_files.write(OVERRIDE_NAMES, text))

    def _save_overrides(self) -> bool:
        with self._overrides_lock:
            kept, self._overrides_saved = self._overrides, None
        echoes = {"echoes": sorted(kept.echoes)} if kept.echoes else {}
        content = {"version": 1, "overrides": kept.signed, **echoes}
        return self._state_files.write("overrides.json", json.dumps(content, indent=1))

    def save(self, saved: Saved) -> bool:
        """Writes the state; returns whether it is on disk."""
        is_saved = self._state_files.write("state.json", compose_serials(saved))
        self._lock.mark(is_saved=is_saved)
        return is_saved

    def save_apart(self, saved: Saved) -> Future[bool]:
        """Writes the state in a thread, one write after the other: a disk takes seconds to sync when it is busy."""
        return self._writer.submit(self.save, saved)

    async def finish(self) -> bool:
        """Tries a last time what is not on disk, but waits for no disk that hangs; returns whether all is there."""
        try:
            return await self._writer.run(self._write_again, timeout_s=FINISH_LIMIT_S)
        except CallOverdue:
            return False

    def save_status(self, status: Status) -> None:
        """Writes the beliefs."""
        self._state_files.write("status.json", compose_saved(status))

    def load_last_heard(self) -> LastHeard:
        """Returns which report of each peer the run before heard last, as far as its beliefs were made from them."""
        return self._state_files.read("last-heard.json", parse_last_heard).value or NOBODY_HEARD

    def save_last_heard(self, last: LastHeard) -> None:
        """Writes which report of each peer was heard last."""
        self._state_files.write("last-heard.json", compose_last_heard(last))

    def load_verdicts(self, *, now: float, wall: float) -> Mapping[CheckId, Verdict]:
        """Returns the verdicts of the run before with which this node's probe begins."""
        return (
            self._state_files.read("verdicts.json", lambda text: parse_verdicts(text, now=now, wall=wall)).value or {}
        )

    def save_verdicts(self, verdicts: Mapping[CheckId, Verdict], *, now: float) -> None:
        """Writes what the next run is to remember."""
        self._state_files.write("verdicts.json", compose_verdicts(verdicts, now=now))

    def load_heard(self) -> frozenset[CheckId]:
        """Returns the checks of which the run before had heartbeats."""
        return self._state_files.read("heard.json", parse_heard).value or frozenset()

    def save_heard(self, heard: frozenset[CheckId]) -> None:
        """Writes of which checks there were heartbeats."""
        self._state_files.write("heard.json", compose_heard(heard))

    def load_vantages(self) -> Vantages:
        """Returns the vantages that the run before knew of."""
        return self._state_files.read("vantages.json", parse_vantages).value or ()

    def save_vantages_apart(self, vantages: Vantages) -> Future[bool]:
        """Writes where the vantages are in the same thread."""
        return self._writer.submit(lambda: self._state_files.write("vantages.json", compose_vantages(vantages)))

    def load_claims(self) -> ClaimsByKey:
        """Returns the first claim under each key in the runs before."""
        return self._state_files.read("claims.json", parse_claims).value or {}

    def save_claims_apart(self, held: ClaimsByKey) -> None:
        """Writes what was claimed first under each key in the same thread."""
        self._writer.submit(lambda: self._state_files.write("claims.json", compose_claims(held)))

    def save_plan_apart(self, plan: Plan) -> Future[None]:
        """Writes the plan that serves in the same thread, for the next start (boot_plan.py)."""
        return self._writer.submit(self._keep_plan, plan)

    def _keep_plan(self, plan: Plan) -> None:
        if self._boot_plan is not None:
            self._unkept = None if self._boot_plan.keep(plan) else plan

    def save_zones_apart(self, folder: Path, catalogue: Catalogue) -> Future[bool]:
        """Writes the good zone files in the same thread."""
        return self._writer.submit(lambda: self._state_files.write("zones.json", compose_kept(folder, catalogue)))


class _Overrides(Wire):
    version: Literal[1]
    overrides: list[str]
    echoes: list[str] = Field(default_factory=list)
    """Left out where there is none."""


def _parse_overrides(text: str) -> KeptOverrides:
    try:
        saved = _Overrides.model_validate_json(text)
        return KeptOverrides(tuple(saved.overrides), frozenset(saved.echoes))
    except (ValidationError, UnicodeEncodeError) as error:
        raise StateInvalid("is damaged") from error
