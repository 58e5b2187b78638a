"""The credentials in the node file: who may change something over the admin API. write_access.py checks them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Credentials:
    """The tokens and client certificates that let a sender change something, besides the socket in the state folder."""

    tokens: Mapping[str, Path] = field(default_factory=dict)
    """The file of each token, by the name of the token."""
    certificates: frozenset[str] = frozenset()
    """Names of client certificates: common names, and subject alternative names of any kind."""
