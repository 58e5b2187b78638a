"""$INCLUDE and $GENERATE in a records file, by both readers: what they say, where it is, and what bounds them."""

from collections.abc import Mapping

import pytest
from dns.name import from_text

from gtm.dns.name import relative_key
from gtm.errors import TextInvalid, ZoneInvalid
from gtm.watch.scanner import native_scanner
from gtm.zone.records_file.parse import MasterFile, Records, Scan, read_master
from gtm.zone.records_file.sources import MAX_GENERATED, MAX_INCLUDES

ORIGIN = from_text("z.test")

both = pytest.mark.parametrize("scan", [None, native_scanner()], ids=["reference", "native"])


def read(files: Mapping[str, str], scan: Scan | None) -> Records:
    """What the first of some files says, in a folder of all of them."""

    def include(name: str) -> bytes:
        if name not in files:
            raise TextInvalid(f"{name} cannot be read: no such file")
        return files[name].encode()

    first = next(iter(files))
    master = MasterFile(f"zones/{first}", files[first].encode(), scan, include, "/srv/zones", first)
    return read_master(master, ORIGIN, 300)


def found(records: Records, name: str) -> list[tuple[int, int, tuple[str, int], int]]:
    """Type, TTL, place and number of values of what a name has."""
    rrsets = records.bulk.find(relative_key(from_text(name, ORIGIN).labels, ORIGIN.labels)) or ()
    return [(rrset.rtype, rrset.ttl, records.place(rrset.line), len(rrset.rdatas)) for rrset in rrsets]


def problems(files: Mapping[str, str], scan: Scan | None) -> list[str]:
    with pytest.raises(ZoneInvalid) as raised:
        read(files, scan)
    return [str(problem) for problem in raised.value.problems]


@both
def test_an_included_file_has_its_origin_and_what_is_behind_it_that_of_before(scan: Scan | None) -> None:
    """RFC 1035 5.1; that $TTL stays, and that the file begins with the owner of before, is how BIND reads it."""
    records = read(
        {
            "a.zone": 'k 9 A 192.0.2.1\n$INCLUDE i.zone sub\n A 192.0.2.2\nt A 192.0.2.3\n$INCLUDE "i.zone"\n',
            "i.zone": " TXT still-k\nq A 192.0.2.4\n$TTL 5\nr A 192.0.2.5\n$ORIGIN zz\ns A 192.0.2.6",
        },
        scan,
    )
    assert found(records, "k") == [(1, 5, ("zones/a.zone", 1), 2), (16, 9, ("zones/i.zone", 1), 1)]
    assert found(records, "q.sub") == [(1, 9, ("zones/i.zone", 2), 1)]
    assert found(records, "r.sub") == [(1, 5, ("zones/i.zone", 4), 1)]
    assert found(records, "s.zz.sub") == [(1, 5, ("zones/i.zone", 6), 1)]
    assert found(records, "t") == [(1, 5, ("zones/a.zone", 4), 1), (16, 5, ("zones/i.zone", 1), 1)]
    assert found(records, "s.zz") == [(1, 5, ("zones/i.zone", 6), 1)]
    assert [str(warning) for warning in records.warnings] == [
        "zones/a.zone:3:1: all values of a record have one TTL, 5, the least of them: this has 5, that on line 1 has 9"
    ]


@both
def test_mistakes_and_oddities_are_told_where_they_are(scan: Scan | None) -> None:
    files = {"a.zone": "a A 192.0.2.1\n$INCLUDE i.zone\nb A 192.0.2.2", "i.zone": "\na A 192.0.2.1\nb A 192.0.2.2\n"}
    assert [str(warning) for warning in read(files, scan).warnings] == [
        "zones/a.zone:3:1: duplicate value, left out; the first one is on line 3 of zones/i.zone",
        "zones/i.zone:2:1: duplicate value, left out; the first one is on line 1 of zones/a.zone",
    ]
    files = {"a.zone": files["a.zone"] + "\nc A x\n", "i.zone": "; here\nx A 192.0.2\n$INCLUDE no.zone\n"}
    assert problems(files, scan) == [
        'zones/a.zone:4:1: "x" is not an A record; one looks like 192.0.2.1',
        'zones/i.zone:2:1: "192.0.2" is not an A record; one looks like 192.0.2.1',
        "zones/i.zone:3:1: no.zone cannot be read: no such file",
    ]


