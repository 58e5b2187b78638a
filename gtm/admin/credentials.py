"""What the node file says of who may change something over the admin API. write_access.py asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Credentials:
    """What lets somebody in besides the socket in the state folder."""

    tokens: Mapping[str, Path] = field(default_factory=dict)
    """By name, the file of each."""
    certificates: frozenset[str] = frozenset()
    """Common names, and alternative names of any kind."""
