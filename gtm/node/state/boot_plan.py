"""The boot plan: the plan that served last, in the form of the engine, with which a node answers soon after a start.

    plan-names.bin       zones, services and cell maps     written when they changed
    plan-decisions.bin   what each cell gets               with the beliefs

A start from large zone files and geo data takes seconds; it runs while the boot plan serves. The boot plan is used only
by the same version of the program for the same zone folder. Else, or when a file is damaged, the node starts without
it. Zones that changed while the node was down serve in their old form until the start is done.
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
    """The content of one file of the boot plan."""

    version: str
    folder: str
    names: bytes
    """The SHA-256 of the names blob; both files of one boot plan have the same."""
    generation: int
    blob: bytes


class BootPlan:
    """Writes the boot plan. Its state: the plan and the names that were written last. Only one thread may use it."""

    def __init__(self, state_files: ChecksummedFiles, folder: Path) -> None:
        self._state_files = state_files
        self._folder = str(folder.absolute())
        self._last = EMPTY_PLAN
        self._names = b""

    def keep(self, plan: Plan) -> bool:
        """Writes the parts of a plan that changed since the last write; returns False when that fails.

        Writes nothing for a plan without zones. When a write fails, the boot plan on disk is removed: a start from an
        older plan could bring back a region that was taken out.
        """
        if plan.zones and plan is not self._last and not self._keep(plan):
            self._state_files.discard(DECISIONS)
            self._last = EMPTY_PLAN
            return False
        return True

    def _keep(self, plan: Plan) -> bool:
        """Writes the changed parts of a plan; returns whether they are on disk."""
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
        """Writes one file of the boot plan; returns whether it is on disk."""
        part = _Part(__version__, self._folder, names, plan.generation, blob)
        return self._state_files.write_bytes(name, msgspec.msgpack.encode(part))


def _at_a_start(plan: Plan) -> Plan:
    """Returns the plan with the TTLs for a start: after it, earlier reports of checks do not count any more."""
    decisions = {
        name: replace(decided, ttls=first_ttls(plan.services[name].service, decided.ttls))
        for name, decided in plan.decisions.items()
    }
    return replace(plan, decisions=decisions)


def restore(state_files: ChecksummedFiles, folder: Path, engine: Restorable) -> int | None:
    """Makes an engine serve the boot plan of a zone folder; returns the plan's generation, or None without such a plan.

    There is none when a file is missing, damaged, of another version of the program, or of another zone folder.
    """
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
    """Returns one file of the boot plan; None when it is missing or damaged."""

    def parse(content: bytes) -> _Part:
        try:
            return msgspec.msgpack.decode(content, type=_Part)
        except msgspec.DecodeError as error:
            raise StateInvalid("is damaged") from error

    return state_files.read_bytes(name, parse)
