import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.override.scope import (
    EndpointRef,
    EndpointScope,
    RegionScope,
    ServiceScope,
    ZoneScope,
    covers,
    parse_scope,
    scopes_of,
)
from gtm.ids import EndpointId, RegionName, ServiceId

API, EU = ServiceId("api.gtm.example.com"), RegionName("eu-west")

FORMS = {
    "endpoint api.gtm.example.com eu-west/192.0.2.20": EndpointScope(API, EndpointId("eu-west/192.0.2.20")),
    "endpoint api.gtm.example.com eu-west/2001:db8::20": EndpointScope(API, EndpointId("eu-west/2001:db8::20")),
    "endpoint api.gtm.example.com eu-west/Lb.example.net": EndpointScope(API, EndpointId("eu-west/Lb.example.net")),
    "endpoint api.gtm.example.com eu-west/0/25.2.example": EndpointScope(API, EndpointId("eu-west/0/25.2.example")),
    "region gtm.example.com/eu-west": RegionScope("gtm.example.com", EU),
    "region */eu-west": RegionScope("*", EU),
    "region 0/25.2.0.192.in-addr.arpa/eu-west": RegionScope("0/25.2.0.192.in-addr.arpa", EU),
    "service *.tenant.gtm.example.com": ServiceScope(ServiceId("*.tenant.gtm.example.com")),
    "zone gtm.example.com": ZoneScope("gtm.example.com"),
    "zone .": ZoneScope("."),
}


@pytest.mark.parametrize(("text", "scope"), FORMS.items())
def test_every_scope_has_one_text(text: str, scope: object) -> None:
    assert parse_scope(text) == scope
    assert str(scope) == text


@pytest.mark.parametrize("text", ["service API.gtm.example.com.", "service api.GTM.example.com"])
def test_names_are_read_as_dns_reads_them(text: str) -> None:
    assert parse_scope(text) == ServiceScope(API)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "eu-west",
        "region",
        "region eu-west",
        "region gtm.example.com/eu west",
        "region gtm.example.com/",
        "endpoint api.gtm.example.com",
        "endpoint api.gtm.example.com 192.0.2.20",
        "endpoint api.gtm.example.com eu-west/",
        "service  api",
        "service api ",
        "Service api",
        "pool api",
        "zone gtm.example.com\n",
        "zone gtm.\x00example.com",
        "zone gtm.éxample.com",
        "zone " + "a" * 600,
    ],
)
def test_other_text_is_no_scope(text: str) -> None:
    with pytest.raises(ValueError, match="scope"):
        parse_scope(text)


@given(st.text())
def test_any_text_is_a_scope_or_refused_in_words_fit_to_print(text: str) -> None:
    scope = words = None
    try:
        scope = parse_scope(text)
    except ValueError as error:
        words = str(error)
    assert scope is None or parse_scope(str(scope)) == scope
    assert words is None or words.isprintable()


def test_an_endpoint_is_in_five_scopes_the_most_specific_first() -> None:
    endpoint_ref = EndpointRef("gtm.example.com", API, EU, EndpointId("eu-west/192.0.2.20"))
    assert [str(scope) for scope in scopes_of(endpoint_ref)] == [
        "endpoint api.gtm.example.com eu-west/192.0.2.20",
        "region gtm.example.com/eu-west",
        "region */eu-west",
        "service api.gtm.example.com",
        "zone gtm.example.com",
    ]


endpoint_refs = st.builds(
    lambda service, zone, region, target: EndpointRef(
        zone, service, RegionName(region), EndpointId(f"{region}/{target}")
    ),
    st.sampled_from([API, ServiceId("b.other.example")]),
    st.sampled_from(["gtm.example.com", "other.example"]),
    st.sampled_from(["eu-west", "us-east"]),
    st.sampled_from(["192.0.2.20", "192.0.2.21"]),
)


@given(endpoint_refs, endpoint_refs)
def test_a_scope_covers_the_endpoints_that_are_in_it(endpoint_ref: EndpointRef, other: EndpointRef) -> None:
    for scope in scopes_of(other):
        assert covers(scope, endpoint_ref) is (scope in scopes_of(endpoint_ref))
