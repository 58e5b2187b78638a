"""Whoever stands in the places of peers gives bodies that are costly to read, while every other part is looked at.

Each is unsigned, or signed by nobody who is trusted, and each is given again and again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import pytest

from gtm.share.keys import generate_key
from tests.fakes.asking import status_of
from tests.fakes.cluster import START_LIMIT_S, Cluster, loopback_address, within
from tests.fakes.siege import Siege, besiege, withstand

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.alone]

PORT = 5398
KINDS = {"keys": "failed", "fewer": "malformed", "envelopes": "malformed", "stranger": "unknown_reporter", "deep": ""}
"""What each peer gives, and how it is refused."""

GIVER = """
import base64, http.server, sys
def keys(count):
    return b",".join(b'"k%x":[]' % n for n in range(count))
def enveloped(payload):
    return b'{"payload":"%s","key":"ed25519:AAAA","signature":"%s"}' % (payload, base64.b64encode(bytes(64)))
BODIES = {
    "keys": b'{"reports":[],%s}' % keys(3_500_000),
    "fewer": b'{"reports":[],%s}' % keys(700_000),
    "envelopes": b'{"reports":[%s]}' % b",".join([enveloped(b"")] * 60_000),
    "stranger": b'{"reports":[%s]}' % b",".join([enveloped(b"x" * 3_400_000)] * 2),
    "deep": b'{"reports":[{"payload":' + b"[" * 5_000_000,
}
class Giver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = BODIES[self.path.split("/")[1]]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True
    def log_message(self, *_):
        pass
print(len(BODIES["keys"]), flush=True)
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Giver).serve_forever()
"""


def test_bodies_that_are_costly_to_read_are_of_no_use(cluster: Cluster, record: Callable[[str, float], None]) -> None:
    address = loopback_address()

    def with_givers(node: dict[str, object]) -> None:
        share = cast("dict[str, object]", node["share"])
        share["peers"] = [
            {"node": kind, "url": f"http://{address}:{PORT}/{kind}", "key": str(generate_key().public)}
            for kind in KINDS
        ]
        node["quorum"] = {"rule": "majority", "voters": 1}

    @contextmanager
    def giving(siege: Siege) -> Iterator[None]:
        cluster.start("giver", ("-c", GIVER, address, str(PORT)))

        def are_refused() -> bool:
            status = status_of(siege.machine.address)
            refused = {(view.peer, view.reason) for view in ([] if status is None else status.refusals)}
            return {(kind, reason) for kind, reason in KINDS.items() if reason not in {"failed", ""}} <= refused

        within(START_LIMIT_S, are_refused)
        yield

    siege = besiege(cluster, edit_node=with_givers)
    seen = withstand(siege, giving(siege))
    seen.report(record)
    seen.hold()
