"""A TLS server of another make: OpenSSL's own. Python's closes connections that it refuses before its alert is out."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def openssl_server(certificate: Path, *options: str, at: str = "127.0.0.1:0") -> Iterator[int]:
    """A web server with a certificate and key in one file, and more options of `openssl s_server`; gives its port."""
    command = ["openssl", "s_server", "-accept", at, "-cert", str(certificate), "-key", str(certificate)]
    process = subprocess.Popen(
        [*command, "-www", *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        yield _port(iter(process.stdout.readline, b"")) or int(at.rpartition(":")[2])
    finally:
        process.kill()
        process.communicate()


def _port(said: Iterator[bytes]) -> int:
    """Returns the port that it says it listens on; 0 when it was told which, and says no more than that it does."""
    for line in said:
        listening = re.match(rb"ACCEPT(?: 127\.[0-9.]+:(\d+))?", line)
        if listening:
            return int(listening[1] or 0)
    raise AssertionError("openssl s_server ended")
