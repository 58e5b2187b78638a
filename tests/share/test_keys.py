import logging
import os
from pathlib import Path

import pytest

from gtm.errors import StateInvalid
from gtm.share.keys import generate_key, load_key, save_key
from tests.fakes.peers import key_of


def test_a_key_survives_its_file(tmp_path: Path) -> None:
    key = generate_key()
    save_key(tmp_path / "keys" / "ns1.key", key)
    assert load_key(tmp_path / "keys" / "ns1.key") == key


def test_keys_differ() -> None:
    assert generate_key() != generate_key()


def test_only_the_owner_may_read_a_key_file(tmp_path: Path) -> None:
    file = tmp_path / "ns1.key"
    save_key(file, key_of("ns1"))
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "ns1.key"
    save_key(file, key_of("ns1"))
    with pytest.raises(StateInvalid, match="there is a key already"):
        save_key(file, key_of("ns2"))
    assert load_key(file) == key_of("ns1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a key starts with ed25519-private:"),
        (str(key_of("ns1").public), "a key starts with ed25519-private:"),
        ("ed25519-private:AAAA", "a key has 32 bytes, not 3"),
        ("ed25519-private:\xff", "what follows ed25519-private: is not base64"),
    ],
)
def test_a_file_that_is_no_key_is_refused_without_repeating_it(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "ns1.key"
    file.write_text(text)
    with pytest.raises(StateInvalid) as caught:
        load_key(file)
    assert str(caught.value) == f"{file}: {message}"


def test_a_missing_file_is_refused_with_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(StateInvalid, match=r"No such file.*`gtm keygen .*none.key` makes a key"):
        load_key(tmp_path / "none.key")


def test_a_key_that_others_can_read_is_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "ns1.key"
    save_key(file, key_of("ns1"))
    with caplog.at_level(logging.WARNING):
        load_key(file)
        assert caplog.messages == []
        file.chmod(0o644)
        load_key(file)
    assert caplog.messages == [f"key file {file} can be read by others than its owner; chmod 600 it"]


def test_a_pipe_is_no_key_and_nobody_waits_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StateInvalid, match="pipe: not a regular file"):
        load_key(tmp_path / "pipe")
