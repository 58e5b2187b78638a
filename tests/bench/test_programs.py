"""The programs in C: they compile without a warning, and a generator counts what a server does to it."""

import json
import shutil
import socket
import subprocess
import threading
import time
from io import BufferedReader
from pathlib import Path

import pytest

from bench.world import STEERED, query, write_queries

BENCH = Path(__file__).parents[2] / "bench"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc"),
]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    for name in ("echo", "generator", "generator_tcp"):
        subprocess.run(
            ("gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", folder / name, BENCH / f"{name}.c"), check=True
        )
    write_queries(folder / "queries", [query(STEERED, f"203.0.{number}.0") for number in range(50)])
    return folder


def udp_server(answer: "dict[str, int]") -> tuple[socket.socket, threading.Thread]:
    """Echoes as many datagrams as it is told to, with the QR bit and a change to the ID."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(5)

    def serve() -> None:
        for _ in range(answer["count"]):
            message, client = server.recvfrom(4096)
            number = int.from_bytes(message[:2], "big") + answer["id"]
            server.sendto(
                (number % 65536).to_bytes(2, "big") + bytes((message[2] | 0x80, answer["rcode"])) + message[4:], client
            )

    thread = threading.Thread(target=serve)
    thread.start()
    return server, thread


def generate(programs: Path, port: int, *more: str, program: str = "generator") -> dict[str, object]:
    command = (str(programs / program), "-p", str(port), "-f", str(programs / "queries"), "-t", "0.3", *more)
    done = subprocess.run(command, check=True, capture_output=True, timeout=20)
    report = json.loads(done.stdout)
    assert isinstance(report, dict)
    return report


def test_lost_queries_are_counted(programs: Path) -> None:
    server, thread = udp_server({"count": 20, "id": 0, "rcode": 5})
    report = generate(programs, server.getsockname()[1], "-w", "32")
    thread.join()
    server.close()
    assert report["answered"] == 20
    assert report["lost"] == int(str(report["sent"])) - 20 > 0
    rcodes = report["rcodes"]
    assert isinstance(rcodes, list)
    assert rcodes[5] == 20


def test_answers_with_a_wrong_id_are_not_answers(programs: Path) -> None:
    server, thread = udp_server({"count": 10, "id": 30_000, "rcode": 0})
    report = generate(programs, server.getsockname()[1], "-w", "16")
    thread.join()
    server.close()
    assert (report["answered"], report["wrong"]) == (0, 10)


@pytest.mark.parametrize("more", [(), ("-o",), ("-r", "2000"), ("-s", "3")])
def test_the_floor_answers_everything(programs: Path, more: tuple[str, ...]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen((programs / "echo", str(port))) as echo:
        try:
            wait_for(port)
            report = generate(programs, port, "-w", "48", *more)
        finally:
            echo.terminate()
    assert int(str(report["answered"])) > 100
    assert (report["lost"], report["wrong"]) == (0, 0)


def wait_for(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.settimeout(0.1)
        ends = time.monotonic() + 5
        while time.monotonic() < ends:
            try:
                client.send(query(STEERED))
                client.recv(4096)
            except OSError:
                continue
            return
    raise AssertionError("the echo does not start")


def echo_stream(connection: socket.socket, stream: BufferedReader, *, most: int) -> None:
    """Answers so many messages of a stream, each in two pieces."""
    for _ in range(most):
        head = stream.read(2)
        if len(head) < 2:
            return
        message = stream.read(int.from_bytes(head, "big"))
        answer = head + message[:2] + bytes((message[2] | 0x80, 0)) + message[4:]
        for piece in (answer[:7], answer[7:]):
            connection.sendall(piece)


def test_streams_are_cut_into_answers_and_closed_ones_are_opened_again(programs: Path) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(5)

    def serve() -> None:
        for turn in range(2):
            connection, _ = server.accept()
            with connection:
                connection.settimeout(5)
                with connection.makefile("rb") as stream:
                    echo_stream(connection, stream, most=6 if turn == 0 else 10**9)

    thread = threading.Thread(target=serve)
    thread.start()
    report = generate(programs, server.getsockname()[1], "-c", "1", "-w", "4", program="generator_tcp")
    thread.join()
    server.close()
    assert report["closed"] == 1
    assert int(str(report["answered"])) > 6
    assert report["wrong"] == 0
