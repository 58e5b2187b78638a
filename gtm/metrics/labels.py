"""Label values -> label values fit for a monitoring system: printable, short, and different where they were different.

A label's value may hold a file's name or a name that a peer made up. Two series with the same labels would make a
whole scrape unreadable, so a value that had to be changed ends with a mark that identifies the original.
"""

import hashlib
from functools import lru_cache

from gtm.escape import escaped

MAX_LABEL = 200
"""Most characters of a value: more than a DNS name with a region and an address, and as much as most stores
index well."""

MARK = " #"
MARK_LENGTH = len(MARK) + 8
"""The length of the mark with its digits. A value that ends as if it had a mark also gets one, to stay different."""


def label(value: str) -> str:
    """Returns the label value, made printable and short."""
    if len(value) <= MAX_LABEL and value.isprintable() and not value[-MARK_LENGTH:].startswith(MARK):
        return value
    return _marked(value)


@lru_cache(maxsize=1_000)
def _marked(value: str) -> str:
    mark = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()[: MARK_LENGTH - len(MARK)]
    return f"{escaped(value[:MAX_LABEL], limit=MAX_LABEL)}{MARK}{mark}"
