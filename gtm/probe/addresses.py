"""The addresses of one target: the order in which they are checked, and the result for the target. Pure.

What comes in: the addresses of a name, and the result at each. What goes out: the order; whether the result at one
address decides; and the combined result. The key `addresses` of the monitor sets the rule:

    an address that...                   next (the default)     any                    all
    passes                               good                   good                   the others must pass, too
    answers otherwise than expected      bad                    the next is tried      bad
    cannot be reached                    the next is tried      the next is tried      bad
    allows a forbidden request (`deny`)  bad                    bad                    bad
    this probe has no route to           the next is tried      the next is tried      the others must pass
    this probe may not check             the next is tried      the next is tried      inconclusive, unless one is bad
    this probe could not check now       inconclusive, unless another decides (no descriptor or turn was left)

`next` is what clients do (RFC 8305): they connect to one address after the other, and take the answer of the first that
they reach, whatever it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest

from gtm.health.certificate import Certificate
from gtm.health.verdict.reading import NO_PHASES, Phases, Reason
from gtm.ids import Address
from gtm.probe.failures import CheckOutcome
from gtm.zone.monitors.addresses import Addresses

MAX_ADDRESSES = 8
"""Most addresses of one target: each may cost a connection and COST_S (cost.py), and a name may have thousands."""

_OUT_OF_REACH = frozenset({Reason.REFUSED, Reason.TIMEOUT, Reason.RESET, Reason.UNREAD})
"""Reasons of a failure without an answer, unless a connection was made: then any failure counts as an answer."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The result of one attempt at one address."""

    outcome: CheckOutcome
    phases: Phases = NO_PHASES
    certificate: Certificate | None = None
    address: Address | None = None
    """The address; None where the kind of check connects to none, or no address is known."""
    is_passed_over: bool = False
    """Whether this probe has no route to the address, or may not check it."""

    @property
    def is_good(self) -> bool:
        """Returns whether the check passed at this address."""
        return self.outcome.reason is Reason.OK

    @property
    def is_answer(self) -> bool:
        """Returns whether the address was reached."""
        return self.outcome.reason not in _OUT_OF_REACH or self.phases.connect_s is not None

    def __str__(self) -> str:
        return f"{self.address}: {self.outcome.detail or self.outcome.reason.value}"


def in_turn(addresses: Sequence[Address]) -> tuple[Address, ...]:
    """Returns at most MAX_ADDRESSES distinct addresses, IPv4 and IPv6 alternating (RFC 8305 4).

    Each family stays in the resolver's order.
    """
    distinct = list(dict.fromkeys(addresses))
    first = [address for address in distinct if address.version == distinct[0].version]
    others = [address for address in distinct if address.version != distinct[0].version]
    mixed = chain.from_iterable(zip_longest(first, others))
    return tuple(address for address in mixed if address is not None)[:MAX_ADDRESSES]


def decides(seen: Seen, rule: Addresses) -> bool:
    """Returns whether the result at one address decides the reading, whatever the other addresses would give."""
    if seen.outcome.reason is Reason.ALLOWED:
        return True
    match rule:
        case Addresses.NEXT:
            return seen.is_answer
        case Addresses.ANY:
            return seen.is_good
        case Addresses.ALL:
            return not seen.is_good and seen.outcome.reason is not Reason.UNREAD


def combined(seen: Sequence[Seen], rule: Addresses, *, of: int) -> Seen:
    """Returns the combined result of a target; `of` is the number of its addresses.

    If any result decides, it is the last one in `seen`.
    """
    last = seen[-1]
    if not decides(last, rule):
        return _all_of(seen, of=of) if rule is Addresses.ALL else _none_of(seen)
    if not last.is_good:
        return _saying(last, str(last))
    before = "; ".join(str(each) for each in seen[:-1])
    return _saying(last, f"{last.address}, after {before}" if before else f"{last.address}, of {of} addresses")


def _none_of(seen: Sequence[Seen]) -> Seen:
    """Returns the combined result when no address decided.

    It is the first failure that is inconclusive, else the first timeout, else the first failure.
    """
    tried = [each for each in seen if not each.is_passed_over] or list(seen)
    by_rank = (
        [each for each in tried if each.outcome.reason is Reason.UNREAD],
        # the probe may have been too late for an answer (kinds.py)
        [each for each in tried if each.outcome.reason is Reason.TIMEOUT],
        tried,
    )
    decisive = next(each[0] for each in by_rank if each)
    others = [each for each in seen if each is not decisive]
    return _saying(decisive, "; ".join(map(str, (decisive, *others))))  # the reason first: a detail may be cut short


def _all_of(seen: Sequence[Seen], *, of: int) -> Seen:
    """Returns the combined result under the rule `all` when no address failed.

    It is inconclusive if any address is.
    """
    good = [each for each in seen if each.is_good]
    unread = [each for each in seen if not each.is_good and (not each.is_passed_over or each.outcome.is_withheld)]
    if unread or not good:
        return _saying((unread or list(seen))[0], "; ".join(str(each) for each in unread or seen))
    ends = [each for each in good if each.certificate is not None]
    soonest = min(ends, key=lambda each: each.certificate.ends_at if each.certificate else 0.0, default=good[0])
    count = f"all {of} addresses" if len(good) == of else f"{len(good)} of {of} addresses"
    return _saying(soonest, count)


def _saying(seen: Seen, detail: str) -> Seen:
    return replace(seen, outcome=seen.outcome._replace(detail=detail))
