"""The values in the SOA of a zone that its file may set (RFC 1035 3.3.13, RFC 2308)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Soa:
    """The numbers in the SOA of a zone but for its serial, and its TTL, in seconds (RFC 1035 3.3.13)."""

    refresh_s: int = 3600
    retry_s: int = 600
    expire_s: int = 604_800
    """For secondaries: an hour, ten minutes and a week (RFC 1912 2.2)."""
    minimum_s: int = 300
    """How long it may be cached that something is not there: a new name is seen by all five minutes after the zone
    changed. It is no default TTL of the zone (RFC 2308 4)."""
    ttl_s: int = 300

    @property
    def negative_ttl_s(self) -> int:
        """Returns the TTL of the SOA in negative answers (RFC 2308 3)."""
        return min(self.ttl_s, self.minimum_s)


DEFAULT_SOA = Soa()
