"""Who may change something over the admin API, and by which credential: no address is trusted by itself.

    the socket in the state folder    its file mode says who gets in; not from a proxy, which may serve others
    Authorization: Bearer TOKEN       a token that the node file names, over TCP or the socket, by a proxy too
    a client certificate              verified by listen.tls.ca, and named in overrides.certificates
    anything else                     401; a wrong token after ten others within a minute 429 (RFC 6585 4)

What comes in: a request. What goes out: the name of who sent it, for the log; or the refusal. A token file holds the
token, or `sha256:` and its SHA-256 in hex; it is read again after a second, so a new one counts by then. It must not
tell by its time how much of a token was right, and no token is ever logged. Wrong tokens keep nobody out who has a
right one and the same address (a proxy's): no token is short enough to be guessed, and who drains must get in.
"""

import asyncio
import hashlib
import hmac
import logging
import re
import socket
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiohttp import web

from gtm.admin.clients import client_of
from gtm.admin.credentials import Credentials
from gtm.clock import Clock
from gtm.errors import CallOverdue, FileUnreadable
from gtm.files import FileReader
from gtm.threads import Pool

PROXY_HEADERS = frozenset({"forwarded", "via", "x-real-ip"})
"""Header fields that only proxies add (RFC 7239 4, RFC 9110 7.6.3)."""
PROXY_PREFIX = "x-forwarded-"

MAX_FILE_BYTES = 4096
MIN_TOKEN = 20
"""Characters of the shortest token. A shorter one could be guessed; `openssl rand -hex 32` makes 64."""
READ_LIMIT_S = 5.0
"""The time limit for reading all token files together; some may be on a disk that hangs."""
TOKEN_FILES = FileReader("tokens")
FRESH_S = 1.0
"""The time for which tokens are kept before their files are read again: many wrong tokens must not cause many reads."""

MAX_SHOWN = 80
"""The most characters of a certificate's names that a refusal repeats."""

MAX_WRONG = 10
WRONG_S = 60.0
"""One client gets 401 for MAX_WRONG wrong tokens within WRONG_S, and 429 for more."""
MAX_CLIENTS = 1024
"""The most clients whose wrong tokens are counted."""

_DIGEST = re.compile(r"sha256:([0-9a-fA-F]{64})")
_TOKEN = re.compile(rf"[!-~]{{{MIN_TOKEN},}}")

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="gtm"'}
"""RFC 6750 3."""

NEEDED = (
    "over TCP this needs a token (overrides.tokens in the node file; --token-file) or a client certificate that "
    "overrides.certificates names; on the node's own machine the socket in its state folder needs neither"
)

log = logging.getLogger(__name__)


