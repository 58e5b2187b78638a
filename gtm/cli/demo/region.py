"""A toy API region: one HTTP server, as a process of its own, whose health is what it was started with.

What comes in: `--listen ADDRESS:PORT --name REGION --mode ok|slow|fail`. What goes out: on `/healthz` what a monitor
reads, on `/` which region answers. It changes its mode only by being started again, so that a region in trouble is
a process in trouble.

    mode   every path
    ok     200
    slow   200, SLOW_S later
    fail   503
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from aiohttp import web

from gtm.cli.demo.mode import Mode
from gtm.serve.listen import parse_listen

SLOW_S = 3.0
"""Longer than the timeout of the shipped monitor, and short enough for a person with curl."""

SHUTDOWN_S = 0.2
"""A stopped region drops its clients: a crash would not wait for them either."""


def region_app(name: str, mode: Mode, *, slow_s: float = SLOW_S) -> web.Application:
    """Returns the HTTP server of a region."""
    delay_s = slow_s if mode is Mode.SLOW else 0.0
    failing = mode is Mode.FAIL
    status = 503 if failing else 200

    async def healthz(_: web.Request) -> web.Response:
        await asyncio.sleep(delay_s)
        # compact: a monitor that looks for `"status":"ok"` compares bytes
        body = json.dumps({"status": "failing" if failing else "ok", "region": name}, separators=(",", ":"))
        return web.Response(text=body, status=status, content_type="application/json")

    async def front(_: web.Request) -> web.Response:
        await asyncio.sleep(delay_s)
        return web.Response(text=f"{name} {'is failing' if failing else 'answers'}\n", status=status)

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/", front)])
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves a region until SIGTERM or SIGINT; returns the exit status."""
    parser = argparse.ArgumentParser(prog="region", description="A toy API region of the demo.")
    parser.add_argument("--listen", required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--name", required=True)
    parser.add_argument("--mode", choices=[mode.value for mode in Mode if mode is not Mode.STOPPED], default="ok")
    options = parser.parse_args(arguments)
    try:
        at = parse_listen(options.listen)
        web.run_app(
            region_app(options.name, Mode(options.mode)),
            host=str(at.address),
            port=at.port,
            shutdown_timeout=SHUTDOWN_S,
            print=None,
        )
    except (ValueError, OSError) as error:
        sys.stderr.write(f"region {options.name}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
