import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.report.signature import PrivateKey, compose_private_key, parse_private_key, parse_public_key

# RFC 8032 7.1, TEST 2
SECRET = PrivateKey(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_signatures_are_those_of_the_rfc() -> None:
    assert SECRET.public.raw == PUBLIC
    assert SECRET.sign(b"\x72") == SIGNATURE
    assert SECRET.public.verifies(b"\x72", SIGNATURE)


def test_a_signature_of_other_bytes_does_not_hold() -> None:
    assert not SECRET.public.verifies(b"\x73", SIGNATURE)
    assert not SECRET.public.verifies(b"\x72", SIGNATURE[:-1] + b"\x01")
    assert not SECRET.public.verifies(b"\x72", b"short")


def test_keys_survive_their_text_form() -> None:
    assert parse_public_key(str(SECRET.public)) == SECRET.public
    assert parse_private_key(compose_private_key(SECRET)) == SECRET


def test_a_private_key_does_not_show_in_its_repr() -> None:
    assert SECRET.raw.hex() not in repr(SECRET)
    assert repr(SECRET.raw) not in repr(SECRET)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a key starts with ed25519:"),
        ("rsa:AAAA", "a key starts with ed25519:"),
        ("ed25519:%%%", "what follows ed25519: is not base64"),
        ("ed25519:AAAA", "a key has 32 bytes, not 3"),
        (compose_private_key(SECRET), "this is a private key; its public half belongs here"),
    ],
)
def test_text_that_is_no_public_key_is_refused_without_repeating_it(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"key|base64") as caught:
        parse_public_key(text)
    assert str(caught.value) == message


@given(st.text())
def test_no_text_raises_anything_but_value_error(text: str) -> None:
    for parse in (parse_public_key, parse_private_key):
        for prefix in ("", "ed25519:", "ed25519-private:"):
            try:
                parse(prefix + text)
            except ValueError:
                continue
