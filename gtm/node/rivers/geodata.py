"""Geo data for the plan: geo files -> geography -> plan, whenever a file was replaced."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from gtm.arrival import DEFAULT_SETTLE_S, Arrival, is_any_in_place
from gtm.event import Event, EventKind
from gtm.node.config.model import GeoFiles
from gtm.node.events.recorder import EventRecorder
from gtm.node.planner import Planner
from gtm.threads import Pool
from gtm.watch.geodata import Fingerprint, fingerprint, load
from gtm.watch.geoload import GeoLoad

SCAN_INTERVAL_S = 1.0
"""The seconds between two scans of the geo files.

Two scans must agree before a load; more if a file is written in place: a networks file cut short may be valid YAML."""

log = logging.getLogger(__name__)


class GeoWatch:
    """Loads the geo files, and again when they change. Its state: their fingerprint at the last load."""

    def __init__(
        self,
        files: GeoFiles,
        planner: Planner,
        *,
        recorder: EventRecorder,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        settle_s: float = DEFAULT_SETTLE_S,
    ) -> None:
        self._settle_s = settle_s
        self._recorder = recorder
        self._files = files
        self._planner = planner
        self._sleep = sleep
        self._threads = Pool("geo data", threads=1)
        self._loaded: Fingerprint | None = None

    def take(self, *, settle_s: float) -> None:
        """Sets for how many seconds a file that is written in place must be unchanged before it is read."""
        self._settle_s = settle_s

    async def load(self) -> None:
        """Loads the geo files now into the planner, and logs those that cannot be loaded.

        At the start the files that can be loaded serve. Later, if any file cannot be loaded, the data loaded before
        stay, and the problems are recorded.
        """
        self._loaded, geo = await self._threads.run(self._read)
        serving = self._planner.present.geo
        if geo.sources and (geo.sources, geo.problems) == (serving.sources, serving.problems):
            return  # only times, modes or names of the files differ
        for problem in geo.problems:
            log.error("geo data: %s", problem)
        if geo.problems and serving.sources:
            log.warning("geo data: the files loaded before go on serving")
            message = "; ".join(geo.problems)
            self._recorder.record(Event(EventKind.GEOIP_HELD, "geo data", message, {"problems": geo.problems}))
            await self._planner.take_geo_problems(geo.problems)
        else:
            _tell(geo)
            await self._planner.take_geo(geo, causes=(self._recorder.record(_updated(geo)),))

    async def run(self) -> None:
        """Loads the geo files again whenever they changed, until cancelled."""
        before, left = self._loaded, 0
        while True:
            await self._sleep(SCAN_INTERVAL_S)
            now = await self._threads.run(self._now)
            left = max(0, left - 1) if now == before else self._scans_to_wait(before, now)
            if not left and now == before != self._loaded:
                await self._load_or_say()
            before = now

    def _scans_to_wait(self, before: Fingerprint | None, now: Fingerprint) -> int:
        """Returns the number of further scans that must find the files unchanged before a load."""
        if before is None or not is_any_in_place(now, before):
            return 1
        return Arrival.IN_PLACE.looks(SCAN_INTERVAL_S, self._settle_s)

    async def _load_or_say(self) -> None:
        try:
            await self.load()
        except Exception:
            log.exception("the geo data cannot be loaded; what was loaded before serves on")

    def _read(self) -> tuple[Fingerprint, GeoLoad]:
        files = self._files.present()
        return self._now(), load(files.databases, files.networks)

    def _now(self) -> Fingerprint:
        files = self._files.present()
        return fingerprint([*files.databases, files.networks] if files.networks else files.databases)


def _tell(geo: GeoLoad) -> None:
    for source in geo.sources:
        log.info("geo data: %s: %s, %d networks", source.path, source.type, source.networks)
    if not any(source.networks for source in geo.sources):
        log.error("geo data: no network is known; every client gets the default order of the regions")


def _updated(geo: GeoLoad) -> Event:
    networks = sum(source.networks for source in geo.sources)
    message = f"geo data of {len(geo.sources)} files serve; networks: {networks}"
    files = tuple(str(source.path) for source in geo.sources)
    return Event(EventKind.GEOIP_UPDATED, "geo data", message, {"files": files, "networks": networks})
