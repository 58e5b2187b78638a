"""What new checks inherit, and from whom."""

import pytest

from gtm.checks.model import checks
from gtm.health.belief import Belief
from gtm.health.consensus.status import NO_STATUS
from gtm.plan.renamed_checks import with_inherited
from gtm.zone.model import Zone
from tests.fakes import world

SERVICES = """
  api:
    monitor: web
    steer: nearest
    endpoints:
      - {region: us-east, address: 192.0.2.1}
      - {region: eu-west, address: 192.0.2.2}
"""
BEFORE = world.services(SERVICES)
SITE = f"{world.HEAD}  site: {{type: tcp, port: 80}}\nservices:{SERVICES.replace('web', 'site')}records:{world.NS1}"
RENAMED = world.zone(SITE)
STATUS = world.status({"192.0.2.2": Belief.DOWN}, BEFORE)


def beliefs(after: Zone) -> list[Belief]:
    status = with_inherited(STATUS, (BEFORE,), (after,))
    return [status.belief(check.id) for check in checks((after,))]


def test_a_check_of_another_name_inherits_what_was_believed_of_its_target() -> None:
    assert beliefs(RENAMED) == [Belief.UP, Belief.DOWN]


def test_what_is_inherited_is_nobodys_vote_yet() -> None:
    status = with_inherited(STATUS, (BEFORE,), (RENAMED,))
    assert all(status.checks[check.id].frozen and not status.checks[check.id].votes for check in checks((RENAMED,)))


@pytest.mark.parametrize("edit", [("192.0.2.2", "192.0.2.9"), ("  api:", "  other:")])
def test_another_address_or_service_inherits_nothing(edit: tuple[str, str]) -> None:
    after = world.zone(SITE.replace(*edit))
    assert Belief.DOWN not in beliefs(after)


def test_what_is_known_of_the_new_check_is_not_overruled() -> None:
    known = world.status({}, BEFORE, RENAMED)
    assert with_inherited(known, (BEFORE,), (RENAMED,)) is known


def test_without_news_the_status_is_the_same() -> None:
    assert with_inherited(STATUS, (BEFORE,), (BEFORE,)) is STATUS
    assert with_inherited(NO_STATUS, (BEFORE,), (RENAMED,)) is NO_STATUS
    assert with_inherited(STATUS, (), (BEFORE,)) is STATUS