@both
@pytest.mark.parametrize("name", ["db.more", "./db.more", "sub/db.more", "a/b/c.d/more"])
def test_a_file_of_any_name_in_the_folder_or_below_is_included(name: str, scan: Scan | None) -> None:
    own = name.removeprefix("./")
    records = read({"a.zone": f'$INCLUDE "{name}"\n', own: "\na A 192.0.2.1\n"}, scan)
    assert found(records, "a") == [(1, 300, (f"zones/{own}", 2), 1)]


@both
@pytest.mark.parametrize("path", ["zones/a.zone", "/srv/zones/a.zone", "a.zone"])
def test_what_a_name_means_does_not_depend_on_how_the_folder_was_given(path: str, scan: Scan | None) -> None:
    """A relative name is one in the folder, which may have a folder of its own name; a whole path is one too."""
    files = {"db.more": b"a A 192.0.2.1\n", "zones/db.more": b"b A 192.0.2.1\n"}
    for text, owner in [("zones/db.more", "b"), ("db.more", "a"), ("/srv/zones/db.more", "a")]:
        master = MasterFile(path, f"$INCLUDE {text}\n".encode(), scan, files.__getitem__, "/srv/zones")
        assert found(read_master(master, ORIGIN, 300), owner)


@both
def test_a_name_is_relative_to_the_file_that_has_it(scan: Scan | None) -> None:
    files = {
        "r/of/a.zone": "$INCLUDE i\n$INCLUDE ../i\n$INCLUDE ../../i\n$INCLUDE deep/i\n$INCLUDE /srv/zones/i\n",
        "r/of/i": "beside A 192.0.2.1\n",
        "r/i": "above A 192.0.2.1\n$INCLUDE of/../j\n",
        "r/j": "nested A 192.0.2.1\n",
        "i": "top A 192.0.2.1\n$INCLUDE ./r/j nested\n",
        "r/of/deep/i": "below A 192.0.2.1\n",
    }
    records = read(files, scan)
    for name, file in (("beside", "r/of/i"), ("above", "r/i"), ("nested", "r/j"), ("below", "r/of/deep/i")):
        assert found(records, name)[0][2] == (f"zones/{file}", 1)
    assert [place for _, _, place, _ in found(records, "top")] == [("zones/i", 1)]
    assert found(records, "nested.nested")[0][2] == ("zones/r/j", 1)


@both
@pytest.mark.parametrize(
    "name", ["../../more", "../.hidden", "../a.yaml", "/etc/hosts", "../../srv/zones/more", "x/../../../more"]
)
def test_no_name_leads_out_of_the_folder_of_zone_files(name: str, scan: Scan | None) -> None:
    files = {"r/a.zone": f"$INCLUDE {name}\n", "more": "a A 192.0.2.1\n", ".hidden": "", "a.yaml": ""}
    words = "a file of the folder of zone files, or below it, can be included, by a name such as more.zone"
    assert problems(files, scan) == [f'zones/r/a.zone:1:1: $INCLUDE "{name}": {words}']


@both
def test_bytes_of_an_included_file_that_are_no_text_are_placed(scan: Scan | None) -> None:
    def include(_: str) -> bytes:
        return b"a A 192.0.2.1\nb TXT \xff\n"

    with pytest.raises(ZoneInvalid, match=r"^zones/i\.zone:2:1: not UTF-8"):
        read_master(MasterFile("zones/a.zone", b"\n\n\n$INCLUDE i.zone\n", scan, include), ORIGIN, 300)


@both
def test_a_file_that_includes_itself_is_a_mistake(scan: Scan | None) -> None:
    words = "files are included 10 deep; does one include itself?"
    assert problems({"a.zone": "a A 192.0.2.1\n$INCLUDE a.zone\n"}, scan) == [
        f"zones/a.zone:2:1: $INCLUDE a.zone: {words}"
    ]
    files = {"a.zone": "$INCLUDE b.zone\n", "b.zone": "\n$INCLUDE a.zone\n"}
    assert problems(files, scan) == [f"zones/a.zone:1:1: $INCLUDE b.zone: {words}"]
    chain = {f"{number}.zone": f"$INCLUDE {number + 1}.zone\n" for number in range(10)}
    assert found(read({**chain, "10.zone": "a A 192.0.2.1\n"}, scan), "a") == [(1, 300, ("zones/10.zone", 1), 1)]


