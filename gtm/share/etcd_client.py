"""A client of etcd v3 through its JSON gateway: the five calls that sharing needs (etcd.io/docs, api_grpc_gateway).

What comes in: where the cluster is, and who this node is to it. What goes out: values, or Unreachable for whatever goes
wrong, so that the caller has one thing to start again from. Each failure moves on to the next member of the cluster.
Keys and values travel as base64 inside JSON; numbers of 64 bits as text.
"""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, TypeVar

import aiohttp
import msgspec
from msgspec import Meta

from gtm.errors import Unreachable
from gtm.health.verdict.reading import clean_detail
from gtm.http_failure import described
from gtm.share.addresses import EtcdSite
from gtm.share.bounded_http import bounded
from gtm.tls.peers import ChosenTls, system_tls

CALL_S = 3.0
"""For one call, the connection included."""

QUIET_S = 30.0
"""A watch that says nothing for so long is started anew: reports come every few seconds, silence may be a partition."""

MAX_ANSWER_BYTES = 64 * 1024
"""Of everything but values: a few hundred bytes."""

MAX_VALUE_BYTES = 1_400_000
"""What fits into a request of etcd (1.5 MiB by default) after base64 grew it and before other fields."""

MAX_VALUE_ANSWER_BYTES = 3 << 20
"""Of one value: the longest that etcd takes has 2 MiB in base64."""

MAX_LINE_BYTES = 6 << 20
"""Of a watch that is told to send parts (etcd: WatchCreateRequest.fragment): each has 2 MiB, or one value. The rest is
for a cluster that takes larger requests."""


@dataclass(frozen=True, slots=True)
class Put:
    """A key that has a new value."""

    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Deleted:
    """A key that is gone."""

    key: str


@dataclass(frozen=True, slots=True)
class Other:
    """The number of changes of other keys than the wanted ones."""

    count: int


Event = Put | Deleted | Other


