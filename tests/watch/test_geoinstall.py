import re
from pathlib import Path

import pytest

from gtm.errors import DatabaseInvalid
from gtm.watch.geoinstall import KNOWN_ANSWERS, KnownAnswer, attribution, install, verify
from gtm.watch.geoload import Source
from tests.fakes.geodamage import DAMAGED
from tests.fakes.geodata import Record, asn, city, write_database

REGIONS = Path(__file__).parents[2] / "geodata/regions.mmdb"


def right(*, wrong: int = 0, missing: int = 0, networks: int = 0) -> dict[str, Record]:
    """Returns records that give the known answers, but for some, and so many networks besides."""
    answers = {f"{address}/{128 if ':' in address else 32}": city(country) for address, country in KNOWN_ANSWERS}
    records = dict(list(answers.items())[missing:])
    for key in list(records)[:wrong]:
        records[key] = city("AQ")
    return records | {f"198.{18 + index // 256}.{index % 256}.0/24": city("IE") for index in range(0, 2 * networks, 2)}


def flat(records: dict[str, Record]) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for key, record in records.items():
        country = record["country"]
        assert isinstance(country, dict)
        found[key] = {"country_code": country["iso_code"], "city": "Somewhere"}
    return found


def test_a_database_with_the_known_answers_is_good(tmp_path: Path) -> None:
    verification = verify(write_database(tmp_path / "a.mmdb", right()))
    assert verification.type == "Test-City"
    assert verification.locates
    assert verification.right_answers == len(KNOWN_ANSWERS) == verification.networks
    assert verification.answers[0] == KnownAnswer("8.8.8.8", "US", "US")


@pytest.mark.parametrize("type_", ["Test-Country", "GeoIP2-City", "country ipvAll", "city ipv4"])
def test_every_type_that_tells_countries_is_asked(type_: str, tmp_path: Path) -> None:
    verification = verify(write_database(tmp_path / "a.mmdb", right(), type_=type_))
    assert verification.right_answers == len(KNOWN_ANSWERS)


def test_a_flat_database_is_asked_too(tmp_path: Path) -> None:
    assert verify(write_database(tmp_path / "a.mmdb", flat(right()), type_="city ipvAll")).right_answers == 14
    with pytest.raises(DatabaseInvalid, match="10 of 10 known answers are wrong"):
        verify(write_database(tmp_path / "b.mmdb", flat({"192.0.2.0/24": city("IE")}), type_="city ipv6"))


def test_a_few_wrong_answers_are_accepted(tmp_path: Path) -> None:
    verification = verify(write_database(tmp_path / "a.mmdb", right(wrong=1, missing=1)))
    assert verification.right_answers == 12


def test_more_wrong_answers_are_not(tmp_path: Path) -> None:
    path = write_database(tmp_path / "a.mmdb", right(wrong=2, missing=1))
    with pytest.raises(DatabaseInvalid) as caught:
        verify(path)
    assert str(caught.value) == (
        f"{path}: 3 of 14 known answers are wrong: "
        "8.8.8.8 is nowhere, not US, 24.48.0.1 is AQ, not CA, 81.2.69.160 is AQ, not GB"
    )


@pytest.mark.parametrize("ip_version", [4, 6])
def test_an_ipv4_database_is_not_asked_for_ipv6_addresses(tmp_path: Path, ip_version: int) -> None:
    records = {key: record for key, record in right().items() if ":" not in key}
    verification = verify(write_database(tmp_path / "a.mmdb", records, ip_version=ip_version))
    assert verification.right_answers == len(verification.answers) == 10


