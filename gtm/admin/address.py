"""Where a node's admin API is on its own machine: a socket in the state folder (unix_socket.py), or ADDRESS:PORT.

Who only looks for it need not load what serves it.
"""

import socket
from pathlib import Path

SOCKET_NAME = "admin.sock"

UNIX = "unix:"
"""The prefix of an admin address that is the path of a Unix socket."""

LIMIT_S = 1.0


def answers(path: Path) -> bool:
    """Returns whether a process listens on the Unix socket at this path and accepts connections of this user."""
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
