import json
from pathlib import Path

import pytest

from gtm.share.keys import generate_key
from tests.cli.command import gtm
from tests.node.present import BROKEN, SMALL


def tables(*arguments: str) -> tuple[list[list[str]], list[list[str]]]:
    """The terms, and what could hold it for longer, each below its line of names."""
    ran = gtm("bound", *arguments)
    assert (ran.code, ran.err) == (0, "")
    terms, _, holds = ran.out.partition("\n\n")
    return [line.split("\t") for line in terms.splitlines()], [line.split("\t") for line in holds.splitlines()]


def rows(*arguments: str) -> dict[str, tuple[str, str]]:
    terms, _ = tables(*arguments)
    assert terms[0] == ["term", "seconds", "why"]
    return {name: (seconds, why) for name, seconds, why in terms[1:]}


@pytest.mark.usefixtures("folder")
def test_the_terms_are_told_and_add_up() -> None:
    told = rows("api.gtm.example.com")
    assert list(told) == ["round", "rechecks", "timeout", "publish", "merge", "swap", "ttl", "total"]
    assert told["round"] == ("6.00", "interval 5 s, and 1 s of jitter")
    assert told["rechecks"] == ("4.00", "2 x 2 s: recheck 1 s or timeout 2 s")
    assert told["ttl"][0] == "60.00"
    assert float(told["total"][0]) == pytest.approx(sum(float(told[name][0]) for name in told if name != "total"))


def test_a_node_with_peers_waits_for_their_reports(folder: Path) -> None:
    peer = f'{{node: p, url: "http://192.0.2.7:8053", key: "{generate_key().public}"}}'
    (folder / "gtm.yaml").write_text(f"share: {{key: k, peers: [{peer}]}}\n")
    assert rows("API.gtm.example.com.", "--config", "gtm.yaml")["poll"][0] == "1.55"


def test_the_zone_files_may_be_elsewhere(folder: Path) -> None:
    (folder / "zones").rename(folder / "elsewhere")
    assert "total" in rows("api.gtm.example.com", "--zones", "elsewhere")


@pytest.mark.usefixtures("folder")
def test_json_has_the_same() -> None:
    told = json.loads(gtm("bound", "api.gtm.example.com", "--json").out)
    assert told["service"] == "api.gtm.example.com"
    assert told["seconds"] == pytest.approx(sum(term["seconds"] for term in told["terms"]))
    assert [hold["rule"] for hold in told["holds"]] == [
        "correlated_failure",
        "max_share_removed_per_minute",
        "on_all_down",
    ]
    assert told["holds"][1] == {
        "rule": "max_share_removed_per_minute",
        "seconds": 6.5,
        "when": "more of zone gtm.example.com fails within minutes: 50% may go at once, the rest at 25% a minute, "
        "6 s later if checks may be wrong",
        "override": "gtm obey api.gtm.example.com --override-rule max_share_removed_per_minute",
    }
    assert (told["holds"][2]["rule"], told["holds"][2]["seconds"]) == ("on_all_down", None)


@pytest.mark.usefixtures("folder")
def test_each_rule_that_could_hold_it_for_longer_is_a_line() -> None:
    _, holds = tables("api.gtm.example.com")
    assert holds[0] == ["rule", "at most", "when", "to override"]
    assert [line[:2] for line in holds[1:]] == [
        ["correlated_failure", "126.50"],
        ["max_share_removed_per_minute", "6.50"],
        ["on_all_down", "no limit"],
    ]


def test_where_nothing_can_hold_it_for_longer_nothing_is_said_of_it(folder: Path) -> None:
    rules = "safety: {max_share_removed_per_minute: 100, correlated_failure: false}"
    calm = f"    on_all_down: nodata\n    {rules}\n    steer: nearest\n"
    (folder / "zones" / "a.yaml").write_text(SMALL.replace("    steer: nearest\n", calm))
    assert tables("api.gtm.example.com")[1] == []


