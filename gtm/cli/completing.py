"""What a shell completes beside commands and options: names of what a running node serves.

What comes in: what is typed so far. What goes out: the words that could stand there, or none where no node answers
within LIMIT_S: who presses a key waits for the answer, and nothing else is printed. A node that is asked over TLS is
not asked, for that takes longer.

    zones, services, regions    by the shortest name that commands take
    endpoints                   once what is typed is the beginning of no other name: `api/`, `192.`
    overrides in force          by id, and by what they were said of
    zones                       of the zone folder, where no node tells its own

Names with characters that a shell could take for its own are left out.
"""

import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import typer

from gtm.admin.address import UNIX
from gtm.cli.options import admin_address, read_config
from gtm.errors import FileUnreadable, GtmError
from gtm.files import FileReader

LIMIT_S = 0.5
MAX_ANSWER = 32 * 1024 * 1024
"""Bytes: the status of ten thousand endpoints has a third of that."""
MAX_WORDS = 500
"""More than anybody reads."""
MAX_ZONE_FILES = 1_000
MAX_ZONE_BYTES = 8 * 1024 * 1024
MAX_ZONE_HEAD = 64 * 1024
"""Bytes of a zone file in which its name is looked for."""
ZONE_FILES = FileReader("zone files, completion")
PLAIN = re.compile(r"[A-Za-z0-9_.:/@-]+")
_ZONE = re.compile(r"""^zone:\s*["']?([A-Za-z0-9_.-]+)""", re.MULTILINE)

_Status = Mapping[str, object]
_Views = Sequence[Mapping[str, object]]


def scopes(context: typer.Context, incomplete: str) -> list[str]:
    """Returns what an override can be said of."""
    status = _status(context)
    short = [*_region_scopes(status), *_services(status), *_zones(status)]
    return _beginning(short, incomplete) or _beginning(_endpoints(status), incomplete)


def said(context: typer.Context, incomplete: str) -> list[str]:
    """Returns what overrides are in force, by id and scope."""
    views = _views(_status(context), "overrides")
    return _beginning([*(_text(view, "id") for view in views), *map(_scope, views)], incomplete)


def services(context: typer.Context, incomplete: str) -> list[str]:
    """Returns services."""
    return _beginning(_services(_status(context)), incomplete)


def regions(context: typer.Context, incomplete: str) -> list[str]:
    """Returns regions."""
    return _beginning(_regions(_status(context)), incomplete)


def zones(context: typer.Context, incomplete: str) -> list[str]:
    """Returns zones: those that a node serves, or else those of the zone folder."""
    return _beginning(_zones(_status(context)) or _zones_of_files(context), incomplete)


def _beginning(names: Sequence[str], incomplete: str) -> list[str]:
    found = dict.fromkeys(name for name in names if name.startswith(incomplete) and PLAIN.fullmatch(name))
    return list(found)[:MAX_WORDS]


def _regions(status: _Status) -> list[str]:
    return [_text(end, "region") for view in _views(status, "services") for end in _views(view, "endpoints")]


def _region_scopes(status: _Status) -> list[str]:
    """Returns regions by name, or with their zone where several zones have that, each its own."""
    ends = [(view, end) for view in _views(status, "services") for end in _views(view, "endpoints")]
    pairs = list(dict.fromkeys((_text(view, "zone"), _text(end, "region")) for view, end in ends))
    times = Counter(region for _, region in pairs)
    shared = {
        (_text(view, "zone"), region)
        for view in _views(status, "zones")
        if isinstance(regions := view.get("shared_regions"), list)
        for region in regions
    }
    return [region if times[region] == 1 or (zone, region) in shared else f"{zone}/{region}" for zone, region in pairs]


def _services(status: _Status) -> list[str]:
    """Returns services by their short names, or in full where several zones have that."""
    shorts = [(_short(view), _text(view, "service")) for view in _views(status, "services")]
    times = Counter(short for short, _ in shorts)
    return [short if times[short] == 1 else name for short, name in shorts]


def _zones(status: _Status) -> list[str]:
    return [_text(view, "zone") for view in _views(status, "zones")]


def _endpoints(status: _Status) -> list[str]:
    ends = [
        (_short(view), _text(end, "endpoint"))
        for view in _views(status, "services")
        for end in _views(view, "endpoints")
    ]
    return [name for service, end in ends for name in (f"{service}/{end}", end, end.partition("/")[2])]


def _short(view: Mapping[str, object]) -> str:
    return _text(view, "service").removesuffix(f".{_text(view, 'zone')}")


def _scope(view: Mapping[str, object]) -> str:
    """Returns the scope of an override as one word."""
    kind, _, rest = _text(view, "scope").partition(" ")
    return rest.removeprefix("*/") if kind == "region" else rest.replace(" ", "/")


def _status(context: typer.Context) -> _Status:
    """Returns what the node tells, or nothing."""
    return _soon(lambda: _asked(context)) or {}


def _soon(ask: Callable[[], _Status]) -> _Status | None:
    """Returns the answer, or None where there is none in time; what is still at work ends with this process."""
    answers: list[_Status] = []

    def keep() -> None:
        try:
            answers.append(ask())
        except (OSError, HTTPException, ValueError, GtmError, typer.BadParameter):
            return

    asking = threading.Thread(target=keep, daemon=True)
    asking.start()
    asking.join(LIMIT_S)
    return answers[0] if answers else None


def _asked(context: typer.Context) -> _Status:
    where = admin_address(context.params.get("admin"), _config(context))
    if where.startswith("https:"):
        return {}
    with closing(HTTPConnection("localhost" if where.startswith(UNIX) else where, timeout=LIMIT_S)) as connection:
        if where.startswith(UNIX):
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(LIMIT_S)
            connection.sock.connect(where.removeprefix(UNIX))
        connection.request("GET", "/v1/status")
        with connection.getresponse() as response:
            parsed = json.loads(response.read(MAX_ANSWER))
    return parsed if isinstance(parsed, dict) else {}


def _zones_of_files(context: typer.Context) -> list[str]:
    try:
        return [
            name for path in _zone_files(read_config(_config(context)).zones) for name in _ZONE.findall(_head(path))
        ]
    except (OSError, GtmError):
        return []


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


def _views(view: Mapping[str, object], name: str) -> _Views:
    views = view.get(name)
    return [one for one in views if isinstance(one, dict)] if isinstance(views, list) else []


def _text(view: Mapping[str, object], name: str) -> str:
    text = view.get(name)
    return text if isinstance(text, str) else ""
