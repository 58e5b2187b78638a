"""The EDNS options that this server knows, and functions to read and write them; all other options are ignored.

A new option is a file beside this one, and a line in the table.
"""

import struct
from typing import Any

from dns.rcode import Rcode

from gtm.dns.options.client_subnet import CLIENT_SUBNET
from gtm.dns.options.extended_error import EXTENDED_ERROR
from gtm.dns.options.option import NO_OPTIONS, EdnsOption, Options, ReplyFacts
from gtm.errors import WireError

OPTIONS: dict[int, EdnsOption[Any]] = {option.code: option for option in (CLIENT_SUBNET, EXTENDED_ERROR)}
"""By code, in the order in which a reply has them."""

_HEAD = struct.Struct("!HH")
"""OPTION-CODE, OPTION-LENGTH."""


def parse_options(data: bytes) -> Options:
    """Returns the known options in the RDATA of an OPT record, by code; of a repeated option, the first.

    Raises WireError(FORMERR) for malformed options.
    """
    if not data:
        return NO_OPTIONS
    options: dict[int, object] = {}
    at, end = 0, len(data)
    while at < end:
        if at + _HEAD.size > end:
            raise WireError(Rcode.FORMERR, "the options end within a code or length")
        code, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size + length
        if at > end:
            raise WireError(Rcode.FORMERR, "the options end within an option")
        option = OPTIONS.get(code)
        if option is not None and code not in options:
            options[code] = option.parse(data[at - length : at])
    return options


def compose_options(asked: Options, reply: ReplyFacts) -> bytes:
    """Returns the options of a reply, as the RDATA of its OPT record; `asked` has the options of the query."""
    composed = b""
    for code, option in OPTIONS.items():
        data = option.compose(asked.get(code), reply)
        if data is not None:
            composed += _HEAD.pack(code, len(data)) + data
    return composed
