"""The plan that served last, as the engine takes it: what a node answers with from its first tenths of a second on.

    plan-names.bin       zones, services and cell maps     written when they changed
    plan-decisions.bin   what each cell gets               with the beliefs

A start from zone files and geo data takes seconds when they are large: that goes on behind. The plan is used only by
the same version of the program for the same zone folder; else, or when a file is damaged, the node starts as it always
did. Zones that changed while the node was down are those of before until the start is done.
"""

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

import msgspec

from gtm import __version__
from gtm.engine.protocol import Restorable
from gtm.errors import StateInvalid
from gtm.node.state.checksummed_files import ChecksummedFiles
from gtm.plan.blob import compose_decisions, compose_names, numbering
from gtm.plan.model import EMPTY_PLAN, Plan
from gtm.plan.ttl import first_ttls

NAMES, DECISIONS = "plan-names.bin", "plan-decisions.bin"

log = logging.getLogger(__name__)


class _Part(msgspec.Struct, array_like=True, frozen=True):
    version: str
    folder: str
    names: bytes
    """The digest of the names that both parts are of."""
    generation: int
    blob: bytes


class BootPlan:
    """Writes the plan that serves. Its state is what was written last; one thread uses it."""

    def __init__(self, state_files: ChecksummedFiles, folder: Path) -> None:
        self._state_files = state_files
        self._folder = str(folder.absolute())
        self._last = EMPTY_PLAN
        self._names = b""

    def keep(self, plan: Plan) -> bool:
        """Writes what of the plan is not written yet; a plan without zones is not worth keeping.

        Where that fails nothing is kept, and False returned: to start from an older plan could revive a region.
        """
        if plan.zones and plan is not self._last and not self._keep(plan):
            self._state_files.discard(DECISIONS)
            self._last = EMPTY_PLAN
            return False
        return True

    def _keep(self, plan: Plan) -> bool:
        numbers = numbering(plan)
        if plan.zones is not self._last.zones or plan.services is not self._last.services:
            blob = compose_names(plan, numbers)
            names = hashlib.sha256(blob).digest()
            if names != self._names and not self._write(NAMES, names, plan, blob):
                return False
            self._names = names
        self._last = plan
        return self._write(DECISIONS, self._names, plan, compose_decisions(_at_a_start(plan), plan.services, numbers))

    def _write(self, name: str, names: bytes, plan: Plan, blob: bytes) -> bool:
        part = _Part(__version__, self._folder, names, plan.generation, blob)
        return self._state_files.write_bytes(name, msgspec.msgpack.encode(part))


def _at_a_start(plan: Plan) -> Plan:
    """Returns the plan with the TTLs of a start: checks that were heard before promise nothing any more."""
    decisions = {
        name: replace(decided, ttls=first_ttls(plan.services[name].service, decided.ttls))
        for name, decided in plan.decisions.items()
    }
    return replace(plan, decisions=decisions)


def restore(state_files: ChecksummedFiles, folder: Path, engine: Restorable) -> int | None:
    """Has an engine serve the plan that was kept of a zone folder; returns its generation, or None if there is none."""
    names, decisions = _read(state_files, NAMES), _read(state_files, DECISIONS)
    if names is None or decisions is None:
        return None
    ours = (__version__, str(folder.absolute()), names.names)
    if any((part.version, part.folder, part.names) != ours for part in (names, decisions)):
        return None
    try:
        engine.restore(names.blob, decisions.blob)
    except ValueError as error:
        log.warning("the saved plan cannot be restored: %s", error)
        return None
    return decisions.generation


def _read(state_files: ChecksummedFiles, name: str) -> _Part | None:
    def parse(content: bytes) -> _Part:
        try:
            return msgspec.msgpack.decode(content, type=_Part)
        except msgspec.DecodeError as error:
            raise StateInvalid("is damaged") from error

    return state_files.read_bytes(name, parse)
