from ipaddress import ip_address

from dns.name import from_text
from dns.rdatatype import RdataType

from gtm.ids import RegionName
from gtm.zone.model import Endpoint
from gtm.zone.parse import NO_SHARED, parse
from tests.checks.test_model import ZONE
from tests.fakes.vocabulary import FAKE_VOCABULARY

EU = RegionName("eu-west")


def test_an_endpoint_answers_the_type_of_what_it_is() -> None:
    assert Endpoint(EU, ip_address("192.0.2.20")).rtype is RdataType.A
    assert Endpoint(EU, ip_address("2001:db8::20")).rtype is RdataType.AAAA
    assert Endpoint(EU, from_text("lb.example.net.")).rtype is RdataType.CNAME


def test_an_endpoint_is_called_by_its_region_and_address() -> None:
    assert Endpoint(EU, ip_address("192.0.2.20")).id == "eu-west/192.0.2.20"
    assert Endpoint(EU, from_text("lb.example.net.")).id == "eu-west/lb.example.net"


def test_a_service_is_called_by_its_name_in_lower_case() -> None:
    zone = parse(ZONE, "zone.yaml", NO_SHARED, FAKE_VOCABULARY)
    assert [service.id for service in zone.services][:2] == ["api.example.com", "again.example.com"]


def test_an_unwatched_service_has_no_check() -> None:
    service = parse(ZONE, "zone.yaml", NO_SHARED, FAKE_VOCABULARY).services[-1]
    assert service.check_of(service.endpoints[0]) is None
