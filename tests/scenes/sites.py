"""Sites for scenes about the rules of safety: services that share nothing, each with one endpoint in every region."""

from tests.scenes.play import Answered, Play

REGIONS = ("us-east", "eu-west", "ap-southeast")
NAMES = ("shop", "mail", "media")
NOTICED_AFTER = 3
"""Rounds: as many bad readings in a row take an endpoint down."""


def address(service: int, region: int) -> str:
    """The only address of a service in a region."""
    return f"192.0.{service}.{region + 1}"


def in_region(region: int) -> set[str]:
    """The addresses of all services in a region."""
    return {address(service, region) for service in range(len(NAMES))}


def one_of(name: str, service: int, *, steer: str = "failover") -> str:
    """A service of a zone file."""
    ends = "".join(
        f"      - {{region: {region}, address: {address(service, place)}}}\n" for place, region in enumerate(REGIONS)
    )
    return f"  {name}:\n    monitor: web\n    steer: {steer}\n    endpoints:\n{ends}"


THREE = "".join(one_of(name, service) for service, name in enumerate(NAMES))
"""Everybody is answered us-east, then eu-west, then ap-southeast."""


def refused(play: Play) -> set[str]:
    """The rules that refuse something now."""
    return {refusal.rule.value for refusal in play.server.guide.refusals}


def alerts(play: Play) -> list[object]:
    """The rules that were told to refuse something, one event after the other."""
    return [event.facts["rule"] for event in play.server.events.events if event.kind.value == "gtm.safety.blocked"]


def moments(answers: list[Answered]) -> list[set[str]]:
    """What anybody was answered, round by round."""
    found: dict[int, set[str]] = {}
    for answer in answers:
        found.setdefault(answer.round, set()).add(answer.address)
    return [found[number] for number in sorted(found)]
