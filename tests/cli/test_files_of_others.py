"""A zone file of others that is broken keeps nobody from asking about his own zone."""

from pathlib import Path

import pytest

from tests.cli.command import gtm
from tests.node.present import BROKEN

NAME = "api.gtm.example.com"
OTHER = BROKEN.replace("gtm.example.com", "other.example.com")
MISTAKE = 'unknown region "us-esat"'


@pytest.fixture
def _broken_other(folder: Path) -> None:
    (folder / "zones" / "b.yaml").write_text(OTHER)


@pytest.mark.slow
@pytest.mark.usefixtures("_broken_other")
@pytest.mark.parametrize(
    "command",
    [("bound", NAME), ("explain", NAME, "--client", "192.0.2.1", "--zones", "zones")],
    ids=["bound", "explain"],
)
def test_what_is_good_is_answered_and_what_is_not_is_told_aside(command: tuple[str, ...]) -> None:
    ran = gtm(*command)
    assert ran.code == 0
    assert NAME in ran.out or "merge" in ran.out
    assert MISTAKE in ran.err


@pytest.mark.slow
@pytest.mark.usefixtures("_broken_other")
@pytest.mark.parametrize(
    "command",
    [
        ("bound", "api.other.example.com"),
        ("explain", "api.other.example.com", "--client", "192.0.2.1", "--zones", "zones"),
    ],
    ids=["bound", "explain"],
)
def test_what_is_in_the_broken_file_is_an_error(command: tuple[str, ...]) -> None:
    ran = gtm(*command)
    assert (ran.code, ran.out) == (1, "")
    assert MISTAKE in ran.err
