"""Kind `calculated`: other monitors of the same endpoint, or the health of services, combined."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from gtm.config.entry import Entry
from gtm.config.fields import error, found, text, whole, whole_schema
from gtm.zone.fields import HOST_PATTERN
from gtm.zone.monitors.common import CommonKeys
from gtm.zone.monitors.kind import MonitorKind
from gtm.zone.monitors.settings import Settings

MAX_PARTS = 256
"""Of one calculated monitor, as of Route 53's calculated health checks; more than that are calculated in groups."""

SERVICE = "service "


class Combine(Enum):
    """How a calculated monitor combines others."""

    ALL = "all"
    ANY = "any"
    AT_LEAST = "at_least"


@dataclass(frozen=True, slots=True)
class CalculatedSettings(Settings):
    """Kind `calculated`: what other monitors of the same endpoint say, or the health of services, combined."""

    combine: Combine
    count: int
    """For AT_LEAST: so many must be up."""
    monitors: tuple[str, ...] = ()
    """Names of monitors of the zone, each checked on the same endpoint."""
    services: tuple[str, ...] = ()
    """Ids of services; one is up while at least one of its endpoints is up."""


def _part(value: object) -> str:
    name = text(value)
    if _is_service(name):
        return SERVICE + _service_of(name)
    return name


def _is_service(part: str) -> bool:
    """Returns whether a part of a calculated monitor is a service."""
    return part.startswith(SERVICE)


def _service_of(part: str) -> str:
    """Returns the service's id: the absolute name in lower case."""
    return part.removeprefix(SERVICE).strip().removesuffix(".").lower()


def _service_name(part: str) -> str:
    if _is_service(part) and not re.fullmatch(HOST_PATTERN, _service_of(part)):
        raise error(f'expected "service NAME" with the absolute name of a service, not {found(part)}')
    return part


PartName = Annotated[str, BeforeValidator(_part), AfterValidator(_service_name)]


class CalculatedKeys(Entry):
    """What is combined, and how."""

    model_config = ConfigDict(defer_build=True)

    all: Annotated[list[PartName], Field(description="Monitors and services that must all be up")] = []
    any: Annotated[list[PartName], Field(description="Monitors and services of which one must be up")] = []
    at_least: Annotated[
        int | None, whole(1, 256), whole_schema(1, 256), Field(description="How many of `of` must be up")
    ] = None
    of: Annotated[list[PartName], Field(description='Monitors, and services as "service NAME"')] = []

    @property
    def parts(self) -> tuple[str, ...]:
        """Returns the parts that are combined, as the file names them."""
        return tuple(self.all or self.any or self.of)


def _settings(keys: CalculatedKeys) -> CalculatedSettings:
    combine = Combine.ALL if keys.all else Combine.ANY if keys.any else Combine.AT_LEAST
    monitors = tuple(part for part in keys.parts if not _is_service(part))
    services = tuple(_service_of(part) for part in keys.parts if _is_service(part))
    return CalculatedSettings(combine, keys.at_least or 0, monitors, services)


def _check(keys: CalculatedKeys, _common: CommonKeys) -> None:
    ways = [bool(keys.all), bool(keys.any), keys.at_least is not None or bool(keys.of)]
    if sum(ways) != 1:
        raise error("a calculated monitor has one of: all; any; at_least with of")
    if ways[2] and (keys.at_least is None or not keys.of):
        raise error("at_least and of go together")
    if keys.at_least is not None and keys.at_least > len(keys.of):
        raise error(f"at_least asks for {keys.at_least} of {len(keys.of)}")
    _check_parts(keys.parts)


def _check_parts(parts: Sequence[str]) -> None:
    """Raises an error for a part that counts twice."""
    known: set[str] = set()
    for part in parts:
        if part in known:
            raise error(f'"{part}" is combined twice')
        known.add(part)
    if len(parts) > MAX_PARTS:
        raise error(f"combines {len(parts)} parts; {MAX_PARTS} are the limit")


_THEIRS = "their parts have it"

CALCULATED = MonitorKind(
    CalculatedKeys,
    _settings,
    rule=_check,
    asks=False,
    refused=dict.fromkeys(("fall", "rise", "window", "recheck", "failback_delay", "damping"), _THEIRS),
    defaults={"fall": 1, "rise": 1, "window": "none", "recheck": "none", "failback_delay": 0.0, "damping": False},
)
