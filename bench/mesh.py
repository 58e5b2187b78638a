"""What a mesh costs one node: many probes, each with thousands of checks, heard by a real `gtm serve` over HTTP.

    python -m bench.mesh [--probes 10,50,100] [--endpoints 500,2000] [--seconds 30] [--flips 1.0]

The probes are desks in this process, served on loopback; each publishes every 5 s, as a probe with that interval does,
and so many checks a second change their mind. The node is another process, without probes of its own. Each row says
what the node used while it was measured: CPU of all its threads, memory at the end, and bytes of reports that it took
and what they would be without deltas.
"""

import argparse
import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import yaml
from aiohttp import web

from bench.server import Server, alone, start
from gtm.cli.run import SystemClock
from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.health.report.envelope import compose_envelope
from gtm.health.report.signature import PrivateKey
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import Verdict
from gtm.ids import CheckId, NodeName, VantageName
from gtm.share.handler import handle_reports
from gtm.share.keys import generate_key
from gtm.share.report_store import Reporter, ReportStore

BEAT_S = 5.0
SETTLE_S = 8.0
"""For the node to hear of everybody before it is measured."""
PORT, ADMIN_PORT = 5399, 8599
CLOCK = SystemClock()


@dataclass
class Probe:
    """One probe that reads nothing, and believes what it is told."""

    report_store: ReportStore
    verdicts: dict[CheckId, Verdict]
    sent: int = 0
    """Bytes of offers."""
    published: int = 0

    def beat(self) -> None:
        """Reads everything anew, and publishes."""
        now = CLOCK.monotonic()
        self.verdicts = {check: replace(verdict, read_at=now) for check, verdict in self.verdicts.items()}
        self.report_store.publish(self.verdicts)
        self.published += 1

    def flip(self, check: CheckId) -> None:
        """Changes its mind about a check, and publishes at once."""
        verdict = self.verdicts[check]
        down = verdict.belief is Belief.UP
        belief, reason = (Belief.DOWN, Reason.TIMEOUT) if down else (Belief.UP, Reason.OK)
        self.verdicts[check] = replace(verdict, belief=belief, reason=reason, since=CLOCK.wall())
        self.report_store.publish(self.verdicts)
        self.published += 1


@dataclass(frozen=True)
class Cost:
    """What the node used in a second of the mesh."""

    cpu: float
    """Cores."""
    memory_mb: float
    taken_bytes: float
    whole_bytes: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probes", default="10,50,100")
    parser.add_argument("--endpoints", default="500,2000")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--flips", type=float, default=1.0, help="checks a second that change their mind")
    arguments = parser.parse_args()
    print(f"{'probes':>6} {'endpoints':>9} {'cpu %':>7} {'memory MB':>9} {'kB/s':>8} {'kB/s without deltas':>20}")
    sizes = product(_numbers(arguments.probes), _numbers(arguments.endpoints))
    with alone():
        for probes, endpoints in sizes:
            cost = asyncio.run(measure(probes, endpoints, seconds=arguments.seconds, flips=arguments.flips))
            print(
                f"{probes:6} {endpoints:9} {cost.cpu * 100:7.1f} {cost.memory_mb:9.1f} "
                f"{cost.taken_bytes / 1000:8.1f} {cost.whole_bytes / 1000:20.1f}",
                flush=True,
            )


async def measure(probes: int, endpoints: int, *, seconds: float, flips: float) -> Cost:
    """Returns the cost of a mesh of one size."""
    checks = [CheckId(f"bench.test/tcp/10.1.{number >> 8}.{number & 255}") for number in range(endpoints)]
    keys = [generate_key() for _ in range(probes)]
    mesh = [_probe(number, key, checks) for number, key in enumerate(keys)]
    with tempfile.TemporaryDirectory(prefix="gtm-bench-") as name:
        async with AsyncExitStack() as stack:
            urls = [await stack.enter_async_context(_serving(probe)) for probe in mesh]
            folder = Path(name)
            peers = [
                {"node": f"probe-{number}", "url": url, "key": str(key.public)}
                for number, (url, key) in enumerate(zip(urls, keys, strict=True))
            ]
            _write_node(folder, peers, endpoints)
            beating = [asyncio.create_task(_beat(probe, number / probes * BEAT_S)) for number, probe in enumerate(mesh)]
            command = (".venv/bin/gtm", "serve", "--config", str(folder / "gtm.yaml"))
            server = await asyncio.to_thread(start, "gtm", command, PORT, folder)
            try:
                await asyncio.sleep(SETTLE_S)
                return await _watch(server, mesh, checks, seconds=seconds, flips=flips)
            finally:
                server.stop()
                for task in beating:
                    task.cancel()