@pytest.mark.parametrize("type_", ["country ipv6", "GeoLite2-Country"])
def test_an_ipv6_database_is_not_asked_for_ipv4_addresses(tmp_path: Path, type_: str) -> None:
    records = {key: record for key, record in right().items() if ":" in key}
    source = write_database(tmp_path / "a.mmdb", records, type_=type_)
    verification = verify(source)
    assert verification.families == {"IPv6"}
    assert verification.right_answers == len(verification.answers) == 4
    target = tmp_path / "geo/b.mmdb"
    assert install(source, target, replaced=target, force=False) == verification
    with pytest.raises(DatabaseInvalid, match="1 of 4 known answers are wrong: 2001:12ff::10 is nowhere, not BR"):
        verify(write_database(tmp_path / "c.mmdb", dict(list(records.items())[1:]), type_=type_))


@pytest.mark.parametrize(("has", "lost"), [(":", "IPv4"), (".", "IPv6")])
def test_a_database_without_one_of_the_families_of_the_other_needs_force(tmp_path: Path, has: str, lost: str) -> None:
    target = write_database(tmp_path / "city.mmdb", right())
    records = {key: record for key, record in right().items() if has in key}
    more = {f"2001:db8:{number:x}::/48": city("IE", name="x" * 4_000) for number in range(20) if has == ":"}
    more |= {f"198.18.{number}.0/24": city("IE", name="x" * 4_000) for number in range(0, 40, 2) if has == "."}
    source = write_database(tmp_path / "new.mmdb", records | more)
    with pytest.raises(DatabaseInvalid, match=f"it has no {lost} addresses, and {target} has them; .* use --force"):
        install(source, target, replaced=target, force=False)
    install(source, target, replaced=target, force=True)


def test_an_asn_database_is_not_asked_for_countries(tmp_path: Path) -> None:
    verification = verify(write_database(tmp_path / "a.mmdb", {"192.0.2.0/24": asn(64500)}, type_="GeoLite2-ASN"))
    assert not verification.locates
    assert verification.answers == ()


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_database_is_invalid(damage: str, tmp_path: Path) -> None:
    content, problem = DAMAGED[damage]
    (tmp_path / "a.mmdb").write_bytes(content)
    # what is damaged and loads all the same, knows none of the known answers
    with pytest.raises(DatabaseInvalid, match=f"^{tmp_path}/a.mmdb: {re.escape(problem)}"):
        verify(tmp_path / "a.mmdb")


def test_a_missing_file_is_invalid(tmp_path: Path) -> None:
    with pytest.raises(DatabaseInvalid, match="No such file"):
        verify(tmp_path / "none.mmdb")


@pytest.mark.slow
def test_the_default_database_is_good() -> None:
    verification = verify(REGIONS)
    assert verification.right_answers == len(KNOWN_ANSWERS)
    assert verification.networks > 2_000_000


def test_a_good_database_is_installed_where_none_was(tmp_path: Path) -> None:
    source, target = write_database(tmp_path / "new.mmdb", right()), tmp_path / "etc/geo/city.mmdb"
    assert install(source, target, replaced=target, force=False) == verify(source)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_mode & 0o777 == 0o644
    assert list(target.parent.iterdir()) == [target]


def test_an_installed_database_replaces_and_who_has_the_old_one_open_keeps_it(tmp_path: Path) -> None:
    target = write_database(tmp_path / "city.mmdb", right())
    target.chmod(0o640)
    old = target.read_bytes()
    with target.open("rb") as opened:
        install(write_database(tmp_path / "new.mmdb", right(networks=3)), target, replaced=target, force=False)
        assert opened.read() == old
    assert target.read_bytes() == (tmp_path / "new.mmdb").read_bytes()
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("force", [False, True])
def test_a_bad_database_is_never_installed(tmp_path: Path, *, force: bool) -> None:
    target = write_database(tmp_path / "city.mmdb", right())
    before = target.read_bytes()
    with pytest.raises(DatabaseInvalid):
        install(
            write_database(tmp_path / "new.mmdb", {"192.0.2.0/24": city("IE")}), target, replaced=target, force=force
        )
    assert target.read_bytes() == before


