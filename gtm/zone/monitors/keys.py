"""Keys that several kinds of monitor have, and the limit on what a check may send and look for."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from gtm.config.fields import error, pattern_schema, text_like, whole, whole_schema
from gtm.zone import fields

PortKey = Annotated[
    int | None,
    whole(1, 65535),
    whole_schema(1, 65535),
    Field(description="The port; http 80, https, deny and grpc 443, dns 53 when left out; tcp must name one"),
]
"""What a kind has as `port: PortKey = None`."""

HostKey = Annotated[
    str,
    text_like(fields.HOST_PATTERN, "expected the absolute name of a host"),
    pattern_schema(fields.HOST_PATTERN),
    Field(description="Host header, and with TLS the name the certificate must have"),
]
"""What a kind has as `host: HostKey = ""`."""

MAX_SENT = 16_384
"""Characters that each check sends, be it to thousands of endpoints ten times a second: servers take no larger head."""
MAX_EXPECTED = 65_536
"""Characters that an answer is searched for: no more of it than that is read (gtm/probe/http.py)."""


def check_sizes(*, sent: Iterable[str] = (), expected: Iterable[str] = ()) -> None:
    """Raises an error for a monitor that says more, or looks for more, than any endpoint is to hear or to say."""
    for what, texts, most in (("to send", sent, MAX_SENT), ("to look for", expected, MAX_EXPECTED)):
        size = sum(map(len, texts))
        if size > most:
            raise error(f"the monitor has {size} characters {what}; {most} are the limit")
