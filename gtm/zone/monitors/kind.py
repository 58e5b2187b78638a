"""What a zone file may say for one kind of monitor, as a value: each file of kinds/ makes one, registry.py lists them.

It knows no kind by name. The keys of a kind are a class of their own here, and part of the one entry of the schema
(schema.py), so that functions of a kind see its own keys, with their types, and no others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, TypeVar

from gtm.config.entry import Entry
from gtm.zone.monitors.common import CommonKeys
from gtm.zone.monitors.settings import Settings

KeysT = TypeVar("KeysT", bound=Entry)
SettingsT = TypeVar("SettingsT", bound=Settings)


def _no_port(_keys: Entry) -> int:
    return 0


def _no_rule(_keys: Entry, _common: CommonKeys) -> None:
    pass


@dataclass(frozen=True, slots=True)
class MonitorKind(Generic[KeysT, SettingsT]):
    """What a zone file may say for monitors of one kind."""

    keys: type[KeysT]
    """The keys besides those of all kinds. A key that two kinds have is the same in both."""
    settings: Callable[[KeysT], SettingsT]
    """Returns the settings that a valid entry asks for."""
    port: Callable[[KeysT], int] = _no_port
    """Returns the port of a valid entry, or the default one; 0 where the kind has none."""
    needed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Keys that must be there and not be empty, each with the reason."""
    rule: Callable[[KeysT, CommonKeys], None] = _no_rule
    """Raises an error (gtm/zone/fields.py) where keys do not go together."""
    asks: bool = True
    """Whether a check asks the endpoint; the others go by what somebody else says."""
    left_out: tuple[str, ...] = ()
    """Those of its class of keys that it has no use for."""
    refused: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Keys of all kinds that this one has no use for, each with the reason."""
    defaults: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """Values of keys of all kinds where the file names none, and this kind has others than the rest."""

    @property
    def own_keys(self) -> frozenset[str]:
        """Returns the keys that it has besides those of all kinds."""
        own = frozenset(self.keys.model_fields) - set(self.left_out)
        return own | {"addresses"} if self.asks else own
