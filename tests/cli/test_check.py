import json
import socket
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.admin.served import serving
from tests.admin.test_client import listener
from tests.cli.command import gtm
from tests.node.present import BROKEN, SMALL

NO_ZONE_FILE = "not read as a zone file: those are named *.yaml or *.yml, and do not begin with one of . # ~"
MESSAGE = 'unknown region "us-esat"; did you mean "us-east"?'


def test_good_files_are_counted(folder: Path) -> None:
    ran = gtm("check", "zones")
    assert (ran.code, ran.out, ran.err) == (0, "zones: 1 zone, 1 service: no mistakes\n", "")
    (folder / "zones" / "b.yaml").write_text(SMALL.replace("gtm.example.com", "b.example.com"))
    assert gtm("check", "zones").out == "zones: 2 zones, 2 services: no mistakes\n"


def test_without_a_folder_the_one_of_the_node_file_is_checked(folder: Path) -> None:
    assert gtm("check").out == "zones: 1 zone, 1 service: no mistakes\n"
    (folder / "zones").rename(folder / "elsewhere")
    (folder / "gtm.yaml").write_text("zones: elsewhere\n")
    assert gtm("check", "--config", "gtm.yaml").out == "elsewhere: 1 zone, 1 service: no mistakes\n"


def test_the_shipped_example_is_not_taken_for_ones_own_zones(folder: Path) -> None:
    (folder / "zones" / "a.yaml").unlink()
    (folder / "zones").rmdir()
    for command in (("check",), ("bound", "api.gtm.example.com")):
        ran = gtm(*command)
        assert ran.code == 0
        assert ran.err.startswith("no zones/ here: this is the shipped example, ")
    assert gtm("check", "--config", "gtm.yaml").err.startswith("no zones/ here")


def test_every_mistake_of_every_file_is_printed_in_order(folder: Path) -> None:
    (folder / "zones" / "b.yaml").write_text(
        BROKEN.replace("gtm.example.com", "b.example.com").replace("ttl: 60", "ttl: x")
    )
    (folder / "zones" / "c.yaml").write_text("zone: [")
    ran = gtm("check", "zones")
    assert ran.code == 1
    assert [line.partition(":")[0] for line in ran.lines] == ["zones/b.yaml", "zones/b.yaml", "zones/c.yaml"]
    assert ran.lines[1] == f"zones/b.yaml:18:18: {MESSAGE}"
    assert ran.err == ""


def test_one_file_is_checked_alone(folder: Path) -> None:
    (folder / "zones" / "b.yaml").write_text(BROKEN)
    assert gtm("check", "zones/a.yaml").out == "zones/a.yaml: 1 zone, 1 service: no mistakes\n"
    ran = gtm("check", "zones/b.yaml")
    assert (ran.code, ran.lines) == (1, [f"zones/b.yaml:18:18: {MESSAGE}"])


def test_one_file_is_read_beside_the_shared_one_whose_mistakes_are_told_too(folder: Path) -> None:
    shared = folder / "zones" / "_shared.yaml"
    shared.write_text("regions:\n  us-esat: {country: US}\n")
    (folder / "zones" / "a.yaml").write_text(BROKEN)
    assert gtm("check", "zones/a.yaml").code == 0
    assert gtm("check", "zones/_shared.yaml").code == 0
    shared.write_text("regions:\n  us-esat: {country: USA}\n")
    ran = gtm("check", "zones/a.yaml")
    assert [line.partition(":")[0] for line in ran.lines] == ["zones/_shared.yaml", "zones/a.yaml"]
    assert gtm("check", "zones/_shared.yaml").lines == ran.lines[:1]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nowhere", "nowhere: the folder cannot be read: No such file or directory"),
        ("nowhere/a.yaml", "nowhere/a.yaml: the folder cannot be read: No such file or directory"),
        ("empty", "empty: no zone file is here; they are named *.yaml or *.yml"),
        ("notes.txt", f"notes.txt:1:1: {NO_ZONE_FILE}"),
        (".a.yaml", f".a.yaml:1:1: {NO_ZONE_FILE}"),
    ],
)
def test_what_is_no_zone_file_is_not_called_good(folder: Path, place: str, words: str) -> None:
    (folder / "empty").mkdir()
    (folder / "notes.txt").write_text(SMALL)
    (folder / ".a.yaml").write_text(SMALL)
    ran = gtm("check", place)
    assert (ran.code, ran.out, ran.err) == (1, words + "\n", "")


def test_a_name_that_is_no_text_is_printed_all_the_same(folder: Path) -> None:
    ran = gtm("check", "caf\udce9")
    assert ran.code == 1
    assert "No such file or directory" in ran.out


