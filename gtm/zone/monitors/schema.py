"""Monitors of a zone file as a pydantic model.

In come plain values of YAML, out goes an entry; or errors in our words. One class has the keys of every kind (kinds/),
and each kind says which it has: so a key that belongs to another kind is told apart from one that nobody knows.
"""

from typing import Annotated, Self, TypeVar

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic.config import JsonDict

from gtm.config.entry import Entry
from gtm.config.fields import choice, enum_schema, error
from gtm.zone.monitors.addresses import Addresses
from gtm.zone.monitors.common import CommonKeys
from gtm.zone.monitors.registry import KINDS, MonitorType

Value = TypeVar("Value")


class TypeKey(Entry):
    """What every entry has first: the kinds tell by it which keys are theirs."""

    model_config = ConfigDict(defer_build=True)

    type: Annotated[
        MonitorType,
        choice("monitor type", {kind.value: kind for kind in MonitorType}),
        enum_schema([kind.value for kind in MonitorType]),
        Field(description="What kind of check; each has keys of its own"),
    ]


class AddressesKey(Entry):
    """What the kinds have that ask the endpoint."""

    model_config = ConfigDict(defer_build=True)

    addresses: Annotated[
        Addresses,
        choice("rule", {rule.value: rule for rule in Addresses}),
        enum_schema([rule.value for rule in Addresses]),
        Field(description="Of a target with several: the next one where one is out of reach, any that is good, or all"),
    ] = Addresses.NEXT


def _each_with_its_keys(schema: JsonDict) -> None:
    """Tells editors which kind has which keys, and which it cannot do without."""
    schema["allOf"] = [
        {
            "if": {"properties": {"type": {"const": monitor_type.value}}, "required": ["type"]},
            "then": {"propertyNames": {"enum": [*keys_of(monitor_type.value)]}, "required": [*kind.needed]},
        }
        for monitor_type, kind in KINDS.items()
    ]


_CLASSES = tuple(dict.fromkeys(kind.keys for kind in KINDS.values()))
"""The keys of all kinds. A field's place is where a class has it first, and pydantic begins with the last class."""
_OWN_KEYS = {monitor_type: kind.own_keys for monitor_type, kind in KINDS.items()}
_SPECIFIC = frozenset().union(*_OWN_KEYS.values())
_REFUSED = frozenset(key for kind in KINDS.values() for key in kind.refused)


class MonitorEntry(CommonKeys, AddressesKey, *reversed(_CLASSES), TypeKey):  # type: ignore[misc]
    """How an endpoint is checked."""

    model_config = ConfigDict(defer_build=False, json_schema_extra=_each_with_its_keys)

    @field_validator(*_SPECIFIC, mode="before")
    @classmethod
    def _of_its_kind(cls, value: Value, info: ValidationInfo) -> Value:
        kind = info.data.get("type")
        if kind is not None and info.field_name not in _OWN_KEYS[kind]:
            others = [other.value for other in MonitorType if info.field_name in _OWN_KEYS[other]]
            raise error(f"{kind.value} monitors have no {info.field_name}; it is for {', '.join(others)}")
        return value

    @field_validator(*_REFUSED)
    @classmethod
    def _not_refused(cls, value: Value, info: ValidationInfo) -> Value:
        kind = info.data.get("type")
        if kind is not None and (why := KINDS[kind].refused.get(info.field_name or "")):
            raise error(f"{kind.value} monitors have no {info.field_name}: {why}")
        return value

    @field_validator("timeout")
    @classmethod
    def _within_interval(cls, timeout_s: float | None, info: ValidationInfo) -> float | None:
        interval_s = info.data.get("interval")
        if timeout_s is not None and interval_s is not None and timeout_s > interval_s:
            raise error(f"the timeout ({timeout_s:g} s) is longer than the interval ({interval_s:g} s)")
        return timeout_s

    @field_validator("recheck")
    @classmethod
    def _no_later_than_the_round(cls, recheck_s: float | str | None, info: ValidationInfo) -> float | str | None:
        interval_s = info.data.get("interval")
        if isinstance(recheck_s, float) and interval_s is not None and recheck_s > interval_s:
            raise error(f"the recheck ({recheck_s:g} s) is longer than the interval ({interval_s:g} s)")
        return recheck_s

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        kind = KINDS[self.type]
        for key, why in kind.needed.items():
            if not getattr(self, key):
                raise error(f'missing key "{key}": {why}')
        kind.rule(self, self)
        return self

    def with_defaults(self) -> "MonitorEntry":
        """Returns the entry with the defaults of its kind for what the file does not say."""
        defaults = KINDS[self.type].defaults
        if not defaults:
            return self
        return self.model_copy(update={key: defaults[key] for key in defaults.keys() - self.model_fields_set})


def keys_of(kind: str) -> tuple[str, ...]:
    """Returns the keys that monitors of a kind have, in the order of the schema; none when there is no such kind."""
    for monitor_type, monitor_kind in KINDS.items():
        if monitor_type.value == kind:
            strange = (_SPECIFIC - _OWN_KEYS[monitor_type]) | monitor_kind.refused.keys()
            return tuple(key for key in MonitorEntry.model_fields if key not in strange)
    return ()
