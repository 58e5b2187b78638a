"""What a shell completes beside commands and options: names of what a running node serves.

What comes in: the line that is typed so far. What goes out: the words that could stand there, or none where no node
answers within LIMIT_S: a person who presses a key waits for them, and nothing else is printed, not even errors. A node
with TLS on its admin API gets no request, for that takes longer.

    zones, services, regions    by the shortest name that commands take
    endpoints                   once what is typed is the beginning of no other name: `api/`, `192.`
    overrides in force          by id, and by scope
    zones                       of the zone folder, where no node answers

Names with characters that a shell could take for its own are left out.
"""

import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import msgspec
import typer
from msgspec import DecodeError, Struct

from gtm.admin.address import UNIX
from gtm.cli.options import admin_address, read_config
from gtm.errors import FileUnreadable, GtmError
from gtm.files import FileReader

LIMIT_S = 0.5
MAX_ANSWER = 32 * 1024 * 1024
"""Bytes of an answer: the status of ten thousand endpoints has a third of that."""
MAX_WORDS = 500
"""The most words that are offered to a shell; nobody reads more."""
MAX_ZONE_FILES = 1_000
MAX_ZONE_BYTES = 8 * 1024 * 1024
MAX_ZONE_HEAD = 64 * 1024
"""Bytes of a zone file in which its name is looked for."""
ZONE_FILES = FileReader("zone files, completion")
PLAIN = re.compile(r"(?!-)[A-Za-z0-9_.:/@-]+")
"""A word that may be completed: it does not begin as an option does."""
_ZONE = re.compile(r"""^zone:\s*["']?([A-Za-z0-9_.-]+)""", re.MULTILINE)


class _End(Struct, gc=False):
    region: str = ""
    endpoint: str = ""


class _Service(Struct, gc=False):
    zone: str = ""
    service: str = ""
    endpoints: tuple[_End, ...] = ()

    @property
    def short(self) -> str:
        return self.service.removesuffix(f".{self.zone}")


class _Zone(Struct, gc=False):
    zone: str = ""
    shared_regions: tuple[str, ...] = ()


class _Override(Struct, gc=False):
    id: str = ""
    scope: str = ""


class _Status(Struct, gc=False):
    """The part of a node's status that completion uses; the rest is not decoded."""

    services: tuple[_Service, ...] = ()
    zones: tuple[_Zone, ...] = ()
    overrides: tuple[_Override, ...] = ()


_NOTHING = _Status()


def scopes(context: typer.Context, incomplete: str) -> list[str]:
    """Returns completions for a scope of a new override."""

    def found(status: _Status) -> list[str]:
        short = [*_region_scopes(status), *_services(status), *_zones(status)]
        return _beginning(short, incomplete) or _beginning(_endpoints(status), incomplete)

    return _of_status(context, found)


def said(context: typer.Context, incomplete: str) -> list[str]:
    """Returns completions for an override in force: ids and scopes."""

    def found(status: _Status) -> list[str]:
        return _beginning([*(override.id for override in status.overrides), *map(_scope, status.overrides)], incomplete)

    return _of_status(context, found)


def services(context: typer.Context, incomplete: str) -> list[str]:
    """Returns completions for the name of a service."""
    return _of_status(context, lambda status: _beginning(_services(status), incomplete))


def regions(context: typer.Context, incomplete: str) -> list[str]:
    """Returns completions for the name of a region."""
    return _of_status(context, lambda status: _beginning(_regions(status), incomplete))


def zones(context: typer.Context, incomplete: str) -> list[str]:
    """Returns completions for the name of a zone: those that a node serves, or else those of the zone folder."""
    served = _of_status(context, _zones)
    return _beginning(served or _soon(lambda: _zones_of_files(context)), incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    matches = dict.fromkeys(name for name in names if name.startswith(incomplete) and PLAIN.fullmatch(name))
    return list(matches)[:MAX_WORDS]


def _regions(status: _Status) -> list[str]:
    return [end.region for service in status.services for end in service.endpoints]


def _region_scopes(status: _Status) -> list[str]:
    """Returns regions as scopes (scope.py): with its zone where a region is not the same in all zones."""
    pairs = list(dict.fromkeys((service.zone, end.region) for service in status.services for end in service.endpoints))
    times = Counter(region for _, region in pairs)
    shared = {(zone_status.zone, region) for zone_status in status.zones for region in zone_status.shared_regions}
    unclear = {region for zone, region in pairs if times[region] > 1 and (zone, region) not in shared}
    return [f"{zone}/{region}" if region in unclear else region for zone, region in pairs]


def _services(status: _Status) -> list[str]:
    """Returns services by their short names, or by their full names where several zones have the short name."""
    shorts = [(service.short, service.service) for service in status.services]
    times = Counter(short for short, _ in shorts)
    return [short if times[short] == 1 else name for short, name in shorts]


def _zones(status: _Status) -> list[str]:
    return [zone.zone for zone in status.zones]


def _endpoints(status: _Status) -> list[str]:
    ends = [
        (service_status.short, end.endpoint) for service_status in status.services for end in service_status.endpoints
    ]
    return [name for service, end in ends for name in (f"{service}/{end}", end, end.partition("/")[2])]


def _scope(override: _Override) -> str:
    """Returns the scope of an override as one word."""
    kind, _, rest = override.scope.partition(" ")
    return rest.removeprefix("*/") if kind == "region" else rest.replace(" ", "/")


def _of_status(context: typer.Context, names: Callable[[_Status], list[str]]) -> list[str]:
    """Returns names from the status of the node; empty where no node answers."""
    return _soon(lambda: names(_asked(context)))


def _soon(names: Callable[[], list[str]]) -> list[str]:
    """Returns the result of `names`, or an empty list after a time limit; its thread ends with this process."""
    answers: list[list[str]] = []

    def keep() -> None:
        try:
            answers.append(names())
        except (OSError, HTTPException, ValueError, DecodeError, RecursionError, GtmError, typer.BadParameter):
            return

    asking = threading.Thread(target=keep, daemon=True)
    asking.start()
    asking.join(LIMIT_S)
    return answers[0] if answers else []


def _asked(context: typer.Context) -> _Status:
    where = admin_address(context.params.get("admin"), _config(context), aside=lambda _: None)
    if where.startswith("https:"):
        return _NOTHING
    with closing(HTTPConnection("localhost" if where.startswith(UNIX) else where, timeout=LIMIT_S)) as connection:
        if where.startswith(UNIX):
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(LIMIT_S)
            connection.sock.connect(where.removeprefix(UNIX))
        connection.request("GET", "/v1/status")
        with connection.getresponse() as response:
            return msgspec.json.decode(response.read(MAX_ANSWER), type=_Status)


def _zones_of_files(context: typer.Context) -> list[str]:
    folder = read_config(_config(context)).zones
    return [name for path in _zone_files(folder) for name in _ZONE.findall(_head(path))]


def _zone_files(folder: Path) -> Iterator[Path]:
    for number, path in enumerate(sorted(folder.glob("*.y*ml"))):
        if number < MAX_ZONE_FILES and path.is_file():
            yield path


def _head(path: Path) -> str:
    try:
        return ZONE_FILES.read(path, limit=MAX_ZONE_BYTES).data[:MAX_ZONE_HEAD].decode("utf-8", errors="replace")
    except FileUnreadable:
        return ""


def _config(context: typer.Context) -> Path | None:
    config = context.params.get("config")
    return None if config is None else Path(config)
