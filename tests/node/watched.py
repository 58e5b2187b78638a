"""A zone river over a folder of files, and what it does."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gtm.checks.model import Check
from gtm.counters import Counters
from gtm.node.events.recorder import no_recorder
from gtm.node.planner import Planner
from gtm.node.rivers.zones import ZoneRiver
from gtm.node.state.folder import StateFolder
from gtm.steer.vocabulary import STEERING, SteeringVocabulary
from tests.node.present import SMALL, Turns, make_planner

LATER = SMALL.replace("192.0.2.2", "192.0.2.3")


class Watched:
    """A zone river over a folder, and what it does."""

    def __init__(self, tmp_path: Path, *, vocabulary: SteeringVocabulary = STEERING) -> None:
        self.folder = tmp_path / "zones"
        self.folder.mkdir(exist_ok=True)
        self._beside = tmp_path / "beside"
        self._beside.mkdir(exist_ok=True)
        self.counters = Counters()
        self.state = StateFolder(tmp_path / "state", self.counters)
        self.planner: Planner = make_planner(
            tmp_path / "state", counters=self.counters, vocabulary=vocabulary, folder=self.state
        )
        self.checks: list[tuple[Check, ...]] = []
        self.turns = Turns()
        self.river = ZoneRiver(
            self.folder,
            vocabulary,
            self.planner,
            watch=self.checks.append,
            counters=self.counters,
            recorder=no_recorder(),
            sleep=self.turns,
            state=self.state,
            monotonic=lambda: 0.0,
        )
        self._writes = 0

    def write(self, text: str, name: str = "a.yaml") -> None:
        """Writes a file beside and renames it; its inode is one that no file had before."""
        self._writes += 1
        written = self._beside / str(len(list(self._beside.iterdir())))  # it keeps a second name, and so its inode
        written.write_text(text)
        os.utime(written, ns=(self._writes, self._writes))
        (self._beside / "new").hardlink_to(written)
        (self._beside / "new").replace(self.folder / name)

    def write_in_place(self, text: str, name: str = "a.yaml") -> None:
        """Writes into the file that is there; its stamp is another one, however coarse the clock of the disk is."""
        self._writes += 1
        (self.folder / name).write_text(text)
        os.utime(self.folder / name, ns=(self._writes, self._writes))

    @property
    def targets(self) -> list[str]:
        """What is served."""
        return [
            str(endpoint.answer)
            for zone in self.planner.present.plan.zones.values()
            for service in zone.zone.services
            for endpoint in service.endpoints
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Runs it between the first load and the end."""
        await self.river.load()
        async with self.turns.running(self.river.run()):
            yield
