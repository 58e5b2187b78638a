"""Outcome -> a text that says how queries choose from it, and each answer's share of queries. Exact, without a coin."""

from collections import Counter

from dns.rdatatype import RdataType

from gtm.engine.choose import choose
from gtm.ids import EndpointId
from gtm.plan.outcome import Answer, Outcome
from gtm.steer.filter import Choose


def rule_of(outcome: Outcome) -> str:
    """Returns a text with the rule by which queries choose among the answers: `one by weight`."""
    size = len(outcome.answers)
    many = f"{outcome.count} of {size}" if 0 < outcome.count < size else "all"
    match outcome.choose:
        case Choose.ALL:
            return "all"
        case Choose.ONE:
            return "one by weight"
        case Choose.SHUFFLE:
            return f"{many}, shuffled"
        case Choose.ROTATE:
            return f"{many}, rotated"


def chances_of(outcome: Outcome) -> tuple[tuple[EndpointId, float], ...]:
    """Returns each endpoint with the share of queries, from 0 to 1, that get its answer.

    A CNAME that is drawn first is the only answer (gtm/engine/choose.py).
    """
    answers, size = outcome.answers, len(outcome.answers)
    match outcome.choose:
        case Choose.ONE:
            total = sum(answer.weight for answer in answers)
            return tuple((answer.endpoint, answer.weight / total if total else 1 / size) for answer in answers)
        case Choose.SHUFFLE:
            return tuple((answer.endpoint, _shuffled_share(answer, outcome)) for answer in answers)
        case Choose.ALL | Choose.ROTATE:
            drawn = Counter(answer.endpoint for start in range(size) for answer in choose(outcome, start).answers)
            return tuple((answer.endpoint, drawn[answer.endpoint] / size) for answer in answers)


def _shuffled_share(answer: Answer, outcome: Outcome) -> float:
    """Returns the chance that a shuffled answer is in a reply.

    A CNAME must be drawn first. An address may also come later, after another address.
    """
    size = len(outcome.answers)
    if answer.rtype == RdataType.CNAME or size == 1:
        return 1 / size
    others = sum(other.rtype != RdataType.CNAME for other in outcome.answers) - 1
    later = (min(outcome.count or size, size) - 1) / (size - 1)
    return (1 + others * later) / size
