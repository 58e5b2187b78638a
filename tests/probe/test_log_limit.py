"""Of a zone whose checks change without end so many lines are logged, and those of others all the same."""

import logging

import pytest

from gtm.ids import CheckId
from gtm.probe.log_limit import LINE_EVERY_S, LINES_AT_ONCE, Told

CHECK = CheckId("flap.example.com/m/192.0.2.1")
FLAPPING, OTHER = "flap.example.com", "gtm.example.com"


def test_a_zone_has_so_many_lines_and_takes_none_of_another(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    told = Told(logging.getLogger("gtm.test"))
    for number in range(3 * LINES_AT_ONCE):
        told.tell(FLAPPING, f"probe {FLAPPING}/m/192.0.2.1: {number}", check=CHECK, now=0.0)
    told.tell(OTHER, f"probe {OTHER}/m/192.0.2.1: UP -> DOWN", check=CHECK, now=0.0)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == LINES_AT_ONCE + 1
    assert lines[-1] == f"probe {OTHER}/m/192.0.2.1: UP -> DOWN"
    told.tell(FLAPPING, "the next", check=CHECK, now=LINE_EVERY_S)
    assert [record.getMessage() for record in caplog.records[-2:]] == [
        f"{2 * LINES_AT_ONCE} state changes of checks of {FLAPPING} had no line: there are too many",
        "the next",
    ]
    assert vars(caplog.records[-1])["check"] == CHECK, "a field of the log as JSON"
