import pytest

from gtm.ids import CheckId, ServiceId
from gtm.plan.budget import Key, Purse, Spent

ONE: Key = (ServiceId("api.example"), CheckId("example/web/192.0.2.1"))
TWO: Key = (ServiceId("api.example"), CheckId("example/web/192.0.2.2"))
THREE: Key = (ServiceId("api.example"), CheckId("example/web/192.0.2.3"))


def test_the_oldest_expense_is_refilled_first_at_a_steady_pace() -> None:
    spent = Spent({ONE: 0.2, TWO: 0.1}, at=1000.0)
    assert spent.after(1000.0, 0.25) == {ONE: 0.2, TWO: 0.1}
    assert spent.after(1024.0, 0.25) == {ONE: pytest.approx(0.1), TWO: 0.1}
    assert spent.after(1060.0, 0.25) == {TWO: pytest.approx(0.05)}
    assert spent.after(1100.0, 0.25) == {}


def test_a_purse_pays_once_for_each_and_no_more_than_it_has() -> None:
    assert not Purse.of({ONE: 0.2}).pay(TWO, 0.1, 0.25)
    purse = Purse.of({ONE: 0.2})
    assert purse.pay(ONE, 0.2, 0.25), "it was paid for"
    assert purse.pay(TWO, 0.05, 0.25), "to the last bit"
    assert purse.shares == {ONE: 0.2, TWO: 0.05}
    assert purse.total == pytest.approx(0.25)


def test_nobody_overtakes_who_waits_but_what_costs_nothing() -> None:
    purse = Purse.of({ONE: 0.2})
    assert not purse.pay(TWO, 0.1, 0.25)
    assert not purse.pay(THREE, 0.01, 0.25), "there is enough for it, and it came later"
    assert purse.pay(THREE, 0.0, 0.25)
    assert purse.total == pytest.approx(0.2)
