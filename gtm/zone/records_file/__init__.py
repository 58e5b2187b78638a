"""Records files (RFC 1035 section 5): parsed, packed, and checked against the rest of the zone."""
