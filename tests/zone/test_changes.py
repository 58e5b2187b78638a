"""What came, went and changed between two versions of some zones."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.zone.changes import MAX_NAMED, Fate, ZoneChanges, changes, changes_since
from gtm.zone.contents import contents_of, lines, parse_lines
from gtm.zone.model import Zone
from gtm.zone.records_file.packed import Bulk, BulkRRset, pack
from tests.fakes import world
from tests.node.present import SMALL

ZONE = world.zone(SMALL)


def told(before: str, after: str) -> str:
    [found] = changes([world.zone(before)], [world.zone(after)])
    return str(found)


def bulk_of(**names: tuple[int, ...]) -> Bulk:
    """Names with A records; a number is the last octet of one, and the line it is on."""
    rows = {
        bytes([len(name)]) + name.encode(): (
            BulkRRset(1, 60, octets[0], tuple(bytes([192, 0, 2, octet]) for octet in octets)),
        )
        for name, octets in names.items()
    }
    return pack(rows)


def with_bulk(digest: str, **names: tuple[int, ...]) -> Zone:
    return replace(ZONE, bulk=bulk_of(**names), digest=digest)


def test_zones_as_they_were_are_nothing_new() -> None:
    assert changes([ZONE], [world.zone(SMALL)]) == ()
    assert changes([], []) == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "address: 192.0.2.2}",
            "address: 192.0.2.3}",
            (
                "removed endpoint api.gtm.example.com eu-west/192.0.2.2; "
                "added endpoint api.gtm.example.com eu-west/192.0.2.3"
            ),
        ),
        (
            "address: 192.0.2.2}",
            "address: 192.0.2.2, weight: 7}",
            "changed endpoint api.gtm.example.com eu-west/192.0.2.2 (weight 1 -> 7)",
        ),
        (
            "    steer: nearest",
            "    ttl: 17\n    steer: failover",
            "changed service api.gtm.example.com (steer nearest -> failover, ttl 60 -> 17)",
        ),
        ("ns1: {A: 192.0.2.53", "ns1: {A: 192.0.2.54", "changed record ns1.gtm.example.com A (values)"),
        (", AAAA:", ", TXT: x, AAAA:", "added record ns1.gtm.example.com TXT"),
        ("ttl: 60", "ttl: 60 # an aside", "nothing that it answers changed"),
    ],
)
def test_what_changed_is_told_by_name(old: str, new: str, words: str) -> None:
    assert old in SMALL
    assert told(SMALL, SMALL.replace(old, new)).removeprefix("zone gtm.example.com: ") == words


def test_a_region_that_moves_and_a_monitor_that_looks_elsewhere_are_told_once_for_all_their_services() -> None:
    more = SMALL.replace(
        "records:", "  b: {monitor: web, steer: nearest, endpoints: [{region: us-east, address: 192.0.2.9}]}\nrecords:"
    )
    moved = more.replace("type: http", "path: /ready, type: http").replace(
        "us-east: {at: [", "us-east: {bias: 5, at: ["
    )
    assert moved.count("/ready") == moved.count("bias") == 1
    assert told(more, moved) == (
        "zone gtm.example.com: changed region us-east (bias 0 -> 5), monitor web (path / -> /ready)"
    )


def test_what_monitors_send_is_not_told() -> None:
    def sending(text: str) -> str:
        return SMALL.replace("type: http,", f"type: http, headers: {{Authorization: {text}}},")

    assert told(sending("hush-1"), sending("hush-2")) == "zone gtm.example.com: changed monitor web (headers)"
    assert b"hush" not in b"".join(lines(contents_of(world.zone(sending("hush-1")))))


def test_of_many_some_are_named() -> None:
    names = {f"h{number:03}": (1,) for number in range(100)}
    [found] = changes([with_bulk("1", **names)], [with_bulk("2")])
    assert str(found).endswith(f"record h{MAX_NAMED - 1:03}.gtm.example.com A and {100 - MAX_NAMED} more")
    assert found.warning.startswith(
        "zone gtm.example.com: 100 served names are answered no more: h000.gtm.example.com,"
    )
    assert found.gone.count == 100


def test_a_name_that_another_zone_or_a_wildcard_answers_is_not_gone() -> None:
    before = with_bulk("1", a=(1,), b=(1,))
    below = replace(world.zone(SMALL.replace("gtm.example.com", "a.gtm.example.com")), bulk=bulk_of())
    apex = replace(below, records=(replace(below.records[0], name=below.origin),))
    assert warning(changes([before], [with_bulk("2"), apex])) == (
        "zone gtm.example.com: 1 served name is answered no more: b.gtm.example.com"
    )
    wild = replace(ZONE, bulk=pack({b"\1*": (BulkRRset(1, 60, 1, (bytes(4),)),)}), digest="3")
    assert warning(changes([before], [wild])) == ""


def test_a_name_below_one_that_is_there_gets_nothing_of_a_wildcard_above() -> None:
    before = with_bulk("1")
    deep = replace(before, bulk=pack({b"\1b\1a": (BulkRRset(1, 60, 1, (bytes(4),)),)}), digest="2")
    after = pack({key: (BulkRRset(1, 60, 1, (bytes(4),)),) for key in (b"\1*", b"\1b\1c")})
    assert "a.b.gtm.example.com" in warning(changes([deep], [replace(before, bulk=after, digest="3")]))


def warning(found: tuple[ZoneChanges, ...]) -> str:
    return "".join(each.warning for each in found)


def test_a_zone_that_is_gone_loses_its_names_and_one_that_moved_into_another_does_not() -> None:
    [gone] = changes([ZONE], [])
    assert (gone.fate, str(gone)) == (Fate.REMOVED, "zone gtm.example.com removed: services: 1, records: 2")
    assert gone.warning.endswith("2 served names are answered no more: ns1.gtm.example.com, api.gtm.example.com")
    outer = replace(world.zone(SMALL.replace("gtm.example.com", "example.com")), services=(), records=ZONE.records)
    found = changes([ZONE], [replace(outer, digest="outer")])
    assert [each.fate for each in found] == [Fate.ADDED, Fate.REMOVED]
    assert found[1].gone.some == ["api.gtm.example.com"]


def test_a_record_that_moves_into_the_records_file_is_as_it_was() -> None:
    rrset = ZONE.records[0]
    moved = pack({b"\3ns1": (BulkRRset(int(rrset.rtype), rrset.ttl, 3, rrset.rdatas),)})
    [found] = changes([ZONE], [replace(ZONE, records=ZONE.records[1:], bulk=moved, digest="moved")])
    assert not found.found
    assert not found.warning


def test_lines_that_moved_in_a_records_file_change_nothing_and_values_in_another_order_neither() -> None:
    [found] = changes([with_bulk("1", a=(1, 2), b=(5,))], [with_bulk("2", a=(2, 1), b=(5,))])
    assert str(found) == "zone gtm.example.com: nothing that it answers changed"


NAMES = st.dictionaries(st.sampled_from("abcdefg"), st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True))


@pytest.mark.slow
@given(NAMES, NAMES)
def test_records_files_are_compared_as_sets_of_records(
    before: dict[str, list[int]], after: dict[str, list[int]]
) -> None:
    was, now = (
        with_bulk(digest, **{name: tuple(each) for name, each in names.items()})
        for digest, names in (("1", before), ("2", after))
    )
    [found] = changes([was], [now])
    assert (found.found.removed.count, found.found.added.count) == (
        len(before.keys() - after),
        len(after.keys() - before),
    )
    assert found.found.changed.count == sum(set(before[name]) != set(after[name]) for name in before.keys() & after)
    assert found.gone.count == len(before.keys() - after)
    told = changes_since(parse_lines(lines(contents_of(was))), [now])
    assert [str(each) for each in told] == ([str(found)] if found.found else [])


def test_lines_that_are_none_are_refused() -> None:
    for text in (b"{", b'["record","a.test","A",1,"x"]', b'["zone",5]', b'["zone","a..test"]', b"[" * 5000, b"\xff"):
        with pytest.raises(ValueError, match=r".+"):
            parse_lines([text])
    for name in ("a..test", 64 * "a", 130 * "a."):
        with pytest.raises(ValueError, match=r".+"):
            parse_lines([b'["zone","test"]', f'["thing","service","{name}","",{{}}]'.encode()])