def test_mistakes_of_a_records_file_are_told_with_its_zone_file(folder: Path) -> None:
    (folder / "big.zone").write_text("www A 192.0.2.1\nmail A x\n")
    (folder / "big.yaml").write_text(
        "zone: z.test\nnameservers: [ns.example.net]\nhostmaster: a@example.com\nrecords_file: big.zone\n"
    )
    ran = gtm("check", "big.yaml")
    assert (ran.code, ran.lines) == (1, ['big.zone:2:1: "x" is not an A record; one looks like 192.0.2.1'])


def test_mistakes_of_a_records_file_of_another_zone_file_are_none_of_this_one(folder: Path) -> None:
    for zone, name in (("y", "big.zone"), ("z", "g.zone")):
        (folder / "zones" / f"{zone}.yaml").write_text(
            f"zone: {zone}.test\nnameservers: [ns.example.net]\nhostmaster: a@example.com\nrecords_file: {name}\n"
        )
    (folder / "zones" / "big.zone").write_text("a 60 IN A 192.0.2.1\n")
    (folder / "zones" / "g.zone").write_text("a 60 IN A nonsense\n")
    assert gtm("check", "zones/y.yaml").out == "zones/y.yaml: 1 zone, 0 services: no mistakes\n"
    assert gtm("check", "zones/z.yaml").code == 1


def test_with_a_node_file_it_is_told_what_its_probe_may_not_check(folder: Path) -> None:
    zone = folder / "zones" / "a.yaml"
    secret = "headers: {Authorization: {secret: api}}"
    zone.write_text(zone.read_text().replace("type: http,", f"type: http, {secret},"))
    assert secret in zone.read_text()
    (folder / "gtm.yaml").write_text("node: ns1\nzones: zones\n")
    good = "zones: 1 zone, 1 service: no mistakes"
    assert gtm("check", "zones").lines == [good], "whether a zone is valid is no matter of a node"
    ran = gtm("check", "--config", "gtm.yaml")
    words = 'cannot be checked from here: this node has no secret "api": its file does not list it in probe.secrets'
    assert (ran.code, ran.lines) == (0, [f"node ns1: gtm.example.com/web/192.0.2.1 and 1 more {words}", good])
    (folder / "gtm.yaml").write_text("node: ns1\nzones: zones\nroles: [dns, admin]\n")
    assert gtm("check", "--config", "gtm.yaml").lines == [good]
    (folder / "gtm.yaml").write_text("node: ns1\nzones: zones\nprobe: {secrets: {api: {env: API_TOKEN}}}\n")
    assert gtm("check", "--config", "gtm.yaml").lines == [good]


def test_what_is_odd_is_a_warning_and_no_mistake(folder: Path) -> None:
    (folder / "zones" / "big.zone").write_text("@ NS ns.example.net.\nwww 60 A 192.0.2.1\nwww 30 A 192.0.2.1\n")
    (folder / "zones" / "z.yaml").write_text(
        "zone: z.test\nnameservers: [ns.example.net, NS.example.net]\nhostmaster: a@example.com\n"
        "records_file: big.zone\nrecords: {mail: {MX: [10 mx.example.net., 10 mx.example.net.]}}\n"
    )
    least = "all values of a record have one TTL, 30, the least of them: this has 30, that on line 2 has 60"
    warnings = [
        "zones/big.zone:1:1: warning: the NS of the zone itself are made from nameservers; this one is left out",
        "zones/big.zone:3:1: warning: duplicate value, left out; the first one is on line 2",
        f"zones/big.zone:3:1: warning: {least}",
        'zones/z.yaml:2:31: warning: duplicate value "NS.example.net.", left out; the first one is on line 2',
        'zones/z.yaml:5:43: warning: duplicate value "10 mx.example.net.", left out; the first one is on line 5',
    ]
    ran = gtm("check", "zones")
    assert (ran.code, ran.lines) == (0, [*sorted(warnings), "zones: 2 zones, 1 service: no mistakes, 5 warnings"])
    ran = gtm("check", "zones/z.yaml")
    assert (ran.code, sorted(ran.lines[:-1])) == (0, sorted(warnings))
    (folder / "zones" / "big.zone").write_text("www A 192.0.2\nwww A 192.0.2.1\nwww A 192.0.2.1\n")
    assert gtm("check", "zones/z.yaml").lines == [
        'zones/big.zone:1:1: "192.0.2" is not an A record; one looks like 192.0.2.1'
    ]


def test_mistakes_of_an_included_file_are_told_with_its_zone_file(folder: Path) -> None:
    (folder / "zones" / "big.zone").write_text("www A 192.0.2.1\n$INCLUDE more.zone\n")
    (folder / "zones" / "more.zone").write_text("\nmail A x\n")
    (folder / "zones" / "z.yaml").write_text(
        "zone: z.test\nnameservers: [ns.example.net]\nhostmaster: a@example.com\nrecords_file: big.zone\n"
    )
    ran = gtm("check", "zones/z.yaml")
    assert (ran.code, ran.lines) == (
        1,
        ['zones/more.zone:2:1: "x" is not an A record; one looks like 192.0.2.1'],
    )
    assert gtm("check", "zones/a.yaml").code == 0


