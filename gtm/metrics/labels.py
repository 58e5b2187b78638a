"""Values of labels -> what a monitoring system may be given: they print, they are short, and different ones stay so.

A label's value may hold a file's name or a name that a peer made up. Two series with the same labels would make a
whole scrape unreadable, so a value that had to be changed ends with a mark of what it was.
"""

import hashlib
from functools import lru_cache

from gtm.escape import escaped

MAX_LABEL = 200
"""Characters: more than a DNS name with a region and an address, and as much as most stores index well."""


def label(value: str) -> str:
    """Returns the value of a label."""
    if len(value) <= MAX_LABEL and value.isprintable():
        return value
    return _marked(value)


@lru_cache(maxsize=1_000)
def _marked(value: str) -> str:
    mark = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{escaped(value[:MAX_LABEL], limit=MAX_LABEL)} #{mark}"
