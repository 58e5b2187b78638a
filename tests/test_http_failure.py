"""Why somebody could not be asked, in words without a URL."""

import asyncio
import errno
import ssl
from pathlib import Path
from socket import EAI_NONAME, gaierror

import aiohttp
import pytest

from gtm.http_failure import described
from gtm.tls.peers import TlsFiles, client_tls
from tests.fakes.certificates import Authority, showing

REFUSED = {
    "not trusted": "its certificate is refused: unable to get local issuer certificate",
    "another name": "its certificate is refused: it is for another address",
    "nobody": "its certificate is refused: it names nobody: it has no subjectAltName",
}


def alert(reason: str) -> aiohttp.ClientOSError:
    """What aiohttp makes of an alert that comes after the handshake: an errno of 1, which is no errno."""
    cause = ssl.SSLError(1, f"[SSL: {reason}]")
    cause.reason = reason
    error = aiohttp.ClientOSError(*cause.args)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "timeout"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "http://user:secret@host"), "Connection refused"),
        (gaierror(EAI_NONAME, "http://user:secret@host"), "the name does not resolve"),
        (aiohttp.ServerDisconnectedError(), "it hung up without an answer"),
        (alert("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "TLS failed: tlsv13 alert certificate required"),
    ],
)
def test_what_failed_is_said_without_a_url(error: Exception, words: str) -> None:
    assert described(error) == words


@pytest.mark.parametrize("case", REFUSED)
def test_a_certificate_that_is_refused_is_said_with_why(case: str, tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    names = {"another name": ["127.0.0.9"], "nobody": []}.get(case, ["127.0.0.1"])
    server = showing(ours.issue("127.0.0.1", names=names))
    client = client_tls(TlsFiles(ca=None if case == "not trusted" else ours.root))

    async def story() -> str:
        listening = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=server)
        port = listening.sockets[0].getsockname()[1]
        async with listening, aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientError) as caught:
                async with session.get(f"https://127.0.0.1:{port}/", ssl=client) as answer:
                    await answer.read()
            return described(caught.value)

    assert asyncio.run(asyncio.wait_for(story(), 20)) == REFUSED[case]
