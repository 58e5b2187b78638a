"""The keys that monitors of all kinds have: how often a check is made, and what changes the verdict."""

from typing import Annotated

from pydantic import ConfigDict, Field

from gtm.config.entry import Entry
from gtm.config.fields import whole, whole_schema
from gtm.zone import fields
from gtm.zone.monitors import hysteresis

DEFAULT_TIMEOUT_S = 2.0
MAX_COUNT = 100
"""Of fall and rise: more readings than that is hours of delay, and surely a slip."""


class CommonKeys(Entry):
    """What an entry of any kind may have."""

    model_config = ConfigDict(defer_build=True)  # it is a part of an entry, and validates nothing alone

    interval: Annotated[fields.Interval, Field(description="Between two checks: 100ms to 1h")] = 5.0
    timeout: Annotated[
        fields.Timeout | None,
        Field(description="For one check, the connection included; not longer than interval. 2s, or interval if less"),
    ] = None
    fall: Annotated[
        int,
        whole(1, MAX_COUNT),
        whole_schema(1, MAX_COUNT),
        Field(description="Bad readings in a row that take an endpoint down"),
    ] = 3
    rise: Annotated[
        int,
        whole(1, MAX_COUNT),
        whole_schema(1, MAX_COUNT),
        Field(description="Good readings in a row that bring an endpoint back"),
    ] = 5
    window: Annotated[
        hysteresis.Window | None,
        Field(description="So many bad readings of the last ones take an endpoint down too: 6 of 10; or none"),
    ] = None
    recheck: Annotated[
        hysteresis.Recheck | None,
        Field(description="After a bad reading, until the endpoint is well again or down; or none. 1s, or interval"),
    ] = None
    failback_delay: Annotated[
        hysteresis.FailbackDelay, Field(description="An endpoint that went down stays down for so long: 0s to 24h")
    ] = hysteresis.DEFAULT_FAILBACK_DELAY_S
    damping: Annotated[
        bool, Field(description="Whether an endpoint that goes up and down takes longer and longer to come back")
    ] = True

    @property
    def timeout_s(self) -> float:
        """Returns the timeout of one check."""
        return min(DEFAULT_TIMEOUT_S, self.interval) if self.timeout is None else self.timeout
