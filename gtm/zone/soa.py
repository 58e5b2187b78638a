"""The values in the SOA of a zone that its zone file may set (RFC 1035 3.3.13, RFC 2308)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Soa:
    """The times in the SOA of a zone and the TTL of the SOA, in seconds (RFC 1035 3.3.13)."""

    refresh_s: int = 3600
    retry_s: int = 600
    expire_s: int = 604_800
    """refresh_s, retry_s and expire_s are for secondaries: an hour, ten minutes and a week (RFC 1912 2.2)."""
    minimum_s: int = 300
    """How long resolvers may cache a negative answer: all see a new name five minutes after the zone changed. It is not
    the default TTL of the zone (RFC 2308 4)."""
    ttl_s: int = 300

    @property
    def negative_ttl_s(self) -> int:
        """Returns the TTL of the SOA in negative answers (RFC 2308 3)."""
        return min(self.ttl_s, self.minimum_s)


DEFAULT_SOA = Soa()
