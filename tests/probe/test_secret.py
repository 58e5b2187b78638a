"""Secrets: found where they are said to be, and told of without being told."""

import asyncio
from pathlib import Path

import pytest

from gtm.errors import SecretUnreadable
from gtm.probe.permits import KeptSecret
from gtm.probe.secret import MAX_SECRET_BYTES, secret_text


def text_of(source: str, name: str) -> str:
    return asyncio.run(secret_text(KeptSecret("api", source, name)))


def test_a_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GTM_TEST_TOKEN", "hunter2")
    assert text_of("env", "GTM_TEST_TOKEN") == "hunter2"


@pytest.mark.parametrize("content", ["hunter2", "hunter2\n", "hunter2\r\n"])
def test_a_secret_of_a_file_without_the_end_of_its_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(content.encode())
    assert text_of("file", str(tmp_path / "token")) == "hunter2"


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    assert text_of("file", str(file)) == "old"
    file.write_text("new")
    assert text_of("file", str(file)) == "new"


def test_an_absent_or_empty_secret_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GTM_TEST_TOKEN", raising=False)
    with pytest.raises(SecretUnreadable, match='secret "api": the environment has no GTM_TEST_TOKEN, or it is empty'):
        text_of("env", "GTM_TEST_TOKEN")
    monkeypatch.setenv("GTM_TEST_TOKEN", "")
    with pytest.raises(SecretUnreadable):
        text_of("env", "GTM_TEST_TOKEN")
    file = tmp_path / "token"
    with pytest.raises(SecretUnreadable, match="cannot be read: no such file or directory"):
        text_of("file", str(file))
    file.write_text("\n")
    with pytest.raises(SecretUnreadable, match="is empty"):
        text_of("file", str(file))


def test_what_is_no_secret_is_refused_without_being_shown(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfehunter2")
    with pytest.raises(SecretUnreadable) as raised:
        text_of("file", str(file))
    assert str(raised.value) == f'secret "api": {file} cannot be read: not a file of text'
    file.write_bytes(b"x" * (MAX_SECRET_BYTES + 1))
    with pytest.raises(SecretUnreadable, match=f"cannot be read: larger than {MAX_SECRET_BYTES} bytes"):
        text_of("file", str(file))
    with pytest.raises(SecretUnreadable, match="is a directory"):
        text_of("file", str(tmp_path))
