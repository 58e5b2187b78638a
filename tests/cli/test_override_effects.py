"""What `gtm drain`, `obey` and `clear` do together, at the command line over a real admin API."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.admin.served import Served, serving
from tests.cli.command import Ran, gtm
from tests.fakes import world
from tests.node.present import SMALL

ZONE = f"""{world.HEAD}
services:
  api:
    monitor: web
    steer: multivalue
    endpoints:
      - {{region: us-east, address: 127.0.0.11}}
      - {{region: eu-west, address: 127.0.0.21}}
records:{world.NS1}
"""
FIRST = "endpoint api.gtm.example.com eu-west/127.0.0.21"
EU = "region gtm.example.com/eu-west"


class Desk:
    """An operator at a node."""

    def __init__(self, node: Served) -> None:
        self.node = node

    def __call__(self, *words: str) -> Ran:
        return gtm(*words, "--admin", self.node.at, "--token-file", str(self.node.token_file))

    @property
    def listed(self) -> list[str]:
        """Scope and action of each that is in force."""
        rows = gtm("overrides", "--admin", self.node.at).lines[1:]
        return [f"{action} {scope}" for scope, action in (row.split("\t")[:2] for row in rows)]


@pytest.fixture
def report_store(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path, a=ZONE) as node:
        yield Desk(node)


@pytest.mark.slow
def test_a_drain_that_would_change_nothing_since_all_in_it_is_obeyed_is_refused(report_store: Desk) -> None:
    """What is obeyed, after a drain or before, is exempt; the one who drains more hears of it."""
    assert report_store("drain", "127.0.0.21", "--why", "disk", "--by", "ann").lines[1:] == [
        "  takes out 1 endpoint of api.gtm.example.com in eu-west: 127.0.0.21"
    ]
    obeyed = report_store("obey", "127.0.0.21", "--by", "ann")
    assert obeyed.lines[1] == "  in the place of drain until 2023-11-15 02:13:20Z by ann (ns1:1700000000000)"
    assert obeyed.lines[2] == "  the checks count for 1 endpoint of api.gtm.example.com in eu-west: 127.0.0.21"
    assert obeyed.lines[3].endswith("gtm clear ns1:1700000000001 ends that")
    drained = report_store("drain", "eu-west", "--why", "switches")
    assert (drained.code, drained.out) == (1, "")
    assert drained.err.strip() == (
        f"drain {EU} would take out nothing: 127.0.0.21 (api.gtm.example.com): obeyed until 2023-11-15 02:13Z by ann "
        f"({FIRST}; clear it: gtm clear ns1:1700000000001)"
    )
    assert report_store.listed == [f"obey {FIRST}"]
    assert report_store("clear", "ns1:1700000000001").code == 0
    assert report_store("drain", "eu-west", "--why", "switches").lines[1:] == [
        "  takes out 1 endpoint of api.gtm.example.com in eu-west: 127.0.0.21"
    ]


@pytest.mark.slow
def test_what_is_cleared_does_not_exempt_from_what_is_said_next(report_store: Desk) -> None:
    report_store("drain", "127.0.0.21", "--why", "disk", "--by", "ann")
    cleared = report_store("clear", "127.0.0.21", "--by", "bob")
    assert cleared.lines == [
        f"{FIRST}: drain by ann is cleared: disk (ns1:1700000000000)",
        "  the checks count again for 1 endpoint of api.gtm.example.com in eu-west: 127.0.0.21",
    ]
    assert report_store.listed == []
    assert report_store("drain", "eu-west", "--why", "switches").code == 0
    assert report_store.listed == [f"drain {EU}"]


@pytest.mark.slow
def test_what_is_cleared_and_still_out_by_another_is_told(report_store: Desk) -> None:
    report_store("drain", "127.0.0.21", "--why", "disk")
    assert report_store("drain", "eu-west", "--why", "switches", "--for", "9h", "--by", "ann").code == 0
    cleared = report_store("clear", "127.0.0.21")
    assert cleared.lines[1] == (
        "  not again for 127.0.0.21 of api.gtm.example.com in eu-west: drained already until 2023-11-15 07:13Z by ann "
        f"({EU}; clear it: gtm clear ns1:1700000000001)"
    )


@pytest.mark.parametrize("names", [["eu-west"], [EU], ["region", "gtm.example.com/eu-west"], ["ns1:1700000000000"]])
def test_an_override_is_cleared_by_any_name_of_its_scope_or_its_id(report_store: Desk, names: list[str]) -> None:
    report_store("drain", "eu-west", "--why", "switches")
    assert report_store("clear", *names).code == 0
    assert report_store.listed == []


@pytest.mark.slow
def test_what_nobody_said_cannot_be_cleared_and_what_counts_there_is_told(report_store: Desk) -> None:
    report_store("drain", "eu-west", "--why", "switches")
    refused = report_store("clear", "127.0.0.21")
    assert refused.code == 1
    assert refused.err.strip() == (
        f"nothing is said of {FIRST}; what counts there is drain {EU} (gtm clear ns1:1700000000000); `gtm obey` "
        "exempts from it"
    )
    unknown = report_store("clear", "ns1:5")
    assert (unknown.code, "no override that is in force has the id ns1:5" in unknown.err) == (2, True)
    assert report_store("clear", "eu-wst").code == 2
    assert report_store.listed == [f"drain {EU}"]


@pytest.mark.slow
def test_of_several_scopes_all_are_taken_or_none(report_store: Desk) -> None:
    both = report_store("up", "eu-west", "region", "gtm.example.com/us-east", "--why", "checks are wrong")
    assert both.code == 0
    assert report_store.listed == [f"up {EU}", "up region gtm.example.com/us-east"]
    cleared = report_store("clear", "us-east", "ns1:1700000000000")
    assert (cleared.code, report_store.listed) == (0, [])
    for second in ("us-east", "eu-wst"):  # too few regions would be left; nothing is called so
        refused = report_store("drain", "eu-west", second, "--why", "both")
        assert refused.code != 0
        assert report_store.listed == []


def test_two_drains_that_together_leave_nothing_are_refused_together(report_store: Desk) -> None:
    refused = report_store("drain", "eu-west", "us-east", "--why", "both")
    assert refused.err.startswith("safety rule at_least refuses this: api.gtm.example.com would have 0 serving")
    forced = report_store("drain", "eu-west", "us-east", "--why", "both", "--override-rule", "at_least")
    assert forced.code == 0
    words = "nothing else of its service is left, so it is answered still (on_all_down)"
    assert "  takes nothing more out now" in forced.lines
    assert f"  not 127.0.0.21 of api.gtm.example.com in eu-west: {words}" in forced.lines


@pytest.mark.slow
def test_the_end_of_an_exemption_is_held_against_at_least(report_store: Desk) -> None:
    """Else the drain of a zone would take out its last region, once nobody looks any more."""
    report_store("obey", "us-east", "--for", "1h", "--by", "ann")
    refused = report_store("drain", "gtm.example.com", "--why", "move", "--for", "2h")
    assert refused.err.strip() == (
        "safety rule at_least refuses this: api.gtm.example.com would have 0 serving, and must have 1, from 23:13Z on, "
        "when obey region gtm.example.com/us-east of ann ends (`--for 59m` ends before that); `--override-rule "
        "at_least` does it all the same"
    )
    assert report_store("drain", "gtm.example.com", "--why", "move", "--for", "59m").code == 0


@pytest.mark.slow
def test_an_exemption_that_keeps_the_last_region_is_not_cleared(report_store: Desk) -> None:
    report_store("obey", "us-east", "--for", "1h")
    report_store("drain", "gtm.example.com", "--why", "move", "--for", "30m")
    refused = report_store("clear", "us-east")
    assert refused.err.startswith("safety rule at_least refuses this: api.gtm.example.com would have 0 serving")
    assert report_store("clear", "us-east", "gtm.example.com").code == 0
    assert report_store.listed == []


@pytest.mark.slow
def test_an_exemption_lasts_as_long_as_what_it_exempts_from(report_store: Desk) -> None:
    report_store("drain", "eu-west", "--why", "switches", "--for", "24h")
    assert "obey until 2023-11-15 22:13:20Z" in report_store("obey", "127.0.0.21").lines[0]
    assert "obey until 2023-11-15 02:13:20Z" in report_store("obey", "us-east").lines[0], "4 h where there is nothing"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SUDO_USER", "DOAS_USER"])
def test_under_sudo_the_person_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "ann")
    with serving(tmp_path, a=SMALL) as node:
        report_store = Desk(node)
        report_store("drain", "eu-west", "--why", "switches")
        assert "\tann\tswitches\t" in gtm("overrides", "--admin", node.at).lines[1]
        monkeypatch.setenv(name, "a\nb")
        report_store("drain", "eu-west", "--why", "switches")
        assert "\tann\t" not in gtm("overrides", "--admin", node.at).lines[1], "nor what does not print"


@pytest.mark.slow
def test_a_drain_follows_a_renamed_region_and_reload_check_and_list_say_so(report_store: Desk) -> None:
    file, renamed = report_store.node.folder / "a.yaml", ZONE.replace("eu-west", "eu-central")
    report_store("drain", "eu-west", "--why", "switches", "--by", "ann", "--for", "2h")
    beside = report_store.node.folder.parent / "next"
    beside.mkdir()
    (beside / "a.yaml").write_text(renamed)
    checked = gtm("check", str(beside), "--against", report_store.node.at)
    now = "region gtm.example.com/eu-central"
    words = f"override ns1:1700000000000: drain {EU} by ann would follow the rename, to {now}"
    assert (checked.code, words in checked.lines) == (0, True)
    file.write_text(renamed)
    reloaded = gtm("reload", "--admin", report_store.node.at)
    assert f"override ns1:1700000000000: drain {EU} by ann follows the rename, to {now}" in reloaded.lines
    assert gtm("overrides", "--admin", report_store.node.at).lines[1].endswith(f"\tcounts for {now} now")
    report_store.node.follow()
    assert f"by ann: switches; counts for {now} now" in gtm("status", "--admin", report_store.node.at).out
    assert report_store("drain", "eu-central", "--why", "longer", "--for", "3h").lines[1:] == [
        "  in the place of drain until 2023-11-15 00:13:20Z by ann (ns1:1700000000000)",
        "  takes nothing more out now",
        "  keeps out 1 endpoint of api.gtm.example.com in eu-central: 127.0.0.21",
    ]
    assert report_store("clear", "eu-central").code == 0
    assert report_store.listed == [], "both of it: by the new name, and by the old one"


@pytest.mark.slow
@pytest.mark.parametrize("names", [["eu-west"], [EU], ["region", "gtm.example.com/eu-west"], ["ns1:1700000000000"]])
def test_a_drain_whose_region_went_is_said_to_be_gone_and_cleared_by_any_name(
    report_store: Desk, names: list[str]
) -> None:
    report_store("drain", "eu-west", "--why", "switches", "--by", "ann", "--for", "2h")
    less = "\n".join(line for line in ZONE.splitlines() if "region: eu-west" not in line)
    beside = report_store.node.folder.parent / "next"
    beside.mkdir()
    (beside / "a.yaml").write_text(less)
    checked = gtm("check", str(beside), "--against", report_store.node.at, "--strict")
    words = f"warning: override ns1:1700000000000: drain {EU} by ann would be without effect"
    assert any(line.startswith(words) for line in checked.lines)
    assert checked.code == 1
    (report_store.node.folder / "a.yaml").write_text(less)
    reloaded = gtm("reload", "--admin", report_store.node.at)
    words = (
        f"warning: override ns1:1700000000000: drain {EU} by ann is without effect: nothing that is served here is in"
    )
    assert any(line.startswith(words) for line in reloaded.lines)
    report_store.node.follow()
    note = "its scope is gone since 2023-11-14 22:13:20Z: nothing served here is in it"
    assert gtm("overrides", "--admin", report_store.node.at).lines[1].endswith(f"\t{note}")
    assert f"by ann: switches; {note}" in gtm("status", "--admin", report_store.node.at).out
    cleared = report_store("clear", *names)
    assert (cleared.code, report_store.listed) == (0, [])
    assert cleared.lines == [f"{EU}: drain by ann is cleared: switches (ns1:1700000000000)"]


@pytest.mark.slow
@pytest.mark.parametrize("action", ["down", "up", "drain", "obey"])
def test_what_is_said_is_there_for_programs_too(report_store: Desk, action: str) -> None:
    said = json.loads(
        report_store(action, "eu-west", "127.0.0.11", "--why", "x", "--override-rule", "at_least", "--json").out
    )
    assert [one["action"] for one in said["said"]] == [action, action]
    (touched,) = said["said"][0]["effect"]["counts"] or said["said"][0]["effect"]["without"]
    assert touched["endpoint"] == "eu-west/127.0.0.21"
    cleared = json.loads(report_store("clear", "eu-west", "--json").out)
    assert [one["id"] for one in cleared["said"][0]["ended"]] == [said["said"][0]["id"]]
    refused = report_store("clear", "eu-west", "--json")
    assert (refused.code, refused.out) == (1, "")


SHARED = """
regions:
  us-east: {at: [38.95, -77.45], country: US}
  eu-west: {at: [53.35, -6.26], country: IE}
