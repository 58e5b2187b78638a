"""The part `soa` of a zone file: the times in the SOA of the zone, and how long "there is none" may be cached."""

from typing import Annotated, Self

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from gtm.config.entry import Entry
from gtm.config.fields import error
from gtm.zone.fields import Ttl, ttl, ttl_forms
from gtm.zone.soa import DEFAULT_SOA, Soa


def _time(value: object) -> int:
    seconds = ttl(value)
    if not seconds:
        raise error("must be 1 s at least, not 0")
    return seconds


_Time = Annotated[int, PlainValidator(_time), WithJsonSchema({"oneOf": ttl_forms(least=1)})]


class SoaEntry(Entry):
    """The SOA of the zone, but for its names and serial."""

    refresh: Annotated[_Time, Field(description="How often secondaries look for changes: 3600 or 1h")] = (
        DEFAULT_SOA.refresh_s
    )
    retry: Annotated[_Time, Field(description="How long they wait after a failure: 600 or 10m")] = DEFAULT_SOA.retry_s
    expire: Annotated[_Time, Field(description="How long they answer without hearing of the zone: 168h")] = (
        DEFAULT_SOA.expire_s
    )
    minimum: Annotated[
        Ttl, Field(description="How long resolvers may cache that a name or a type is not there: 300 or 5m")
    ] = DEFAULT_SOA.minimum_s
    ttl: Annotated[
        Ttl | None, Field(description="TTL of the SOA itself, and a bound for minimum; as minimum when left out")
    ] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.expire <= self.refresh:
            raise error(f"expire ({self.expire} s) must be longer than refresh ({self.refresh} s)")
        return self

    @property
    def value(self) -> Soa:
        """Returns the times of this entry as a Soa; a missing TTL is as long as `minimum`."""
        soa_ttl_s = self.minimum if self.ttl is None else self.ttl
        return Soa(self.refresh, self.retry, self.expire, self.minimum, soa_ttl_s)
