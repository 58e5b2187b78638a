"""The extension's scanner, where there is one."""

import sys
from typing import Never

import pytest

from gtm.watch.scanner import native_scanner


def test_without_the_extension_there_is_no_scanner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gtm._native", None)
    assert native_scanner() is None


def test_a_mistake_in_what_composes_values_is_a_file_that_the_scanner_gives_up() -> None:
    scan = native_scanner()
    if scan is None:
        pytest.skip("the extension is not built")

    def broken(*_: object) -> Never:
        raise ZeroDivisionError

    assert scan(b"a CAA 0 issue x\n", b"\1z\0", 60, broken, broken) is None
    assert scan(b"$INCLUDE a.zone\n", b"\1z\0", 60, broken, broken) is None
    assert scan(b"a A 192.0.2.1\n", b"\1z\0", 60, broken, broken) is not None