"""


def sharing(zone: str, octet: int, services: int = 1) -> str:
    """A zone with services in both of the shared regions."""
    head = f"zone: {zone}\nttl: 60\nnameservers: [ns.example.net]\nhostmaster: hostmaster@example.com\nservices:\n"
    ends = "".join(
        f"      - {{region: {region}, address: 127.0.{octet}.{last}}}\n"
        for region, last in (("us-east", 1), ("eu-west", 2), ("eu-west", 3))
    )
    return head + "".join(f"  s{number}:\n    steer: multivalue\n    endpoints:\n{ends}" for number in range(services))


@pytest.mark.slow
def test_a_region_that_zones_share_is_drained_obeyed_and_cleared_in_all_of_them(tmp_path: Path) -> None:
    with serving(tmp_path, a=sharing("a.test", 1), b=sharing("b.test", 2), _shared=SHARED) as node:
        report_store = Desk(node)
        assert report_store("obey", "b.test/eu-west", "--by", "ann").code == 0
        drained = report_store("drain", "eu-west", "--why", "switches").lines
        assert drained[0].startswith("region */eu-west: drain until ")
        assert drained[1:] == [
            "  takes out 2 endpoints of s0.a.test in eu-west: 127.0.1.2, 127.0.1.3",
            (
                "  not 127.0.2.2, 127.0.2.3 of s0.b.test in eu-west: obeyed until 2023-11-15 02:13Z by ann "
                "(region b.test/eu-west; clear it: gtm clear ns1:1700000000000)"
            ),
        ]
        assert report_store("clear", "b.test/eu-west").code == 0
        cleared = report_store("clear", "eu-west").lines
        assert [line for line in cleared if "count again" in line] == [
            "  the checks count again for 2 endpoints of s0.a.test in eu-west: 127.0.1.2, 127.0.1.3",
            "  the checks count again for 2 endpoints of s0.b.test in eu-west: 127.0.2.2, 127.0.2.3",
        ]
        assert report_store.listed == []
        assert report_store("up", "a.test/eu-west", "--why", "checks are wrong").code == 0
        assert report_store.listed == ["up region a.test/eu-west"], "of one zone, where somebody says so"


def test_of_many_services_those_of_each_zone_are_counted(tmp_path: Path) -> None:
    with serving(tmp_path, a=sharing("a.test", 1, 9), b=sharing("b.test", 2, 2), _shared=SHARED) as node:
        drained = Desk(node)("drain", "eu-west", "--why", "switches").lines
    assert drained[1:] == [
        "  takes out 18 endpoints of 9 services of a.test in eu-west",
        "  takes out 4 endpoints of 2 services of b.test in eu-west",
    ]


@pytest.mark.parametrize("names", [["eu-west"], ["127.0.0.21"], ["api/eu-west/127.0.0.21"], [EU]])
@pytest.mark.parametrize("action", ["drain", "down", "up", "obey"])
def test_what_the_zone_file_disables_is_said_to_be_disabled(tmp_path: Path, names: list[str], action: str) -> None:
    disabled = ZONE.replace("region: eu-west, ", "region: eu-west, enabled: false, ")
    with serving(tmp_path, a=disabled) as node:
        refused = Desk(node)(action, *names, "--why", "disk")
    assert refused.code == 1
    assert refused.err.strip().endswith("would change nothing: all in it is disabled in the zone file (enabled: false)")


def test_a_service_of_which_nothing_is_enabled_is_known_by_its_name(tmp_path: Path) -> None:
    with serving(tmp_path, a=ZONE.replace("    monitor: web\n", "    monitor: web\n    enabled: false\n")) as node:
        refused = Desk(node)("drain", "api", "--why", "disk")
    assert (refused.code, "is disabled in the zone file" in refused.err) == (1, True)
