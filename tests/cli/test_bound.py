import json
from pathlib import Path

import pytest

from gtm.share.keys import generate_key
from tests.cli.command import gtm
from tests.node.present import BROKEN, SMALL


def rows(*arguments: str) -> dict[str, tuple[str, str]]:
    ran = gtm("bound", *arguments)
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[0] == "term\tseconds\twhy"
    return {name: (seconds, why) for name, seconds, why in (line.split("\t") for line in ran.lines[1:])}


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


def test_a_service_that_is_not_there_or_that_nobody_checks_is_said(folder: Path) -> None:
    ran = gtm("bound", "web.gtm.example.com")
    assert ran.code == 2
    assert 'no service "web.gtm.example.com"; known: api.gtm.example.com' in ran.err
    (folder / "zones" / "a.yaml").write_text(SMALL.replace("    monitor: web\n", ""))
    ran = gtm("bound", "api.gtm.example.com")
    assert ran.code == 2
    assert "api.gtm.example.com has no monitor: nobody would find out" in ran.err


def test_zone_files_with_mistakes_have_no_bound(folder: Path) -> None:
    (folder / "zones" / "a.yaml").write_text(BROKEN)
    ran = gtm("bound", "api.gtm.example.com")
    assert ran.code == 1
    assert 'unknown region "us-esat"' in ran.err
