"""What a kind makes of the keys that all have; mistakes with their places are in tests/data/zones/bad."""

import pytest

from gtm.errors import ZoneInvalid
from gtm.zone.model import Monitor
from gtm.zone.monitors.keys import MAX_EXPECTED, MAX_SENT
from gtm.zone.parse import NO_SHARED, parse
from tests.fakes.vocabulary import FAKE_VOCABULARY

HEAD = """zone: example.com
nameservers: [ns.example.net]
hostmaster: hostmaster@example.com
regions: {one: {}}
services: {api: {monitor: it, steer: weighted, endpoints: [{region: one, address: 192.0.2.1}]}}
"""


def monitor(keys: str) -> Monitor:
    """The monitor with these keys."""
    text = f"{HEAD}monitors: {{web: {{type: http}}, it: {{{keys}}}}}\n"
    found = parse(text, "zone.yaml", NO_SHARED, FAKE_VOCABULARY).services[0].monitor
    assert found is not None
    return found


def test_a_calculated_monitor_adds_no_patience_of_its_own() -> None:
    found = monitor("type: calculated, all: [web]")
    assert (found.fall, found.rise, found.window) == (1, 1, None)
    assert (found.failback_delay_s, found.damping) == (0.0, False)
    assert found.recheck_s == found.interval_s


@pytest.mark.parametrize(
    ("keys", "fall", "window"), [("", 1, None), (", fall: 2", 2, None), (", window: 3 of 4", 1, (3, 4))]
)
def test_the_ttl_is_the_patience_of_a_push_monitor(keys: str, fall: int, window: tuple[int, int] | None) -> None:
    found = monitor(f"type: push, ttl: 30s, token: {{secret: TOKEN}}{keys}")
    assert (found.fall, found.window) == (fall, window)


def test_other_kinds_have_the_usual_defaults() -> None:
    found = monitor("type: icmp")
    assert (found.fall, found.rise, found.window) == (3, 5, (6, 10))


def test_answers_are_written_as_in_records() -> None:
    monitor('type: dns, name: www.example.com, rtype: TXT, answers: [v=spf1 -all, \'"a" "b"\']')
    monitor("type: dns, name: example.com, rtype: MX, answers: [10 mail.example.com.]")


@pytest.mark.parametrize("recheck", ["none", "0s", "0ms"])
def test_a_recheck_is_none_where_it_is_not_wanted(recheck: str) -> None:
    found = monitor(f"type: icmp, interval: 7s, recheck: {recheck}")
    assert found.recheck_s == 7.0


@pytest.mark.parametrize(
    "keys",
    [
        "type: http, path: /TEXT",
        "type: tcp, port: 1, send: TEXT",
        "type: grpc, service: TEXT",
        "type: http, headers: {X-One: TEXT}",
        "type: exec, command: [/bin/true, TEXT]",
        "type: exec, command: [/bin/true, HALF, HALF]",
    ],
)
def test_what_each_check_sends_is_bounded(keys: str) -> None:
    def of(size: int) -> Monitor:
        return monitor(keys.replace("TEXT", size * "x").replace("HALF", size // 2 * "x"))

    assert of(MAX_SENT - 30).name == "it"
    with pytest.raises(ZoneInvalid, match=f"characters to send; {MAX_SENT} are the limit"):
        of(MAX_SENT + 1)


@pytest.mark.parametrize("keys", ["body: TEXT", "body_json: {a: TEXT}", "headers: {a: TEXT}"])
def test_what_an_answer_is_searched_for_is_bounded(keys: str) -> None:
    keys = f"type: http, expect: {{{keys}}}"
    assert monitor(keys.replace("TEXT", (MAX_EXPECTED - 10) * "x")).name == "it"
    with pytest.raises(ZoneInvalid, match=f"characters to look for; {MAX_EXPECTED} are the limit"):
        monitor(keys.replace("TEXT", (MAX_EXPECTED + 1) * "x"))