class EtcdClient:
    """Talks to one cluster. It has state: the member in use, and the token of the user."""

    def __init__(
        self,
        site: EtcdSite,
        session: aiohttp.ClientSession,
        *,
        password: str = "",
        call_s: float = CALL_S,
        tls: ChosenTls = system_tls,
    ) -> None:
        self._site = site
        self._password = password
        self._session = session
        self._call_s = call_s
        self._tls = tls
        self._member = 0
        self._token = ""

    async def grant(self, seconds: int) -> str:
        """Returns the id of a new lease that ends after `seconds` without `keep_alive`."""
        return (await self._ask("/v3/lease/grant", {"TTL": str(seconds)}, _LEASE)).ID

    async def keep_alive(self, lease: str) -> None:
        """Renews a lease. Raises Unreachable when it ran out before."""
        renewed = (await self._ask("/v3/lease/keepalive", {"ID": lease}, _KEPT_ALIVE)).result
        if not int(renewed.TTL):
            raise Unreachable("the lease ran out")

    async def put(self, key: str, value: bytes, lease: str) -> None:
        """Writes a key that etcd deletes when its lease ends."""
        await self._ask("/v3/kv/put", {"key": _text(key), "value": _base64(value), "lease": lease}, _ANYTHING)

    async def read(self, key: str) -> tuple[int, bytes | None]:
        """Returns the revision of the cluster, and the value of a key; None where there is no such key."""
        answer = await self._ask("/v3/kv/range", {"key": _text(key)}, _RANGE, most_bytes=MAX_VALUE_ANSWER_BYTES)
        return int(answer.header.revision), _bytes(answer.kvs[0].value) if answer.kvs else None

    async def watch(self, folder: str, revision: int, *, keys: AbstractSet[str]) -> AsyncIterator[Event]:
        """Yields the changes of these keys from a revision on; ends only by raising Unreachable.

        The keys are below a folder; of other keys below it only the number of changes is yielded. A change of many keys
        comes in parts. Of the changes of one key in a part only the last is yielded: a writer may have made thousands.
        After each part it rests for as long as parsing that part took.
        """
        wanted = {_text(key): key for key in keys}
        question = {"create_request": {**_span(folder), "start_revision": str(revision), "fragment": True}}
        async with self._posted("/v3/watch", question, limit_s=None) as response:
            async for line in _lines(response.content):
                began = time.monotonic()
                answer = _parsed(_WATCH, line).result
                if answer.canceled:
                    raise Unreachable(f"the watch was ended: {clean_detail(answer.cancel_reason)}")
                events = _newest(answer.events, wanted)
                await asyncio.sleep(time.monotonic() - began)
                for event in events:
                    yield event
        raise Unreachable("the watch ended")

    async def _ask(
        self,
        path: str,
        question: Mapping[str, object],
        decoder: "msgspec.json.Decoder[_Model]",
        *,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> "_Model":
        async with self._posted(path, question, limit_s=self._call_s) as response:
            return _parsed(decoder, await bounded(response.content, most_bytes=most_bytes))

    @asynccontextmanager
    async def _posted(
        self, path: str, question: Mapping[str, object], *, limit_s: float | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yields the response to a POST request, if its status is 200. Raises Unreachable for any other outcome."""
        try:
            async with asyncio.timeout(limit_s):
                if self._site.user and not self._token and path != _AUTHENTICATE:
                    await self._authenticate()
                url = self._site.endpoints[self._member % len(self._site.endpoints)] + path
                headers = {"Authorization": self._token} if self._token else {}
                timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._call_s, sock_read=QUIET_S)
                async with self._session.post(
                    url, json=question, headers=headers, timeout=timeout, allow_redirects=False, ssl=self._tls()
                ) as response:
                    if response.status != 200:
                        self._token = ""  # it may have run out (etcd: 5 minutes by default)
                        raise Unreachable(await _refusal(response))
                    yield response
        except Unreachable:
            self._member += 1
            raise
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self._member += 1
            raise Unreachable(described(error)) from error

    async def _authenticate(self) -> None:
        credentials = {"name": self._site.user, "password": self._password}
        self._token = (await self._ask(_AUTHENTICATE, credentials, _TOKEN)).token


_AUTHENTICATE = "/v3/auth/authenticate"


class _Answer(msgspec.Struct, frozen=True):
    """An answer of etcd, as far as this program uses it; other fields are ignored."""


class _Anything(_Answer, frozen=True):
    pass


class _Lease(_Answer, frozen=True):
    ID: Annotated[str, Meta(pattern=r"\A-?[0-9]{1,20}\Z")]


_Number = Annotated[str, Meta(pattern=r"\A[0-9]{1,20}\Z")]


class _Renewed(_Answer, frozen=True):
    TTL: _Number = "0"  # a number that is 0 is left out


class _KeptAlive(_Answer, frozen=True):
    result: _Renewed


class _Token(_Answer, frozen=True):
    token: str


class _Header(_Answer, frozen=True):
    revision: _Number


class _Pair(_Answer, frozen=True):
    key: str
    value: str = ""


class _Range(_Answer, frozen=True):
    header: _Header
    kvs: tuple[_Pair, ...] = ()


class _Event(_Answer, frozen=True):
    kv: _Pair
    type: str = "PUT"


class _Watched(_Answer, frozen=True):
    canceled: bool = False
    cancel_reason: str = ""
    events: tuple[_Event, ...] = ()


class _Watch(_Answer, frozen=True):
    result: _Watched


class _Refusal(_Answer, frozen=True):
    error: str = ""


_ANYTHING = msgspec.json.Decoder(_Anything)
_LEASE = msgspec.json.Decoder(_Lease)
_KEPT_ALIVE = msgspec.json.Decoder(_KeptAlive)
_TOKEN = msgspec.json.Decoder(_Token)
_RANGE = msgspec.json.Decoder(_Range)
_WATCH = msgspec.json.Decoder(_Watch)
_REFUSAL = msgspec.json.Decoder(_Refusal)

_Model = TypeVar("_Model", bound=_Answer)


def _parsed(decoder: "msgspec.json.Decoder[_Model]", raw: bytes | bytearray) -> _Model:
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unreachable("an answer that is not etcd's") from error


def _newest(events: Sequence[_Event], wanted: Mapping[str, str]) -> list[Event]:
    """Returns the last change of each wanted key, and the number of changes of other keys if there were any."""
    last = {event.kv.key: event for event in events if event.kv.key in wanted}
    newest = [_event(event, wanted[key]) for key, event in last.items()]
    strangers = sum(event.kv.key not in wanted for event in events)
    return [*newest, Other(strangers)] if strangers else newest


def _event(event: _Event, key: str) -> Event:
    return Deleted(key) if event.type == "DELETE" else Put(key, _bytes(event.kv.value))


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Yields the lines of a stream. Raises Unreachable for a line of more than MAX_LINE_BYTES."""
    begun = bytearray()
    async for part in content.iter_any():
        *whole, rest = part.split(b"\n")
        for line in whole:
            yield bytes(begun + line)
            begun.clear()
        begun += rest
        if len(begun) > MAX_LINE_BYTES:
            raise Unreachable(f"a line of more than {MAX_LINE_BYTES} bytes")


async def _refusal(response: aiohttp.ClientResponse) -> str:
    """Returns the error message of a response of etcd, with its HTTP status; it contains no secret of this node."""
    raw = await response.content.read(1000)
    try:
        told = _parsed(_REFUSAL, raw).error
    except Unreachable:
        told = ""
    return f"HTTP {response.status} {told!r}"[:200]


def _span(folder: str) -> dict[str, str]:
    """Returns the range of every key below a folder: up to the first text that does not start with it."""
    return {"key": _text(folder), "range_end": _text(folder[:-1] + chr(ord(folder[-1]) + 1))}


def _text(text: str) -> str:
    return _base64(text.encode())


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Unreachable("a value that is not etcd's") from error
