"""The part `watch` of a node file: when changed zone, records and geo files are read, and which are refused."""

from typing import Annotated

from pydantic import PlainValidator

from gtm.arrival import DEFAULT_SETTLE_S
from gtm.config.entry import Entry
from gtm.config.fields import between, error, found
from gtm.watch.zone_loss import DEFAULT_MOST_LOST

MOST_SETTLE_S = 10.0
"""The longest `settle` in seconds. A reload takes at most twice as long."""


def _share(value: object) -> float:
    """Returns a share from 0 to 1; raises an error for any other value."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise error(f"expected a share from 0 to 1, not {found(value)}")
    return float(value)


class WatchEntry(Entry):
    """The time until a changed file is read, and the greatest share of a zone that may be lost at once."""

    settle: Annotated[float, PlainValidator(between(0.0, MOST_SETTLE_S, "0s to 10s"))] = DEFAULT_SETTLE_S
    """Time for which a file that is written in place must not have changed before it is read: zone and records files
    and geo data. From `0s` to `10s`.
    """
    most_lost: Annotated[float, PlainValidator(_share)] = DEFAULT_MOST_LOST
    """A zone that would lose more than this share of its names, records, services or endpoints at once is refused
    (docs/reference/zone-file.md#when-files-change). `1` refuses none.
    """
