"""Where a node's admin API is on its own machine: a socket in the state folder (unix_socket.py), or ADDRESS:PORT.

Who only looks for it need not load what serves it.
"""

import socket
from pathlib import Path

SOCKET_NAME = "admin.sock"

UNIX = "unix:"
"""Before the path of a socket, in the place of an address."""

LIMIT_S = 1.0


def answers(path: Path) -> bool:
    """Returns whether somebody listens on a socket, and lets this user in."""
    try:
        if not path.is_socket():
            return False
    except OSError:  # the folder of another user
        return False
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.settimeout(LIMIT_S)
            asking.connect(str(path))
        except OSError:
            return False
    return True