def test_a_much_smaller_database_needs_force(tmp_path: Path) -> None:
    target = write_database(tmp_path / "city.mmdb", right(networks=200))
    source = write_database(tmp_path / "new.mmdb", right(networks=20))
    before = target.read_bytes()
    with pytest.raises(DatabaseInvalid) as caught:
        install(source, target, replaced=target, force=False)
    assert str(caught.value) == (
        f"{source}: it has {source.stat().st_size:,} bytes, and {target} has {len(before):,}; "
        "to install it all the same, use --force"
    )
    assert target.read_bytes() == before
    install(source, target, replaced=target, force=True)
    assert target.read_bytes() == source.read_bytes()


def test_fewer_networks_in_as_many_bytes_need_force(tmp_path: Path) -> None:
    target = write_database(tmp_path / "city.mmdb", right(networks=100))
    padding = {"203.0.113.0/24": city("IE", name="x" * 2_000)}
    source = write_database(tmp_path / "new.mmdb", right(networks=20) | padding)
    with pytest.raises(DatabaseInvalid, match=f"it has 35 networks, and {target} has 114; .* use --force"):
        install(source, target, replaced=target, force=False)


def test_a_database_without_countries_for_one_with_them_needs_force(tmp_path: Path) -> None:
    target = write_database(tmp_path / "city.mmdb", right())
    networks: dict[str, Record] = {key: asn(index, "x" * 60) for index, key in enumerate(right(networks=3), 64500)}
    source = write_database(tmp_path / "new.mmdb", networks, type_="Test-ASN")
    with pytest.raises(DatabaseInvalid, match=f"it has no countries, and {target} has them; .* use --force"):
        install(source, target, replaced=target, force=False)


def test_a_corrupt_database_is_replaced_by_any_good_one(tmp_path: Path) -> None:
    target = tmp_path / "city.mmdb"
    target.write_bytes(b"x" * 1_000_000)
    install(write_database(tmp_path / "new.mmdb", right()), target, replaced=target, force=False)
    assert verify(target).locates


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    source, target = write_database(tmp_path / "new.mmdb", right()), tmp_path / "file/city.mmdb"
    with pytest.raises(DatabaseInvalid, match="cannot be written"):
        install(source, target, replaced=target, force=False)


def test_attribution_names_who_made_the_databases_once() -> None:
    texts = attribution([source("DBIP-City-Lite"), source("DBIP-ASN-Lite"), source("GeoLite2-ASN"), CUSTOM])
    assert [text[:40] for text in texts] == [
        "IP Geolocation by DB-IP (https://db-ip.c",
        "This product includes GeoLite data creat",
    ]
    assert '<a href="https://db-ip.com">IP Geolocation by DB-IP</a>' in texts[0]
    assert attribution([CUSTOM]) == ()


@pytest.mark.parametrize("type_", ["country ipv4", "country ipv6", "country ipvAll", "city ipv4", "asn ipvAll", "mine"])
def test_a_type_that_anybody_writes_is_credited_to_nobody(type_: str) -> None:
    words = f'a.mmdb: nothing in this database of type "{type_}" says who made it; '
    assert attribution([source(type_)]) == (words + "say what the licence under which you have it asks for",)


@pytest.mark.parametrize(
    ("description", "maker"),
    [("IP to Country Lite by DB-IP.com", "DB-IP"), ("GeoLite2 Country", "GeoLite"), ("of MaxMind", "GeoIP")],
)
def test_a_description_tells_the_maker_where_the_type_does_not(description: str, maker: str) -> None:
    (text,) = attribution([source("country ipvAll", description)])
    assert f"{maker} data" in text or f"by {maker} (" in text


CUSTOM = Source(Path("networks.yaml"), "custom networks", None, 1, 1)


def source(type_: str, description: str = "") -> Source:
    return Source(Path("a.mmdb"), type_, 1_780_000_000, 1, 1, description=description)
