import pytest
from dns.name import Name, from_text, root
from hypothesis import given
from hypothesis import strategies as st

from gtm.dns.text import parse_mailbox, parse_name
from gtm.errors import TextInvalid

ZONE = from_text("gtm.example.com.")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("api", "api.gtm.example.com."),
        ("api.", "api."),
        ("@", "gtm.example.com."),
        ("*", "*.gtm.example.com."),
        ("*.a", "*.a.gtm.example.com."),
        (r"a\.b", r"a\.b.gtm.example.com."),
        (r"\065", "A.gtm.example.com."),
        (".", "."),
    ],
)
def test_a_name_is_relative_unless_it_ends_in_a_dot(text: str, name: str) -> None:
    assert parse_name(text, ZONE).to_text() == name


def test_without_an_origin_every_name_is_absolute() -> None:
    assert parse_name("ns.example.net") == from_text("ns.example.net.")
    assert parse_name("ns.example.net.") == from_text("ns.example.net.")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("a b", "it has a space"),
        ("a..b", "a label between two dots is empty"),
        ("a" * 64, "a label is longer than 63 bytes"),
        (".".join(["a" * 63] * 4), "it is longer than 255 bytes"),
        (r"\256", r"a bad escape; it is \ with a character, or with three digits up to 255"),
        ("\udcff", "it has characters that no name can have"),
    ],
)
def test_a_bad_name_says_why(text: str, reason: str) -> None:
    with pytest.raises(TextInvalid) as raised:
        parse_name(text, ZONE)
    assert str(raised.value) == f'"{text}" is not a name: {reason}'


def test_an_internationalised_name_becomes_ascii() -> None:
    assert parse_name("b\u00fccher", ZONE).to_text() == "xn--bcher-kva.gtm.example.com."


def test_the_dots_of_a_user_stay_in_one_label() -> None:
    assert parse_mailbox("dns.admin@example.com").to_text() == r"dns\.admin.example.com."
    assert parse_mailbox("hostmaster@example.com.").to_text() == "hostmaster.example.com."


def test_a_mailbox_may_be_typed_as_a_name() -> None:
    assert parse_mailbox("hostmaster.example.com").to_text() == "hostmaster.example.com."


@pytest.mark.parametrize("text", ["@example.com", "hostmaster@", "@", "a" * 64 + "@example.com", "a@b..c", ""])
def test_a_bad_mailbox_is_refused(text: str) -> None:
    with pytest.raises(TextInvalid):
        parse_mailbox(text)


@pytest.mark.slow
@given(st.text(max_size=300))
def test_no_text_raises_anything_but_text_invalid(text: str) -> None:
    for parse in (parse_name, parse_mailbox):
        try:
            name = parse(text)
        except TextInvalid:
            continue
        assert name.is_absolute()


LABELS = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=6)


@pytest.mark.slow
@given(LABELS)
def test_a_name_printed_and_parsed_is_the_same(labels: list[bytes]) -> None:
    name = Name([*labels, b""])
    assert parse_name(name.to_text(), root).labels == name.labels
