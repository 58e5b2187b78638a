"""Kind `push`: the endpoint says itself that it lives."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

from gtm.config.entry import Entry
from gtm.zone import fields
from gtm.zone.monitors import values as own
from gtm.zone.monitors.kind import MonitorKind
from gtm.zone.monitors.settings import Secret, Settings


@dataclass(frozen=True, slots=True)
class PushSettings(Settings):
    """Kind `push`: the endpoint says itself that it lives, by POST; silence longer than the TTL is death."""

    ttl_s: float
    token: Secret
    """The bearer token that a heartbeat must carry."""

    @property
    def used_secrets(self) -> tuple[Secret, ...]:
        """Returns the token."""
        return (self.token,)


class PushKeys(Entry):
    """How long a heartbeat is waited for, and what it carries."""

    model_config = ConfigDict(defer_build=True)

    ttl: Annotated[fields.Interval | None, Field(description="Silence for longer than that is death")] = None
    token: Annotated[
        own.SecretEntry | None, Field(description="What a heartbeat carries: {secret: NAME}, which node files list")
    ] = None


def _settings(keys: PushKeys) -> PushSettings:
    assert keys.ttl is not None  # both are needed
    assert keys.token is not None
    return PushSettings(keys.ttl, keys.token)


PUSH = MonitorKind(
    PushKeys,
    _settings,
    needed={"ttl": "a push monitor waits so long", "token": "a heartbeat carries it"},
    asks=False,
    defaults={"fall": 1, "window": "none"},  # the TTL is what it waits for
)
