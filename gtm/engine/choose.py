"""Outcome and coin -> the records of one answer. All chance is in the coin, a uniform number of 64 bits.

Each draw of one out of n takes `coin mod n` and leaves `coin div n` for the next; the bias of that is below n / 2^64
for a single draw, and both engines draw alike.
"""

from dns.rdatatype import RdataType

from gtm.plan.model import Answer, Outcome
from gtm.steer.filter import Choose


def choose(outcome: Outcome, coin: int) -> tuple[Answer, ...]:
    """Returns the answers that a query gets.

    A CNAME stands alone (RFC 2181 10.1): where one is drawn first nothing else is answered, elsewhere CNAMEs are left
    out.
    """
    return _lone_alias(_drawn(outcome, coin))


def _drawn(outcome: Outcome, coin: int) -> tuple[Answer, ...]:
    answers = outcome.answers
    count = outcome.count or len(answers)
    if len(answers) < 2:
        return answers
    match outcome.choose:
        case Choose.ALL:
            return answers
        case Choose.ONE:
            return _weighted(answers, coin)
        case Choose.ROTATE:
            start = coin % len(answers)
            return (answers[start:] + answers[:start])[:count]
        case Choose.SHUFFLE:
            return _shuffled(answers, count, coin)


def _weighted(answers: tuple[Answer, ...], coin: int) -> tuple[Answer, ...]:
    total = sum(answer.weight for answer in answers)
    if not total:
        return (answers[coin % len(answers)],)
    point = coin % total
    for answer in answers:
        point -= answer.weight
        if point < 0:
            return (answer,)
    return answers[-1:]


def _shuffled(answers: tuple[Answer, ...], count: int, coin: int) -> tuple[Answer, ...]:
    """Returns the first `count` of a Fisher-Yates shuffle."""
    deck = list(answers)
    for place in range(min(count, len(deck))):
        coin, drawn = divmod(coin, len(deck) - place)
        deck[place], deck[place + drawn] = deck[place + drawn], deck[place]
    return tuple(deck[:count])


def _lone_alias(answers: tuple[Answer, ...]) -> tuple[Answer, ...]:
    if answers and answers[0].rtype == RdataType.CNAME:
        return answers[:1]
    return tuple(answer for answer in answers if answer.rtype != RdataType.CNAME)
