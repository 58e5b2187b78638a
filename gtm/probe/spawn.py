"""posix_spawn(3) of the C library, which starts a program while other threads go on.

What comes in: a command, its environment, and where it prints to. What goes out: its process id, once the kernel has
read the program, or OSError. The program has `/` as its folder, no input, and a session of its own.

Python's own ways (subprocess, os.posix_spawn) hold the interpreter's lock until the kernel has read the program: all
other threads wait for as long as a disk or mount does not answer. The exception is a copy of the whole process (fork),
which takes up to a tenth of a second where that has a gigabyte, under the same lock.
"""

import ctypes
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

_SETSIGDEF, _SETSID = 0x04, 0x80
"""POSIX_SPAWN_SETSIGDEF and POSIX_SPAWN_SETSID, as glibc and musl have them."""

_TO_DEFAULT = (signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that Python ignores; the program gets their default handling."""

_AMPLE_BYTES = 1024
"""Bytes for each structure of the C library: the largest takes 336."""

_libc = ctypes.CDLL(None)


def spawned(command: Sequence[str], output: int, *, environment: Mapping[str, str]) -> int:
    """Starts a program and returns its process id; the program prints to `output`.

    Raises OSError if it cannot be started. It blocks until the kernel has read the program.
    """
    variables = [f"{name}={value}" for name, value in environment.items()]
    number = ctypes.c_int()
    with _actions(output) as actions, _attributes() as attributes:
        program = os.fsencode(command[0])
        failure = _libc.posix_spawn(
            ctypes.byref(number), program, actions, attributes, _strings(command), _strings(variables)
        )
    if failure:
        raise OSError(failure, os.strerror(failure))
    return number.value


@contextmanager
def _actions(output: int) -> Iterator[ctypes.Array[ctypes.c_char]]:
    """Yields the C structure of the steps before the program begins: its descriptors and its folder."""
    made = ctypes.create_string_buffer(_AMPLE_BYTES)
    _checked(_libc.posix_spawn_file_actions_init(made))
    try:
        _checked(_libc.posix_spawn_file_actions_addopen(made, 0, os.devnull.encode(), os.O_RDONLY, 0))
        _checked(_libc.posix_spawn_file_actions_adddup2(made, output, 1))
        _checked(_libc.posix_spawn_file_actions_adddup2(made, output, 2))
        _checked(_libc.posix_spawn_file_actions_addchdir_np(made, b"/"))
        if hasattr(_libc, "posix_spawn_file_actions_addclosefrom_np"):  # glibc 2.34; Python closes its own by itself
            _checked(_libc.posix_spawn_file_actions_addclosefrom_np(made, 3))
        yield made
    finally:
        _libc.posix_spawn_file_actions_destroy(made)


@contextmanager
def _attributes() -> Iterator[ctypes.Array[ctypes.c_char]]:
    """Yields the C structure of the new process's attributes: its signals and its session."""
    made, signals = ctypes.create_string_buffer(_AMPLE_BYTES), ctypes.create_string_buffer(_AMPLE_BYTES)
    _checked(_libc.posix_spawnattr_init(made))
    try:
        _libc.sigemptyset(signals)
        for each in _TO_DEFAULT:
            _libc.sigaddset(signals, int(each))
        _checked(_libc.posix_spawnattr_setsigdefault(made, signals))
        _checked(_libc.posix_spawnattr_setflags(made, ctypes.c_short(_SETSIGDEF | _SETSID)))
        yield made
    finally:
        _libc.posix_spawnattr_destroy(made)


def _strings(texts: Sequence[str]) -> "ctypes.Array[ctypes.c_char_p]":
    """Returns the C array of a list of texts, with the null pointer that ends it."""
    return (ctypes.c_char_p * (len(texts) + 1))(*map(os.fsencode, texts), None)


def _checked(failure: int) -> None:
    if failure:
        raise OSError(failure, os.strerror(failure))