WEB = SMALL.replace("  api:", "  web:")
RENAMED = [
    "zone gtm.example.com: removed service api.gtm.example.com; added service web.gtm.example.com",
    "warning: zone gtm.example.com: 1 served name is answered no more: api.gtm.example.com",
]


def before(folder: Path, **files: str) -> str:
    (folder / "before").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "before" / f"{name}.yaml").write_text(text)
    return "before"


def test_against_the_folder_of_before_it_is_told_what_would_change(folder: Path) -> None:
    was = before(folder, a=SMALL)
    ran = gtm("check", "zones", "--against", was)
    assert (ran.code, ran.lines) == (
        0,
        ["against before: nothing would change", "zones: 1 zone, 1 service: no mistakes"],
    )
    (folder / "zones" / "a.yaml").write_text(WEB)
    summary = "zones: 1 zone, 1 service: no mistakes, 1 warning"
    assert gtm("check", "zones", "--against", was).lines == [*RENAMED, summary]
    ran = gtm("check", "zones", "--against", was, "--strict")
    assert (ran.code, ran.lines) == (1, [*RENAMED, summary])


@pytest.mark.slow
def test_against_a_node_that_serves_it_is_told_the_same(folder: Path, tmp_path: Path) -> None:
    (folder / "zones" / "a.yaml").write_text(WEB)
    (tmp_path / "node").mkdir()
    with serving(tmp_path / "node", a=SMALL) as node:
        for url in (node.at, f"http://{node.at}", f"http://{node.at}/"):
            assert gtm("check", "zones", "--against", url).lines[:2] == RENAMED
        (folder / "zones" / "a.yaml").write_text(SMALL)
        assert gtm("check", "zones", "--against", node.at).lines[0] == f"against {node.at}: nothing would change"
        (folder / "zones" / "a.yaml").write_text(BROKEN)
        assert gtm("check", "zones", "--against", node.at).lines == [f"zones/a.yaml:18:18: {MESSAGE}"]


OVERRIDE = {"id": "n:1", "node": "n", "action": "drain", "by": "ann", "why": "", "made_at": 1.0, "until": 1e300}


@pytest.mark.parametrize("scope", ["nonsense", "region \x1b[2J", "zone " + 600 * "a", "region */us-east"])
def test_overrides_of_what_answers_in_place_of_a_node_are_no_mistake_of_gtm(
    scope: str, folder: Path, tmp_path: Path
) -> None:
    with serving(tmp_path, a=SMALL) as node, urlopen(f"http://{node.at}/v1/status") as answer:
        status = json.load(answer)
    said = {**status, "overrides": [{**OVERRIDE, "scope": scope, "rules": []}]}

    def answer_as_a_node(accepted: socket.socket) -> None:
        is_status = b"/v1/zones" not in accepted.recv(65_536)
        body = json.dumps(said).encode() if is_status else b""
        with suppress(OSError):
            accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)

    with listener(answer_as_a_node) as port:
        ran = gtm("check", "zones", "--against", f"http://127.0.0.1:{port}")
        shown = gtm("overrides", "--admin", f"127.0.0.1:{port}")
    assert "Traceback" not in ran.err + shown.err
    assert ran.code == (0 if scope.endswith("us-east") else 1)
    assert shown.code == 0


def test_a_zone_that_would_go_is_warned_of_but_not_where_one_file_is_checked(folder: Path) -> None:
    other = SMALL.replace("gtm.example.com", "b.example.com")
    was = before(folder, a=SMALL, b=other)
    ran = gtm("check", "zones", "--against", was)
    assert ran.lines[0] == "zone b.example.com removed: services: 1, records: 2"
    assert ran.lines[1].startswith("warning: zone b.example.com: 2 served names are answered no more: ")
    assert gtm("check", "zones/a.yaml", "--against", was).lines[0] == "against before: nothing would change"
    assert gtm("check", "zones/a.yaml", "--against", "before/a.yaml").lines[0].endswith("nothing would change")


def test_files_of_before_with_mistakes_are_not_compared_and_nothing_to_compare_with_is_an_error(folder: Path) -> None:
    was = before(folder, a=SMALL, b="zone: [")
    ran = gtm("check", "zones", "--against", was)
    assert ran.err.startswith("before: 1 mistake there, the first is: before/b.yaml:1:8: ")
    assert ran.lines[0] == "against before: nothing would change"
    (folder / "none").mkdir()
    assert gtm("check", "zones", "--against", "none").code == 1
    nowhere = gtm("check", "zones", "--against", "no where")
    assert nowhere.code == 2
    assert "--against" in nowhere.err
    assert "no folder and no file here" in nowhere.err
    assert gtm("check", "zones", "--against", "127.0.0.1:1").code == 1


