"""The part `telemetry` of a node file: where metrics are sent."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import PlainValidator

from gtm.config.entry import Entry
from gtm.config.fields import error, found, text
from gtm.node.config.values import Something


def _collector(value: object) -> str:
    """Returns the URL of a collector without a final slash; raises an error for an invalid one."""
    try:
        parts = urlsplit(text(value))
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # half of an IPv6 address, or a port out of range
        is_good = False
    if not is_good or parts.query or parts.fragment or re.search(r"[\s\\]", str(value)):
        raise error(f'expected the address of a collector such as "http://127.0.0.1:4318", not {found(value)}')
    if parts.username is not None or parts.password is not None:
        raise error("a collector's address has no user or password; OTEL_EXPORTER_OTLP_HEADERS can hold a token")
    return str(value).rstrip("/")


class TelemetryEntry(Entry):
    """The collector that gets metrics, besides the clients that scrape them."""

    otlp: Annotated[str | None, Something, PlainValidator(_collector)] = None
    """OpenTelemetry collector that metrics are sent to (docs/guides/monitoring.md). Default: what the environment
    says.
    """
