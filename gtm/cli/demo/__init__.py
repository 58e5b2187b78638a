"""`gtm demo`: three toy regions, three probes and a DNS node on the loopback, and a way to break the regions."""
