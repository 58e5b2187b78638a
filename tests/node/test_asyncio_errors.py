import asyncio
import resource
import socket
from contextlib import suppress

import pytest

from gtm.node.asyncio_errors import complain_sparingly
from tests.node.present import until


def test_a_shortage_of_descriptors_is_told_once_and_everything_else_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        complain_sparingly(loop)
        server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0, backlog=8)
        address = server.sockets[0].getsockname()
        clients = [socket.socket() for _ in range(8)]
        before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        async with until():
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (clients[-1].fileno() + 1, hard))
                for client in clients:
                    client.setblocking(False)  # noqa: FBT003  # the method is the name
                    with suppress(BlockingIOError):
                        client.connect(address)
                while not caplog.messages:  # noqa: ASYNC110  # it is this loop that complains
                    await asyncio.sleep(0)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))
        loop.call_exception_handler({"message": "something else"})
        server.close()
        await server.wait_closed()
        for client in clients:
            client.close()

    asyncio.run(story())
    assert caplog.messages == [
        "a connection cannot be taken: [Errno 24] Too many open files; it is tried again every second",
        "something else",
    ]
