import dns.name
from hypothesis import given
from hypothesis import strategies as st

from gtm.dns import name as names
from gtm.dns.name import Labels

any_names = st.lists(st.binary(min_size=1, max_size=40), max_size=5).map(lambda parts: dns.name.Name((*parts, b"")))


@given(any_names)
def test_wire_and_from_wire_are_inverse_and_keep_the_case(name: dns.name.Name) -> None:
    assert names.from_wire(names.wire(name)) == name.labels[:-1]
    assert names.wire(name) == name.to_wire()


@given(any_names)
def test_equal_names_have_equal_keys(name: dns.name.Name) -> None:
    other = dns.name.Name([label.swapcase() for label in name.labels])
    assert names.labels(name) == names.labels(other)
    assert names.folded(name.labels[:-1]) == names.labels(name)


def test_only_ascii_letters_fold() -> None:
    assert names.folded((b"\xc0Z[@",)) == (b"\xc0z[@",)


def test_the_root_has_no_labels() -> None:
    assert names.labels(dns.name.root) == ()
    assert names.from_wire(b"\x00") == ()
    assert names.text(()) == "."


def test_text_escapes_what_presentation_format_escapes() -> None:
    parts: Labels = (b"a.b", b"c\x00", b"example")
    assert names.text(parts) == r"a\.b.c\000.example."


@given(any_names, st.integers(0, 127))
def test_a_relative_key_is_of_what_stands_before_the_origin(name: dns.name.Name, cut: int) -> None:
    origin = dns.name.Name(name.labels[min(cut, len(name.labels) - 1) :])
    key = names.relative_key(name.labels, origin.labels)
    assert key == names.relative_key(names.labels(name), names.labels(origin))
    assert names.from_wire(key + b"\0") == names.labels(name.relativize(origin).concatenate(dns.name.root))[::-1]


def test_the_key_of_the_origin_begins_every_other_key() -> None:
    origin: Labels = (b"z", b"test")
    assert names.relative_key(origin, origin) == b""
    assert names.relative_key((b"A", b"bc", *origin), origin) == b"\x02bc\x01a"
