import asyncio
import hashlib
import json
import os
import threading
from pathlib import Path

import aiohttp
import pytest

from gtm.admin import write_access as doorkeeper
from gtm.admin.credentials import Credentials
from gtm.admin.refusal_log import LINES
from gtm.admin.write_access import MAX_WRONG, Doorkeeper, read_digest
from gtm.errors import FileUnreadable
from gtm.tls.peers import TlsFiles, client_tls, server_tls
from tests.admin.served import BEARER, DRAIN, TOKEN, Served, serving
from tests.fakes.certificates import Authority
from tests.fakes.clock import FakeClock
from tests.node.present import SMALL

BODY = json.dumps(DRAIN).encode()
PLAIN = {"Content-Type": "application/json"}
NEEDED = "over TCP this needs a token"


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PUT", ""), ("DELETE", "/ns1:1")])
def test_a_connection_from_loopback_is_no_credential(tmp_path: Path, method: str, path: str) -> None:
    with serving(tmp_path, a=SMALL) as node:
        for host in ("127.0.0.1", "localhost", "[::1]"):
            refused = node.ask(method, f"/v1/overrides{path}", BODY, headers={**PLAIN, "Host": host})
            assert (refused.status, refused.challenge) == (401, 'Bearer realm="gtm"')
            assert str(refused.json["error"]).startswith(NEEDED)
        assert not node.overrides.known
        assert node.ask("GET", "/v1/overrides").status == 200


@pytest.mark.parametrize(
    "value", [f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, "Bearer \xff"]
)
def test_a_wrong_token_is_refused_and_is_in_no_line(
    tmp_path: Path, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(tmp_path, a=SMALL) as node:
        refused = node.ask("POST", "/v1/overrides", BODY, headers={**PLAIN, "Authorization": value})
        assert (refused.status, refused.challenge) == (401, 'Bearer realm="gtm"')
        assert not node.overrides.known
        assert node.ask("POST", "/v1/overrides", BODY, headers={**PLAIN, **BEARER}).status == 201
    assert TOKEN[:-1] not in caplog.text
    assert "audit: override refused from 127.0.0.1 (401)" in caplog.text


@pytest.mark.parametrize("header", ["Forwarded: for=192.0.2.1", "Via: 1.1 proxy", "X-Forwarded-For: 127.0.0.1"])
def test_a_token_counts_through_a_proxy_too(tmp_path: Path, header: str) -> None:
    name, _, value = header.partition(": ")
    with serving(tmp_path, a=SMALL) as node:
        assert node.ask("POST", "/v1/overrides", BODY, headers={**PLAIN, **BEARER, name: value}).status == 201
        assert node.ask("POST", "/v1/overrides", BODY, headers={**PLAIN, name: value}).status == 401


def test_a_token_file_is_read_anew_and_may_hold_a_digest(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        assert node.ask("POST", "/v1/overrides", BODY, headers={**PLAIN, **BEARER}).status == 201
        node.token_file.write_text("another-token-0123456789\n")
        node.clock.advance(1)
        assert node.ask("POST", "/v1/overrides", BODY, headers={**PLAIN, **BEARER}).status == 401
        node.token_file.write_text(f"sha256:{hashlib.sha256(TOKEN.encode()).hexdigest().upper()}\n")
        node.clock.advance(1)
        assert node.ask("POST", "/v1/overrides", BODY, headers={**PLAIN, **BEARER}).status == 201


def test_after_ten_wrong_tokens_a_client_hears_no_more_of_them_and_a_right_one_still_counts(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, a=SMALL) as node:
        wrong = {**PLAIN, "Authorization": "Bearer wrong"}
        for _ in range(MAX_WRONG):
            assert node.ask("POST", "/v1/overrides", BODY, headers=wrong).status == 401
        refused = node.ask("POST", "/v1/overrides", BODY, headers=wrong)
        assert refused.status == 429
        assert "wrong ones are told so again in 60 s, a right one (overrides.tokens" in str(refused.json["error"])
        assert node.ask("POST", "/v1/overrides", BODY, headers={**PLAIN, **BEARER}).status == 201
        assert node.refusals == [("/v1/overrides", 401)] * MAX_WRONG + [("/v1/overrides", 429)]
        node.clock.advance(61)
        assert node.ask("POST", "/v1/overrides", BODY, headers=wrong).status == 401


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("nineteen-characters", "holds no token of at least 20 visible ASCII characters"),
        ("", "holds no token"),
        ("two words of a token", "holds no token"),
        ("tökén-of-the-deploy-job", "holds no token"),
        ("sha256:00", "no sha256: with 64 hex digits"),
    ],
)
def test_a_file_that_holds_no_token_lets_nobody_in(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "token").write_text(content)
    with pytest.raises(ValueError, match=words):
        read_digest(tmp_path / "token")


