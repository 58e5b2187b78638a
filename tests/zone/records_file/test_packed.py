"""The packed form: what was packed is found, and nothing else."""

from dns.name import from_text
from hypothesis import given
from hypothesis import strategies as st

from gtm.dns.name import relative_key
from gtm.zone.records_file.packed import NO_BULK, Bulk, BulkRRset, labels_of, pack

ORIGIN = from_text("z.test")
A, NS, TXT = 1, 2, 16


def key(name: str) -> bytes:
    return relative_key(from_text(name, ORIGIN).labels, ORIGIN.labels)


def rrset(rtype: int = A, *rdatas: bytes) -> BulkRRset:
    return BulkRRset(rtype, 60, 7, rdatas or (b"\1\2\3\4",))


def test_a_key_has_the_labels_from_the_top_in_lower_case() -> None:
    assert key("Www.Sub") == b"\3sub\3www"
    assert key("@") == b""
    assert labels_of(key("www.sub")) == (b"www", b"sub")


def test_what_was_packed_is_found() -> None:
    bulk = pack({key("a.b"): [rrset(TXT, b"\2hi"), rrset(A, b"\1\2\3\4", b"\1\2\3\5")]})
    assert bulk.find(key("a.b")) == (rrset(A, b"\1\2\3\4", b"\1\2\3\5"), rrset(TXT, b"\2hi"))
    assert bulk.values == 3


def test_empty_non_terminals_and_the_origin_are_there_and_have_nothing() -> None:
    bulk = pack({key("a.b.c"): [rrset()]})
    assert [labels_of(name) for name in bulk.names()] == [(), (b"c",), (b"b", b"c"), (b"a", b"b", b"c")]
    assert bulk.find(key("b.c")) == ()
    assert bulk.find(key("x.c")) is None


def test_no_bulk_has_nothing() -> None:
    assert (len(NO_BULK), NO_BULK.find(b""), list(NO_BULK.names())) == (0, None, [])


def test_all_below_a_name_is_found_and_not_what_only_begins_alike() -> None:
    bulk = pack({key(name): [rrset()] for name in ("a.sub", "sub", "x.a.sub", "subs", "a.subs", "s")})
    assert {labels_of(name) for name, _ in bulk.below(key("sub"))} == {
        (b"sub",),
        (b"a", b"sub"),
        (b"x", b"a", b"sub"),
    }


def test_rows_that_concern_other_names_are_listed() -> None:
    bulk = pack({key("a"): [rrset()], key("sub"): [rrset(NS, b"\2ns\0"), rrset()], key("z"): [rrset(5, b"\0")]})
    assert [labels_of(name) for name, _ in bulk.notables()] == [(b"z",), (b"sub",)]


_LABELS = st.lists(st.sampled_from([b"a", b"b", b"ab", b"\0", b"*", b"x" * 63]), max_size=3)


@given(
    st.dictionaries(
        _LABELS.map(lambda labels: b"".join(bytes((len(label),)) + label for label in labels)), st.integers(0, 9)
    )
)
def test_any_names_are_found_with_what_they_have(names: dict[bytes, int]) -> None:
    packed = {name: [rrset(A, bytes((number,)))] for name, number in names.items()}
    bulk: Bulk = pack(packed)
    assert {name: bulk.find(name) for name in names} == {name: tuple(rrsets) for name, rrsets in packed.items()}
    assert list(bulk.names()) == sorted(set(bulk.names()))
