"""Ed25519 keys as values (RFC 8032): who a report is from.

What comes in: the text of keys (`ed25519:BASE64` public, `ed25519-private:BASE64` private), messages and signatures.
What goes out: signatures, and whether one holds. It makes no keys (that takes chance) and reads no files: see
gtm/share/keys.py. The two text forms differ so that a private key pasted where a public one belongs is refused.
"""

import base64
import binascii
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PUBLIC_PREFIX = "ed25519:"
PRIVATE_PREFIX = "ed25519-private:"
KEY_BYTES = 32
SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Verifies the signatures of one node."""

    raw: bytes

    def __str__(self) -> str:
        return PUBLIC_PREFIX + base64.b64encode(self.raw).decode("ascii")

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Returns whether the holder of the private key signed exactly these bytes."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


Keys = PublicKey | tuple[PublicKey, ...]
"""The key of one node; or those of which each will do, the one to come last, while it gets another."""


def each_key(keys: Keys) -> tuple[PublicKey, ...]:
    """Returns every key of a node."""
    return keys if isinstance(keys, tuple) else (keys,)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """Signs for one node. Its text never shows by accident: only `compose_private_key` gives it out."""

    raw: bytes = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """Returns the key that verifies what this one signs."""
        return PublicKey(Ed25519PrivateKey.from_private_bytes(self.raw).public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Returns the signature of these bytes; the same every time (RFC 8032 5.1.6)."""
        return Ed25519PrivateKey.from_private_bytes(self.raw).sign(message)


def parse_public_key(text: str) -> PublicKey:
    """Returns the key of `ed25519:BASE64`. Raises ValueError with what is wrong, never with the text itself."""
    if text.startswith(PRIVATE_PREFIX):
        raise ValueError("this is a private key; its public half belongs here")
    return PublicKey(_key_bytes(text, PUBLIC_PREFIX))


def parse_private_key(text: str) -> PrivateKey:
    """Returns the key of `ed25519-private:BASE64`. Raises ValueError with what is wrong, never with the text itself."""
    return PrivateKey(_key_bytes(text, PRIVATE_PREFIX))


def compose_private_key(key: PrivateKey) -> str:
    """Returns the text of a private key: a secret."""
    return PRIVATE_PREFIX + base64.b64encode(key.raw).decode("ascii")


def _key_bytes(text: str, prefix: str) -> bytes:
    if not text.startswith(prefix):
        raise ValueError(f"a key starts with {prefix}")
    try:
        raw = base64.b64decode(text.removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"what follows {prefix} is not base64") from None
    if len(raw) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(raw)}")
    return raw
