"""What a node keeps on disk: SOA serials, a floor for generations, and the last status.

    state.json     zones: digest and serial of each; generation: no plan of an earlier run was numbered higher
    status.json    the last beliefs (gtm/health/saved.py)

Files are replaced whole: written beside, fsynced, renamed, and the folder fsynced. A file that cannot be read, or a
disk that cannot be written, costs what was in it and is said in the log; it never stops a node.
"""

import json
import logging
import os
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from gtm.counters import Counters
from gtm.errors import StateInvalid
from gtm.health.saved import compose_saved, parse_saved
from gtm.health.status import NO_STATUS, Status
from gtm.health.wire import Wire
from gtm.zone.model import Zone

GENERATIONS_AHEAD = 1_000
"""So many plans may follow a write of the floor: most flips of health cost none. A restart skips what was not used."""

MAX_SERIAL = 2**32 - 1

MAX_GENERATION = 2**62
"""Far beyond any count, and with all that may follow still 64 bits; a larger one in the file is damage."""

log = logging.getLogger(__name__)


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
    """The folder. Reading and writing never raise; what fails is logged once and counted."""

    def __init__(self, folder: Path, counters: Counters) -> None:
        self._folder = folder
        self._counters = counters
        self._complained: set[str] = set()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="state")

    def load(self) -> Saved:
        """Returns the state of the run before, or an empty one."""
        text = self._read("state.json")
        if text is None:
            return Saved()
        try:
            return _parse(text)
        except StateInvalid as error:
            self._complain("state.json", f"{error}; starting without it")
            return Saved()

    def load_status(self) -> Status:
        """Returns the beliefs of the run before, all frozen, or none."""
        text = self._read("status.json")
        try:
            return NO_STATUS if text is None else parse_saved(text)
        except StateInvalid as error:
            self._complain("status.json", f"{error}; starting without it")
            return NO_STATUS

    def save(self, saved: Saved) -> None:
        """Writes the state."""
        zones = {origin: {"digest": one.digest, "serial": one.serial} for origin, one in sorted(saved.zones.items())}
        self._write("state.json", json.dumps({"version": 1, "generation": saved.generation, "zones": zones}, indent=1))

    def save_apart(self, saved: Saved) -> Future[None]:
        """Writes the state in a thread, one write after the other: a disk takes seconds to sync when it is busy."""
        return self._writer.submit(self.save, saved)

    def save_status(self, status: Status) -> None:
        """Writes the beliefs."""
        self._write("status.json", compose_saved(status))

    def _read(self, name: str) -> str | None:
        try:
            return (self._folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            self._complain(name, f"cannot be read: {error.strerror or error}; starting without it")
            return None
        except ValueError:
            self._complain(name, "is damaged: not UTF-8; starting without it")
            return None

    def _write(self, name: str, text: str) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _replace(self._folder / name, text)
        except OSError as error:
            self._complain(name, f"cannot be written: {error.strerror or error}; going on without it")
        else:
            self._complained.discard(name)

    def _complain(self, name: str, message: str) -> None:
        self._counters.add("state_errors", file=name)
        if name not in self._complained:
            self._complained.add(name)
            log.error("state: %s %s", self._folder / name, message)


def _replace(path: Path, text: str) -> None:
    """Writes a file so that it is either the old or the new one, whatever happens in between."""
    # two threads may write at once when a node stops, and each renames its own file
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with beside.open("w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Makes a rename last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some network filesystems cannot; the file itself is written
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _ZoneSerial(Wire):
    digest: str
    serial: Annotated[int, Field(ge=0, le=MAX_SERIAL)]


class _State(Wire):
    version: Literal[1]
    generation: Annotated[int, Field(ge=0, le=MAX_GENERATION)]
    zones: dict[str, _ZoneSerial]


def _parse(text: str) -> Saved:
    try:
        state = _State.model_validate_json(text)
    except (ValidationError, UnicodeEncodeError) as error:
        raise StateInvalid("is damaged") from error
    zones = {origin: ZoneSerial(one.digest, one.serial) for origin, one in state.zones.items()}
    return Saved(zones, state.generation)
