from gtm.counters import MAX_SERIES, Counters
from gtm.metrics.counted import parse_series
from tests.fakes.text import HOSTILE


def test_a_value_cannot_add_a_label() -> None:
    counters = Counters()
    counters.add("reports_refused", peer='a",reason="forged', reason="skewed")
    [series] = counters.snapshot()
    _, labels = parse_series(series)
    assert labels == {"peer": r"a\x22,reason=\x22forged", "reason": "skewed"}


def test_a_value_prints_and_is_short() -> None:
    counters = Counters()
    counters.add("reports_refused", peer=HOSTILE * 100)
    [series] = counters.snapshot()
    assert series.isprintable()
    assert len(series) < 300


def test_a_counter_has_a_bound_on_its_series_and_counts_on() -> None:
    counters = Counters()
    for number in range(MAX_SERIES + 500):
        counters.add("reports_refused", peer=f"junk{number}", reason="forged")
    counters.add("reports_refused", peer="junk0", reason="forged")
    counters.add("polls", outcome="news")
    assert len(counters.snapshot()) == MAX_SERIES + 2
    assert counters.count("reports_refused", peer="other", reason="other") == 500
    assert counters.count("reports_refused", peer="junk0", reason="forged") == 2
    assert counters.count("polls", outcome="news") == 1
