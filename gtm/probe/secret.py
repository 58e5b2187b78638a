"""Secrets: read where the node file says that they are kept, when they are needed, and kept nowhere else.

What comes in: where a secret is. What goes out: its text. It is in no log, reading or error; those name the place.
"""

import os
from pathlib import Path

from gtm.errors import SecretUnreadable
from gtm.probe.permits import KeptSecret
from gtm.threads import Pool

MAX_SECRET_BYTES = 64 * 1024
"""A token is short; a file that is longer is surely another one."""

_FILES = Pool("secrets", threads=4)


async def secret_text(secret: KeptSecret) -> str:
    """Returns a secret, without the line's end of its file. Raises SecretUnreadable when there is none."""
    try:
        if secret.source == "env":
            return _from_environment(secret.place)
        return await _FILES.run(_from_file, secret.place)  # it may be on a disk that hangs
    except SecretUnreadable as error:
        raise SecretUnreadable(f'secret "{secret.name}": {error}') from error


def _from_environment(name: str) -> str:
    text = os.environ.get(name, "")
    if not text:
        raise SecretUnreadable(f"the environment has no {name}, or it is empty")
    return text


def _from_file(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
        text = content.decode().rstrip("\r\n")
    except (OSError, ValueError) as error:
        why = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else "not a file of text"
        raise SecretUnreadable(f"{name} cannot be read: {why}") from error
    if not text or len(content) > MAX_SECRET_BYTES:
        raise SecretUnreadable(f"{name} is {'empty' if not text else 'too long to be a secret'}")
    return text
