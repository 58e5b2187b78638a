"""Relative paths mean the folder of the file that has them, wherever the process was started."""

import asyncio
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from gtm.cli.options import read_config
from tests.cli.command import gtm
from tests.node.present import SMALL
from tests.node.watched import Watched

EVERY_PATH = """
zones: z
state: s
geo: {databases: [g.mmdb, sub/h.mmdb], networks: n.yaml}
listen: {tls: {certificate: c.pem, key: k.pem, ca: a.pem}}
share:
  mode: etcd
  key: own.key
  tls: {certificate: sc.pem, key: sk.pem, ca: sa.pem}
  etcd: {endpoints: ["https://etcd.example.net:2379"], user: gtm, password_file: pw}
overrides: {tokens: {deploy: {file: t}}}
probe:
  secrets: {api: {file: secret}}
  certificates: {api: {certificate: pc.pem, key: pk.pem}}
  authorities: {api: pa.pem}
"""
NAMES = EVERY_PATH.count(".pem") + len(("z", "s", "g", "h", "n", "own.key", "pw", "t", "secret"))


def paths(value: object) -> Iterator[str]:
    """Every path in a value, at any depth."""
    if isinstance(value, Path):
        yield str(value)
    elif is_dataclass(value):
        for field in fields(value):
            found = getattr(value, field.name)
            yield from [found] if field.name == "place" and isinstance(found, str) else paths(found)
    elif isinstance(value, dict):
        for found in value.values():
            yield from paths(found)
    elif isinstance(value, tuple | list | frozenset):
        for found in value:
            yield from paths(found)


@pytest.mark.parametrize("started_in", ["etc", "elsewhere"])
def test_every_path_of_a_node_file_is_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started_in: str
) -> None:
    for name in ("etc", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "etc" / "gtm.yaml").write_text(EVERY_PATH)
    monkeypatch.chdir(tmp_path / started_in)
    for named in (tmp_path / "etc" / "gtm.yaml", Path("../etc/gtm.yaml")):
        found = [Path(path).resolve() for path in paths(read_config(named))]
        assert len(found) == NAMES
        assert {path.is_relative_to(tmp_path / "etc") for path in found} == {True}


@pytest.mark.parametrize("name", ["big.zone", "./big.zone", "records/big.zone", "./records/of/big.zone"])
def test_a_records_file_is_in_the_folder_of_its_zone_file_or_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    zones = tmp_path / "etc" / "zones"
    file = zones / name
    file.parent.mkdir(parents=True)
    file.write_text("www A 192.0.2.1\n$INCLUDE ./more\n")
    (file.parent / "more").write_text("x A 192.0.2.1\n")
    (zones / "a.yaml").write_text(f"{SMALL}records_file: {name}\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for place in ("../etc/zones", "../etc/zones/a.yaml", str(zones)):
        assert gtm("check", place).code == 0
    file.write_text("www A x\n")
    assert gtm("check", "../etc/zones").lines[0].startswith(f"../etc/zones/{name.removeprefix('./')}:1:1: ")


def test_a_records_file_below_is_watched_and_kept(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    (watched.folder / "records").mkdir()
    watched.write("www A 192.0.2.1\n", "records/big.zone")
    watched.write(f"{SMALL}records_file: ./records/big.zone\n")

    async def story() -> None:
        async with watched.running():
            assert has(watched, b"\3www")
            watched.write("web A 192.0.2.1\n", "records/big.zone")
            await watched.turns.next(6)
            assert has(watched, b"\3web")
            assert not has(watched, b"\3www")
        await watched.state.finish()

    asyncio.run(story())
    again = Watched(tmp_path)
    (again.folder / "records" / "big.zone").unlink()
    asyncio.run(again.river.load())
    assert has(again, b"\3web"), "as it was kept"


def has(watched: Watched, key: bytes) -> bool:
    return watched.planner.present.catalogue.zones[0].bulk.find(key) is not None
