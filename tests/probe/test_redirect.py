"""Where a redirect leads, whatever an endpoint names; test_http_redirects.py has how checks follow it."""

import ssl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from gtm.probe.redirect import onward

PAGE = URL("https://api.example.com/a/b?c", encoded=True)
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

parts = st.sampled_from(
    (
        *("https:", "http:", "//", "/", "..", "?", "#", "[", "]", ":", "::1", "@", "%", "%41", "\\", ".", "-", "_"),
        *("xn--", "xn--a", "a", "a" * 64, "192.0.2.1", "api.example.com", ":443", ":80", ":99999"),
        *(" ", "\t", "ü", "\udcff", "\u3002", "\u2100"),
    )
)


some = st.lists(parts, max_size=8).map("".join)


@pytest.mark.slow
@example("https://./", 302)
@example("//.example.com/", 307)
@given(some | some.map("//{}/".format) | st.text(max_size=40), st.sampled_from([200, 301, 302, 303, 307, 308]))
def test_whatever_a_redirect_names_is_a_request_to_one_host_or_nothing(location: str, status: int) -> None:
    target = onward(status, CIMultiDictProxy(CIMultiDict({"Location": location})), page=PAGE, port=443)
    if target is None:
        return
    assert status != 200
    assert (target.scheme, target.port) == ("https", 443)
    asked = f"{target.raw_path_qs} {target.host_port_subcomponent}"
    assert asked.isascii()
    assert asked.isprintable()
    assert target.raw_path_qs.startswith("/")
    assert " " not in target.raw_path_qs
    name = (target.raw_host or "").rstrip(".")
    assert name, "TLS would verify no name"
    CONTEXT.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=name)
