import pytest

from gtm.ids import CheckId, ServiceId
from gtm.plan.safety.budget import BudgetKey, Purse, Spent, pay

ONE: BudgetKey = (ServiceId("api.example"), CheckId("example/web/192.0.2.1"))
TWO: BudgetKey = (ServiceId("api.example"), CheckId("example/web/192.0.2.2"))
THREE: BudgetKey = (ServiceId("api.example"), CheckId("example/web/192.0.2.3"))


def test_the_oldest_expense_is_refilled_first_at_a_steady_pace() -> None:
    spent = Spent({ONE: 0.2, TWO: 0.1}, at=1000.0)
    assert spent.after(1000.0, 0.25) == {ONE: 0.2, TWO: 0.1}
    assert spent.after(1024.0, 0.25) == {ONE: pytest.approx(0.1), TWO: 0.1}
    assert spent.after(1060.0, 0.25) == {TWO: pytest.approx(0.05)}
    assert spent.after(1100.0, 0.25) == {}


def test_a_purse_pays_once_for_each_and_no_more_than_it_has() -> None:
    assert not pay([(Purse.of({ONE: 0.2}), 0.25)], TWO, 0.1)
    purse = Purse.of({ONE: 0.2})
    assert pay([(purse, 0.25)], ONE, 0.2), "it was paid for"
    assert pay([(purse, 0.25)], TWO, 0.05), "to the last bit"
    assert purse.shares == {ONE: 0.2, TWO: 0.05}
    assert purse.total == pytest.approx(0.25)


def test_nobody_overtakes_who_waits_but_what_costs_nothing() -> None:
    purse = Purse.of({ONE: 0.2})
    assert not pay([(purse, 0.25)], TWO, 0.1)
    assert not pay([(purse, 0.25)], THREE, 0.01), "there is enough for it, and it came later"
    assert pay([(purse, 0.25)], THREE, 0.0)
    assert purse.total == pytest.approx(0.2)


def test_what_several_purses_have_to_pay_is_paid_by_all_of_them_or_by_none() -> None:
    full, empty = Purse.of({ONE: 0.25}), Purse()
    assert not pay([(empty, 0.25), (full, 0.25)], TWO, 0.1)
    assert not empty.shares
    assert not pay([(empty, 0.25)], THREE, 0.1), "nobody overtakes in any of them"
    full, empty = Purse.of({ONE: 0.25}), Purse()
    assert pay([(empty, 0.25), (full, 0.5)], TWO, 0.1)
    assert (empty.shares, full.shares) == ({TWO: 0.1}, {ONE: 0.25, TWO: 0.1})
