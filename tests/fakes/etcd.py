"""A real etcd of one member on loopback, for as long as a block runs."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class EtcdTls:
    """The certificates of an etcd that lets in only whom its authority vouches for; each file has its key too."""

    server: Path
    client: Path
    root: Path

    @property
    def of_server(self) -> tuple[str, ...]:
        """Returns options of etcd."""
        files = (f"--cert-file={self.server}", f"--key-file={self.server}", f"--trusted-ca-file={self.root}")
        return (*files, "--client-cert-auth")

    @property
    def of_client(self) -> tuple[str, ...]:
        """Returns options of etcdctl."""
        return (f"--cert={self.client}", f"--key={self.client}", f"--cacert={self.root}")


class Etcd:
    """One etcd process. It has state: it can be killed and started again on the same data."""

    def __init__(self, folder: Path, port: int, peer_port: int, tls: "EtcdTls | None" = None) -> None:
        self._folder = folder
        self._peer_port = peer_port
        self._tls = tls
        self.port = port
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        peer = f"http://127.0.0.1:{self._peer_port}"
        command = etcd_command(self._folder, self.url, peer)
        if self._tls is not None:
            command = (*command, *self._tls.of_server)
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_LIMIT_S
        while self.run("endpoint", "health").returncode:
            assert self._process.poll() is None, "etcd ended"
            assert time.monotonic() < deadline, "etcd does not answer"

    def kill(self) -> None:
        """Kills it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def run(self, *words: str) -> "subprocess.CompletedProcess[bytes]":
        """Runs etcdctl."""
        environment = {"ETCDCTL_API": "3", "PATH": os.environ["PATH"]}
        tls = () if self._tls is None else self._tls.of_client
        command = ["etcdctl", f"--endpoints={self.url}", "--command-timeout=2s", *tls, *words]
        return subprocess.run(command, capture_output=True, timeout=15, check=False, env=environment)


def etcd_command(folder: Path, url: str, peer_url: str) -> tuple[str, ...]:
    """Returns the command of an etcd of one member that keeps its data in a folder, and does not wait for the disk."""
    return (
        shutil.which("etcd") or "etcd",
        f"--data-dir={folder}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        "--unsafe-no-fsync",
    )


@contextmanager
def etcd(folder: Path, tls: EtcdTls | None = None) -> Iterator[Etcd]:
    """Runs an etcd until the end of the block."""
    server = Etcd(folder / "etcd", *_free_ports(), tls)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]
