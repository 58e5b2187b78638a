"""Key files: where a node keeps what it signs its reports with.

What comes in: a path. What goes out: a key, or a new file that only its owner may read. A key is never overwritten:
every peer trusts the old one until an operator says otherwise.
"""

import logging
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gtm.errors import FileUnreadable, StateInvalid
from gtm.files import FileReader
from gtm.health.report.signature import PrivateKey, compose_private_key, parse_private_key

log = logging.getLogger(__name__)

OWNER_ONLY = 0o600
OTHERS = 0o077
KEY_FILES = FileReader("keys")
MAX_KEY_FILE_BYTES = 4096
"""A key file has one short line; whatever is longer is not one."""


def generate_key() -> PrivateKey:
    """Returns a new key, from the system's random numbers."""
    return PrivateKey(Ed25519PrivateKey.generate().private_bytes_raw())


def save_key(path: Path, key: PrivateKey) -> None:
    """Writes a key file that only its owner may read. Raises StateInvalid when the path is taken or not writable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(compose_private_key(key) + "\n")
    except FileExistsError as error:
        message = "there is a key already, and it is not overwritten"
        raise StateInvalid(f"{path}: {message}; `gtm keygen --show {path}` prints its public part") from error
    except OSError as error:
        raise StateInvalid(f"{path}: {error.strerror}") from error


def load_key(path: Path) -> PrivateKey:
    """Returns the key of a file. Raises StateInvalid when it cannot be read or is no key."""
    try:
        content = KEY_FILES.read(path, limit=MAX_KEY_FILE_BYTES)
        key = parse_private_key(content.data.decode("ascii", errors="replace").strip())
    except FileUnreadable as error:
        hint = f"; `gtm keygen {path}` makes a key" if isinstance(error.__cause__, FileNotFoundError) else ""
        raise StateInvalid(f"{error}{hint}") from error
    except ValueError as error:
        raise StateInvalid(f"{path}: {error}") from error
    if content.mode & OTHERS:
        log.warning("key file %s can be read by others than its owner; chmod 600 it", path)
    return key