@both
def test_files_that_include_others_many_times_over_end(scan: Scan | None) -> None:
    files = {f"{number}.zone": f"$INCLUDE {number + 1}.zone\n" * 9 for number in range(9)}
    first, *_ = problems({**files, "9.zone": ""}, scan)
    assert first.endswith(f"{MAX_INCLUDES} files were included before it, and that is the limit")


@both
def test_all_that_is_included_has_a_limit(scan: Scan | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.zone.records_file.sources.MAX_MASTER_BYTES", 100)
    files = {"a.zone": "$INCLUDE i.zone\n$INCLUDE i.zone\n", "i.zone": "a A 192.0.2.1 ;" + "x" * 30}
    words = "$INCLUDE i.zone: with it the records of this zone have more than 100 bytes"
    assert problems(files, scan) == [f"zones/a.zone:2:1: {words}"]


@both
def test_what_is_generated_has_the_line_of_its_directive(scan: Scan | None) -> None:
    """Behind it the owner is that of before, as in BIND."""
    text = "k A 192.0.2.9\n\n$GENERATE 1-300 h$ 60 A 192.0.2.1\n TXT k\n$GENERATE 1-2 h1 A 192.0.2.$"
    records = read({"a.zone": text}, scan)
    assert found(records, "h300") == [(1, 60, ("zones/a.zone", 3), 1)]
    assert found(records, "k") == [(1, 300, ("zones/a.zone", 1), 1), (16, 60, ("zones/a.zone", 4), 1)]
    assert found(records, "h1") == [(1, 60, ("zones/a.zone", 3), 2)]
    assert [str(warning) for warning in records.warnings] == [
        "zones/a.zone:5:1: duplicate value, left out; the first one is on line 3"
    ]


@both
def test_a_line_that_repeats_itself_is_told_once_and_why(scan: Scan | None) -> None:
    """Of one directive there would be as many warnings as it makes records, each of the line that it is on."""
    files = {
        "a.zone": "$GENERATE 1-300 h A 192.0.2.1\n$GENERATE 1-300 @ NS ns$\n$INCLUDE i.zone\n$TTL 5\n$INCLUDE i.zone\n",
        "i.zone": "\ni A 192.0.2.1\n",
    }
    here = "on this same line (included again, or generated)"
    assert [str(warning) for warning in read(files, scan).warnings] == [
        f"zones/a.zone:1:1: duplicate value, left out; the first one is {here}",
        "zones/a.zone:2:1: the NS of the zone itself are made from nameservers; this one is left out",
        f"zones/i.zone:2:1: duplicate value, left out; the first one is {here}",
        f"zones/i.zone:2:1: all values of a record have one TTL, 5, the least of them: this has 5, that {here} has 300",
    ]


@both
def test_one_line_does_not_make_more_records_than_a_zone_may_have_of_it(
    scan: Scan | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (problem,) = problems({"a.zone": "$GENERATE 1-2147483647 h$ A 192.0.2.1\n"}, scan)
    assert problem.endswith(f"makes 2147483647 records, and {MAX_GENERATED} is what is left for this zone")
    monkeypatch.setattr("gtm.zone.records_file.sources.MAX_GENERATED", 30)
    (problem,) = problems({"a.zone": "$GENERATE 1-20 h$ A 192.0.2.1\n$GENERATE 1-20 i$ A 192.0.2.1\n"}, scan)
    assert problem == "zones/a.zone:2:1: $GENERATE 1-20 makes 20 records, and 10 is what is left for this zone"


@both
def test_one_line_does_not_make_longer_records_than_a_machine_can_hold(
    scan: Scan | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gtm.zone.records_file.sources.MAX_GENERATED_BYTES", 100)
    text = "$GENERATE 1-4 h$ A 192.0.2.1\n$GENERATE 1-200000 i$ A 192.0.2.1\n"
    (problem,) = problems({"a.zone": text}, scan)
    words = "$GENERATE 1-200000 makes more than 41 bytes, which are left for this zone"
    assert problem == f"zones/a.zone:2:1: {words}"