def test_a_rule_that_one_region_is_enough_for_is_a_term(folder: Path) -> None:
    both = "    safety: {at_least: 2}\n    steer: nearest\n"
    (folder / "zones" / "a.yaml").write_text(SMALL.replace("    steer: nearest\n", both))
    told = rows("api.gtm.example.com")
    assert list(told) == ["round", "rechecks", "timeout", "publish", "merge", "at_least", "swap", "ttl", "total"]
    assert told["at_least"][0] == told["total"][0] == "no limit"
    assert "fewer than 2 regions would serve" in told["at_least"][1]
    others = ["correlated_failure", "max_share_removed_per_minute", "on_all_down"]
    assert [line[0] for line in tables("api.gtm.example.com")[1]][1:] == others
    assert json.loads(gtm("bound", "api.gtm.example.com", "--json").out)["seconds"] is None


CALCULATED = SMALL.replace("monitor: web", "monitor: site").replace(
    "services:",
    """  slow: {type: http, port: 81, interval: 30s}
  site: {type: calculated, all: [service db.gtm.example.com, service cache.gtm.example.com]}
services:
  db:
    monitor: slow
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.8}]
  cache:
    monitor: web
    steer: nearest
    endpoints: [{region: eu-west, address: 192.0.2.9}]""",
)


def test_what_is_calculated_from_services_alone_is_as_late_as_the_slowest_of_them(folder: Path) -> None:
    (folder / "zones" / "a.yaml").write_text(CALCULATED)
    told = rows("api.gtm.example.com")
    assert told["round"] == ("36.00", "interval 30 s, and 6 s of jitter; db.gtm.example.com is down last")
    assert list(told)[-3:] == ["swap", "ttl", "total"], "with db go both endpoints of api, and no rule is in the way"
    assert told["total"][0] == "103.05"


def test_a_service_that_takes_others_along_everywhere_looks_like_a_mistake_of_the_probes(folder: Path) -> None:
    spread = "[{region: us-east, address: 192.0.2.8}, {region: eu-west, address: 192.0.2.7}]"
    (folder / "zones" / "a.yaml").write_text(CALCULATED.replace("[{region: us-east, address: 192.0.2.8}]", spread))
    told = rows("api.gtm.example.com")
    assert told["correlated_failure"][0] == "120.50", "where all of db dies"
    assert "max_share_removed_per_minute" not in told, "two thirds, and all of eu-west is more"


def test_what_is_calculated_from_what_nobody_checks_is_never_down(folder: Path) -> None:
    unchecked = CALCULATED.replace("    monitor: slow\n", "").replace("all: [", "any: [")
    (folder / "zones" / "a.yaml").write_text(unchecked)
    ran = gtm("bound", "api.gtm.example.com")
    assert ran.code == 2
    assert "nothing that api.gtm.example.com is calculated from can take it down: nobody would find out" in ran.err


def test_a_service_that_is_not_there_or_that_nobody_checks_is_said(folder: Path) -> None:
    ran = gtm("bound", "web.gtm.example.com")
    assert ran.code == 2
    assert 'no service "web.gtm.example.com"; known: api.gtm.example.com' in ran.err
    (folder / "zones" / "a.yaml").write_text(SMALL.replace("    monitor: web\n", ""))
    ran = gtm("bound", "api.gtm.example.com")
    assert ran.code == 2
    assert "api.gtm.example.com has no monitor: nobody would find out" in ran.err


def test_a_name_within_its_zone_is_enough_where_only_one_zone_has_it(folder: Path) -> None:
    assert rows("API") == rows("api.gtm.example.com")
    (folder / "zones" / "b.yaml").write_text(SMALL.replace("gtm.example.com", "other.example.com"))
    ran = gtm("bound", "api")
    assert ran.code == 2
    assert '"api" could mean api.gtm.example.com, api.other.example.com' in " ".join(ran.err.split())


def test_zone_files_with_mistakes_have_no_bound(folder: Path) -> None:
    (folder / "zones" / "a.yaml").write_text(BROKEN)
    ran = gtm("bound", "api.gtm.example.com")
    assert ran.code == 1
    assert 'unknown region "us-esat"' in ran.err
