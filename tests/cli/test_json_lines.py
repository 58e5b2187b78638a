import json
import logging
import threading
import warnings
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.cli.json_lines import MAX_BYTES, MAX_FIELDS, JsonFormatter
from gtm.node.config.log_options import LogChoice, LogFormat, LogLevel
from tests.cli.logged import logged
from tests.fakes.text import HOSTILE, harm

JSON = LogChoice(LogFormat.JSON)
log = logging.getLogger("gtm.test")


@pytest.fixture
def shown() -> Iterator[StringIO]:
    """The standard error of a node that logs in JSON."""
    with logged(JSON) as stream:
        yield stream


def records(shown: StringIO) -> list[dict[str, Any]]:
    """The objects, one of each line."""
    return [json.loads(line) for line in shown.getvalue().splitlines()]


def formatted(**more: Any) -> str:
    """The line of a record."""
    return JsonFormatter().format(logging.makeLogRecord({"name": "x", "levelname": "INFO", **more}))


def test_a_record_is_one_object_with_its_time(shown: StringIO) -> None:
    log.warning("region %s is down", "eu-west", extra={"zone": "gtm.example.com", "services": ("api", "mail"), "n": 2})
    [record] = records(shown)
    assert record.pop("time").endswith("Z")
    assert record == {
        "level": "WARNING",
        "logger": "gtm.test",
        "message": "region eu-west is down",
        "zone": "gtm.example.com",
        "services": ["api", "mail"],
        "n": 2,
    }


def test_the_time_is_that_of_rfc_3339() -> None:
    assert json.loads(formatted(created=1_700_000_000.0, msecs=7.9))["time"] == "2023-11-14T22:13:20.007Z"


def test_what_others_wrote_is_within_the_object(shown: StringIO) -> None:
    log.error("zone file: %s", HOSTILE, extra={"file": HOSTILE})
    [record] = records(shown)
    assert record["message"] == f"zone file: {HOSTILE}"
    assert record["file"] == HOSTILE
    assert harm(shown.getvalue()) == []


def test_a_traceback_is_a_field(shown: StringIO) -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        log.exception("it failed")
    [record] = records(shown)
    assert record["message"] == "it failed"
    assert record["exception"].startswith("Traceback (most recent call last):\n")
    assert record["exception"].endswith(f"ValueError: {HOSTILE}")
    assert harm(shown.getvalue()) == []


def test_warnings_and_what_threads_fail_with_are_objects_too(shown: StringIO) -> None:
    def fail() -> None:
        raise ValueError(HOSTILE)

    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", stacklevel=1)
    failed, warned = records(shown)
    assert (failed["level"], failed["thread"]) == ("ERROR", "worker")
    assert "ValueError" in failed["exception"]
    assert warned["logger"] == "py.warnings"
    assert "UserWarning: old" in warned["message"]


def test_lines_of_libraries_are_objects_too(shown: StringIO) -> None:
    logging.getLogger("asyncio").error("Task was destroyed")
    logging.getLogger("aiohttp.access").info("GET /")
    assert [record["logger"] for record in records(shown)] == ["asyncio"]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (LogLevel.DEBUG, ["debug", "info", "warning", "error"]),
        (LogLevel.INFO, ["info", "warning", "error"]),
        (LogLevel.WARNING, ["warning", "error"]),
        (LogLevel.ERROR, ["error"]),
    ],
)
def test_what_is_below_the_level_is_left_out(level: LogLevel, expected: list[str]) -> None:
    with logged(LogChoice(LogFormat.JSON, level)) as stream:
        for name in ("debug", "info", "warning", "error"):
            getattr(log, name)("%s", name)
        logging.getLogger("asyncio").debug("the details of others help nobody")
    assert [record["message"] for record in records(stream)] == expected


def test_a_record_whose_arguments_do_not_fit_is_not_lost() -> None:
    assert json.loads(formatted(msg="%d of %s", args=("x",)))["message"].startswith("%d of %s ('x',) (")


_texts = st.text(st.characters(codec=None), max_size=300)
_values = st.none() | st.booleans() | st.integers() | st.floats() | _texts | st.lists(_texts, max_size=40)


def test_a_line_of_nothing_but_what_does_not_print_is_short_enough() -> None:
    unseen = "\U000e0001" * 1_000
    line = formatted(
        msg=unseen, exc_info=(ValueError, ValueError(unseen), None), **{f"x{n}": unseen for n in range(40)}
    )
    assert len(line.encode()) <= MAX_BYTES
    assert json.loads(line)["exception"]


@pytest.mark.slow
@given(
    message=_texts,
    times=st.sampled_from([1, 100]),
    fields=st.dictionaries(st.text("abc_", max_size=20), _values, max_size=2 * MAX_FIELDS),
    trace=_texts,
)
def test_a_line_is_always_one_object_that_no_runtime_cuts(
    message: str, times: int, fields: dict[str, Any], trace: str
) -> None:
    error = ValueError(trace * times)
    own = {f"x-{name}": value for name, value in fields.items()}  # a record's own attributes are not fields
    line = formatted(msg="%s", args=(message * times,), exc_info=(ValueError, error, None), **own)
    assert len(line.encode()) <= MAX_BYTES
    assert harm(line) == []
    assert set(json.loads(line)) >= {"time", "level", "logger", "message", "exception"}
