"""A client of etcd v3 through its JSON gateway: the five calls that sharing needs (etcd.io/docs, api_grpc_gateway).

What comes in: where the cluster is, and who this node is to it. What goes out: values, or Unreachable for whatever goes
wrong, so that the caller has one thing to start again from. Each failure moves on to the next member of the cluster.
Keys and values travel as base64 inside JSON; numbers of 64 bits as text.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, TypeVar

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gtm.errors import Unreachable
from gtm.share.asking import bounded, described
from gtm.share.site import EtcdSite
from gtm.share.tls import ChosenTls, system_tls

CALL_S = 3.0
"""For one call, the connection included."""

QUIET_S = 30.0
"""A watch that says nothing for so long is started anew: reports come every few seconds, silence may be a partition."""

MAX_ANSWER_BYTES = 64 << 20
"""As much as an offer of the mesh may have."""


@dataclass(frozen=True, slots=True)
class Put:
    """A key that has a new value."""

    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Deleted:
    """A key that is gone."""

    key: str


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
        """Returns a new lease that lasts so long without `keep_alive`."""
        return (await self._ask("/v3/lease/grant", {"TTL": str(seconds)}, _Lease)).ID

    async def keep_alive(self, lease: str) -> None:
        """Renews a lease. Raises Unreachable when it ran out before."""
        renewed = (await self._ask("/v3/lease/keepalive", {"ID": lease}, _KeptAlive)).result
        if not int(renewed.TTL):
            raise Unreachable("the lease ran out")

    async def put(self, key: str, value: bytes, lease: str) -> None:
        """Writes a key that goes when its lease does."""
        await self._ask("/v3/kv/put", {"key": _text(key), "value": _base64(value), "lease": lease}, _Anything)

    async def read(self, folder: str) -> tuple[int, tuple[tuple[str, bytes], ...]]:
        """Returns the revision, and every key below a folder with its value."""
        found = await self._ask("/v3/kv/range", _span(folder), _Range)
        return int(found.header.revision), tuple((_key(one.key), _bytes(one.value)) for one in found.kvs)

    async def watch(self, folder: str, revision: int) -> AsyncIterator[Put | Deleted]:
        """Gives every change below a folder from a revision on; it ends only by raising Unreachable."""
        question = {"create_request": {**_span(folder), "start_revision": str(revision)}}
        async with self._posted("/v3/watch", question, limit_s=None) as response:
            async for line in _lines(response.content):
                answer = _parsed(_Watch, line).result
                if answer.canceled:
                    raise Unreachable(f"the watch was ended: {answer.cancel_reason[:100]}")
                for event in answer.events:
                    key = _key(event.kv.key)
                    yield Deleted(key) if event.type == "DELETE" else Put(key, _bytes(event.kv.value))
        raise Unreachable("the watch ended")

    async def _ask(self, path: str, question: Mapping[str, object], kind: "type[_Model]") -> "_Model":
        async with self._posted(path, question, limit_s=self._call_s) as response:
            return _parsed(kind, await bounded(response.content, most_bytes=MAX_ANSWER_BYTES))

    @asynccontextmanager
    async def _posted(
        self, path: str, question: Mapping[str, object], *, limit_s: float | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Gives the answer to a question, with a good status; foreign exceptions become ours here."""
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
        self._token = (await self._ask(_AUTHENTICATE, credentials, _Token)).token


_AUTHENTICATE = "/v3/auth/authenticate"


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)  # etcd may add fields


class _Anything(_Answer):
    pass


class _Lease(_Answer):
    ID: Annotated[str, Field(pattern=r"^-?[0-9]{1,20}$")]


class _Renewed(_Answer):
    TTL: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")] = "0"  # a number that is 0 is left out


class _KeptAlive(_Answer):
    result: _Renewed


class _Token(_Answer):
    token: str


class _Header(_Answer):
    revision: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]


class _Pair(_Answer):
    key: str
    value: str = ""


class _Range(_Answer):
    header: _Header
    kvs: tuple[_Pair, ...] = ()


class _Event(_Answer):
    type: str = "PUT"
    kv: _Pair


class _Watched(_Answer):
    canceled: bool = False
    cancel_reason: str = ""
    events: tuple[_Event, ...] = ()


class _Watch(_Answer):
    result: _Watched


_Model = TypeVar("_Model", bound=_Answer)


def _parsed(kind: type[_Model], raw: bytes) -> _Model:
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        raise Unreachable("an answer that is not etcd's") from error


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Gives the lines of a stream, whatever their length up to the limit."""
    buffer = bytearray()
    async for part in content.iter_any():
        buffer += part
        *whole, rest = buffer.split(b"\n")
        buffer = bytearray(rest)
        if len(buffer) > MAX_ANSWER_BYTES:
            raise Unreachable(f"a line of more than {MAX_ANSWER_BYTES} bytes")
        for line in whole:
            yield bytes(line)


async def _refusal(response: aiohttp.ClientResponse) -> str:
    """Returns what etcd says against a question; it holds no secret of ours."""
    raw = await response.content.read(1000)
    try:
        said = json.loads(raw).get("error", "")
    except (ValueError, AttributeError):
        said = ""
    return f"HTTP {response.status} {said!r}"[:200]


def _span(folder: str) -> dict[str, str]:
    """Returns the range of every key below a folder: up to the first text that does not start with it."""
    return {"key": _text(folder), "range_end": _text(folder[:-1] + chr(ord(folder[-1]) + 1))}


def _text(text: str) -> str:
    return _base64(text.encode())


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _key(text: str) -> str:
    return _bytes(text).decode(errors="replace")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
