#!/usr/bin/env bash
# Guess: curl takes an answer of any minor version of HTTP/1 (RFC 9110 2.5: each is compatible with those before it),
# and a chunk size with any number of zeros before it (RFC 9112 7.1: 1*HEXDIG).
# Seen (libcurl 8.23.0 in pycurl 7.49.0): HTTP/1.2 is "Unsupported HTTP/1 subversion in response" (error 1), and a size
# of 18 digits is "chunk hex-length longer than 17" (error 56). Chromium 156 takes both, Go 1.26 the first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pycurl==7.49.0
cat >"$folder/ask.py" <<'PYTHON'
import io
import socket
import threading

import pycurl

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%b\r\nhello\r\n0\r\n\r\n"
ANSWERS = {
    "HTTP/1.1": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.2": b"HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "a size of 17 digits": CHUNKED % (b"0" * 16 + b"5"),
    "a size of 18 digits": CHUNKED % (b"0" * 17 + b"5"),
}


def answer_once(listener: socket.socket, answer: bytes) -> None:
    with listener.accept()[0] as talking:
        while b"\r\n\r\n" not in talking.recv(65536, socket.MSG_PEEK):
            pass
        talking.recv(65536)
        talking.sendall(answer)


for name, answer in ANSWERS.items():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer_once, args=(listener, answer))
        thread.start()
        body, asking = io.BytesIO(), pycurl.Curl()
        asking.setopt(pycurl.URL, f"http://127.0.0.1:{listener.getsockname()[1]}/")
        asking.setopt(pycurl.WRITEFUNCTION, body.write)
        asking.setopt(pycurl.PROXY, "")
        asking.setopt(pycurl.TIMEOUT, 10)
        try:
            asking.perform()
            print(f"{name}: {body.getvalue().decode()}")
        except pycurl.error as error:
            print(f"{name}: error {error.args[0]}")
        thread.join()
PYTHON
told=$("$folder/venv/bin/python" "$folder/ask.py")
echo "$told"
[ "$told" = "HTTP/1.1: hello
HTTP/1.2: error 1
a size of 17 digits: hello
a size of 18 digits: error 56" ]
