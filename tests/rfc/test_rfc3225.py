"""RFC 3225: DO comes back as it was sent, and alone changes nothing in an unsigned zone."""

import pytest

from gtm.engine.protocol import Engine
from tests.fakes import world
from tests.fakes.world import query


@pytest.mark.parametrize("dnssec", [True, False])
@pytest.mark.parametrize("name", ["api", "nothing", "x.sub", "other.test."])
def test_3_do_is_copied(serving: Engine, name: str, *, dnssec: bool) -> None:
    message = world.answer(serving, query(name, dnssec=dnssec))
    assert bool(message.ednsflags & 0x8000) is dnssec
    assert message.ednsflags & 0x7FFF == 0


def test_3_do_changes_nothing_else_in_an_unsigned_zone(serving: Engine) -> None:
    plain, secure = (world.answer(serving, query("api", dnssec=dnssec)) for dnssec in (False, True))
    assert plain.sections == secure.sections
