import asyncio

import pytest

from tests.fakes.endpoints import Conversation, answers, closed_port, drips, endpoint, hangs, resets, says


async def talk(port: int) -> bytes:
    """What an endpoint says until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        writer.write_eof()
        return await reader.read()
    finally:
        writer.close()


def heard_from(conversation: Conversation) -> bytes:
    async def run() -> bytes:
        async with asyncio.timeout(5), endpoint(conversation) as port:
            return await talk(port)

    return asyncio.run(run())


@pytest.mark.slow
def test_an_endpoint_that_answers_says_what_it_was_told() -> None:
    seen: list[bytes] = []
    assert heard_from(answers("204 No Content", seen=seen)).startswith(b"HTTP/1.1 204 No Content\r\n")
    assert seen == [b"GET / HTTP/1.1\r\n\r\n"]
    assert heard_from(says(b"words")) == b"words"


def test_an_endpoint_that_resets_breaks_off() -> None:
    with pytest.raises(ConnectionResetError):
        heard_from(resets)


@pytest.mark.parametrize("conversation", [hangs, drips(b"x")])
def test_an_endpoint_that_never_ends_is_ended_with_its_block(conversation: Conversation) -> None:
    async def run() -> None:
        async with endpoint(conversation) as port:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(talk(port), 0.02)

    asyncio.run(run())


def test_nobody_listens_on_a_closed_port() -> None:
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(talk(closed_port()))
