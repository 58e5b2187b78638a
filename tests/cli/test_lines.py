import logging
import threading
import warnings
from collections.abc import Iterator
from io import StringIO

import pytest

from gtm.cli.lines import MAX_RECORD, MAX_TRACEBACK_LINES
from tests.cli.logged import logged
from tests.fakes.text import ESCAPED, HOSTILE, harm

log = logging.getLogger("gtm.test")


@pytest.fixture
def shown() -> Iterator[StringIO]:
    """The standard error of a node."""
    with logged() as stream:
        yield stream


def test_a_record_is_one_line_whatever_is_in_it(shown: StringIO) -> None:
    log.error("zone file: %s", HOSTILE)
    [line] = shown.getvalue().splitlines()
    assert line.endswith(f"Z ERROR zone file: {ESCAPED}")


def test_an_overlong_record_is_cut(shown: StringIO) -> None:
    log.error("%s", "x" * 10_000_000)
    assert len(shown.getvalue()) < MAX_RECORD + 100
    assert "(10000" in shown.getvalue()


def test_a_traceback_is_indented_and_what_its_message_says_is_within_it(shown: StringIO) -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        log.exception("it failed")
    first, *others = shown.getvalue().splitlines()
    assert first.endswith("Z ERROR it failed")
    assert others[0] == "    Traceback (most recent call last):"
    assert others[-2:] == [r"    ValueError: \x1b]0;x\x07", r"    2026-01-01 ERROR forged\u202e"]
    assert harm(shown.getvalue()) == []


def test_a_traceback_of_very_many_lines_is_cut_in_the_middle(shown: StringIO) -> None:
    try:
        raise ValueError("\n".join(map(str, range(100_000))))
    except ValueError:
        log.exception("it failed")
    lines = shown.getvalue().splitlines()
    assert len(lines) == MAX_TRACEBACK_LINES + 2
    assert lines[-1] == "    99999"


def test_what_a_thread_fails_with_is_logged(shown: StringIO) -> None:
    def fail() -> None:
        raise ValueError(HOSTILE)

    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    assert "ERROR thread worker ended because of an internal error" in shown.getvalue()
    assert harm(shown.getvalue()) == []


def test_warnings_of_python_are_logged(shown: StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn(HOSTILE, stacklevel=1)
    assert "forged" in shown.getvalue()
    assert harm(shown.getvalue()) == []
