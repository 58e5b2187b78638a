import os
import stat
from pathlib import Path

import pytest

from gtm.health.report.signature import parse_public_key
from gtm.share.keys import load_key
from tests.cli.command import gtm


def test_a_key_pair_is_made_that_only_its_owner_may_read(folder: Path) -> None:
    mask = os.umask(0)
    try:
        ran = gtm("keygen", "keys/ns1.key")
    finally:
        os.umask(mask)
    assert (ran.code, ran.err) == (0, "")
    assert stat.S_IMODE((folder / "keys" / "ns1.key").stat().st_mode) == 0o600
    assert load_key(folder / "keys" / "ns1.key").public == parse_public_key(ran.out.strip())


def test_the_private_key_is_not_printed(folder: Path) -> None:
    ran = gtm("keygen", "ns1.key")
    assert (folder / "ns1.key").read_text().strip() not in ran.out + ran.err
    assert len(ran.lines) == 1


def test_every_key_is_another(folder: Path) -> None:
    assert gtm("keygen", "a.key").out != gtm("keygen", "b.key").out


def test_a_key_that_is_there_is_never_overwritten(folder: Path) -> None:
    first = gtm("keygen", "ns1.key")
    content = (folder / "ns1.key").read_text()
    again = gtm("keygen", "ns1.key")
    assert first.code == 0
    assert (again.code, again.out) == (1, "")
    words = (
        "ns1.key: there is a key already, and it is not overwritten; `gtm keygen --show ns1.key` prints its public part"
    )
    assert again.err == f"{words}\n"
    assert (folder / "ns1.key").read_text() == content


def test_the_public_part_of_a_key_that_is_there_can_be_shown(folder: Path) -> None:
    made = gtm("keygen", "ns1.key")
    content = (folder / "ns1.key").read_text()
    shown = gtm("keygen", "--show", "ns1.key")
    assert (shown.code, shown.out, shown.err) == (0, made.out, "")
    assert content.strip() not in gtm("keygen", "--show", "ns1.key", "--json").out
    assert (folder / "ns1.key").read_text() == content


def test_to_show_a_key_makes_none(folder: Path) -> None:
    ran = gtm("keygen", "--show", "gone.key")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "gone.key: No such file or directory; `gtm keygen gone.key` makes a key\n"
    assert not (folder / "gone.key").exists()


@pytest.mark.parametrize("place", ["zones", "networks.yaml/ns1.key"])
def test_where_no_key_can_be_written_it_is_said(folder: Path, place: str) -> None:
    ran = gtm("keygen", place)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"{place}: ")
    assert len(ran.err.splitlines()) == 1