def test_a_pipe_a_device_or_a_long_file_is_no_token_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "long").write_text("x" * 5000)
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path, tmp_path / "long"):
        with pytest.raises(FileUnreadable, match=r"not a regular file|Is a directory|larger than 4096 bytes"):
            read_digest(path)


def test_a_file_of_no_use_is_complained_of_once_and_does_not_keep_the_others_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "good").write_text(TOKEN)
    tokens = {"gone": tmp_path / "gone", "good": tmp_path / "good"}
    door = Doorkeeper(Credentials(tokens), clock=FakeClock())

    async def story() -> list[str | None]:
        await door.check()
        return [await door._name_of(TOKEN), await door._name_of("x"), await door._name_of("")]

    assert asyncio.run(story()) == ["good", None, None]
    assert caplog.messages == [
        f"overrides.tokens.gone: {tmp_path / 'gone'}: No such file or directory; nobody gets in with it"
    ]


def test_where_no_token_can_be_read_it_is_told_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    back = threading.Event()
    monkeypatch.setattr(doorkeeper, "READ_LIMIT_S", 0.01)
    monkeypatch.setattr(doorkeeper, "read_digest", lambda _path: bytes(back.wait(20)))
    with serving(tmp_path, a=SMALL) as node:
        refused = node.ask("POST", "/v1/overrides", BODY, headers={**PLAIN, **BEARER})
        back.set()
    assert refused.status == 503
    assert "(overrides.tokens in the node file): their disk does not answer" in str(refused.json["error"])
    assert node.refusals == [("/v1/overrides", 503)]


def test_the_socket_says_whose_user_it_was_and_takes_tokens_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    node = Served(tmp_path)
    (node.folder / "a.yaml").write_text(SMALL)

    async def story() -> list[int]:
        local, found = await node.serve_locally(tmp_path / "state"), []
        path = str(tmp_path / "state" / "admin.sock")
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as session:
            proxy = {"Via": "1.1 proxy"}
            for headers in ({}, proxy, {**proxy, **BEARER}, {"Authorization": "Bearer no"}):
                async with session.post("http://x/v1/overrides", json=DRAIN, headers=headers) as answer:
                    found.append(answer.status)
        await local.close()
        return found

    assert asyncio.run(story()) == [201, 403, 201, 401]
    assert f"accepted from the local socket (uid {os.getuid()}): drain" in caplog.text


@pytest.mark.parametrize(("name", "status"), [("ann.example", 201), ("probe-1.example", 401), ("", 401)])
def test_of_certificates_only_those_that_are_named_may_say_overrides(tmp_path: Path, name: str, status: int) -> None:
    node, authority = Served(tmp_path), Authority(tmp_path)
    (node.folder / "a.yaml").write_text(SMALL)
    server = authority.issue("127.0.0.1")
    tls = server_tls(TlsFiles(server, ca=authority.root))
    client = client_tls(TlsFiles(authority.issue(name or "127.0.0.1"), ca=authority.root))

    async def story() -> tuple[int, str]:
        runner = await node.serve(tls=tls)
        at = f"https://{node.at}/v1/overrides"
        async with aiohttp.ClientSession() as session, session.post(at, json=DRAIN, ssl=client) as answer:
            found = answer.status, str((await answer.json()).get("error", ""))
        await runner.cleanup()
        return found

    found, words = asyncio.run(story())
    assert found == status
    assert words == "" or "overrides.certificates has no name of your certificate (" in words
    assert name in words or status == 201
    assert bool(node.overrides.known) is (status == 201)


def test_a_flood_of_refusals_is_a_few_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving(tmp_path, a=SMALL) as node:
        for _ in range(40):
            assert node.ask("POST", "/v1/overrides", BODY, headers=PLAIN).status == 401
    assert len([line for line in caplog.messages if line.startswith("audit:")]) == LINES
