"""Extended DNS Error (RFC 8914): why an answer is not what it would be at best.

INFO-CODE (2)  EXTRA-TEXT (UTF-8)
"""

import struct

from gtm.dns.options.option import EdnsOption, ReplyFacts

CODE = 15
OTHER = 0
"""RFC 8914 4.1: none of the others says that a server answers although every check fails."""


def parse(_: bytes) -> None:
    """Returns nothing: what a query says by this option has no meaning."""


def compose(_: None, reply: ReplyFacts) -> bytes | None:
    """Returns the option's data for a reply that has an extended error."""
    if not reply.extended_error:
        return None
    return struct.pack("!H", OTHER) + reply.extended_error.encode()


EXTENDED_ERROR = EdnsOption(CODE, parse, compose)
