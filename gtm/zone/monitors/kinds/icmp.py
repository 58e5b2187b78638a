"""Kind `icmp`: an echo request that is answered."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

from gtm.config.entry import Entry
from gtm.config.fields import whole, whole_schema
from gtm.zone.monitors.kind import MonitorKind
from gtm.zone.monitors.settings import Settings


@dataclass(frozen=True, slots=True)
class IcmpSettings(Settings):
    """Kind `icmp`: an echo request that is answered."""

    count: int = 1
    """One answer out of so many requests is enough."""
    size_bytes: int = 56

    @property
    def requests_per_check(self) -> int:
        """Returns the number of echo requests."""
        return self.count


class IcmpKeys(Entry):
    """What is sent."""

    model_config = ConfigDict(defer_build=True)

    count: Annotated[
        int, whole(1, 10), whole_schema(1, 10), Field(description="Echo requests; one answer is enough")
    ] = 1
    size: Annotated[
        int, whole(0, 1400), whole_schema(0, 1400), Field(description="Octets of data in an echo request")
    ] = 56


ICMP = MonitorKind(IcmpKeys, lambda keys: IcmpSettings(keys.count, keys.size))
