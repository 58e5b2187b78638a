"""What is made of a generator's report, and of two servers' rates."""

import dns.flags
import dns.message
import dns.rrset
import pytest

from bench.compare import Result, available, ratio
from bench.measure import Slice, slice_of
from bench.peers import PEERS
from bench.server import answered_address
from bench.world import STEERED, query

REPORT: dict[str, object] = {
    "seconds": 2.0,
    "qps": 50.0,
    "sent": 110,
    "answered": 100,
    "lost": 10,
    "wrong": 1,
    "empty": 3,
    "bytes": 7000,
    "unsent": 0,
    "idle": 0.25,
    "cpu": 0.9,
    "rcodes": [97, 0, 1, 2] + [0] * 12,
}


def a_slice(qps: float) -> Slice:
    return slice_of({**REPORT, "qps": qps}, 1_000_000_000)


def test_the_cost_of_a_query_is_cpu_time_over_answers() -> None:
    found = slice_of(REPORT, 1_000_000_000)
    assert found.cpu_us == pytest.approx(10_000)
    assert found.server_busy == pytest.approx(0.5)


def test_failures_are_all_rcodes_but_noerror() -> None:
    found = slice_of(REPORT, 1)
    assert (found.failed, found.lost, found.wrong, found.empty) == (3, 10, 1, 3)


def test_nothing_answered_costs_everything_but_is_no_error() -> None:
    assert slice_of({**REPORT, "answered": 0}, 5_000).cpu_us == 5


def test_ratios_are_taken_round_by_round() -> None:
    # a slow machine in the second round slows both: the ratio stays 2
    ours = Result("gtm", (a_slice(100), a_slice(10), a_slice(100)))
    theirs = Result("gdnsd", (a_slice(50), a_slice(5), a_slice(50)))
    assert ratio(ours, theirs) == "2.000"


def test_there_is_no_ratio_to_a_server_that_was_not_measured() -> None:
    assert ratio(Result("gtm", (a_slice(1),)), None) == "-"


def test_a_server_that_is_not_installed_is_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    assert available(["gtm", "gdnsd"], 10, install=False) == [PEERS["gtm"]]
    assert "gdnsd: NOT MEASURED, gdnsd is missing" in capsys.readouterr().out


def test_a_zone_too_large_for_a_format_is_left_out_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert PEERS["pdns"] not in available(["pdns"], 1_000_000, install=False)
    assert "pdns: NOT MEASURED" in capsys.readouterr().out


def test_the_address_of_an_answer_is_read_from_its_first_record() -> None:
    message = dns.message.make_response(dns.message.from_wire(query(STEERED, "203.0.113.0")))
    message.flags |= dns.flags.AA
    message.answer = [dns.rrset.from_text(f"{STEERED}.", 60, "IN", "A", "192.0.2.20")]
    assert answered_address(message.to_wire()) == "192.0.2.20"


def test_what_is_no_address_is_told_apart() -> None:
    message = dns.message.make_response(dns.message.from_wire(query(STEERED)))
    assert answered_address(message.to_wire()) == "rcode 0, 0 records"
    assert answered_address(None) == "no answer"
