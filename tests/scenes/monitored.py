"""Monitoring of a play: the server's real metrics, scraped, for promtool to evaluate the rules over.

What comes in: a play. What goes out: the series of so many rounds, as promtool writes them, and `up`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from prometheus_client.parser import text_string_to_metric_families as parse

from gtm.metrics.exposition import expose
from gtm.metrics.measurements import Tallies
from gtm.node.config.current import CurrentConfig
from gtm.node.rivers.telemetry import Measures
from gtm.node.rivers.zones import ZoneRiver
from tests.fakes.peers import key_of
from tests.node.present import config
from tests.scenes.play import ROUND_S, Play

EVERY = 3
"""Rounds from one scrape to the next: 15 s, as Prometheus' own default has it."""

OF_NS1 = {"instance": "ns1:8053", "job": "gtm"}


class _Loaded:
    """As much of the zone river as metrics ask for."""

    loaded_at = 1_700_000_000.0


class Monitor:
    """Scrapes the server of a play. Its state is the series so far."""

    def __init__(self, play: Play, folder: Path) -> None:
        self._play = play
        server = play.server
        peers = "".join(
            f"    - {{node: {probe.name}, vantage: {probe.vantage}, url: 'http://192.0.2.1:8053', "
            f"key: '{key_of(probe.name).public}'}}\n"
            for probe in play.probes
        )
        self._measures = Measures(
            CurrentConfig(config(folder, f"roles: [dns, admin]\nshare:\n  peers:\n{peers}")),
            server.planner,
            cast("ZoneRiver", _Loaded()),
            server.report_store,
            engine="reference",
            clock=server.clock,
            counters=server.counters,
            is_ready=lambda: True,
            fresh=lambda: server.river.fresh,
            voting=lambda: server.river.voting,
            tallies=Tallies(),
            refused=lambda: server.guide.refusals,
        )
        self._scrapes = 0
        self._series: dict[str, list[str]] = {}

    def watch(self, rounds: int) -> None:
        """Plays so many rounds, and scrapes now and then; the server reports, as one does that carries an override."""
        for number in self._play.run(rounds):
            self._play.server.report_store.publish({})
            if number % EVERY == 0:
                self._scrape()

    def series(self) -> dict[str, str]:
        """Returns all that was scraped."""
        return {name: " ".join(values) for name, values in self._series.items()}

    @property
    def interval(self) -> str:
        """Returns the time between two scrapes."""
        return f"{EVERY * ROUND_S:.0f}s"

    @property
    def now(self) -> str:
        """Returns when the last scrape was."""
        return f"{(self._scrapes - 1) * EVERY * ROUND_S:.0f}s"

    def _scrape(self) -> None:
        for name, value in self._samples():
            values = self._series.setdefault(name, [])
            values += ["_"] * (self._scrapes - len(values)) + [value]
        self._scrapes += 1
        for values in self._series.values():
            if len(values) < self._scrapes and values[-1] != "stale":
                values += ["stale"]  # as Prometheus notes what a scrape has no more

    def _samples(self) -> Iterator[tuple[str, str]]:
        for metric in parse(expose(self._measures.families(), "").body.decode()):
            for sample in metric.samples:
                if sample.name.startswith("gtm_"):
                    yield _named(sample.name, sample.labels), f"{sample.value:g}"
        yield _named("up", {}), "1"


def _named(name: str, labels: dict[str, str]) -> str:
    every = ",".join(f'{label}="{value}"' for label, value in (OF_NS1 | labels).items())
    return f"{name}{{{every}}}"