async def _watch(
    server: Server, mesh: Sequence[Probe], checks: Sequence[CheckId], *, seconds: float, flips: float
) -> Cost:
    cpu, sent = server.cpu_ns(), sum(probe.sent for probe in mesh)
    published = sum(probe.published for probe in mesh)
    chance = random.Random(1)  # the same flips in every run
    began = CLOCK.monotonic()
    while (now := CLOCK.monotonic()) - began < seconds:
        if flips:
            chance.choice(mesh).flip(chance.choice(checks))
        await asyncio.sleep(min(1 / flips if flips else seconds, seconds - (now - began)))
    took = CLOCK.monotonic() - began
    report = mesh[0].report_store.book.by_node[NodeName("probe-0")].report
    whole = len(compose_envelope(report, generate_key()))
    return Cost(
        (server.cpu_ns() - cpu) / 1e9 / took,
        server.memory_mb(),
        (sum(probe.sent for probe in mesh) - sent) / took,
        whole * (sum(probe.published for probe in mesh) - published) / took,
    )


def _probe(number: int, key: PrivateKey, checks: Sequence[CheckId]) -> Probe:
    node = NodeName(f"probe-{number}")
    report_store = ReportStore(
        Reporter(node, VantageName(f"at-{number}"), key, 1), {}, clock=CLOCK, counters=Counters()
    )
    up = Verdict(Belief.UP, since=CLOCK.wall(), reason=Reason.OK, read_at=CLOCK.monotonic())
    return Probe(report_store, dict.fromkeys(checks, up))


async def _beat(probe: Probe, delay_s: float) -> None:
    probe.beat()
    await asyncio.sleep(delay_s)
    while True:
        probe.beat()
        await asyncio.sleep(BEAT_S)


@asynccontextmanager
async def _serving(probe: Probe) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.Response:
        answer = await handle_reports(request, probe.report_store)
        probe.sent += len(answer.body) if isinstance(answer.body, bytes) else 0
        return answer

    app = web.Application()
    app.router.add_get("/v1/reports", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        probe.report_store.close()
        await runner.cleanup()


def _write_node(folder: Path, peers: Sequence[dict[str, str]], endpoints: int) -> None:
    """Writes the node file, and a zone of services with two endpoints each."""
    addresses = [f"10.1.{number >> 8}.{number & 255}" for number in range(endpoints)]
    services = {
        "api" if number == 0 else f"s{number}": {
            "monitor": "tcp",
            "steer": "nearest",
            "endpoints": [
                {"region": "us-east", "address": addresses[2 * number]},
                {"region": "eu-west", "address": addresses[2 * number + 1]},
            ],
        }
        for number in range(endpoints // 2)
    }
    zone = {
        "zone": "bench.test",
        "nameservers": ["ns1.bench.test"],
        "hostmaster": "hostmaster@bench.test",
        "regions": {"us-east": {"at": [38.95, -77.45]}, "eu-west": {"at": [53.35, -6.26]}},
        "monitors": {"tcp": {"type": "tcp", "port": 443}},
        "services": services,
        "records": {"ns1": {"A": "127.0.0.1"}},
    }
    (folder / "zones").mkdir()
    (folder / "zones" / "bench.test.yaml").write_text(yaml.safe_dump(zone, sort_keys=False))
    node = {
        "node": "ns1",
        "roles": ["dns", "admin"],
        "listen": {"dns": [f"127.0.0.1:{PORT}"], "admin": f"127.0.0.1:{ADMIN_PORT}"},
        "share": {"peers": list(peers)},
    }
    (folder / "gtm.yaml").write_text(yaml.safe_dump(node, sort_keys=False))


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    main()
