"""Values of labels -> what a monitoring system may be given: they print, they are short, and different ones stay so.

A label's value may hold a file's name or a name that a peer made up. Two series with the same labels would make a
whole scrape unreadable, so a value that had to be changed ends with a mark of what it was.
"""

import hashlib
from functools import lru_cache

from gtm.escape import escaped

MAX_LABEL = 200
"""Characters: more than a DNS name with a region and an address, and as much as most stores index well."""

MARK = " #"
MARK_LENGTH = len(MARK) + 8
"""With the digits after it. What ends as if it had a mark gets one too, or it could be taken for another value."""


def label(value: str) -> str:
    """Returns the value of a label."""
    if len(value) <= MAX_LABEL and value.isprintable() and not value[-MARK_LENGTH:].startswith(MARK):
        return value
    return _marked(value)


@lru_cache(maxsize=1_000)
def _marked(value: str) -> str:
    mark = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()[: MARK_LENGTH - len(MARK)]
    return f"{escaped(value[:MAX_LABEL], limit=MAX_LABEL)}{MARK}{mark}"
