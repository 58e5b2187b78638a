"""Outcome and coin -> the records of one answer. All chance is in the coin, a uniform number of 64 bits.

Each draw of one out of n takes `coin mod n` and leaves `coin div n` for the next; the bias of that is below n / 2^64
for a single draw, and both engines draw alike.
"""

from typing import NamedTuple

from dns.rdatatype import RdataType

from gtm.plan.outcome import Answer, Outcome
from gtm.steer.filter import Choose


class Drawn(NamedTuple):
    """The answers that were drawn, and the rest of the coin."""

    answers: tuple[Answer, ...]
    coin: int
    """The rest of the coin, for the next draw: a service behind an alias must not draw with the same coin."""


def choose(outcome: Outcome, coin: int) -> Drawn:
    """Returns the answers that a query with this coin gets from an outcome, and the rest of the coin.

    A CNAME stands alone (RFC 2181 10.1): if one is drawn first, it is the only answer; else CNAMEs are left out.
    """
    drawn = _drawn(outcome, coin)
    return Drawn(_lone_alias(drawn.answers), drawn.coin)


def _drawn(outcome: Outcome, coin: int) -> Drawn:
    answers = outcome.answers
    count = outcome.count or len(answers)
    if len(answers) < 2:
        return Drawn(answers, coin)
    match outcome.choose:
        case Choose.ALL:
            return Drawn(answers, coin)
        case Choose.ONE:
            return _weighted(answers, coin)
        case Choose.ROTATE:
            coin, start = divmod(coin, len(answers))
            return Drawn((answers[start:] + answers[:start])[:count], coin)
        case Choose.SHUFFLE:
            return _shuffled(answers, count, coin)


def _weighted(answers: tuple[Answer, ...], coin: int) -> Drawn:
    total = sum(answer.weight for answer in answers)
    if not total:
        coin, place = divmod(coin, len(answers))
        return Drawn((answers[place],), coin)
    coin, point = divmod(coin, total)
    for answer in answers:
        point -= answer.weight
        if point < 0:
            return Drawn((answer,), coin)
    raise AssertionError("the point is below the sum of the weights")


def _shuffled(answers: tuple[Answer, ...], count: int, coin: int) -> Drawn:
    """Returns the first `count` answers of a Fisher-Yates shuffle, and the rest of the coin."""
    deck = list(answers)
    for place in range(min(count, len(deck))):
        coin, drawn = divmod(coin, len(deck) - place)
        deck[place], deck[place + drawn] = deck[place + drawn], deck[place]
    return Drawn(tuple(deck[:count]), coin)


def _lone_alias(answers: tuple[Answer, ...]) -> tuple[Answer, ...]:
    if answers and answers[0].rtype == RdataType.CNAME:
        return answers[:1]
    return tuple(answer for answer in answers if answer.rtype != RdataType.CNAME)
