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
