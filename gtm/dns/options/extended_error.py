"""Extended DNS Error (RFC 8914): why an answer is not what it would be at best.

INFO-CODE (2)  EXTRA-TEXT (UTF-8)
"""

import struct

from gtm.dns.options.option import EdnsOption, ReplyFacts

CODE = 15
OTHER = 0
"""INFO-CODE 0 (RFC 8914 4.1): no other code says that a server answers although every check fails."""


def parse(_: bytes) -> None:
    """Returns None: this option has no meaning in a query."""


def compose(_: None, reply: ReplyFacts) -> bytes | None:
    """Returns the option's data for a reply; None for a reply without an extended error."""
    if not reply.extended_error:
        return None
    return struct.pack("!H", OTHER) + reply.extended_error.encode()


EXTENDED_ERROR = EdnsOption(CODE, parse, compose)
