"""What an EDNS option is to this server: a code, how it is read from a query, how it is written to a reply."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Value = TypeVar("Value")

Options = Mapping[int, object]
"""The options of one query, parsed, by code."""

NO_OPTIONS: Options = {}


class ReplyFacts(Protocol):
    """The facts of a reply that options need (gtm/dns/reply.py)."""

    @property
    def scope(self) -> int | None:
        """Returns the SCOPE PREFIX-LENGTH; None for a reply without a client subnet option."""

    @property
    def extended_error(self) -> str:
        """Returns the text for the extended DNS error; empty when there is none."""


@dataclass(frozen=True, slots=True)
class EdnsOption(Generic[Value]):
    """One EDNS option: its code, how it is read from a query, and how it is written to a reply."""

    code: int
    parse: Callable[[bytes], Value]
    """Returns the value of the option's data in a query; raises WireError for malformed data."""
    compose: Callable[[Value | None, ReplyFacts], bytes | None]
    """Returns the option's data for the reply, or None to leave the option out.

    The arguments are the option's value in the query, None if the query had none, and the facts of the reply.
    """
