"""Secrets: read from the place that the node file gives, when they are needed, and stored nowhere else.

What comes in: the place of a secret. What goes out: its text. No log, reading or error has it; those name the place.
"""

import os
from pathlib import Path

from gtm.errors import FileUnreadable, SecretUnreadable
from gtm.files import FileReader
from gtm.probe.permits import KeptSecret

MAX_SECRET_BYTES = 64 * 1024
"""Most bytes of a secret file: a token is short, so a longer file is another one."""

_FILES = FileReader("secrets")


async def secret_text(secret: KeptSecret) -> str:
    """Returns the text of a secret, without the line end of its file.

    Raises SecretUnreadable if it is missing or cannot be read.
    """
    try:
        if secret.source == "env":
            return _from_environment(secret.place)
        return await _FILES.soon(_from_file, secret.place)
    except SecretUnreadable as error:
        raise SecretUnreadable(f'secret "{secret.name}": {error}') from error


def _from_environment(name: str) -> str:
    text = os.environ.get(name, "")
    if not text:
        raise SecretUnreadable(f"the environment has no {name}, or it is empty")
    return text


def _from_file(name: str) -> str:
    try:
        text = _FILES.read(Path(name), limit=MAX_SECRET_BYTES).data.decode().rstrip("\r\n")
    except FileUnreadable as error:
        raise SecretUnreadable(f"{name} cannot be read: {error.reason.lower()}") from error
    except ValueError as error:
        raise SecretUnreadable(f"{name} cannot be read: not a file of text") from error
    if not text:
        raise SecretUnreadable(f"{name} is empty")
    return text