class Doorkeeper:
    """Checks the credential of a request, and returns its sender.

    Its state: the tokens, the times of wrong tokens by client, and the logged errors of token files.
    """

    def __init__(self, credentials: Credentials, *, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._pool = Pool("tokens", threads=1)
        self._read: tuple[float, Mapping[str, bytes]] | None = None
        self._reading = asyncio.Lock()
        self._wrong: dict[str, list[float]] = {}
        self._told: dict[str, str] = {}

    async def require(self, request: web.Request) -> str:
        """Returns the name of the sender of a request; raises an HTTP error (401, 403, 429, 503) for a refused one."""
        if "Authorization" in request.headers:
            return await self._by_token(request)
        if request.transport is None:
            raise web.HTTPForbidden(text="the connection is gone")
        opened = request.transport.get_extra_info("socket")
        if opened is not None and opened.family == socket.AF_UNIX:
            _require_direct(request)
            return f"the local socket{_user_of(opened)}"
        names = _certificate_names(request.transport.get_extra_info("peercert"))
        name = next((name for name in names if name in self._credentials.certificates), None)
        if name is not None:
            return f"certificate {ascii(name)[1:-1]} at {request.remote}"
        raise web.HTTPUnauthorized(text=f"{_unnamed(names)}{NEEDED}", headers=CHALLENGE)

    async def _by_token(self, request: web.Request) -> str:
        scheme, _, given = request.headers["Authorization"].partition(" ")
        name = await self._name_of(given.strip()) if scheme.lower() == "bearer" else None
        if name is None:
            self._count_wrong(client_of(request.remote))
            raise web.HTTPUnauthorized(text=f"the token is wrong; {NEEDED}", headers=CHALLENGE)
        return f"token {name} at {request.remote or 'the local socket'}"

    async def _name_of(self, token: str) -> str | None:
        """Returns the name of a token in the node file; None where no token file has this token."""
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        digests = await self._fresh_digests()
        fitting = [name for name, wanted in digests.items() if hmac.compare_digest(digest, wanted)]
        return fitting[0] if fitting else None

    async def _fresh_digests(self) -> Mapping[str, bytes]:
        async with self._reading:
            now = self._clock.monotonic()
            if self._read is None or self._read[0] <= now - FRESH_S:
                try:
                    self._read = now, await self._pool.run(self._digests, timeout_s=READ_LIMIT_S)
                except CallOverdue as overdue:
                    message = (
                        "this node cannot read its token files now (overrides.tokens in the node file): their disk "
                        "does not answer; the socket in its state folder needs none"
                    )
                    raise web.HTTPServiceUnavailable(text=message) from overdue
            return self._read[1]

    def _digests(self) -> Mapping[str, bytes]:
        """Returns the SHA-256 of each token by its name, without unreadable token files; runs in a thread."""
        digests = {}
        for name, path in self._credentials.tokens.items():
            try:
                digests[name] = read_digest(path)
            except (FileUnreadable, ValueError) as error:
                self._complain(name, path, error)
            else:
                self._told.pop(name, None)
        return digests

    async def take(self, credentials: Credentials) -> None:
        """Replaces the credentials, which count from now on, and logs an error for each unusable token file."""
        self._credentials, self._read = credentials, None
        await self.check()

    async def check(self) -> None:
        """Reads the token files, and logs an error for each unusable one."""
        try:
            await self._pool.run(self._digests, timeout_s=READ_LIMIT_S)
        except CallOverdue as overdue:
            log.warning("overrides.tokens: %s", overdue)

    def _complain(self, name: str, path: Path, error: FileUnreadable | ValueError) -> None:
        reason = error.reason if isinstance(error, FileUnreadable) else str(error)
        if self._told.get(name) != reason:
            self._told[name] = reason
            log.error("overrides.tokens.%s: %s: %s; nobody gets in with it", name, path, reason)

    def _count_wrong(self, client: str) -> None:
        """Counts a wrong token of a client; raises HTTPTooManyRequests after MAX_WRONG within WRONG_S."""
        now = self._clock.monotonic()
        recent = [at for at in self._wrong.pop(client, ()) if at > now - WRONG_S]
        if len(self._wrong) >= MAX_CLIENTS:
            del self._wrong[next(iter(self._wrong))]
        self._wrong[client] = recent if len(recent) >= MAX_WRONG else [*recent, now]
        if len(recent) >= MAX_WRONG:
            wait_s = max(1, round(recent[0] + WRONG_S - now))
            message = (
                f"this token is wrong too, and there were {MAX_WRONG} wrong ones from this address within "
                f"{WRONG_S:.0f} s: wrong ones are told so again in {wait_s} s, a right one (overrides.tokens in the "
                "node file) counts at once"
            )
            raise web.HTTPTooManyRequests(text=message, headers={"Retry-After": str(wait_s)})


def read_digest(path: Path) -> bytes:
    """Returns the SHA-256 of the token in a token file. Raises FileUnreadable, or ValueError where it has no token."""
    text = TOKEN_FILES.read(path, limit=MAX_FILE_BYTES).data.decode("ascii", errors="replace").strip()
    digest = _DIGEST.fullmatch(text)
    if digest is not None:
        return bytes.fromhex(digest[1])
    if text.startswith("sha256:") or _TOKEN.fullmatch(text) is None:
        raise ValueError(
            f"holds no token of at least {MIN_TOKEN} visible ASCII characters, and no sha256: with 64 hex digits; "
            "`openssl rand -hex 32` makes a token"
        )
    return hashlib.sha256(text.encode()).digest()


def _certificate_names(certificate: object) -> tuple[str, ...]:
    """Returns the names of a verified client certificate, as ssl gives it; empty where there is no certificate."""
    if not isinstance(certificate, dict):
        return ()
    subject = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    alternative = [value for _kind, value in certificate.get("subjectAltName", ())]
    return (*alternative, *subject)


def _unnamed(names: Sequence[str]) -> str:
    if not names:
        return ""
    shown = ", ".join(ascii(name)[1:-1] for name in names)[:MAX_SHOWN]
    return f"overrides.certificates has no name of your certificate ({shown}); "


def _require_direct(request: web.Request) -> None:
    """Raises HTTPForbidden for a request on the Unix socket that a proxy passed on: its sender may be anybody."""
    for name in request.headers:
        if name.lower() in PROXY_HEADERS or name.lower().startswith(PROXY_PREFIX):
            message = (
                f"this came through a proxy ({ascii(name)[1:-1]}): whoever reaches that could say anything here; ask "
                "the node itself, or send a token (overrides.tokens in the node file)"
            )
            raise web.HTTPForbidden(text=message)


def _user_of(opened: socket.socket) -> str:
    """Returns ` (uid N)` for the user at the other end of a Unix socket; empty where the system does not report it."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return ""
    _pid, user, _group = struct.unpack("3i", opened.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    return f" (uid {user})"
