from gtm.health.belief import Belief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.override.override import SafetyRule
from gtm.health.verdict.reading import Reason
from gtm.ids import EndpointId, RegionName, ServiceId
from gtm.plan.clients import Clients
from gtm.plan.decisions import decisions
from gtm.plan.outage import NO_OUTAGE, Outage, all_instead, answered_again, answered_instead, outage_of, why_down
from gtm.plan.outcome import Decisions
from gtm.plan.overlay import NO_OVERLAY, Overlay
from gtm.plan.shape_decisions import Shapes
from tests.fakes import world

PLAN = world.plan(world.zone(), geography=world.geography())
API = PLAN.services[ServiceId("api.gtm.example.com")]
EU, US, AP = RegionName("eu-west"), RegionName("us-east"), RegionName("ap-southeast")
TIMEOUT = (Reason.TIMEOUT, "no complete answer in 2 s")
EU_ENDS = ("192.0.2.20", "192.0.2.21", "2001:db8:f::20")


def believing(*down: str, why: tuple[Reason, str] = TIMEOUT, others: tuple[Reason, str] | None = None) -> Status:
    """These targets of `api` are down, the first for a reason and the rest for another, if there is one."""
    found = {}
    for endpoint, check in zip(API.service.endpoints, API.checks, strict=True):
        assert check is not None
        if endpoint.target in down:
            reason, detail = why if endpoint.target == down[0] else others or why
            found[check] = CheckStatus(Belief.DOWN, 1.0, reason, detail)
        else:
            found[check] = CheckStatus(Belief.UP, 0.0)
    return Status(found)


def decided(status: Status, overlay: Overlay = NO_OVERLAY) -> Decisions:
    return decisions(API, status, None, Shapes(), overlay)


def told(status: Status, region: RegionName, overlay: Overlay = NO_OVERLAY, *, clients: Clients | None = None) -> str:
    return answered_instead(API, region, decided(status, overlay), clients or Clients(), status=status, overlay=overlay)


def test_a_region_is_down_when_all_that_a_service_has_in_it_is() -> None:
    some, all_of_it = believing(*EU_ENDS[:2]), believing(*EU_ENDS)
    assert outage_of(API, believing(), decided(believing())) == NO_OUTAGE
    assert outage_of(API, some, decided(some)) == NO_OUTAGE
    assert outage_of(API, all_of_it, decided(all_of_it)) == Outage(frozenset({EU}))


def test_a_service_can_fail_for_the_clients_of_one_type_alone() -> None:
    status = believing("2001:db8:f::10", "2001:db8:f::20")
    assert outage_of(API, status, decided(status)) == Outage(fails=True)


def test_the_reasons_are_told_the_commonest_first() -> None:
    assert why_down(API, believing(*EU_ENDS), EU) == "3 of 3 endpoints: timeout"
    mixed = believing(*EU_ENDS, why=(Reason.STATUS, "HTTP 404"), others=TIMEOUT)
    assert why_down(API, mixed, EU) == "3 of 3 endpoints: timeout (2), HTTP 404 (1)"
    other = believing(*EU_ENDS, why=(Reason.CERT_EXPIRED, "certificate has expired"))
    assert why_down(API, other, EU) == "3 of 3 endpoints: cert_expired certificate has expired"


def test_clients_of_a_region_that_is_down_get_the_next() -> None:
    assert told(believing(*EU_ENDS), EU) == "its clients get us-east or ap-southeast"
    up = believing()
    assert answered_again(API, EU, decided(up), Clients()) == "its clients get it again"


def test_what_a_rule_holds_is_told() -> None:
    held = {EndpointId(f"eu-west/{target}"): SafetyRule.MAX_SHARE for target in EU_ENDS}
    overlay = Overlay(held={API.id: held})
    rule = SafetyRule.MAX_SHARE.value
    assert told(believing(*EU_ENDS), EU, overlay) == f"its clients get it all the same: held by the safety rule {rule}"


def test_a_region_that_nobody_is_sent_to_says_so() -> None:
    spare = PLAN.services[ServiceId("failover.gtm.example.com")]
    check = spare.checks[1]
    assert check is not None
    status = Status({check: CheckStatus(Belief.DOWN, 1.0, *TIMEOUT)})
    answers = decisions(spare, status, None, Shapes())
    words = answered_instead(spare, EU, answers, Clients(), status=status, overlay=NO_OVERLAY)
    assert words == "no client is sent to it while all is up"


def test_where_it_takes_too_long_to_find_the_clients_the_answers_are_told() -> None:
    few = len(API.space.cells) * len(API.checks) - 1
    assert told(believing(*EU_ENDS), EU, clients=Clients(few)) == "the answers have us-east or ap-southeast"


def test_where_no_work_is_left_nothing_is_told_of_the_answers() -> None:
    down, everything = believing(*EU_ENDS), believing(*(endpoint.target for endpoint in API.service.endpoints))
    spent = Clients(0)
    assert told(down, EU, clients=spent) == ""
    assert answered_again(API, EU, decided(believing()), spent) == ""
    assert all_instead(API, decided(everything), spent, NO_OVERLAY) == ""


def test_a_service_that_fails_open_names_what_clients_get() -> None:
    status = believing(*(endpoint.target for endpoint in API.service.endpoints))
    words = "fail open: clients get eu-west, ap-southeast or us-east as if up"
    assert all_instead(API, decided(status), Clients(), NO_OVERLAY) == words