def test_a_zone_that_a_node_would_hold_for_what_it_loses_is_warned_of(folder: Path) -> None:
    was = before(folder, a=SMALL + "".join(f"  h{number:02}: {{A: [192.0.2.9]}}\n" for number in range(40)))
    ran = gtm("check", "zones", "--against", was)
    assert ran.lines[2].startswith("warning: zone gtm.example.com: it would lose 40 of 42 names (h00.gtm.example.com, ")
    assert ran.lines[2].endswith("if this is meant: gtm reload --force gtm.example.com")
    (folder / "gtm.yaml").write_text("zones: zones\nwatch: {most_lost: 1}\n")
    assert "would lose" not in gtm("check", "--config", "gtm.yaml", "--against", was).out


def test_strict_counts_what_is_odd_too(folder: Path) -> None:
    zone = folder / "zones" / "a.yaml"
    zone.write_text(zone.read_text().replace("ns2.example.net]", "ns2.example.net, ns2.example.net]"))
    assert gtm("check", "zones").code == 0
    assert gtm("check", "zones", "--strict").code == 1


WITHHELD = SMALL.replace("192.0.2.1", "127.0.0.1")


def test_what_a_probe_may_not_check_is_said_beside_mistakes(folder: Path) -> None:
    (folder / "zones" / "a.yaml").write_text(WITHHELD)
    (folder / "zones" / "b.yaml").write_text(BROKEN.replace("gtm.example.com", "b.example.com"))
    ran = gtm("check", "--config", "gtm.yaml")
    assert ran.code == 1
    assert any(MESSAGE in line for line in ran.lines)
    assert any("/127.0.0.1 cannot be checked from here: " in line for line in ran.lines)
    assert not any("no mistakes" in line for line in ran.lines)


def test_the_json_has_all_that_is_said(folder: Path) -> None:
    (folder / "zones" / "a.yaml").write_text(WITHHELD)
    (folder / "zones" / "b.yaml").write_text(BROKEN.replace("gtm.example.com", "b.example.com"))
    ran = gtm("check", "--config", "gtm.yaml", "--json")
    told = json.loads(ran.out)
    assert (ran.code, ran.err) == (1, "")
    assert (told["place"], told["zones"], told["services"]) == ("zones", 1, 1)
    (problem,) = told["problems"]
    assert (problem["file"], problem["line"] > 0, problem["message"]) == ("zones/b.yaml", True, MESSAGE)
    assert told["withheld"][0]["checks"] == 1
    assert told["withheld"][0]["example"].endswith("/127.0.0.1")
    assert told["against"] is None


def test_the_json_has_what_would_change(folder: Path) -> None:
    (folder / "zones" / "a.yaml").write_text(SMALL.replace("  api:", "  web:"))
    (folder / "before").mkdir()
    (folder / "before" / "a.yaml").write_text(SMALL)
    ran = gtm("check", "zones", "--against", "before", "--strict", "--json")
    told = json.loads(ran.out)
    assert ran.code == 1
    (change,) = told["against"]["changes"]
    assert change["zone"] == "gtm.example.com"
    assert change["gone"] == {"count": 1, "some": ["api.gtm.example.com"]}
    (words,) = told["against"]["warnings"]
    assert {"file": "zones", "line": 0, "column": 0, "message": words} in told["warnings"]


def test_a_file_that_the_node_file_names_and_that_is_not_here_is_a_warning(folder: Path) -> None:
    tls = "listen: {tls: {certificate: tls/c.pem, key: tls/k.pem}}\n"
    (folder / "gtm.yaml").write_text(f"{tls}share: {{key: nope.key}}\noverrides: {{tokens: {{ci: {{file: token}}}}}}\n")
    ran, strict = gtm("check", "-c", "gtm.yaml"), gtm("check", "-c", "gtm.yaml", "--strict")
    assert (ran.code, strict.code, ran.out) == (0, 1, strict.out)
    starts = [
        "gtm.yaml: warning: share.key: nope.key: No such file or directory; ",
        "gtm.yaml: warning: listen.tls: tls/c.pem: No such file or directory; ",
        "gtm.yaml: warning: overrides.tokens.ci: token: No such file or directory; ",
    ]
    assert [line[: len(start)] for line, start in zip(ran.lines, starts, strict=False)] == starts
    assert ran.lines[-1].endswith("no mistakes, 3 warnings")
    told = json.loads(gtm("check", "-c", "gtm.yaml", "--json").out)
    assert [warning["file"] for warning in told["warnings"]] == ["gtm.yaml"] * 3
