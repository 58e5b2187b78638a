"""A proxy for TCP that holds every byte back: what a kernel without netem cannot do (run as a program).

python -m tests.fakes.delay LISTEN_ADDRESS:PORT TARGET_ADDRESS:PORT SECONDS
"""

import asyncio
import sys
from contextlib import suppress

CHUNK_BYTES = 65_536


async def serve(listen: str, target: str, *, delay_s: float) -> None:
    """Serves until cancelled; both directions are delayed alike."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = target.rpartition(":")
        try:
            there_reader, there_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.close()
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(_carry(reader, there_writer, delay_s=delay_s))
            group.create_task(_carry(there_reader, writer, delay_s=delay_s))

    host, _, port = listen.rpartition(":")
    async with await asyncio.start_server(handle, host, int(port)) as server:
        await server.serve_forever()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, delay_s: float) -> None:
    """Passes every chunk on when its time has come; chunks do not wait for each other."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def send() -> None:
        while True:
            due_at, chunk = await queue.get()
            await asyncio.sleep(max(0.0, due_at - loop.time()))
            if not chunk:
                break
            writer.write(chunk)
            await writer.drain()

    sending = asyncio.create_task(send())
    with suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            queue.put_nowait((loop.time() + delay_s, chunk))
    queue.put_nowait((loop.time() + delay_s, b""))
    with suppress(OSError):
        await sending
    writer.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], delay_s=float(sys.argv[3])))
