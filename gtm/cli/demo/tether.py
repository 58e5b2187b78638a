"""A start that ties a process to the one that started it: `python tether.py PARENT_PID PROGRAM ARGUMENT...`.

It asks the kernel to kill this process when its parent dies, however the parent dies, and then becomes the program.
It runs by its path before anything of gtm is imported, so it uses the standard library alone. Where the kernel cannot
be asked (not Linux), the program runs untied.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""prctl(2): kept across execve(2), so the program inherits the tie."""


def tie(parent: int) -> bool:
    """Ties this process to its parent; returns whether that parent is still there."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # a parent that died before the call above leaves no signal behind
    return os.getppid() == parent


if __name__ == "__main__":
    if not tie(int(sys.argv[1])):
        sys.exit("the process that started this one is gone")
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  # the supervisor's own arguments, no shell
