import asyncio
import errno
import os
import socket
from pathlib import Path

import pytest

from gtm.admin import accept
from gtm.admin.accept import Acceptor
from tests.node.present import until


class Exhausted(socket.socket):
    """A listening socket of a process that is out of descriptors for a while."""

    left = 3

    def accept(self) -> tuple[socket.socket, object]:
        if self.left:
            self.left -= 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().accept()


def test_where_descriptors_run_out_it_is_told_once_somebody_makes_room_and_all_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(accept, "REST_S", 0.01)
    made_room, taken = [], asyncio.Event()

    def took(accepted: socket.socket, address: str | None) -> None:
        assert address is None
        accepted.close()
        taken.set()

    async def story() -> None:
        listening = Exhausted(socket.AF_UNIX)
        listening.bind(str(tmp_path / "socket"))
        listening.listen()
        acceptor = Acceptor(listening, took, on_exhausted=lambda: made_room.append(1))
        async with until():
            _reader, writer = await asyncio.open_unix_connection(str(tmp_path / "socket"))
            await taken.wait()
            writer.close()
        acceptor.close()
        assert listening.fileno() == -1

    asyncio.run(story())
    assert len(made_room) == 3
    assert caplog.messages == ["the admin API can take no connection: Too many open files; it tries again every second"]
