from gtm.geo.codes import CONTINENT_OF, NOTHING, OTHER_CODES, Meaning, continent_of, meaning
from gtm.geo.countries import CONTINENTS, COUNTRIES


def test_a_country_means_itself_on_its_continent() -> None:
    assert all(meaning(code) == Meaning(code, country.continent) for code, country in COUNTRIES.items())


def test_no_other_code_is_a_country_and_each_leads_to_one_or_to_a_continent() -> None:
    assert not {*OTHER_CODES, *CONTINENT_OF} & {*COUNTRIES}
    assert {*OTHER_CODES.values()} <= {*COUNTRIES}
    assert {*CONTINENT_OF.values()} <= CONTINENTS
    assert not {*OTHER_CODES} & {*CONTINENT_OF}


def test_a_code_of_nothing_means_nothing() -> None:
    assert {meaning(code) for code in ("", "ZZ", "XX", "-", "A1", "QQ", "GBR", "gb")} == {NOTHING}


def test_the_netherlands_antilles_are_not_antarctica() -> None:
    assert meaning("AN") == Meaning("", "NA")
    assert continent_of("AN") == "AN"
    assert continent_of("ZZ") == ""
